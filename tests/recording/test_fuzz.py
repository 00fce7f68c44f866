"""Hostile requests: whatever comes, the answer is planned, and no file is made outside the folder of chunks."""

from __future__ import annotations

import contextlib
import uuid
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from django.test import Client
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archives.models import Archive
from archives.providers.base import ArchiveSpec
from archives.services import start_archive
from meetings import extensions
from meetings.exceptions import VideoconfError
from meetings.models import Meeting
from meetings.plans import MeetingPlan
from meetings.services import create_meeting
from tests.recording.people import Upload, join

pytestmark = pytest.mark.django_db
FEW = settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
PLANNED = {200, 204, 400, 401, 404, 405, 409, 411, 413, 415, 422, 429, 503}
TEXT = st.text(max_size=40)
NAMES = ["transfer-encoding", "authorization", "range", "expect", "content-type", "content-encoding", "host"]
HEADERS = st.dictionaries(
    st.sampled_from(NAMES),
    st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=60)
    | st.sampled_from(["chunked", "0", "-1", "video/webm", "Bearer ", "gzip"]),
    max_size=4,
)


@pytest.fixture
def track(db: None, media_root: Path) -> Upload:
    meeting = create_meeting(MeetingPlan(), actor="owner")
    ann = join(meeting, "Ann")
    start_archive(meeting, ArchiveSpec(), actor="owner")
    return ann.track()


def answered(method: str, path: str, body: bytes, kind: str, headers: dict[str, str]) -> Any:
    client = Client(raise_request_exception=False)
    return client.generic(method, path, body, content_type=kind, headers=headers)


def outside(media_root: Path) -> list[Path]:
    folder = media_root.parent
    return [path for path in folder.rglob("*") if path.is_file() and media_root / "chunks" not in path.parents]


@FEW
@given(data=st.data())
def test_any_request_about_a_chunk_gets_a_planned_answer(data: st.DataObject, track: Upload, media_root: Path) -> None:
    method = data.draw(st.sampled_from(["PUT", "PUT", "PUT", "POST", "GET", "PATCH"]))
    name = data.draw(st.sampled_from([track.id, str(uuid.UUID(int=0)), "..", "%2e%2e"]) | TEXT.map(quote))
    number = data.draw(st.integers(-3, 10**8).map(str) | TEXT.map(quote))
    tail = data.draw(st.sampled_from([f"chunks/{number}", "close", f"chunks/{number}/", ""]))
    headers = {"authorization": f"Bearer {data.draw(st.just(track.ticket) | TEXT)}", **data.draw(HEADERS)}
    body = data.draw(st.binary(max_size=2000) | st.sampled_from([b'{"count": 3}', b"[" * 2000]))
    kind = data.draw(st.just("video/webm") | TEXT)
    answer = answered(method, f"/recordings/tracks/{name}/{tail}", body, kind, headers)
    assert answer.status_code in PLANNED, answer.content
    assert outside(media_root) == []


@FEW
@given(data=st.data())
def test_any_link_to_a_file_that_we_did_not_make_is_refused(data: st.DataObject, track: Upload) -> None:
    archive = Archive.objects.get()
    query = {name: data.draw(TEXT | st.integers().map(str)) for name in ("expires", "how", "signature")}
    path = data.draw(st.just(archive.archive_id) | TEXT.map(quote))
    answer = Client().get(f"/recordings/{path}/file", query)
    assert answer.status_code in (403, 404)


@FEW
@given(
    track_id=TEXT | st.uuids().map(str),
    kind=st.sampled_from(["camera", "screen"]),
    at=st.integers(0, 253402300799000),
)
def test_any_announcement_is_taken_or_refused(track_id: str, kind: str, at: int, track: Upload) -> None:
    meeting = Meeting.objects.get()
    connection = meeting.connections.get()
    with contextlib.suppress(VideoconfError):
        extensions.open_track(meeting, connection.connection_id, {"track": track_id, "kind": kind, "startedAt": at})
