"""Signals for the host project, sent after commit; nothing in this package listens to them.

Each carries `meeting`; the two attendee signals also carry `attendee`. The sender is the model class.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.dispatch import Signal

if TYPE_CHECKING:
    from meetings.models import Attendee, Meeting

meeting_created = Signal()
meeting_changed = Signal()
meeting_started = Signal()
meeting_ended = Signal()
attendee_joined = Signal()
attendee_left = Signal()


def send_on_commit(signal: Signal, *, meeting: Meeting, attendee: Attendee | None = None) -> None:
    """Send a signal once the current transaction is stored; a listener's error is logged, not raised."""
    arguments: dict[str, Any] = {"sender": type(meeting), "meeting": meeting}
    if attendee is not None:
        arguments |= {"sender": type(attendee), "attendee": attendee}
    transaction.on_commit(lambda: signal.send_robust(**arguments), robust=True)
