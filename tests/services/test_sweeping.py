"""What is overdue is done even if the process that set out to do it was killed."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from meetings import services
from meetings.models import Connection, IdempotencyKey, Meeting
from meetings.providers.memory import MemoryProvider
from meetings.sweeping import Swept, sweep
from tests.conftest import NewMeeting

pytestmark = pytest.mark.django_db
NOTHING = Swept(closed=0, disconnected=0, lost=0, forgotten=0)


def test_sweep_closes_a_meeting_whose_task_was_lost(new_meeting: NewMeeting) -> None:
    meeting = new_meeting(duration=30)
    services.issue_token(meeting, now=timezone.now() - timedelta(minutes=31))
    assert sweep() == Swept(closed=1, disconnected=0, lost=0, forgotten=0)
    meeting.refresh_from_db()
    assert meeting.end_time is not None
    assert sweep() == NOTHING


def test_sweep_repeats_a_disconnect_whose_task_was_lost(new_meeting: NewMeeting, memory: MemoryProvider) -> None:
    meeting = new_meeting(provider="memory")
    ago = timezone.now() - timedelta(hours=1)
    Meeting.objects.filter(pk=meeting.pk).update(end_time=ago, disconnect_due_at=ago)
    assert sweep().disconnected == 1
    assert [room.session_id for room, _ in memory.closed] == [meeting.session_id]
    assert sweep() == NOTHING


def test_sweep_counts_out_who_went_silent(meeting: Meeting) -> None:
    ago = timezone.now() - timedelta(minutes=1)
    silent = Connection.objects.create(meeting=meeting, connection_id="c1", joined_at=ago, last_seen_at=ago)
    assert sweep().lost == 1
    silent.refresh_from_db()
    assert (silent.left_at, silent.reason) == (ago, "networkDisconnected")


def test_sweep_forgets_old_idempotency_keys_only(db: None) -> None:
    now = timezone.now()
    for key, hours in (("old", -1), ("new", 1)):
        IdempotencyKey.objects.create(caller="c", key=key, body_hash="h", expires_on=now + timedelta(hours=hours))
    assert sweep().forgotten == 1
    assert list(IdempotencyKey.objects.values_list("key", flat=True)) == ["new"]


def test_command_says_what_it_did(new_meeting: NewMeeting) -> None:
    services.issue_token(new_meeting(duration=1), now=timezone.now() - timedelta(minutes=2))
    said = StringIO()
    call_command("sweep_meetings", stdout=said)
    assert said.getvalue() == "closed 1, disconnected 0, lost 0, forgotten 0\n"


def test_command_refuses_a_pause_of_nothing(db: None) -> None:
    with pytest.raises(CommandError, match="at least 1 second"):
        call_command("sweep_meetings", every=0)
