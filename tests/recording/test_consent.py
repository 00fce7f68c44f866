"""Who is told of a recording, and who is in it."""

from __future__ import annotations

import json
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection as database
from django.db import transaction
from django.utils import timezone

from archives.composing import composer, sources
from archives.models import Archive, RecordingNotice, Track
from archives.providers.base import ArchiveSpec
from archives.recording import consent
from archives.services import start_archive
from meetings import attendance, extensions
from meetings.exceptions import Conflict, Forbidden, NotFound, Refused, VideoconfError
from meetings.models import Attendee, Connection, Meeting
from meetings.seats import FORCED_REASON
from tests.media.looking import watch
from tests.media.making import Take, chunks
from tests.recording.people import Person, join
from tests.recording.working import began_earlier, stop, work
from tests.threads import in_threads

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


def test_what_people_are_told_is_the_setting_when_it_begins(meeting: Meeting, ann: Person, settings: Any) -> None:
    settings.VIDEOCONF = settings.VIDEOCONF | {"RECORDING_NOTICE": "Smile.", "RECORDING_NOTICE_VERSION": "2026-11"}
    archive = start_archive(meeting, ArchiveSpec(), actor="owner")
    settings.VIDEOCONF = settings.VIDEOCONF | {"RECORDING_NOTICE": "Don't.", "RECORDING_NOTICE_VERSION": "2026-12"}
    ann.consent("agreed", version="2026-11")
    with pytest.raises(Conflict):
        ann.consent("agreed", version="2026-12")
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


@pytest.mark.usefixtures("_required")
def test_who_declines_after_some_of_it_was_composed_is_in_none_of_it(
    archive: Archive, ann: Person, ben: Person, media_root: Path
) -> None:
    for person in (ann, ben):
        person.consent("agreed")
    began_earlier(archive, 24)
    RecordingNotice.objects.update(at=archive.created_on)
    for person, beep in ((ann, 500), (ben, 900)):
        take = Take(length=24_000, width=160, height=120, fps=10, beep=beep)
        person.track(at=archive.created_on).send(*chunks(take))
    Track.objects.update(started_at=archive.created_on)  # which a page may not say so late
    Archive.objects.update(compose_due_at=archive.created_on)
    composer.go_on(archive.pk)
    archive.refresh_from_db()
    assert archive.composed_ms in (10_000, 20_000)
    ben.consent("declined")
    Track.objects.update(sealed_at=timezone.now())
    stop(archive, after=24)
    assert work(archive).status == "available"
    film = watch(media_root / archive.storage_key)
    for second in (3, 8, 15, 22):
        assert film.loudness(500, second + 0.03, second + 0.17) > 0.2
        assert film.loudness(900, second + 0.03, second + 0.17) < 0.02


@pytest.mark.usefixtures("_required")
def test_who_declined_stays_out_whatever_the_setting_becomes(
    archive: Archive, ann: Person, ben: Person, tmp_path: Path, settings: Any
) -> None:
    ann.consent("agreed")
    ben.consent("declined")
    settings.VIDEOCONF = settings.VIDEOCONF | {"RECORDING_CONSENT": "told"}
    with pytest.raises(Forbidden):
        ben.track()
    assert [person["name"] for person in job_of(archive, tmp_path)["people"]] == ["Ann"]


@pytest.mark.usefixtures("_required")
def test_only_what_was_said_to_these_words_counts(archive: Archive, ann: Person, tmp_path: Path) -> None:
    ann.consent("agreed")
    RecordingNotice.objects.update(version="0")
    with pytest.raises(Forbidden):
        ann.track()
    assert job_of(archive, tmp_path)["people"] == []


@pytest.mark.usefixtures("_required")
def test_a_no_seals_what_was_opened_and_renews_no_ticket(archive: Archive, ann: Person, ben: Person) -> None:
    for person in (ann, ben):
        person.consent("agreed")
    hers, his = ann.track(), ben.track()
    hers.send(b"yes")
    ann.consent("declined")
    assert hers.put(1, b"no").json()["error"]["code"] == "recording_over"
    his.send(b"yes")
    Track.objects.update(sealed_at=None)
    with pytest.raises(Forbidden) as refused:
        ann.track(track_id=hers.id)
    assert refused.value.code == "consent_missing"


@pytest.mark.usefixtures("_required")
def test_a_recording_that_nobody_agreed_to_says_so(meeting: Meeting, ann: Person) -> None:
    archive = began_earlier(start_archive(meeting, ArchiveSpec(), actor="owner"), 60)
    ann.consent("declined")
    stop(archive, after=10)
    assert (work(archive).status, archive.reason) == ("failed", composer.NOBODY_AGREED)


def test_a_no_changes_nothing_where_everybody_is_only_told(archive: Archive, ann: Person) -> None:
    track = ann.track()
    ann.consent("declined")
    track.send(b"x")


@pytest.mark.usefixtures("_required")
def test_saying_the_same_again_is_no_row(meeting: Meeting, archive: Archive, ann: Person) -> None:
    for said in ("agreed", "agreed", "declined", "declined", "agreed"):
        ann.consent(said)
    join(meeting, "Ann").consent("agreed")
    assert [decision for _, decision, _ in decisions()] == ["agreed", "declined", "agreed"]


@pytest.mark.usefixtures("_required")
def test_who_changes_her_mind_without_end_has_declined_in_the_end(archive: Archive, ann: Person) -> None:
    for _ in range(10):
        ann.consent("agreed")
        ann.consent("declined")
    with pytest.raises(Conflict) as refused:
        ann.consent("agreed")
    assert refused.value.code == "too_many_decisions"
    ann.consent("declined")
    assert RecordingNotice.objects.count() == 20
    with pytest.raises(Forbidden):
        ann.track()


def test_who_is_removed_sends_nothing_any_more(meeting: Meeting, archive: Archive, ann: Person, ben: Person) -> None:
    hers, his = ann.track(), ben.track()
    hers.send(b"x")
    person = ann.connection.attendee
    assert person is not None
    Attendee.objects.filter(pk=person.pk).update(removed_on=timezone.now())
    assert hers.put(1, b"y").json()["error"]["code"] == "recording_over"
    with pytest.raises(Forbidden):
        ann.track()
    ann.leave(reason=FORCED_REASON)
    sealed = dict(Track.objects.values_list("track_id", "sealed_at"))
    assert (sealed[hers.id] is not None, sealed[his.id]) == (True, None)
    back = join(meeting, "Ann")
    back.track().send(b"z")


def test_who_was_there_only_before_or_between_is_not_in_the_picture(
    meeting: Meeting, archive: Archive, ann: Person, ben: Person, tmp_path: Path
) -> None:
    now = round(timezone.now().timestamp() * 1000)
    ben.leave()
    Connection.objects.filter(connection_id=ben.connection_id).update(
        joined_at=timezone.now() - timedelta(seconds=20), left_at=timezone.now() - timedelta(seconds=10)
    )
    Archive.objects.update(
        created_on=timezone.now() - timedelta(seconds=60), spans=[[now - 60_000, now - 25_000], [now - 5_000, None]]
    )
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


def test_there_is_a_most_of_tracks_of_a_person(archive: Archive, ann: Person) -> None:
    """Over whichever connections."""
    row: dict[str, Any] = {
        "archive": archive,
        "attendee_id": ann.connection.attendee_id,
        "connection_id": "c",
        "kind": "camera",
    }
    row |= {"started_at": timezone.now()}
    Track.objects.bulk_create([Track(track_id=str(uuid.uuid4()), **row) for _ in range(200)])
    with pytest.raises(VideoconfError) as refused:
        ann.track()
    assert refused.value.code == "too_many_tracks"


@pytest.mark.postgres
def test_who_is_told_holds_up_nobody_who_stops_the_recording(archive: Archive, ann: Person) -> None:
    """A notice refers to the recording and to the meeting: waiting for the one with the other in hand is a deadlock."""
    connection = Connection.objects.get(meeting=archive.meeting)

    def tell(number: int) -> None:
        with database.cursor() as cursor:
            cursor.execute("set lock_timeout = '5s'")
        consent.note_told(archive, connection, "another wording")

    with transaction.atomic():
        attendance.lock(archive.meeting)
        Archive.objects.select_for_update(no_key=True).get(pk=archive.pk)
        in_threads(1, tell)
    assert RecordingNotice.objects.filter(version="another wording").count() == 1
