"""The worker's side of a test: recordings that began a while ago, and the work on them, done here and now."""

from __future__ import annotations

import time
from datetime import timedelta

from archives import services
from archives.composing import composer
from archives.models import Archive
from meetings.models import Connection
from meetings.providers.session_events import milliseconds
from tests.recording.people import Person, Upload

UNFINISHED = ("started", "paused", "stopped")


def began_earlier(archive: Archive, seconds: float) -> Archive:
    """Have a recording, and everybody's presence, begin so much earlier, so that a test need not wait for media."""
    earlier = archive.created_on - timedelta(seconds=seconds)
    Archive.objects.filter(pk=archive.pk).update(created_on=earlier, spans=[[milliseconds(earlier), None]])
    Connection.objects.filter(meeting=archive.meeting).update(joined_at=earlier)
    archive.refresh_from_db()
    return archive


def upload(person: Person, archive: Archive, chunks: list[bytes], *, kind: str = "camera") -> Upload:
    """Send a whole track that began with the recording, and close it."""
    track = person.track(kind, at=archive.created_on)
    track.send(*chunks)
    assert track.close().status_code == 204
    return track


def stop(archive: Archive, *, after: float | None = None) -> None:
    """Stop a recording; `after`: as if it had run for so many seconds."""
    services.stop_archive(archive)
    archive.refresh_from_db()
    if after is not None:
        archive.spans = [[archive.spans[0][0], archive.spans[0][0] + round(after * 1000)]]
        archive.save(update_fields=["spans"])


def work(archive: Archive, *, within: float = 60.0) -> Archive:
    """Do what the worker would, task by task, until the archive is over; return it as it is then."""
    deadline = time.monotonic() + within
    while True:
        Archive.objects.filter(pk=archive.pk, compose_due_at__isnull=False).update(compose_due_at=archive.created_on)
        composer.go_on(archive.pk)
        archive.refresh_from_db()
        if archive.status not in UNFINISHED or archive.compose_due_at is None:
            return archive
        assert time.monotonic() < deadline, (archive.status, archive.progress, archive.compose_error)
        time.sleep(0.1)
