"""Archive callbacks of a provider, applied inside the transaction of their delivery."""

from __future__ import annotations

from archives import facts, states
from archives.models import Archive
from meetings.models import Meeting
from meetings.providers.types import ProviderEvent


def apply(meeting: Meeting, event: ProviderEvent) -> Archive | None:
    """Bring the row of a callback's archive up to date; safe to repeat. `None` if it tells no state of an archive."""
    said = facts.of_payload(event.payload)
    return None if said is None else states.merge(meeting, said)
