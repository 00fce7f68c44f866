"""The composed file goes to where archives are stored, is read back, and the archive says so."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from archives import storage
from archives.composing import keeping, sources
from archives.composing.leases import Lease
from archives.facts import ArchiveFacts
from archives.media.runner import Finished, Missing
from archives.models import Archive, StorageTarget
from archives.providers.registry import archive_provider
from meetings import deferred
from meetings.conf import conf
from meetings.envelope import PROVIDER_MESSAGES
from meetings.exceptions import ConfigurationMissing, StorageError, VideoconfError
from meetings.providers.registry import get_provider

logger = logging.getLogger(__name__)

REFUSED_FOR = timedelta(minutes=15)
"""How long a storage is asked again before the recording goes to the folder, or fails."""
KEPT_HERE = "opentok"
"""The storage target's `fallback` that means: keep it where it was made."""
NOT_STORED = "The recording could not be stored: the storage of archives did not take it."
INSTEAD = "The storage of archives did not take the file; it is kept by this service."
MOST_NAMED = 8
"""Missing parts that are said in words."""
MOST_KEPT = 50
"""Missing parts that are kept with the archive."""


def deliver(lease: Lease, archive: Archive, report: Finished) -> datetime | None:
    """Store the file and finish the archive; return when to try again if the storage refuses, else `None`."""
    target = target_of(archive)
    try:
        key = _store(lease, archive, target, report)
    except (StorageError, ConfigurationMissing) as error:
        return _refused(lease, archive, report, target, error)
    return _finish(lease, archive, report, target, key, note_of(archive, report.missing))


def target_of(archive: Archive) -> StorageTarget | None:
    """Return where an archive goes: the target in force when it began, the present one if that was taken away since."""
    began: StorageTarget | None = (
        StorageTarget.objects.filter(created_on__lte=archive.created_on).order_by("-id").first()
    )
    if began is not None and not began.deleted:
        return began
    was_in_force = began is not None and began.deleted_on is not None and began.deleted_on > archive.created_on
    present: StorageTarget | None = StorageTarget.objects.in_force() if was_in_force else None
    return present


def _store(lease: Lease, archive: Archive, target: StorageTarget | None, report: Finished) -> str | None:
    """Store the file and read it back; return its key, `None` if the lease was lost before."""
    said = ArchiveFacts(archive_id=archive.archive_id, status="stopped", output_mode=archive.output_mode)
    key = archive_provider(get_provider(archive.provider)).storage_key(said)
    kind = "application/zip" if archive.output_mode == "individual" else "video/mp4"
    if not _intend(lease, archive, target, key):
        return None
    with report.path.open("rb") as file:
        storage.save(target, key, file, content_type=kind)
    try:
        _verify(target, key, report)
    except StorageError:
        _forget_unfinished(archive)
        raise
    return key


def _intend(lease: Lease, archive: Archive, target: StorageTarget | None, key: str) -> bool:
    """Write down where the file goes before it is there, so that whoever removes the archive finds it.

    It counts once the status says so. A file that is there already stays until the new one is. Return whether the
    lease is ours.
    """
    if not lease.renew():
        return False
    if archive.status == "available":
        return True
    if (archive.storage_key, archive.target_id) != (key, target and target.pk):
        _forget_unfinished(archive)
    archive.storage_key, archive.target = key, target
    return bool(lease.held().update(storage_key=key, target=target))


def _forget_unfinished(archive: Archive) -> None:
    """Remove what an attempt to store the archive has left, unless that is the place of a file that is in use."""
    if archive.storage_key and archive.status != "available":
        keeping.forget_file(archive)


def _verify(target: StorageTarget | None, key: str, report: Finished) -> None:
    """Read the file back; raise `StorageError` if it is not what was stored."""
    size = storage.size(target, key)
    digest = hashlib.sha256()
    if size == report.size:
        for piece in storage.open_range(target, key, 0, size):
            digest.update(piece)
    if size != report.size or digest.hexdigest() != report.sha256:
        raise StorageError("What comes back from the storage is not the file that was stored.")


def _refused(
    lease: Lease, archive: Archive, report: Finished, target: StorageTarget | None, error: VideoconfError
) -> datetime | None:
    now = timezone.now()
    since = archive.refused_since or now
    said = PROVIDER_MESSAGES.get(error.code, error.message)
    lease.held().update(
        refused_since=since,
        compose_attempts=archive.compose_attempts + 1,
        compose_error=error.message[:500],
        reason=said,
    )
    logger.warning("Recording %s can't be stored: %s", archive.pk, error.code)
    if now - since < REFUSED_FOR:
        return min(deferred.retry_at(archive.compose_attempts), max(since + REFUSED_FOR, now + deferred.FIRST_RETRY))
    if target is None or target.fallback != KEPT_HERE:
        fail(lease, archive, NOT_STORED)
        return None
    key = _store(lease, archive, None, report)
    note = " ".join(filter(None, (INSTEAD, note_of(archive, report.missing))))
    return _finish(lease, archive, report, None, key, note)


def _finish(
    lease: Lease, archive: Archive, report: Finished, target: StorageTarget | None, key: str | None, note: str
) -> datetime | None:
    """Make the archive available, unless it was deleted meanwhile or the lease was lost: then its file goes again."""
    if key is None:
        return None
    now = timezone.now()
    kept_until = now + timedelta(hours=conf.RECORDING_KEEP_HOURS)
    values: dict[str, Any] = {
        "status": "available",
        "reason": note[:500],
        "size": report.size,
        "duration": round(report.duration / 1000),
        "sha256": report.sha256,
        "has_audio": report.has_audio,
        "has_video": report.has_video,
        "storage_key": key,
        "target": target,
        "report": _report_of(archive, report),
        "chunks_due_at": kept_until,
    }
    with transaction.atomic():
        is_ours = _settle(lease, archive, values)
        if is_ours:
            keeping.remove_chunks_later(archive, kept_until)
    if not is_ours:
        keeping.remove_file_of_deleted(archive, target, key)
        return None
    if archive.storage_key and (archive.storage_key, archive.target_id) != (key, target and target.pk):
        keeping.forget_file(archive)
    keeping.remove_work(archive)
    return None


def _settle(lease: Lease, archive: Archive, values: dict[str, Any]) -> bool:
    """Say how it ended and give the lease back, in one statement: from then on nothing is left to do."""
    held = lease.held().filter(deleted=False)
    over: dict[str, Any] = {
        "compose_due_at": None,
        "compose_claim": "",
        "compose_lease_until": None,
        "progress": None,
        "compose_attempts": 0,
        "refused_since": None,
        "modified_on": timezone.now(),
    }
    if values["status"] == "available":
        over["compose_error"] = ""
    return bool(held.update(**over, **values))


def fail(lease: Lease, archive: Archive, reason: str) -> None:
    """Say that there is no file and why; one that was there before stays. The chunks are kept for a while."""
    kept_until = timezone.now() + timedelta(hours=conf.RECORDING_KEEP_HOURS)
    values: dict[str, Any] = {"status": "failed", "reason": reason[:500], "chunks_due_at": kept_until}
    if archive.status == "available":
        values |= {"status": "available", "reason": archive.reason}
    with transaction.atomic():
        if _settle(lease, archive, values):
            keeping.remove_chunks_later(archive, kept_until)
            keeping.remove_work(archive)


def _report_of(archive: Archive, report: Finished) -> dict[str, Any]:
    """Return who is in it and what is missing, in milliseconds from its beginning."""
    people = {person["id"]: person["name"] for person in sources.people_of(archive)}
    missing = [
        {
            "person": people.get(gap.person, ""),
            "kind": gap.kind,
            "from": _position(archive, gap.start),
            "to": _position(archive, gap.end),
            "why": gap.why,
        }
        for gap in report.missing[:MOST_KEPT]
    ]
    said: dict[str, Any] = {"people": list(people.values()), "missing": missing}
    if len(report.missing) > MOST_KEPT:
        said["more"] = f"and {len(report.missing) - MOST_KEPT} more parts"
    return said


def note_of(archive: Archive, missing: Sequence[Missing]) -> str:
    """Return in words what of a recording is missing; empty if nothing is."""
    if not missing:
        return ""
    people = {person["id"]: person["name"] for person in sources.people_of(archive)}
    parts = [
        f"{people.get(gap.person, 'somebody')} ({gap.kind}) from {_clock(_position(archive, gap.start))} to "
        f"{_clock(_position(archive, gap.end))}: {gap.why.rstrip('.')}"
        for gap in missing[:MOST_NAMED]
    ]
    more = f"; and {len(missing) - MOST_NAMED} more" if len(missing) > MOST_NAMED else ""
    return f"Missing: {'; '.join(parts)}{more}."


def _position(archive: Archive, moment: int) -> int:
    """Return where in the recording a moment of the meeting is (ms): pauses are cut out of it."""
    return sum(max(min(moment, end) - since, 0) for since, end in archive.spans if end is not None)


def _clock(ms: int) -> str:
    minutes, seconds = divmod(round(ms / 1000), 60)
    return f"{minutes}:{seconds:02}"
