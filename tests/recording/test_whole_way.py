"""The whole way of a recording: started by API, sent by pages, composed by the worker, read by a caller."""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path
from typing import Any

import pytest

from archives.models import Archive, Chunk, Track
from meetings.models import Meeting
from tests.callers import ApiClient
from tests.media.looking import watch
from tests.media.making import Take, chunks
from tests.recording.people import Person
from tests.recording.working import began_earlier, upload, work

pytestmark = pytest.mark.django_db(transaction=True)


def content(answer: Any) -> bytes:
    return b"".join(answer.streaming_content)


def start(owner: ApiClient, meeting: Meeting, **body: Any) -> Archive:
    answer = owner.post(f"/session/{meeting.meeting_link}/archives", body)
    assert answer.status_code == 200, answer.content
    said = answer.json()["metaData"]
    assert (said["status"], said["resolution"], said["url"]) == ("started", "1280x720", None)
    archive: Archive = Archive.objects.get(archive_id=said["id"])
    return archive


def test_from_a_start_by_api_to_the_file(
    owner: ApiClient, meeting: Meeting, ann: Person, ben: Person, media_root: Path, tmp_path: Path
) -> None:
    archive = began_earlier(start(owner, meeting, name="Planning"), 4)
    upload(ann, archive, chunks(Take(length=4000)))
    upload(ben, archive, chunks(Take(length=4000, colour=(40, 40, 200), beep=660)))
    stopped = owner.post(f"/archives/{archive.archive_id}/stop").json()["metaData"]
    assert stopped["status"] == "stopped"

    assert work(archive).status == "available"

    said = owner.get(f"/archives/{archive.archive_id}").json()
    meta = said["metaData"]
    assert (said["name"], meta["status"], meta["reason"], meta["progress"]) == ("Planning", "available", "", None)
    assert (meta["hasAudio"], meta["hasVideo"], meta["people"], meta["missing"]) == (True, True, ["Ann", "Ben"], [])
    played = owner.client.get(meta["url"])
    assert played.headers["Content-Disposition"].startswith("inline")
    body = content(played)
    assert (len(body), hashlib.sha256(body).hexdigest()) == (meta["size"], archive.sha256)
    saved = owner.get(f"/archives/{archive.archive_id}/download")
    assert saved.headers["Content-Disposition"] == 'attachment; filename="Planning.mp4"'
    assert content(saved) == body
    (tmp_path / "film.mp4").write_bytes(body)
    film = watch(tmp_path / "film.mp4")
    assert film.streams == ["h264", "aac"]
    ((since, until),) = archive.spans
    assert abs(film.length - (until - since) / 1000) < 0.1
    assert abs(meta["duration"] - film.length) <= 0.6
    assert (media_root / archive.storage_key).read_bytes() == body
    assert not (media_root / "recording-work" / archive.archive_id).exists()
    assert (Track.objects.count(), Chunk.objects.exists()) == (2, True)  # kept for a while


def test_individual_tracks_in_a_zip(owner: ApiClient, meeting: Meeting, ann: Person) -> None:
    archive = began_earlier(start(owner, meeting, outputMode="individual"), 2)
    upload(ann, archive, chunks(Take(length=2000)))
    owner.post(f"/archives/{archive.archive_id}/stop")

    assert work(archive).storage_key == f"webrtc/{archive.archive_id}/archive.zip"

    saved = owner.get(f"/archives/{archive.archive_id}/download")
    assert saved.headers["Content-Type"] == "application/zip"
    with zipfile.ZipFile(io.BytesIO(content(saved))) as packed:
        assert packed.testzip() is None
        assert len(packed.namelist()) == 2


def test_a_recording_without_anything_in_it_fails_and_says_so(owner: ApiClient, meeting: Meeting, ann: Person) -> None:
    archive = start(owner, meeting)
    owner.post(f"/archives/{archive.archive_id}/stop")

    assert work(archive).status == "failed"

    meta = owner.get(f"/archives/{archive.archive_id}").json()["metaData"]
    assert (meta["reason"], meta["url"]) == ("Nothing was recorded: no page sent any sound or picture.", None)
    assert owner.get(f"/archives/{archive.archive_id}/download").status_code == 409
