"""One stretch of work on a recording: some seconds while it runs, the rest and the delivery when it is over.

Each stretch is a task of the worker, which puts the next one on order. All that it knows is in rows and in the work
folder, so that it does not matter which worker does it, or how the last one ended.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Sum
from django.utils import timezone

from archives.composing import delivery, keeping, leases, sources
from archives.composing.leases import Lease
from archives.media.runner import MediaBusy, MediaCrashed, MediaError, MediaUnusable, Runner
from archives.models import Archive, Chunk
from archives.recording import consent, lifecycle
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
MOST_CRASHES = 4
"""How many crashes of one track are not counted as failures: after two at the same place it is left out."""
MOST_DEATHS = 12
"""How many workers in a row may die at a recording that is over."""
NOTHING = "Nothing was recorded: no page sent any sound or picture."
NOBODY_AGREED = "Nothing was recorded: nobody who was there agreed to be recorded."
CRASHED = "The recording could not be composed: the work on it broke off again and again."
KILLED = "The recording could not be composed: each process that worked on it was killed, perhaps for want of memory."
COMPOSABLE = ("stopped", "available", "failed")


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
    except (sources.Busy, MediaBusy):
        logger.info("The folder of recording %s is in use", archive_pk)
    except Exception as error:
        if Archive.objects.filter(pk=archive_pk, deleted=True).exists():  # and its folder with it
            logger.info("Recording %s was deleted while it was composed", archive_pk)
        else:
            logger.exception("The work on recording %s failed", archive_pk)
        due_at = _failed(lease, error)
    lease.release(due_at)
    keeping.remove_if_deleted(archive_pk)
    return True


def _work(lease: Lease) -> datetime | None:
    """Do what can be done now; return when to go on, `None` if nothing is left."""
    archive: Archive = Archive.objects.select_related("meeting", "target").get(pk=lease.archive_pk)
    if archive.deleted:
        return None
    if lease.deaths > MOST_DEATHS and not archive.is_running:
        delivery.fail(lease, archive, KILLED)
        return None
    now = timezone.now()
    folder = sources.work_folder(archive)
    folder.mkdir(parents=True, exist_ok=True)
    with sources.locked(folder):
        is_final = sources.seal(archive, now)
        known = sources.collect(archive, folder, now)
        if is_final and not any(source.size for source in known.values()):
            delivery.fail(lease, archive, NOBODY_AGREED if consent.nobody_agreed(archive) else NOTHING)
            return None
        sources.write_job(archive, folder, known, is_final=is_final, now=now)
        media = Runner(folder)
        lease.on_lost = media.kill
        try:
            done = media.advance(seconds=STRETCH)
            _note_progress(lease, archive, done.done, done.total)
            if not (is_final and done.is_complete):
                is_behind = is_final or done.total - done.done >= SLICE
                return _next(archive, is_behind=is_behind)
            _say(lease, "joining", 99)
            finished = media.finish()
        except MediaUnusable as error:
            delivery.fail(lease, archive, str(error))
            return None
        _say(lease, "uploading", 99)
        return delivery.deliver(lease, archive, finished)


def _next(archive: Archive, *, is_behind: bool) -> datetime:
    """Return when to go on: at once with the rest of what is there, else when more has come in."""
    archive.refresh_from_db(fields=["status"])
    now = timezone.now()
    if is_behind:
        return now
    return now + (lifecycle.COMPOSED_EVERY if archive.is_running else WAITING)


def _note_progress(lease: Lease, archive: Archive, done: int, total: int) -> None:
    """Show how far it is, and forget earlier failures if it has come further.

    Of a recording that is over the whole is known, whatever of it has come in.
    """
    total = max(total, sum(end - since for since, end in archive.spans if end is not None))
    if done > archive.composed_ms:
        lease.held().update(composed_ms=done, compose_attempts=0, compose_error="")
    phase = "recording" if archive.is_running else "composing"
    _say(lease, phase, min(99, 100 * done // total) if total else 0)


def _say(lease: Lease, phase: str, percent: int) -> None:
    lease.held().update(progress={"phase": phase, "percent": percent})


def _failed(lease: Lease, error: Exception) -> datetime | None:
    """Note why a stretch of work failed; return when to try again, `None` when it is given up, or not ours any more."""
    archive: Archive | None = lease.held().select_related("meeting").first()
    if archive is None:
        return None
    what = error.message if isinstance(error, StorageError) else f"{type(error).__name__}: {str(error)[-400:]}"
    is_new = isinstance(error, MediaCrashed) and _is_one_more_track(archive, error)
    attempts = 1 if is_new else archive.compose_attempts + 1
    lease.held().update(compose_attempts=attempts, compose_error=what[:500])
    if isinstance(error, MediaError) and attempts > MOST_FAILURES and not archive.is_running:
        delivery.fail(lease, archive, CRASHED)
        return None
    return deferred.retry_at(attempts - 1)


def _is_one_more_track(archive: Archive, error: MediaCrashed) -> bool:
    """Whether a crash is to be put down to a track that is about to be left out for it; each may crash a few times."""
    if error.track is None:
        return False
    path = sources.work_folder(archive) / "crashes.json"
    crashes = sources.read_json(path)
    count = int(crashes.get(str(error.track), 0)) + 1
    crashes[str(error.track)] = count
    try:
        sources.replace(path, crashes)
    except OSError:  # what can't be counted is a failure like any other
        return False
    return count <= MOST_CRASHES


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
    status = "available" if archive.status == "available" else "stopped"
    again = Archive.objects.filter(pk=archive.pk, compose_due_at__isnull=True, status=archive.status)
    values = {
        "compose_attempts": 0,
        "compose_error": "",
        "composed_ms": 0,
        "refused_since": None,
        "chunks_due_at": None,
    }
    with transaction.atomic():
        if not again.update(status=status, progress={"phase": "composing", "percent": 0}, compose_due_at=now, **values):
            raise Conflict("The archive is being composed already.", code="archive_running")
        keeping.remove_work(archive)
        lifecycle.compose_later(archive, now)
