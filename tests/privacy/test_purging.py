"""Old meetings go as a whole; what is young, held or not finished stays as it is."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management.base import CommandError
from django.utils import timezone

from archives.models import Archive
from archives.providers.base import ArchiveSpec
from archives.services import start_archive
from meetings import services
from meetings.exceptions import Conflict
from meetings.models import Meeting, WebhookDelivery
from meetings.privacy import purging
from meetings.privacy.purging import BATCH, Purged
from tests.conftest import NewMeeting
from tests.factories import MeetingFactory, WebhookDeliveryFactory
from tests.privacy.conftest import NAME, Log
from tests.privacy.dump import call, rows_with, tables
from tests.recording.people import join

pytestmark = pytest.mark.django_db(transaction=True)
LONG_AGO = timedelta(days=400)


def aged(meeting: Meeting, by: timedelta = LONG_AGO) -> Meeting:
    """Have a meeting be over since long."""
    then = timezone.now() - by
    Meeting.objects.filter(pk=meeting.pk).update(created_on=then, start_time=then, end_time=then)
    meeting.refresh_from_db()
    return meeting


def purge(*arguments: str) -> str:
    return call("purge_meetings", "--older-than", "365", *arguments)


def test_an_old_meeting_goes_with_everything(
    meeting: Meeting, recording: Archive, new_meeting: NewMeeting, media_root: Path, log: Log
) -> None:
    young = new_meeting(title="Young")
    aged(meeting)
    assert "recordings 1, meetings 1, attendees 2, connections 2" in purge("--dry-run")
    assert Meeting.objects.count() == 2
    assert "recordings 1, meetings 1, attendees 2, connections 2" in purge()
    assert rows_with(meeting.meeting_link, meeting.session_id, recording.archive_id, NAME) == []
    assert list(Meeting.objects.all()) == [young]
    assert [path for path in media_root.rglob("*") if path.is_file()] == []
    after = tables()
    assert purge() == "removed: nothing; on legal hold: 0\n"
    assert tables() == after


def test_what_is_not_old_stays(new_meeting: NewMeeting) -> None:
    soon = timezone.now() + timedelta(days=30)
    kept = [new_meeting(), new_meeting(is_scheduled=True, schedule_time=soon), new_meeting(), new_meeting()]
    then = timezone.now() - LONG_AGO
    Meeting.objects.filter(pk__in=[kept[1].pk, kept[2].pk]).update(created_on=then)
    join(kept[2], "Ben")  # who is still there
    aged(kept[3], timedelta(days=364))
    never = new_meeting()
    Meeting.objects.filter(pk=never.pk).update(created_on=then)
    assert "meetings 1" in purge()
    assert set(Meeting.objects.all()) == set(kept)


def test_a_room_that_is_used_stays_however_old_it_is(new_meeting: NewMeeting) -> None:
    room = new_meeting()
    then = timezone.now() - LONG_AGO
    Meeting.objects.filter(pk=room.pk).update(created_on=then, start_time=then)
    join(room, "Ben").leave()
    assert purge() == "removed: nothing; on legal hold: 0\n"
    assert Meeting.objects.get() == room


def test_what_changes_meanwhile_counts(meeting: Meeting) -> None:
    stale = aged(meeting)
    services.hold_meeting(meeting, is_held=True, actor="staff")
    stale.legal_hold = False  # as it was read before
    done = Purged()
    purging._purge_meeting(stale, timezone.now(), done, is_dry=False)
    assert done.left == [(meeting.meeting_link, "It was put on legal hold meanwhile.")]
    meeting.refresh_from_db()
    assert not meeting.deleted
    services.hold_meeting(meeting, is_held=False, actor="staff")
    Meeting.objects.update(deleted=True, deleted_by="purge_meetings")
    with pytest.raises(Conflict, match="being purged"):
        services.hold_meeting(meeting, is_held=True, actor="staff")


def test_deliveries_of_no_meeting_go_with_age(db: None) -> None:
    old = timezone.now() - LONG_AGO
    for verdict in ("unmatched", "rejected"):
        WebhookDeliveryFactory.create(verdict=verdict, received_at=old)
        WebhookDeliveryFactory.create(verdict=verdict)
    assert "deliveries of no meeting 2" in purge("--dry-run")
    assert "deliveries of no meeting 2" in purge()
    assert WebhookDelivery.objects.count() == 2


def test_a_legal_hold_keeps_a_meeting_until_it_is_lifted(meeting: Meeting, recording: Archive) -> None:
    services.hold_meeting(aged(meeting), is_held=True, actor="staff")
    before = tables()
    assert purge() == "removed: nothing; on legal hold: 1\n"
    assert tables() == before
    services.hold_meeting(meeting, is_held=False, actor="staff")
    assert "meetings 1" in purge()


def test_a_recording_that_runs_keeps_its_meeting(meeting: Meeting) -> None:
    join(meeting, "Ben").leave()
    ben = join(meeting, "Ben")
    start_archive(meeting, ArchiveSpec(), actor="owner")
    ben.leave()
    aged(meeting)
    with pytest.raises(CommandError, match="1 meetings were left alone"):
        purge()
    assert Meeting.objects.get() == meeting


def test_a_recording_that_can_not_be_removed_now_keeps_its_meeting(
    meeting: Meeting, recording: Archive, media_root: Path
) -> None:
    aged(meeting)
    folder = (media_root / recording.storage_key).parent
    moved = folder.with_name("elsewhere")
    folder.rename(moved)
    folder.write_text("in the way")
    with pytest.raises(CommandError, match="1 meetings were left alone"):
        purge()
    folder.unlink()
    moved.rename(folder)
    Archive.objects.update(removal_due_at=timezone.now())
    assert "meetings 1" in purge()
    assert [path for path in media_root.rglob("*") if path.is_file()] == []


def test_many_of_one_moment_go_alive_and_deleted(db: None) -> None:
    then = timezone.now() - LONG_AGO
    made = MeetingFactory.build_batch(2 * BATCH + 1, created_on=then, end_time=then)
    made += MeetingFactory.build_batch(BATCH + 1, created_on=then, end_time=then, deleted=True)
    Meeting.objects.bulk_create(made)
    assert f"meetings {3 * BATCH + 2}," in purge().replace(";", ",")
    assert not Meeting.objects.exists()


def test_only_of_one_tenant(new_meeting: NewMeeting) -> None:
    for tenant in ("a", "b"):
        aged(new_meeting(tenant=tenant))
    purge("--tenant", "a")
    assert Meeting.objects.get().tenant == "b"


@pytest.mark.parametrize("days", ["0", "-1", "99999999"])
def test_days_must_make_sense(db: None, days: str) -> None:
    with pytest.raises(CommandError, match="from 1 to"):
        call("purge_meetings", f"--older-than={days}")
