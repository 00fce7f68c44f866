"""One stretch of work on a recording: some seconds while it runs, the rest and the delivery when it is over.

Each stretch is a task of the worker, which puts the next one on order. All that it knows is in rows and in the work
folder, so that it does not matter which worker does it, or how the last one ended.
"""

from __future__ import annotations

import fcntl
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

from django.db.models import Sum
from django.utils import timezone

from archives.composing import delivery, keeping, leases, sources
from archives.composing.leases import Lease
from archives.media.runner import MediaBusy, MediaError, MediaUnusable, Runner
from archives.models import Archive, Chunk
from archives.recording import lifecycle
from meetings import deferred
from meetings.exceptions import Conflict, StorageError

logger = logging.getLogger(__name__)

STRETCH = 12.0
"""Seconds that one task works before others get their turn."""
SLICE = 10_000
"""Milliseconds of the recording that the media program composes at a time."""
WAITING = timedelta(seconds=2)
"""How soon to look again for the last chunks of a recording that is over."""
MOST_FAILURES = 6
NOTHING = "Nothing was recorded: no page sent any sound or picture."
CRASHED = "The recording could not be composed: the work on it broke off again and again."
COMPOSABLE = ("stopped", "available", "failed")


class Busy(Exception):
    """Another process of this machine is at the work folder."""


def go_on(archive_pk: int, *, watched: str = "") -> bool:
    """Work on a recording that is due, if nobody does; return whether this call did. Never raises for its media.

    `watched`: do so only if the holder of this claim is dead.
    """
    if watched and not leases.watch(archive_pk, watched):
        return False
    lease = leases.claim(archive_pk)
    if lease is None:
        return False
    due_at: datetime | None = timezone.now() + WAITING
    try:
        with lease.renewed():
            due_at = _work(lease)
    except (Busy, MediaBusy):
        logger.info("The folder of recording %s is in use", archive_pk)
    except Exception as error:
        logger.exception("The work on recording %s failed", archive_pk)
        due_at = _failed(archive_pk, error)
    lease.release(due_at)
    keeping.remove_if_deleted(archive_pk)
    return True


def _work(lease: Lease) -> datetime | None:
    """Do what can be done now; return when to go on, `None` if nothing is left."""
    archive: Archive = Archive.objects.select_related("meeting", "target").get(pk=lease.archive_pk)
    if archive.deleted:
        return None
    now = timezone.now()
    folder = sources.work_folder(archive)
    folder.mkdir(parents=True, exist_ok=True)
    with _locked(folder):
        is_final = sources.seal(archive, now)
        known = sources.collect(archive, folder, now)
        if is_final and not any(source.size for source in known.values()):
            delivery.fail(lease, archive, NOTHING)
            return None
        sources.write_job(archive, folder, known, is_final=is_final, now=now)
        media = Runner(folder)
        lease.on_lost = media.kill
        try:
            done = media.advance(seconds=STRETCH)
            _note_progress(archive, done.done, done.total)
            if not (is_final and done.is_complete):
                is_behind = is_final or done.total - done.done >= SLICE
                return _next(archive, is_behind=is_behind)
            _say(archive, "joining", 99)
            finished = media.finish()
        except MediaUnusable as error:
            delivery.fail(lease, archive, str(error))
            return None
        _say(archive, "uploading", 99)
        return delivery.deliver(lease, archive, finished)


def _next(archive: Archive, *, is_behind: bool) -> datetime:
    """Return when to go on: at once with the rest of what is there, else when more has come in."""
    archive.refresh_from_db(fields=["status"])
    now = timezone.now()
    if is_behind:
        return now
    return now + (lifecycle.COMPOSED_EVERY if archive.is_running else WAITING)


def _note_progress(archive: Archive, done: int, total: int) -> None:
    """Show how far it is, and forget earlier failures if it has come further."""
    if done > archive.composed_ms:
        Archive.objects.filter(pk=archive.pk).update(composed_ms=done, compose_attempts=0, compose_error="")
    phase = "recording" if archive.is_running else "composing"
    _say(archive, phase, min(99, 100 * done // total) if total else 0)


def _say(archive: Archive, phase: str, percent: int) -> None:
    Archive.objects.filter(pk=archive.pk).update(progress={"phase": phase, "percent": percent})


def _failed(archive_pk: int, error: Exception) -> datetime | None:
    """Note why a stretch of work failed; return when to try again, `None` when it is given up."""
    what = error.message if isinstance(error, StorageError) else f"{type(error).__name__}: {str(error)[-400:]}"
    archive: Archive = Archive.objects.get(pk=archive_pk)
    attempts = archive.compose_attempts + 1
    Archive.objects.filter(pk=archive_pk).update(compose_attempts=attempts, compose_error=what[:500])
    if isinstance(error, MediaError) and attempts > MOST_FAILURES and not archive.is_running:
        delivery.give_up(archive, CRASHED)
        return None
    return deferred.retry_at(attempts - 1)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Hold the work folder against other processes of this machine; the media program has a lock of its own."""
    with (folder / "sources.lock").open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Busy from error
        yield


def compose_again(archive: Archive) -> None:
    """Have an archive composed anew from its chunks; its file, if it has one, stays until the new one is there.

    Raises `Conflict` while it runs or is being composed, and when its chunks are gone.
    """
    if archive.deleted or archive.status not in COMPOSABLE:
        raise Conflict(f"The archive can't be composed; it is {archive.status}.", code="archive_running")
    if archive.compose_due_at is not None:
        raise Conflict("The archive is being composed already.", code="archive_running")
    if not Chunk.objects.filter(track__archive=archive).aggregate(size=Sum("size"))["size"]:
        raise Conflict("The chunks of this archive are gone.", code="chunks_missing")
    now = timezone.now()
    keeping.remove_work(archive)
    status = "available" if archive.status == "available" else "stopped"
    again = Archive.objects.filter(pk=archive.pk, compose_due_at__isnull=True, status=archive.status)
    values = {
        "compose_attempts": 0,
        "compose_error": "",
        "composed_ms": 0,
        "refused_since": None,
        "chunks_due_at": None,
    }
    if again.update(status=status, progress={"phase": "composing", "percent": 0}, compose_due_at=now, **values):
        lifecycle.compose_later(archive, now)
