"""When a recording runs: by itself, paused, resumed, ended; and what a lost task or a killed process leaves."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from archives import automatic, overdue, services
from archives.facts import ArchiveFacts
from archives.models import Archive
from archives.providers.base import ArchiveSpec
from archives.providers.webrtc import WebRTCArchives
from archives.syncing import Synced, sync
from meetings import extensions
from meetings import services as meeting_services
from meetings.exceptions import Conflict, Refused
from meetings.facts import LOST_REASON
from meetings.models import Connection, Meeting
from meetings.providers.types import RoomRef
from meetings.sweeping import sweep
from tests.callers import ApiClient
from tests.conftest import NewMeeting
from tests.recording.people import Person, join

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def recorded(new_meeting: NewMeeting) -> Meeting:
    """A meeting that records by itself."""
    return new_meeting(enable_archiving=True)


def the_archive(meeting: Meeting) -> Archive:
    found: Archive = Archive.objects.get(meeting=meeting)
    return found


def states(meeting: Meeting) -> list[str]:
    return list(Archive.objects.filter(meeting=meeting).order_by("id").values_list("status", flat=True))


def nobody_came_back(meeting: Meeting) -> None:
    """Let a minute pass in which nobody joins, and the task run that was put on order for it."""
    Archive.objects.filter(meeting=meeting).update(ends_at=timezone.now() - timedelta(milliseconds=1))
    for pk in Archive.objects.filter(meeting=meeting).values_list("pk", flat=True):
        automatic.end_recording(pk)


def test_it_begins_with_the_first_join_and_not_before(recorded: Meeting) -> None:
    assert states(recorded) == []
    join(recorded, "Ann")
    archive = the_archive(recorded)
    assert (archive.status, archive.is_ours, archive.created_by, archive.layout) == (
        "started",
        True,
        "system",
        "bestFit",
    )
    join(recorded, "Ben")
    assert states(recorded) == ["started"]


def test_it_pauses_while_nobody_is_there_and_goes_on(recorded: Meeting) -> None:
    ann = join(recorded, "Ann")
    ann.leave()
    archive = the_archive(recorded)
    assert archive.status == "paused"
    ((since, until),) = archive.spans
    assert until is not None
    assert since <= until
    join(recorded, "Ben")
    archive.refresh_from_db()
    assert archive.status == "started"
    assert [span[1] is None for span in archive.spans] == [False, True]
    assert archive.ends_at is not None
    assert archive.ends_at - archive.created_on == timedelta(minutes=240)


def test_who_was_counted_out_and_is_back_at_once_is_not_cut(recorded: Meeting) -> None:
    """A server was away for a while; pages went on recording."""
    ann = join(recorded, "Ann")
    ann.leave(reason=LOST_REASON)
    assert the_archive(recorded).status == "paused"
    join(recorded, "Ann")
    archive = the_archive(recorded)
    assert (archive.status, len(archive.spans), archive.spans[0][1]) == ("started", 1, None)


def test_who_was_counted_out_and_stays_away_is_cut(recorded: Meeting) -> None:
    join(recorded, "Ann").leave(reason=LOST_REASON)
    archive = the_archive(recorded)
    since, until = archive.spans[0]
    Archive.objects.update(spans=[[since - 60_000, until - 31_000]])
    join(recorded, "Ann")
    assert [span[1] is None for span in the_archive(recorded).spans] == [False, True]


def test_it_ends_a_minute_after_the_last_one_left_and_begins_anew(recorded: Meeting) -> None:
    ann = join(recorded, "Ann")
    ann.leave()
    archive = the_archive(recorded)
    assert archive.ends_at is not None
    assert timedelta(seconds=55) < archive.ends_at - timezone.now() <= timedelta(seconds=60)
    assert not automatic.end_recording(archive.pk)  # too early
    assert DBTaskResult.objects.filter(
        task_path="archives.tasks.end_recording", run_after__gte=archive.ends_at - timedelta(seconds=1)
    ).exists()
    nobody_came_back(recorded)
    after = the_archive(recorded)
    assert (after.status, after.ended_by, after.ends_at) == ("stopped", "empty", None)
    assert after.compose_due_at is not None
    join(recorded, "Ben")
    assert states(recorded) == ["stopped", "started"]


def test_a_reload_is_no_pause(recorded: Meeting) -> None:
    ann = join(recorded, "Ann")
    join(recorded, "Ann")
    ann.leave()
    assert len(the_archive(recorded).spans) == 1


def test_who_stops_it_has_the_last_word(recorded: Meeting, owner: ApiClient) -> None:
    ann = join(recorded, "Ann")
    archive = the_archive(recorded)
    assert owner.post(f"/archives/{archive.archive_id}/stop").status_code == 200
    join(recorded, "Ben")
    ann.leave()
    join(recorded, "Cid")
    assert states(recorded) == ["stopped"]


def test_a_recording_by_request_does_not_begin_again_by_itself(meeting: Meeting, ann: Person) -> None:
    services.start_archive(meeting, ArchiveSpec(), actor="owner")
    ann.leave()
    nobody_came_back(meeting)
    join(meeting, "Ben")
    assert states(meeting) == ["stopped"]


def test_one_at_a_time(meeting: Meeting, ann: Person, archive: Archive) -> None:
    with pytest.raises(Conflict, match="recorded already"):
        services.start_archive(meeting, ArchiveSpec(), actor="owner")
    services.stop_archive(archive)
    archive.refresh_from_db()
    with pytest.raises(Conflict):
        services.stop_archive(archive)
    services.start_archive(meeting, ArchiveSpec(), actor="owner")
    assert states(meeting) == ["stopped", "started"]


def test_an_encrypted_meeting_is_never_recorded(new_meeting: NewMeeting) -> None:
    meeting = new_meeting(end_to_end_encryption=True)
    join(meeting, "Ann")
    with pytest.raises(Refused, match="End to end Encryption"):
        services.start_archive(meeting, ArchiveSpec(), actor="owner")
    Meeting.objects.filter(pk=meeting.pk).update(is_archived=True)  # however that came to be
    join(Meeting.objects.get(pk=meeting.pk), "Ben")
    assert states(meeting) == []


def test_it_ends_with_its_meeting(meeting: Meeting, archive: Archive) -> None:
    meeting_services.end_meeting(meeting, actor="owner")
    archive.refresh_from_db()
    assert (archive.status, archive.ended_by) == ("stopped", "meeting")
    assert all(span[1] is not None for span in archive.spans)
    assert extensions.recording_notice(meeting) is None


def test_it_ends_at_its_limit(meeting: Meeting, archive: Archive, settings: Any) -> None:
    assert archive.ends_at == archive.created_on + timedelta(minutes=240)
    settings.VIDEOCONF = settings.VIDEOCONF | {"RECORDING_MAX_MINUTES": 1}
    earlier = timezone.now() - timedelta(minutes=1)
    Archive.objects.update(created_on=earlier, ends_at=timezone.now())
    assert automatic.end_recording(archive.pk)
    archive.refresh_from_db()
    assert (archive.status, archive.ended_by) == ("stopped", "limit")


def test_it_goes_on_by_itself_after_its_limit_where_the_meeting_records_by_itself(recorded: Meeting) -> None:
    join(recorded, "Ann")
    Archive.objects.update(created_on=timezone.now() - timedelta(minutes=241), ends_at=timezone.now())
    automatic.end_recording(the_archive(recorded).pk)
    join(recorded, "Ben")
    assert states(recorded) == ["stopped", "started"]


def test_the_sweep_ends_what_a_lost_task_would_have_ended(recorded: Meeting) -> None:
    join(recorded, "Ann").leave()
    Archive.objects.update(ends_at=timezone.now() - timedelta(seconds=1))
    DBTaskResult.objects.all().delete()
    sweep()
    assert states(recorded) == ["stopped"]


def test_one_recording_that_can_t_be_ended_does_not_stop_the_sweep(
    new_meeting: NewMeeting,
) -> None:
    meetings = [new_meeting(enable_archiving=True) for _ in range(2)]
    for meeting in meetings:
        join(meeting, "Ann").leave()
    Archive.objects.update(ends_at=timezone.now() - timedelta(seconds=1))
    bad = the_archive(meetings[0])
    Archive.objects.filter(pk=bad.pk).update(ends_at=bad.ends_at and bad.ends_at - timedelta(seconds=1), spans=[[1]])
    over = new_meeting()
    Meeting.objects.filter(pk=over.pk).update(closes_at=timezone.now() - timedelta(seconds=1))
    assert sweep().closed == 1
    assert [states(meeting) for meeting in meetings] == [["paused"], ["stopped"]]


def test_an_extension_whose_sweep_fails_does_not_stop_the_others() -> None:
    swept = []

    class Broken(extensions.MeetingExtension):
        def sweep(self, now: datetime) -> None:
            raise RuntimeError("broken")

    class Whole(extensions.MeetingExtension):
        def sweep(self, now: datetime) -> None:
            swept.append(now)

    before = extensions.registered()
    try:
        for extension in (Broken(), Whole()):
            extensions.register(extension)
        sweep()
    finally:
        extensions._extensions[:] = before
    assert len(swept) == 1


def test_who_leaves_while_it_begins_pauses_it(meeting: Meeting, ann: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    """She was there when it was asked for, and not any more when it began."""
    start = WebRTCArchives.start

    def start_late(self: WebRTCArchives, room: RoomRef, spec: ArchiveSpec) -> ArchiveFacts:
        ann.leave()
        return start(self, room, spec)

    monkeypatch.setattr(WebRTCArchives, "start", start_late)
    services.start_archive(meeting, ArchiveSpec(), actor="owner")
    assert states(meeting) == ["paused"]


def test_the_sweep_follows_presence_where_a_hook_was_lost(meeting: Meeting, ann: Person, archive: Archive) -> None:
    Connection.objects.update(left_at=timezone.now())
    sweep()
    assert states(meeting) == ["paused"]
    Connection.objects.update(left_at=None)
    sweep()
    assert states(meeting) == ["started"]


def test_who_has_just_come_back_keeps_it_running(meeting: Meeting, ann: Person, archive: Archive) -> None:
    ann.leave()
    Archive.objects.update(ends_at=timezone.now() - timedelta(seconds=1))
    Connection.objects.update(left_at=None)  # her join is stored, and not yet followed
    assert not automatic.end_recording(archive.pk)
    assert states(meeting) == ["started"]


def test_after_its_limit_the_next_begins_at_once_where_somebody_is_there(recorded: Meeting) -> None:
    join(recorded, "Ann")
    Archive.objects.update(created_on=timezone.now() - timedelta(minutes=241), ends_at=timezone.now())
    assert automatic.end_recording(the_archive(recorded).pk)
    assert states(recorded) == ["stopped", "started"]


def test_the_sweep_puts_lost_work_on_order_again_once(archive: Archive) -> None:
    services.stop_archive(archive)
    DBTaskResult.objects.all().delete()
    overdue.sweep()
    assert not DBTaskResult.objects.exists()  # its worker may be a little late
    Archive.objects.update(compose_due_at=timezone.now() - timedelta(minutes=1))
    for _ in range(3):
        overdue.sweep()
    assert DBTaskResult.objects.filter(task_path="archives.tasks.compose").count() == 1


def test_the_sweep_leaves_what_somebody_is_at(archive: Archive) -> None:
    later = timezone.now() + timedelta(seconds=20)
    Archive.objects.update(
        compose_due_at=timezone.now() - timedelta(minutes=1), compose_lease_until=later, compose_claim="x"
    )
    DBTaskResult.objects.all().delete()
    overdue.sweep()
    assert not DBTaskResult.objects.exists()


def test_the_sweep_forgets_a_start_whose_process_was_killed(meeting: Meeting, ann: Person) -> None:
    row = {"meeting": meeting, "provider": "webrtc", "status": "starting", "is_ours": True}
    Archive.objects.create(**row)
    overdue.sweep()
    assert states(meeting) == ["starting"]  # it may be just now
    Archive.objects.update(created_on=timezone.now() - timedelta(minutes=3))
    overdue.sweep()
    services.start_archive(meeting, ArchiveSpec(), actor="owner")
    assert states(meeting) == ["started"]


def test_people_whose_process_was_killed_do_not_keep_it_running(recorded: Meeting) -> None:
    ann = join(recorded, "Ann")
    ann.connection.__class__.objects.update(last_seen_at=timezone.now() - timedelta(minutes=1))
    sweep()
    assert states(recorded) == ["paused"]


def test_no_callback_changes_a_recording_of_our_own(meeting: Meeting, archive: Archive, settings: Any) -> None:
    settings.VIDEOCONF = settings.VIDEOCONF | {"ALLOW_UNSIGNED_WEBHOOKS": True}
    said = {
        "event": "archive",
        "id": archive.archive_id,
        "status": "available",
        "sessionId": meeting.session_id,
        "url": "https://elsewhere.example/film.mp4",
    }
    assert ApiClient().post("/webhooks/webrtc", said).status_code == 200
    assert states(meeting) == ["started"]


def test_syncing_leaves_recordings_of_our_own_alone_and_ends_those_of_ended_meetings(
    meeting: Meeting, archive: Archive
) -> None:
    before = Archive.objects.get()
    assert sync() == Synced()
    assert Archive.objects.get().modified_on == before.modified_on
    Meeting.objects.filter(pk=meeting.pk).update(end_time=timezone.now())
    assert sync().stopped == 1
    assert states(meeting) == ["stopped"]
