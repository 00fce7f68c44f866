"""What recordings leave behind when processes are killed or time runs out: found by looking, removed on request."""

from __future__ import annotations

import shutil
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

from django.db.models import Sum
from django.utils import timezone

from archives.composing import keeping, sources
from archives.models import Archive, Chunk, Track
from archives.recording import chunk_store
from meetings.conf import conf
from meetings.exceptions import StorageError

SETTLED_AFTER = timedelta(hours=1)
"""Files that are younger may be on their way to a row."""
OVER = ("available", "failed", "expired")


@dataclass(frozen=True, slots=True, kw_only=True)
class Leftover:
    """Something that nobody needs: what it is, for people; its size in bytes; how it goes away."""

    what: str
    size: int
    remove: Callable[[], None]


def leftovers() -> Iterator[Leftover]:
    """Yield what is left behind, as it is found."""
    yield from _old_chunks()
    yield from _orphans()
    yield from _broken_uploads()
    yield from _old_work()


def _old_chunks() -> Iterator[Leftover]:
    """Chunks of recordings that are over for longer than chunks are kept, or deleted."""
    limit = timezone.now() - timedelta(hours=conf.RECORDING_KEEP_HOURS)
    with_tracks = Archive.objects.filter(pk__in=Track.objects.values("archive"), compose_due_at__isnull=True)
    for archive in with_tracks.iterator():
        is_due = archive.chunks_due_at is not None and archive.chunks_due_at <= timezone.now()
        is_old = archive.chunks_due_at is None and archive.status in OVER and archive.modified_on < limit
        if archive.deleted or is_due or is_old:
            size = Chunk.objects.filter(track__archive=archive).aggregate(size=Sum("size"))["size"] or 0
            yield Leftover(
                what=f"chunks of recording {archive.archive_id}", size=size, remove=partial(_forget, archive)
            )


def _forget(archive: Archive) -> None:
    keeping.remove_sources(archive)
    Archive.objects.filter(pk=archive.pk).update(chunks_due_at=None)


def _orphans() -> Iterator[Leftover]:
    """Chunks of recordings that no row tells of."""
    store = chunk_store.chunk_store()
    for archive_id in filter(_is_id, store.recordings()):
        if not Track.objects.filter(archive__archive_id=archive_id).exists():
            files = list(store.files(archive_id))
            if all(_is_settled(store, name) for name, _ in files):
                remove = partial(store.delete_recording, archive_id, iter([name for name, _ in files]))
                size = sum(size for _, size in files)
                yield Leftover(what=f"chunks of the unknown recording {archive_id}", size=size, remove=remove)


def _broken_uploads() -> Iterator[Leftover]:
    """Files that were written for a chunk whose row never came, beside the chunks of a recording."""
    store = chunk_store.chunk_store()
    for archive_id in store.recordings():
        tracks = Track.objects.filter(archive__archive_id=archive_id)
        if not tracks.exists():
            continue
        chunks = Chunk.objects.filter(track__in=tracks).select_related("track")
        known = {chunk_store.key(archive_id, one.track.track_id, one.sequence, one.sha256) for one in chunks.iterator()}
        for name, size in store.files(archive_id):
            if name not in known and _is_settled(store, name):
                yield Leftover(what=f"broken upload {name}", size=size, remove=partial(store.delete, name))


def _is_settled(store: chunk_store.ChunkStore, name: str) -> bool:
    return store.changed_at(name) < time.time() - SETTLED_AFTER.total_seconds()


def _old_work() -> Iterator[Leftover]:
    """Folders of the worker whose recording is not being composed; others may lie there too."""
    root = sources.work_root()
    for folder in sorted(root.iterdir()) if root.is_dir() else []:
        at_work = Archive.objects.filter(archive_id=folder.name, compose_due_at__isnull=False, deleted=False)
        if _is_work(folder) and not at_work.exists() and not _is_in_use(folder):
            remove = partial(_remove_work, folder)
            yield Leftover(what=f"unfinished work {folder.name}", size=_size_of(folder), remove=remove)


def _is_work(folder: Path) -> bool:
    is_marked = any((folder / name).is_file() for name in ("sources.lock", "job.json"))
    return is_marked and _is_id(folder.name) and not folder.is_symlink()


def _is_id(name: str) -> bool:
    """Whether it is an archive id of our own, which are UUIDs."""
    try:
        return str(uuid.UUID(name)) == name
    except ValueError:
        return False


def _is_in_use(folder: Path) -> bool:
    if not (folder / "sources.lock").exists():
        return False
    try:
        with sources.locked(folder):
            return False
    except sources.Busy:
        return True


def _remove_work(folder: Path) -> None:
    try:
        with sources.locked(folder):
            shutil.rmtree(folder, ignore_errors=True)
    except sources.Busy as error:
        raise StorageError("A worker has begun to use it.") from error


def _size_of(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
