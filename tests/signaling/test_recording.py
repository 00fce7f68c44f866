"""Recording over real sockets: who starts it, who is told, and where pages may send what they record."""

from __future__ import annotations

import http.client
import json
import uuid
from typing import Any

import pytest

from archives.models import Archive, Chunk, RecordingNotice, Track
from archives.providers.base import ArchiveSpec
from archives.services import start_archive, stop_archive
from meetings.models import Meeting
from meetings.providers.session_events import milliseconds
from tests.conftest import NewMeeting
from tests.servers import Server, eventually
from tests.signaling.conftest import Open
from tests.signaling.pages import Frame, Page, token

pytestmark = pytest.mark.django_db(transaction=True)


def ask_track(page: Page, **fields: Any) -> Frame:
    archive = Archive.objects.order_by("-id").first()
    at = milliseconds(archive.created_on) if archive else 0
    asked = {"track": str(uuid.uuid4()), "kind": "camera", "startedAt": at} | fields
    page.socket.send(json.dumps({"t": "track", **asked}))
    return page.expect("ticket", track=asked["track"])


def put(server: Server, ticket: Frame, body: bytes, sequence: int = 0) -> tuple[int, bytes]:
    client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    headers = {"Authorization": f"Bearer {ticket['ticket']}", "Content-Type": "video/webm"}
    client.request("PUT", f"{ticket['address']}/chunks/{sequence}", body, headers)
    answer = client.getresponse()
    try:
        return answer.status, answer.read()
    finally:
        client.close()


def test_a_moderator_starts_and_stops_it_and_everybody_is_told(meeting: Meeting, page: Open) -> None:
    mo, ann = page(meeting), page(meeting)
    welcome = mo.join(token(meeting, "moderator", "Mo"))
    assert (welcome["recording"], welcome["archive"]) == (False, None)
    ann.join(token(meeting, data="Ann"))

    mo.send("record", active=True)
    for one in (mo, ann):
        frame = one.expect("recording", within=3)
        assert frame["active"]
        assert set(frame["archive"]) == {"id", "consent", "notice", "version"}
    archive = Archive.objects.get()
    assert frame["archive"]["id"] == archive.archive_id
    assert archive.created_by == "attendee:Mo"
    late = page(meeting)
    assert late.join(token(meeting, data="Late"))["archive"] == frame["archive"]
    eventually(lambda: RecordingNotice.objects.filter(decision="told").count() == 3, "three pages were told")

    mo.send("record", active=False)
    for one in (mo, ann, late):
        assert one.expect("recording", within=3) == {"t": "recording", "active": False, "archive": None}
    archive.refresh_from_db()
    assert (archive.status, archive.ended_by) == ("stopped", "request")


def test_a_start_by_api_in_another_process_is_told_by_the_heartbeat(meeting: Meeting, page: Open) -> None:
    ann = page(meeting)
    ann.join(token(meeting, data="Ann"))
    archive = start_archive(meeting, ArchiveSpec(), actor="owner")
    assert ann.expect("recording", within=8)["archive"]["id"] == archive.archive_id
    stop_archive(archive)
    assert not ann.expect("recording", within=8)["active"]
    ann.quiet("recording", lasting=5)


def test_only_moderators_record(meeting: Meeting, page: Open) -> None:
    ann = page(meeting)
    ann.join(token(meeting, data="Ann"))
    ann.send("record", active=True)
    assert ann.expect("error")["code"] == "forbidden"
    assert not Archive.objects.exists()


def test_what_refuses_a_start_is_said(new_meeting: NewMeeting, page: Open) -> None:
    meeting = new_meeting(end_to_end_encryption=True)
    mo = page(meeting)
    mo.join(token(meeting, "moderator", "Mo"))
    mo.send("record", active=True)
    assert mo.expect("error")["code"] == "encryption_with_archiving"
    mo.send("record", active=False)
    assert mo.expect("error")["code"] == "archive_not_running"
    mo.send("record", active="yes")
    assert mo.expect("error")["code"] == "bad_message"


def test_the_first_to_join_is_told_in_her_welcome(new_meeting: NewMeeting, page: Open) -> None:
    meeting = new_meeting(enable_archiving=True)
    ann = page(meeting)
    welcome = ann.join(token(meeting, data="Ann"))
    assert welcome["recording"]
    assert welcome["archive"]["id"] == Archive.objects.get().archive_id


def test_a_page_sends_chunks_where_its_ticket_says(new_meeting: NewMeeting, page: Open, server: Server) -> None:
    meeting = new_meeting(enable_archiving=True)
    ann = page(meeting)
    ann.join(token(meeting, data="Ann", ext_id="ann"))
    ticket = ask_track(ann)
    assert (ticket["address"], ticket["expiresIn"]) == (f"/recordings/tracks/{ticket['track']}", 900)
    assert put(server, ticket, b"first") == (200, b'{"received": 0}')
    assert put(server, ticket, b"first")[0] == 200
    assert put(server, ticket, b"other")[0] == 409
    assert (Track.objects.get().bytes, Chunk.objects.count()) == (5, 1)

    again = page(meeting)  # a reload: another connection of the same person
    again.join(token(meeting, data="Ann", ext_id="ann"))
    renewed = ask_track(again, track=ticket["track"])
    assert put(server, renewed, b"second", 1)[0] == 200


def test_a_track_that_is_not_taken_says_why(new_meeting: NewMeeting, page: Open) -> None:
    meeting = new_meeting()
    ann, sue = page(meeting), page(meeting)
    ann.join(token(meeting, data="Ann"))
    assert ask_track(ann)["refused"]["code"] == "recording_over"
    sue.join(token(meeting, "subscriber", "Sue"))
    start_archive(meeting, ArchiveSpec(), actor="owner")
    assert ask_track(sue)["refused"]["code"] == "forbidden"
    assert ask_track(ann, track="nope")["refused"]["code"] == "invalid_value"


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "mic"},
        {"kind": 1},
        {"startedAt": "now"},
        {"startedAt": True},
        {"startedAt": -1},
        {"startedAt": 1e300},
        {"track": 1},
        {"track": "x" * 65},
        {"kind": None},
    ],
    ids=str,
)
def test_a_track_frame_that_is_none(meeting: Meeting, page: Open, fields: dict[str, Any]) -> None:
    ann = page(meeting)
    ann.join(token(meeting, data="Ann"))
    asked = {"t": "track", "track": str(uuid.uuid4()), "kind": "camera", "startedAt": 1} | fields
    ann.socket.send(json.dumps(asked))
    assert ann.expect("error")["code"] == "bad_message"


def test_consent_is_asked_kept_and_heard(new_meeting: NewMeeting, page: Open, server: Server) -> None:
    meeting = new_meeting(enable_archiving=True)
    ann = page(meeting)
    archive = ann.join(token(meeting, data="Ann"))["archive"]
    ann.send("consent", archive=archive["id"], version=archive["version"], decision="agreed")
    eventually(lambda: RecordingNotice.objects.filter(decision="agreed").exists(), "the consent is stored")
    row = RecordingNotice.objects.get(decision="agreed")
    assert (row.attendee and row.attendee.attendee, row.version, row.archive.archive_id) == ("Ann", "1", archive["id"])
    ann.send("consent", archive=archive["id"], version="0", decision="agreed")
    assert ann.expect("error")["code"] == "consent_outdated"
    ann.send("consent", archive="x", version="1", decision="agreed")
    assert ann.expect("error")["code"] == "archive_not_found"
    ann.send("consent", archive=archive["id"], version="1", decision="maybe")
    assert ann.expect("error")["code"] == "bad_message"


def test_it_pauses_when_the_last_one_leaves(new_meeting: NewMeeting, page: Open) -> None:
    meeting = new_meeting(enable_archiving=True)
    ann = page(meeting)
    ann.join(token(meeting, data="Ann"))
    ann.send("leave")
    eventually(lambda: Archive.objects.get().status == "paused", "the recording pauses")
    ben = page(meeting)
    assert ben.join(token(meeting, data="Ben"))["recording"]
    assert Archive.objects.get().status == "started"
