"""What can be done with archives: the place where rows, providers and buckets meet. Their target is in `targets`."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.utils import timezone

from archives import links, states, storage
from archives.composing import keeping
from archives.facts import ArchiveFacts
from archives.models import Archive
from archives.providers.base import ArchiveProvider, ArchiveSpec
from archives.providers.registry import archive_provider
from archives.recording import lifecycle
from meetings import deferred, rules
from meetings.attendance import lock
from meetings.exceptions import (
    ConfigurationMissing,
    Conflict,
    NotFound,
    ProviderConflict,
    ProviderError,
    ProviderNotFound,
    Refused,
    VideoconfError,
)
from meetings.models import Meeting
from meetings.providers.registry import get_provider, is_configured
from meetings.services import PURGER, provider_called, provider_of, room_of

logger = logging.getLogger(__name__)

AT_PROVIDER = ("starting", "started", "paused", "stopped", "available")
"""States that the provider may know more of than the row, or has a fresh link for."""
LINK_LIFETIME = timedelta(minutes=10)
WITHOUT_FILE = ("failed", "expired")
NOT_FOUND = "Archive Not Found"
FOR_GOOD = ("erase_attendee", PURGER)
"""Who deletes archives that nobody may bring back."""
FOREIGN = "It was made with other credentials than those that are set."
NOBODY_THERE = "Nobody is connected to the meeting yet; start when someone has joined."


def start_archive(meeting: Meeting, spec: ArchiveSpec, *, actor: str) -> Archive:
    """Start recording a meeting; return the archive.

    Raises `UnsupportedFeature`, `Refused` (encrypted, over), `Conflict` (recorded already, nobody there yet, or the
    provider's reason) and `ProviderError`; after each of them there is no archive.
    """
    provider = provider_of(meeting)
    rules.refuse_unsupported(provider, "archive", "archive meeting")
    if meeting.end_to_end_encryption:
        raise Refused("End to end Encryption along with archiving is not possible", code="encryption_with_archiving")
    recorder = archive_provider(provider)
    recorder.refuse(spec)
    if not recorder.is_remote:
        _refuse_start(meeting)
    pending = _reserve(meeting, spec, actor)
    try:
        said = recorder.start(room_of(meeting), spec)
    except Exception as error:
        Archive.objects.filter(pk=pending.pk, archive_id=pending.archive_id, status="starting").delete()
        raise _in_our_words(error, nowhere=NOBODY_THERE) from error
    with transaction.atomic():
        started = states.merge(meeting, said, pending=pending)
        assert started is not None
        if not recorder.is_remote:
            lifecycle.began(started, spec)
    return started


def _refuse_start(meeting: Meeting) -> None:
    """Refuse what no provider refuses for us where we record ourselves."""
    rules.refuse_over(meeting, now=timezone.now())
    if not lifecycle.is_anybody_there(meeting):
        raise Conflict(NOBODY_THERE, code="archive_conflict")


def _reserve(meeting: Meeting, spec: ArchiveSpec, actor: str) -> Archive:
    """Make the row that waits for the provider's id; the database lets one run at a time."""
    try:
        with transaction.atomic():
            rules.refuse_over(lock(meeting), now=timezone.now())
            if Archive.objects.alive().running().filter(meeting=meeting).exists():
                raise Conflict("The meeting is being recorded already.", code="archive_running")
            archive: Archive = Archive.objects.create(
                meeting=meeting,
                tenant=meeting.tenant,
                provider=meeting.provider,
                name=spec.name,
                is_ours=True,
                resolution=spec.resolution,
                output_mode=spec.output_mode or "composed",
                created_by=actor,
                modified_by=actor,
            )
    except IntegrityError as error:
        raise Conflict("The meeting is being recorded already.", code="archive_running") from error
    return archive


def _in_our_words(error: Exception, *, nowhere: str = "") -> Exception:
    """What is the caller's business passes through: an unknown archive, and what can't be done now."""
    if isinstance(error, ProviderConflict):
        return Conflict(f"The provider can't do it now: {error.message}", code="archive_conflict")
    if isinstance(error, ProviderNotFound):
        return Conflict(nowhere, code="archive_conflict") if nowhere else NotFound(NOT_FOUND, code="archive_not_found")
    return error


def stop_archive(archive: Archive, *, why: str = lifecycle.BY_REQUEST) -> Archive:
    """Stop a running archive; return it. `Conflict` for one that is over, or that ends with its meeting alone.

    `why` is kept of our own recordings: it decides whether a meeting that records by itself begins anew.
    """
    if not archive.is_running:
        raise Conflict(f"The archive is not running; it is {archive.status}.", code="archive_not_running")
    provider = provider_called(archive.provider)
    rules.refuse_unsupported(provider, "archive", "stop archive")
    if archive.status == "starting":
        raise Conflict("The archive is only just starting; try again.", code="archive_conflict")
    if not provider.owns(archive.meeting.session_id):
        raise Conflict(f"The archive can't be stopped. {FOREIGN}", code="archive_conflict")
    recorder = archive_provider(provider)
    try:
        said = recorder.stop(archive.archive_id)
    except ProviderError as error:
        raise _in_our_words(error) from error
    return _merged(archive, said) if recorder.is_remote else _stopped(archive, said, why)


def _stopped(archive: Archive, said: ArchiveFacts, why: str) -> Archive:
    """Stop a recording of our own; of racing calls one does."""
    with transaction.atomic():
        lock(archive.meeting)
        if not Archive.objects.running().filter(pk=archive.pk).exists():
            raise Conflict("The archive is not running; it is over.", code="archive_not_running")
        merged = states.merge(archive.meeting, said)
        assert merged is not None
        merged.compose_attempts = 0  # failures while it ran say nothing of the whole
        merged.save(update_fields=["compose_attempts"])
        return lifecycle.ended(merged, why)


def _merged(archive: Archive, said: ArchiveFacts) -> Archive:
    if states.follow(archive, said):
        return archive
    with transaction.atomic():
        merged = states.merge(archive.meeting, said)
    return merged or archive


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveFile:
    """An archive as it is now, and a link to its file that expires (`None` while there is no file)."""

    archive: Archive
    url: str | None


def describe_archive(archive: Archive) -> ArchiveFile:
    """Return an archive as its provider knows it now, with a fresh link. Raises `NotFound` and `ProviderError`."""
    if is_kept_here(archive):
        return ArchiveFile(archive=archive, url=_bucket_link(archive))
    provider = provider_called(archive.provider)
    if (
        not provider.archive_backend
        or not archive_provider(provider).is_remote
        or archive.status not in AT_PROVIDER
        or archive.status == "starting"
    ):
        return ArchiveFile(archive=archive, url=None)
    if not provider.owns(archive.meeting.session_id):
        return ArchiveFile(archive=archive, url=None)
    try:
        said = archive_provider(provider).describe(archive.archive_id)
    except ProviderError as error:
        raise _in_our_words(error) from error
    if says_more(archive, said):
        archive = _merged(archive, said)
    if archive.status == "uploaded":
        return ArchiveFile(archive=archive, url=_bucket_link(archive))
    return ArchiveFile(archive=archive, url=said.url if archive.status == "available" else None)


def is_kept_here(archive: Archive) -> bool:
    """Whether its file is in a bucket or the folder, where links are made by us."""
    return archive.status == "uploaded" or (archive.status == "available" and bool(archive.storage_key))


def says_more(archive: Archive, said: ArchiveFacts) -> bool:
    return (said.status, said.size, said.duration) != (archive.status, archive.size, archive.duration)


def _is_placed(archive: Archive) -> bool:
    """Whether it is known where an uploaded file is; it may be known only since a storage target was set."""
    if archive.storage_key:
        return True
    if not states.place(archive):
        return False
    archive.save(update_fields=["storage_key", "target"])
    return True


def url_of(found: ArchiveFile, absolute: Callable[[str], str]) -> str | None:
    """Return the address of an archive's file, of the storage or of our own; `absolute` makes a path one."""
    if found.url is not None or not is_kept_here(found.archive) or not found.archive.storage_key:
        return found.url
    return absolute(links.file_path(found.archive, timezone.now()))


def _bucket_link(archive: Archive) -> str | None:
    """A link into the bucket; none where there are no links, or where none can be signed, which is logged."""
    if not _is_placed(archive):
        return None
    try:
        return storage.link(
            archive.target,
            archive.storage_key,
            expires=LINK_LIFETIME,
            filename=file_name(archive),
            content_type=content_type(archive),
        )
    except VideoconfError as error:
        logger.warning("There is no link to archive %s: %s", archive.pk, error.message)
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """An archive's file in a storage that has no links: its size (bytes), and a reader of a part of it."""

    archive: Archive
    size: int

    def read(self, start: int, end: int) -> Iterator[bytes]:
        """Yield the bytes from `start` up to, not including, `end`."""
        return storage.open_range(self.archive.target, self.archive.storage_key, start, end)


def stored_file(archive: Archive) -> StoredFile:
    """Return the file to be sent by us; raise `Conflict` if there is none yet, and `StorageError`."""
    if not is_kept_here(archive) or not archive.storage_key:
        raise Conflict(f"The archive has no file; it is {archive.status}.", code="archive_not_available")
    return StoredFile(archive=archive, size=storage.size(archive.target, archive.storage_key))


def content_type(archive: Archive) -> str:
    """Return the media type of an archive's file."""
    return "application/zip" if archive.output_mode == "individual" else "video/mp4"


def file_name(archive: Archive) -> str:
    """Return the name that a downloaded file gets."""
    suffix = "zip" if archive.output_mode == "individual" else "mp4"
    return f"{archive.name or archive.archive_id}.{suffix}"


def delete_archive(archive: Archive, *, actor: str) -> None:
    """Soft-delete an archive, then remove it at the provider and in the bucket; a running one must be stopped first.

    What the provider or the bucket does not take now is repeated by the worker until it does.
    """
    with transaction.atomic():
        locked = Archive.objects.select_for_update(no_key=True).get(pk=archive.pk)
        if locked.is_running:
            raise Conflict("The archive is still running; stop it first.", code="archive_running")
        if not locked.soft_delete(actor):
            raise NotFound(NOT_FOUND, code="archive_not_found")
        due = timezone.now() + deferred.ABANDONED_AFTER
        Archive.objects.filter(pk=locked.pk).update(removal_due_at=due, removal_attempts=0, removal_error="")
        _remove_later(locked, due)
    _remove(locked)


def restore_archive(archive: Archive, *, actor: str) -> None:
    """Bring a soft-deleted archive back to the lists; what was removed from the storage stays removed.

    Raises `Conflict` while another one runs, and for one that went with somebody who was erased.
    """
    if archive.deleted_by in FOR_GOOD:
        raise Conflict("It was deleted for good: somebody who may be in it was erased.", code="archive_conflict")
    with transaction.atomic():
        try:
            with transaction.atomic():
                archive.restore(actor)
        except IntegrityError as error:
            raise Conflict("Another recording of this meeting is running.", code="archive_running") from error
        archive.mark_removed()


def repeat_removal(archive_id: int) -> bool:
    """Remove what is left of a deleted archive; return whether nothing is owed any more."""
    archive: Archive | None = Archive.objects.owing_removal().filter(pk=archive_id).first()
    if archive is None:
        return True
    now = timezone.now()
    with transaction.atomic():
        if not archive.claim_removal(now, until=now + deferred.ABANDONED_AFTER):
            return False
        _remove_later(archive, now + deferred.ABANDONED_AFTER)
    return _remove(archive)


def _remove(archive: Archive) -> bool:
    try:
        if not is_configured(archive.provider):
            raise ProviderError(f"The provider {archive.provider!r} is not configured.")
        provider = get_provider(archive.provider)
        if not provider.owns(archive.meeting.session_id):  # a 404 would mean nothing
            raise ProviderError(FOREIGN)
        if provider.archive_backend:
            recorder = archive_provider(provider)
            archive = _brought_up_to_date(recorder, archive)
            _remove_at_provider(recorder, archive)
            keeping.remove_sources(archive)
        if archive.status == "uploaded" and not _is_placed(archive):
            raise ConfigurationMissing(
                "No storage target says in which bucket the file is.", code="storage_target_not_found"
            )
        if archive.storage_key:
            storage.delete(archive.target, archive.storage_key)
        if keeping.is_being_composed(archive):
            raise Conflict("It is being composed; what that leaves is removed then.", code="archive_running")
    except VideoconfError as error:
        logger.warning("Removing archive %s failed: %s", archive.pk, error.code)
        _owe_removal(archive, f"{error.code}: {error.message}")
        return False
    except Exception as error:
        logger.exception("Removing archive %s failed", archive.pk)
        _owe_removal(archive, f"error: {type(error).__name__}")
        return False
    archive.mark_removed()
    return True


def _brought_up_to_date(recorder: ArchiveProvider, archive: Archive) -> Archive:
    """Callbacks come late or never: of what has only stopped, the provider knows whether a bucket has the file."""
    if archive.status != "stopped" or not recorder.is_remote:
        return archive
    try:
        said = recorder.describe(archive.archive_id)
    except ProviderNotFound:
        return archive
    return _merged(archive, said)


def _remove_at_provider(recorder: ArchiveProvider, archive: Archive) -> None:
    """An archive that failed or expired has no file, and Vonage refuses to delete such a one for ever."""
    try:
        recorder.delete(archive.archive_id)
    except ProviderConflict:
        if archive.status not in WITHOUT_FILE:
            raise


def _owe_removal(archive: Archive, reason: str) -> None:
    again_at = deferred.retry_at(archive.removal_attempts)
    with transaction.atomic():
        archive.mark_removal_failed(reason, again_at)
        _remove_later(archive, again_at)


def _remove_later(archive: Archive, at: datetime) -> None:
    deferred.run_later("archives.tasks.repeat_removal", archive.pk, at=at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stopped:
    """How many archives were stopped, and why others could not be."""

    count: int
    failures: tuple[str, ...]


def stop_archives_of(meeting: Meeting) -> Stopped:
    """Stop what still records a meeting that is over.

    An archive that can't be stopped by us (always mode) ends by itself when everybody is out.
    """
    running = Archive.objects.alive().running().filter(meeting=meeting).exclude(status="starting")
    count, failures = 0, []
    for archive in running.select_related("meeting"):
        try:
            stop_archive(archive, why=lifecycle.WITH_MEETING)
            count += 1
        except (Conflict, NotFound):
            continue
        except VideoconfError as error:
            logger.warning("Stopping archive %s failed: %s", archive.pk, error.code)
            failures.append(f"archive {archive.archive_id}: {error.code}: {error.message}")
    return Stopped(count=count, failures=tuple(failures))


def stop_archives_later(meeting: Meeting) -> None:
    """Have the worker stop what records a meeting, should whoever does it now not get to it."""
    at = timezone.now() + deferred.ABANDONED_AFTER
    deferred.run_later("archives.tasks.stop_archives", meeting.pk, 0, at=at)


def repeat_stopping(meeting_id: int, attempt: int) -> bool:
    """Stop what still records an ended meeting, and come back later if the provider does not take it."""
    meeting = Meeting.objects.filter(pk=meeting_id, end_time__isnull=False).first()
    if meeting is None or not stop_archives_of(meeting).failures:
        return True
    again_at = deferred.retry_at(attempt)
    deferred.run_later("archives.tasks.stop_archives", meeting.pk, attempt + 1, at=again_at)
    return False
