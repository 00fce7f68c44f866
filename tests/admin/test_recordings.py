"""Recordings of the embedded provider in the admin: what came in, how far it is, who was told, the film."""

from __future__ import annotations

import uuid
from datetime import timedelta

import pytest
from django.utils import timezone

from archives.models import Archive, Chunk, RecordingNotice, Track
from tests.admin.pages import AdminClient, address, logged, messages_of, rows_of
from tests.factories import ArchiveFactory, AttendeeFactory


@pytest.fixture
def recording(db: None) -> Archive:
    """A recording that is over, with a track of Ann's and its chunk."""
    ann = AttendeeFactory.create(attendee="Ann")
    archive: Archive = ArchiveFactory.create(
        meeting=ann.meeting, status="available", is_ours=True, spans=[[0, 60_000]], storage_key="webrtc/a/archive.mp4"
    )
    now = timezone.now()
    track = Track.objects.create(
        archive=archive, track_id=str(uuid.uuid4()), attendee=ann, connection_id="c", name="Ann", kind="camera",
        started_at=now, bytes=2048, chunks=2,
    )  # fmt: skip
    Chunk.objects.create(track=track, sequence=0, size=2048, sha256="ab" * 32)
    RecordingNotice.objects.create(
        meeting=ann.meeting, archive=archive, attendee=ann, connection_id="c", version="2026-11", decision="told"
    )
    return archive


def test_a_recording_shows_tracks_notices_and_its_film(chief: AdminClient, recording: Archive) -> None:
    page = chief.page(address(recording, "change"))
    assert "microphone and camera" in page.lower()
    assert "2.0\xa0KB" in page
    assert "2026-11" in page
    assert (
        f'<video class="videoconf-player" controls preload="none" src="/recordings/{recording.archive_id}/file?' in page
    )


def test_progress_is_shown_in_the_list_and_on_the_page(chief: AdminClient, recording: Archive) -> None:
    Archive.objects.update(status="stopped", progress={"phase": "composing", "percent": 40}, compose_error="Because.")
    assert "stopped (composing, 40 %)" in chief.page(address(Archive))
    page = chief.page(address(recording, "change"))
    assert "composing, 40 %" in page
    assert "Because." in page
    assert "<video" not in page


def test_an_archive_of_another_provider_shows_none_of_it(chief: AdminClient) -> None:
    page = chief.page(address(ArchiveFactory.create(), "change"))
    assert "Composing" not in page
    assert "<video" not in page


def test_staff_have_it_composed_again_once(chief: AdminClient, recording: Archive) -> None:
    response = chief.submit(address(recording, "compose"))
    assert messages_of(response) == [f"“{recording}”: Is composed again."]
    recording.refresh_from_db()
    assert recording.compose_due_at is not None
    assert logged() == ["grace: Is composed again."]
    response = chief.submit(address(recording, "compose"))
    assert messages_of(response) == [f"“{recording}”: It is being composed, or its chunks are gone."]


def test_without_chunks_nothing_is_composed(chief: AdminClient, recording: Archive) -> None:
    Chunk.objects.all().delete()
    assert "Compose again" not in chief.page(address(recording, "change"))
    Archive.objects.update(modified_on=timezone.now() - timedelta(days=1))
    assert len(rows_of(chief.page(address(Archive)))) == 1


def test_the_page_leads_to_where_the_film_is_watched(chief: AdminClient, recording: Archive) -> None:
    watch = f'href="/recordings/{recording.archive_id}"'
    assert watch in chief.page(address(recording, "change"))
    Archive.objects.update(deleted=True)
    assert watch not in chief.page(address(recording, "change"))
    assert "/recordings/" not in chief.page(address(ArchiveFactory.create(), "change"))
