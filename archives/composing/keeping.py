"""What is kept of a recording, for how long, and how it goes away: chunks, rows, work folder, file."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator
from datetime import datetime

from django.db import transaction
from django.utils import timezone

from archives import storage
from archives.composing import sources
from archives.models import Archive, Chunk, StorageTarget, Track
from archives.recording import chunk_store
from meetings import deferred
from meetings.exceptions import StorageError, VideoconfError

logger = logging.getLogger(__name__)

UNMADE = "It was deleted before its file was made."


def postpone(archive: Archive, now: datetime) -> bool:
    """Note that the work on a recording, which is overdue, is put on order again; return whether this call did."""
    late = Archive.objects.filter(pk=archive.pk, compose_due_at=archive.compose_due_at)
    return bool(late.update(compose_due_at=now))


def remove_chunks_later(archive: Archive, at: datetime) -> None:
    """Have the worker remove the chunks of a recording."""
    deferred.run_later("archives.tasks.remove_chunks", archive.pk, at=at)


def remove_chunks_when_due(archive_pk: int) -> bool:
    """Remove the chunks of a recording whose time is over; return whether this call did. Safe to repeat."""
    now = timezone.now()
    due = Archive.objects.filter(pk=archive_pk, chunks_due_at__lte=now, compose_due_at__isnull=True)
    archive: Archive | None = due.first()
    if archive is None:
        return False
    again_at = deferred.retry_at(10)
    if not due.update(chunks_due_at=again_at):
        return False
    try:
        remove_sources(archive)
    except StorageError as error:
        logger.warning("The chunks of recording %s can't be removed: %s", archive_pk, error.message)
        remove_chunks_later(archive, again_at)
        return False
    Archive.objects.filter(pk=archive_pk, chunks_due_at=again_at).update(chunks_due_at=None)
    return True


def remove_sources(archive: Archive) -> None:
    """Remove chunks, their rows and the work folder, all of them. Safe to repeat. Raises `StorageError`.

    Tracks are sealed first, so that nothing comes in behind it; rows go last, so that a failure is seen and repeated.
    """
    tracks = Track.objects.filter(archive=archive)
    if not tracks.exists() and archive.compose_due_at is None and archive.chunks_due_at is None:
        return
    tracks.filter(sealed_at__isnull=True).update(sealed_at=timezone.now())
    chunk_store.chunk_store().delete_recording(archive.archive_id, _names(archive))
    remove_work(archive)
    with transaction.atomic():
        Chunk.objects.filter(track__archive=archive).delete()
        tracks.delete()
    if archive.deleted:
        rows = Archive.objects.filter(pk=archive.pk)
        rows.update(compose_due_at=None, chunks_due_at=None, ends_at=None, progress=None)
        rows.filter(status="stopped").update(status="failed", reason=UNMADE)  # should somebody bring it back


def _names(archive: Archive) -> Iterator[str]:
    for chunk in Chunk.objects.filter(track__archive=archive).select_related("track").iterator():
        yield chunk_store.key(archive.archive_id, chunk.track.track_id, chunk.sequence, chunk.sha256)


def remove_work(archive: Archive) -> None:
    """Remove the work folder of a recording; one that is not there is fine."""
    shutil.rmtree(sources.work_folder(archive), ignore_errors=True)


def is_being_composed(archive: Archive) -> bool:
    """Whether a worker may be at it, and store a file that is not there yet."""
    return bool(Archive.objects.filter(pk=archive.pk, compose_lease_until__gt=timezone.now()).exists())


def remove_if_deleted(archive_pk: int) -> None:
    """A recording may have been deleted while it was worked on: what the work has left behind goes too."""
    archive = Archive.objects.filter(pk=archive_pk, deleted=True).first()
    if archive is not None:
        remove_work(archive)


def remove_file_of_deleted(archive: Archive, target: StorageTarget | None, key: str) -> None:
    """Remove a file that was stored for an archive that is not wanted any more."""
    if Archive.objects.filter(pk=archive.pk, deleted=True).exists():
        _delete(archive, target, key)


def forget_file(archive: Archive) -> None:
    """Remove the file that an archive had before it was composed again, elsewhere."""
    _delete(archive, archive.target, archive.storage_key)


def _delete(archive: Archive, target: StorageTarget | None, key: str) -> None:
    try:
        storage.delete(target, key)
    except VideoconfError as error:
        logger.warning("A file of archive %s can't be removed: %s", archive.pk, error.message)
