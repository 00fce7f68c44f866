"""Who is told of a recording, and who is in it."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from archives.composing import sources
from archives.models import Archive, RecordingNotice, Track
from meetings import extensions
from meetings.exceptions import Conflict, Forbidden, NotFound, Refused, VideoconfError
from meetings.models import Meeting
from tests.recording.people import Person, join

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def _required(settings: Any) -> None:
    settings.VIDEOCONF = settings.VIDEOCONF | {"RECORDING_CONSENT": "required"}


def decisions() -> list[tuple[str, str, str]]:
    rows = RecordingNotice.objects.order_by("id").select_related("attendee")
    return [(str(row.attendee), row.decision, row.version) for row in rows]


def job_of(archive: Archive, folder: Path) -> dict[str, Any]:
    archive.refresh_from_db()
    now = timezone.now()
    known = sources.collect(archive, folder, now)
    sources.write_job(archive, folder, known, is_final=True, now=now)
    said: dict[str, Any] = json.loads((folder / "job.json").read_text())
    return said


def test_what_people_are_told_is_a_setting(meeting: Meeting, archive: Archive, settings: Any) -> None:
    settings.VIDEOCONF = settings.VIDEOCONF | {"RECORDING_NOTICE": "Smile.", "RECORDING_NOTICE_VERSION": "2026-11"}
    assert extensions.recording_notice(meeting) == {
        "id": archive.archive_id,
        "consent": "told",
        "notice": "Smile.",
        "version": "2026-11",
    }


def test_who_was_told_is_noted_once_for_each_page_and_wording(meeting: Meeting, archive: Archive, ann: Person) -> None:
    notice = extensions.recording_notice(meeting)
    assert notice is not None
    for _ in range(2):
        extensions.recording_told(meeting, ann.connection_id, notice)
    extensions.recording_told(meeting, ann.connection_id, {**notice, "version": "2"})
    assert decisions() == [("Ann", "told", "1"), ("Ann", "told", "2")]


@pytest.mark.usefixtures("_required")
def test_without_consent_nothing_is_taken(archive: Archive, ann: Person) -> None:
    with pytest.raises(Forbidden) as refused:
        ann.track()
    assert refused.value.code == "consent_missing"
    ann.consent("declined")
    with pytest.raises(Forbidden):
        ann.track()
    ann.consent("agreed")
    ann.track()
    assert decisions() == [("Ann", "declined", "1"), ("Ann", "agreed", "1")]


@pytest.mark.usefixtures("_required")
def test_a_reload_keeps_what_was_said(meeting: Meeting, archive: Archive, ann: Person) -> None:
    ann.consent("agreed")
    join(meeting, "Ann").track()
    with pytest.raises(Forbidden):
        join(meeting, "Ben").track()


@pytest.mark.usefixtures("_required")
def test_who_declines_is_not_in_the_picture(
    meeting: Meeting, archive: Archive, ann: Person, ben: Person, tmp_path: Path
) -> None:
    ann.consent("agreed")
    ann.track().send(b"ann")
    ben.consent("agreed")
    ben.track().send(b"ben")
    ben.consent("declined")
    join(meeting, "Cid")
    job = job_of(archive, tmp_path)
    assert [person["name"] for person in job["people"]] == ["Ann"]
    agreed = RecordingNotice.objects.get(attendee__attendee="Ann")
    assert job["people"][0]["intervals"][0][0] == round(agreed.at.timestamp() * 1000)
    assert [track["person"] for track in job["tracks"]] == [job["people"][0]["id"]]


def test_who_only_watches_is_not_in_the_picture(
    meeting: Meeting, archive: Archive, ann: Person, tmp_path: Path
) -> None:
    sue = join(meeting, "Sue", role="subscriber")
    with pytest.raises(Forbidden, match="subscriber"):
        sue.track()
    assert [person["name"] for person in job_of(archive, tmp_path)["people"]] == ["Ann"]


def test_consent_to_other_words_is_refused(archive: Archive, ann: Person) -> None:
    with pytest.raises(Conflict) as refused:
        ann.consent("agreed", version="0")
    assert refused.value.code == "consent_outdated"
    said = {"archive": str(uuid.uuid4()), "version": "1", "decision": "agreed"}
    with pytest.raises(NotFound):
        extensions.recording_consent(ann.meeting, ann.connection_id, said)
    assert decisions() == []


def test_a_track_is_its_opener_s(meeting: Meeting, archive: Archive, ann: Person, ben: Person) -> None:
    track = ann.track()
    with pytest.raises(Forbidden, match="somebody else"):
        ben.track(track_id=track.id)
    again = join(meeting, "Ann").track(track_id=track.id)
    again.send(b"more")
    assert Track.objects.count() == 1


def test_a_track_needs_a_recording(meeting: Meeting, ann: Person) -> None:
    with pytest.raises(Conflict) as refused:
        ann.track()
    assert refused.value.code == "recording_over"


UUID = "5f0c9b52-7d1e-4c39-9a51-d2c1f6e0ab34"


@pytest.mark.parametrize("name", ["", "x", "../../etc/passwd", UUID.upper(), UUID.replace("-", ""), "x" * 64])
def test_a_track_is_called_by_a_uuid(archive: Archive, ann: Person, name: str) -> None:
    asked = {"track": name, "kind": "camera", "startedAt": 0}
    with pytest.raises(Refused):
        extensions.open_track(ann.meeting, ann.connection_id, asked)


def test_a_track_that_claims_to_have_begun_long_ago_or_later_is_corrected(archive: Archive, ann: Person) -> None:
    for claimed in (0, 4102444800000):
        asked = {"track": str(uuid.uuid4()), "kind": "camera", "startedAt": claimed}
        extensions.open_track(ann.meeting, ann.connection_id, asked)
    now = timezone.now()
    assert all(abs((now - track.started_at).total_seconds()) < 15 for track in Track.objects.all())


def test_there_is_a_most_of_tracks(archive: Archive, ann: Person) -> None:
    row = {"archive": archive, "connection_id": ann.connection_id, "kind": "camera", "started_at": timezone.now()}
    Track.objects.bulk_create([Track(track_id=str(uuid.uuid4()), **row) for _ in range(200)])
    with pytest.raises(VideoconfError) as refused:
        ann.track()
    assert refused.value.code == "too_many_tracks"
