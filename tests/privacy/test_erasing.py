"""After somebody is erased nothing says who she was; how many were there, and when, is as before."""

from __future__ import annotations

import logging
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management.base import CommandError
from django.utils import timezone

from archives.models import Archive, RecordingNotice, Track
from archives.providers.base import ArchiveSpec
from archives.services import restore_archive, start_archive
from meetings import extensions, intake, services
from meetings.exceptions import Conflict
from meetings.extensions import MeetingExtension
from meetings.models import AttendanceFact, Attendee, Connection, Meeting, WebhookDelivery
from meetings.redaction import GONE, Redaction
from tests.callers import ApiClient
from tests.conftest import NewMeeting
from tests.media.making import Take, chunks
from tests.privacy.conftest import EXT_ID, NAME, record
from tests.privacy.dump import call, files_with, rows_with, tables
from tests.recording.people import Person, join
from tests.recording.working import began_earlier, stop, upload, work
from tests.webhooks.senders import connected, post

pytestmark = pytest.mark.django_db(transaction=True)


def totals(owner: ApiClient, meeting: Meeting) -> Any:
    """What is counted of a meeting, without who it was."""
    said = owner.get(f"/session/{meeting.meeting_link}/attendance").json()
    everybody = [
        {name: value for name, value in person.items() if name not in ("attendee", "extId", "id", "name", "identity")}
        for person in said
    ]
    return everybody, Connection.objects.count(), AttendanceFact.objects.count(), WebhookDelivery.objects.count()


def test_nothing_says_who_she_was(
    owner: ApiClient, meeting: Meeting, recording: Archive, media_root: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert rows_with(NAME, EXT_ID)
    assert files_with(media_root, NAME)
    before = totals(owner, meeting)
    caplog.set_level(logging.DEBUG)

    said = call("erase_attendee", "--ext-id", EXT_ID)

    assert "attendees 1" in said
    assert "recordings 1" in said
    assert rows_with(NAME, "Quillfeather", EXT_ID) == []
    assert files_with(media_root, NAME, "Quillfeather") == []
    assert "Quillfeather" not in caplog.text + said
    assert totals(owner, meeting) == before
    assert rows_with("Ben")
    recording.refresh_from_db()
    assert (recording.deleted, recording.deleted_by, recording.removal_due_at) == (True, "erase_attendee", None)


def test_a_second_run_changes_nothing(recording: Archive) -> None:
    call("erase_attendee", "--name", NAME)
    after = tables()
    pk = Attendee.objects.get(identity__startswith="erased:").pk
    for who in (("--name", NAME), ("--ext-id", EXT_ID), ("--attendee", str(pk))):
        assert call("erase_attendee", *who) == "erased: nothing\n"
    assert tables() == after


def test_a_dry_run_says_the_same_and_changes_nothing(recording: Archive, media_root: Path) -> None:
    before = tables()
    said = call("erase_attendee", "--name", NAME, "--dry-run")
    assert tables() == before
    assert files_with(media_root, NAME)
    assert said.replace("would be erased", "erased") == call("erase_attendee", "--name", NAME)


def test_recordings_can_be_kept_and_then_hold_no_name_beside_the_file(recording: Archive, media_root: Path) -> None:
    assert "recordings kept 1" in call("erase_attendee", "--name", NAME, "--keep-recordings")
    recording.refresh_from_db()
    assert (recording.deleted, recording.name) == (False, f"Talk with {GONE}")
    assert recording.report
    assert recording.report["people"] == [GONE, "Ben"]
    assert rows_with("Quillfeather") == []
    assert files_with(media_root, NAME)


def test_she_stays_out_of_what_a_replay_brings_back(owner: ApiClient, new_meeting: NewMeeting, settings: Any) -> None:
    settings.VIDEOCONF = settings.VIDEOCONF | {"ALLOW_UNSIGNED_WEBHOOKS": True}
    meeting = new_meeting()
    event = connected(meeting, "c9", NAME)
    gone = event | {"event": "connectionDestroyed", "reason": "clientDisconnected", "timestamp": event["timestamp"] + 5}
    assert [post(said).status_code for said in (event, gone, {**event, "event": "newKind"})] == [204, 204, 204]
    assert len(rows_with("Quillfeather")) > 3
    call("erase_attendee", "--name", NAME, "--meeting", meeting.meeting_link)
    assert rows_with("Quillfeather") == []
    row = Attendee.objects.get()
    for delivery in WebhookDelivery.objects.all():
        intake.replay(delivery)
    assert [post(said).status_code for said in (event, gone)] == [204, 204]  # copies, late
    assert rows_with("Quillfeather") == []
    row.refresh_from_db()
    assert (row.attendee, row.is_deleted, row.identity[:7]) == ("", True, "erased:")
    assert Attendee.objects.count() == 1


def test_what_comes_late_says_nothing_of_her(owner: ApiClient, new_meeting: NewMeeting, settings: Any) -> None:
    settings.VIDEOCONF = settings.VIDEOCONF | {"ALLOW_UNSIGNED_WEBHOOKS": True}
    meeting = new_meeting()
    event = connected(meeting, "c9", NAME)
    over = {"event": "sessionDestroyed", "sessionId": meeting.session_id, "timestamp": event["timestamp"] + 9000}
    assert [post(said).status_code for said in (event, over)] == [204, 204]
    call("erase_attendee", "--name", NAME)
    gone = {
        **event,
        "event": "connectionDestroyed",
        "reason": "clientDisconnected",
        "timestamp": event["timestamp"] + 5,
    }
    stream = {**event, "event": "streamCreated", "stream": {"id": "s", "name": NAME, "connection": event["connection"]}}
    assert [post(said).status_code for said in (gone, stream, gone)] == [204, 204, 204]
    assert rows_with("Quillfeather") == []
    row = Attendee.objects.get()
    assert (row.attendee, row.is_deleted, row.identity[:7]) == ("", True, "erased:")
    assert Connection.objects.get().reason == "clientDisconnected"
    assert post(connected(meeting, "c10", NAME)).status_code == 204  # who comes again is somebody new
    assert Attendee.objects.count() == 2


def test_a_token_alone_is_erased_too(owner: ApiClient, meeting: Meeting) -> None:
    owner.post(f"/session/{meeting.meeting_link}/token", {"extId": "zq-4711"})
    assert "facts 1" in call("erase_attendee", "--ext-id", "zq-4711", "--dry-run")
    assert rows_with("zq-4711")
    assert "facts 1" in call("erase_attendee", "--ext-id", "zq-4711")
    assert rows_with("zq-4711") == []


@pytest.mark.parametrize("why", ["here", "hold", "recording"])
def test_she_is_left_alone_where_she_must_be(meeting: Meeting, zoe: Person, ben: Person, why: str) -> None:
    if why == "hold":
        services.hold_meeting(meeting, is_held=True, actor="staff")
    if why == "recording":
        start_archive(meeting, ArchiveSpec(), actor="owner")
    if why != "here":
        zoe.leave()
    before = tables()
    for dry in ((), ("--dry-run",)):
        with pytest.raises(CommandError, match="1 of her meetings were left alone"):
            call("erase_attendee", "--name", NAME, *dry)
    assert tables() == before


def test_only_where_it_is_asked_for(new_meeting: NewMeeting) -> None:
    meetings = [new_meeting(tenant=tenant) for tenant in ("a", "a", "b")]
    for meeting in meetings:
        join(meeting, NAME).leave()
    call("erase_attendee", "--name", NAME, "--tenant", "a", "--meeting", meetings[0].meeting_link)
    assert [Attendee.objects.get(meeting=one).attendee for one in meetings] == ["", NAME, NAME]
    call("erase_attendee", "--name", NAME, "--tenant", "a")
    assert [Attendee.objects.get(meeting=one).attendee for one in meetings] == ["", "", NAME]


def test_recordings_that_she_was_not_in_stay(new_meeting: NewMeeting) -> None:
    meeting = new_meeting()
    ben = join(meeting, "Ben")
    archive = record(meeting, [ben])
    Connection.objects.update(joined_at=archive.created_on)
    Archive.objects.update(created_on=archive.created_on, spans=archive.spans)
    join(meeting, NAME).leave()
    next_year = timezone.now() + timedelta(days=365)
    Connection.objects.filter(name=NAME).update(joined_at=next_year, left_at=next_year)
    assert "recordings" not in call("erase_attendee", "--name", NAME)
    archive.refresh_from_db()
    assert not archive.deleted


def test_what_was_deleted_for_her_sake_is_not_brought_back(recording: Archive) -> None:
    call("erase_attendee", "--name", NAME)
    recording.refresh_from_db()
    with pytest.raises(Conflict, match="for good"):
        restore_archive(recording, actor="staff")


@pytest.mark.parametrize("when", ["running", "over"])
def test_who_took_her_consent_back_leaves_nothing_behind(
    meeting: Meeting, zoe: Person, ben: Person, settings: Any, media_root: Path, when: str
) -> None:
    settings.VIDEOCONF = settings.VIDEOCONF | {"RECORDING_CONSENT": "required"}
    archive = began_earlier(start_archive(meeting, ArchiveSpec(), actor="owner"), 4)
    for person in (zoe, ben):
        person.consent("agreed")
        upload(person, archive, chunks(Take(length=2000, width=160, height=120, fps=10)))
    hers = Track.objects.get(attendee=zoe.connection.attendee)
    if when == "running":
        zoe.consent("declined")
    stop(archive, after=3)
    work(archive)
    if when == "over":
        told = RecordingNotice.objects.filter(attendee=zoe.connection.attendee).last()
        assert told is not None
        RecordingNotice.objects.create(
            meeting=meeting, archive=archive, attendee=told.attendee, connection_id=told.connection_id, version="1",
            decision="declined",
        )  # fmt: skip
    for person in (zoe, ben):
        person.leave()
    assert [path for path in media_root.rglob("*") if hers.track_id in str(path) and path.is_file()]
    assert "recordings 1" in call("erase_attendee", "--name", NAME)
    assert not [path for path in media_root.rglob("*") if hers.track_id in str(path) and path.is_file()]


def test_a_token_stays_with_her_where_she_is_left_alone(owner: ApiClient, meeting: Meeting) -> None:
    owner.post(f"/session/{meeting.meeting_link}/token", {"extId": EXT_ID, "data": NAME})
    zoe = join(meeting, NAME)
    before = tables()
    with pytest.raises(CommandError):
        call("erase_attendee", "--ext-id", EXT_ID)
    assert tables() == before
    zoe.leave()
    assert "facts 3" in call("erase_attendee", "--ext-id", EXT_ID, "--dry-run")
    assert "facts 3" in call("erase_attendee", "--ext-id", EXT_ID)
    assert len({fact.payload["identity"] for fact in AttendanceFact.objects.all()}) == 1


def test_a_hold_that_comes_while_she_is_erased_elsewhere_counts(new_meeting: NewMeeting) -> None:
    first, second = new_meeting(), new_meeting()
    for meeting in (first, second):
        join(meeting, NAME).leave()

    class Holding(MeetingExtension):
        def erase(self, attendee: Attendee, redaction: Redaction, **_: Any) -> Counter[str]:
            services.hold_meeting(second, is_held=True, actor="staff")
            return Counter()

    holding = Holding()
    extensions.register(holding)
    try:
        with pytest.raises(CommandError, match="1 of her meetings"):
            call("erase_attendee", "--name", NAME)
    finally:
        extensions._extensions.remove(holding)
    assert [Attendee.objects.get(meeting=one).attendee for one in (first, second)] == ["", NAME]


def test_deliveries_that_met_no_meeting_are_looked_through(settings: Any, meeting: Meeting) -> None:
    settings.VIDEOCONF = settings.VIDEOCONF | {"ALLOW_UNSIGNED_WEBHOOKS": True}
    post(connected("rtc_unknown", "c1", NAME))
    assert rows_with("Quillfeather")
    assert call("erase_attendee", "--name", NAME, "--dry-run") == "would be erased: deliveries 1\n"
    assert call("erase_attendee", "--name", NAME) == "erased: deliveries 1\n"
    assert rows_with("Quillfeather") == []
    assert call("erase_attendee", "--name", NAME) == "erased: nothing\n"


@pytest.mark.parametrize(
    "text",
    [
        "ZOË QUILLFEATHER", "zoë  quillfeather", "Zoe\u0308 Quillfeather", "Zoë\u200b Quillfeather",
        "Zoë_Quillfeather", "Zo\\u00eb Quillfeather",
    ],
)  # fmt: skip
def test_a_name_is_found_however_it_is_spelled(text: str) -> None:
    redaction = Redaction([NAME])
    if "_" not in text:
        assert redaction.text(f"Talk with {text}.mp4") == f"Talk with {GONE}.mp4"
    assert redaction.json({"a": '{"b": "Zo\\u00eb Quillfeather"}'}) == {"a": f'{{"b":"{GONE}"}}'}
    assert redaction.name(text.replace("_", " ")) in (GONE, text)


def test_what_the_protocol_says_stays_whatever_she_is_called() -> None:
    redaction = Redaction(["publisher", "connectionCreated", "7"])
    event = {"event": "connectionCreated", "projectId": "7", "role": "publisher", "note": "publisher"}
    assert redaction.json(event) == {**event, "note": GONE}
    assert Redaction(["Ann"]).name("Ann Lee") == "Ann Lee"
    assert Redaction(["Ann"]).name("ann") == GONE


def test_only_whole_words_are_taken_out() -> None:
    redaction = Redaction(["Al", "Ann Lee", None, ""])
    assert redaction.text("Also Al, Ann Leeds and Ann Lee.") == f"Also {GONE}, Ann Leeds and {GONE}."
    assert redaction.json({"data": "x", "name": {"a": 1}, "a": ["Al", 1, None]}) == {
        "data": "", "name": None, "a": [GONE, 1, None],
    }  # fmt: skip
    assert redaction.log('[{"changed": {"object": "Al"}}]') == f'[{{"changed": {{"object": "{GONE}"}}}}]'
    assert Redaction([]).text("Al") == "Al"


@pytest.mark.parametrize("arguments", [(), ("--name", ""), ("--name", "A", "--ext-id", "b")])
def test_somebody_must_be_meant(db: None, arguments: tuple[str, ...]) -> None:
    for command in ("erase_attendee", "export_attendee"):
        with pytest.raises(CommandError):
            call(command, *arguments)
