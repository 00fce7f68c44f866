"""From rows and chunks to the folder that the media process works in: its tracks, and what it is to make of them.

A track's file is its chunks in their order. It only grows; what is in it is in `sources.json`, so that a worker that
was killed while it wrote goes on where the last whole chunk ended.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from copy import copy
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.db.models import Q

from archives.models import Archive, Chunk, Track
from archives.recording import chunk_store
from archives.recording.consent import AGREED, REQUIRED, decisions_on
from meetings.conf import conf
from meetings.exceptions import StorageError, StorageFileMissing
from meetings.models import Connection
from meetings.names import display_name
from meetings.providers.session_events import milliseconds
from meetings.providers.types import Role

SILENT_AFTER = timedelta(seconds=60)
"""How long a track is waited for whose page has gone, or whose recording has ended."""
GIVEN_UP_AFTER = timedelta(minutes=10)
"""How long a track, or a chunk before later ones, is waited for while the meeting goes on."""
LATEST = timedelta(minutes=15)
"""How long after its page has left, or its recording has ended, a track may go on sending what it has."""
MARGIN = timedelta(seconds=8)
"""How far behind the present a running recording is composed: tracks are announced a moment after they began."""
FPS = 20
BATCH = 200
MOST_MARKS = 60
MOST_GAPS = 500
"""Holes in one track, after which nothing more of it is read: it is none that a page has recorded."""
MOST_UNSAVED = 64 * 1024 * 1024
"""Bytes that are appended before `sources.json` says so, and once more after a kill."""
MOST_LOOKS = 30
"""How often files of several chunks in a row, or all, are looked for before that is a gap: for about six hours."""


@dataclass(slots=True, kw_only=True)
class Source:
    """What of a track is in its file: up to (not with) chunk `next`; chunks are missing before the offsets `gaps`."""

    next: int = 0
    size: int = 0
    gaps: list[int] = field(default_factory=list)
    marks: list[list[int]] = field(default_factory=list)
    """Of the first chunks: where each ends in the file, and when the page had it."""
    is_whole: bool = False
    """Nothing comes any more, and all that came is in the file."""
    is_riddled: bool = False
    """It had too many holes; what came after them is not in the file."""


class Busy(Exception):
    """Another process of this machine is at the work folder."""


def work_root() -> Path:
    """Return where recordings are composed."""
    root = conf.RECORDING_WORK_FOLDER
    return Path(root) if root else chunk_store.media_folder() / "recording-work"


def work_folder(archive: Archive) -> Path:
    """Return where a recording is composed."""
    return work_root() / chunk_store.prefix(archive.archive_id).rpartition("/")[2]


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the work folder against other processes of this machine; the media program has a lock of its own."""
    with (folder / "sources.lock").open("ab") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Busy from error
        yield


def seal(archive: Archive, now: datetime) -> bool:
    """Seal the tracks that nothing is waited for any more; return whether the recording is over and all are sealed.

    From then on no chunk of them is taken (`intake` looks at it in the transaction that stores one).
    """
    for track in archive.tracks.filter(sealed_at__isnull=True):
        if _is_complete(track) or _is_silent(track, archive, now):
            Track.objects.filter(pk=track.pk).update(sealed_at=now)
    return not archive.is_running and not archive.tracks.filter(sealed_at__isnull=True).exists()


def _is_complete(track: Track) -> bool:
    return track.count is not None and track.chunks >= track.count


def _is_silent(track: Track, archive: Archive, now: datetime) -> bool:
    heard = max(filter(None, (track.created_on, track.last_chunk_at, _end_of(archive))))
    if now - heard > GIVEN_UP_AFTER:
        return True
    gone = _gone_since(track, archive)
    return gone is not None and (now - heard > SILENT_AFTER or now - gone > LATEST)


def _gone_since(track: Track, archive: Archive) -> datetime | None:
    """When the recording ended, or the track's page left; `None` while it may go on."""
    if not archive.is_running:
        return _end_of(archive) or archive.modified_on
    page = Connection.objects.filter(meeting_id=archive.meeting_id, connection_id=track.connection_id).first()
    return track.created_on if page is None else page.left_at


def _end_of(archive: Archive) -> datetime | None:
    """When a recording that is over ended; pages hear of it and send their last chunks afterwards."""
    if archive.is_running or not archive.spans or archive.spans[-1][1] is None:
        return None
    return datetime.fromtimestamp(archive.spans[-1][1] / 1000, tz=archive.created_on.tzinfo)


def collect(archive: Archive, folder: Path, now: datetime) -> dict[str, Source]:
    """Append to the tracks' files what has come in; return what is in them. Raises `StorageError` and `OSError`."""
    (folder / "tracks").mkdir(parents=True, exist_ok=True)
    sources = _read(folder)
    unsaved, is_changed = 0, False
    for track in archive.tracks.all():
        source = sources.setdefault(track.track_id, Source())
        if source.is_whole:
            continue
        before = copy(source)
        _append(archive, track, folder, source, now)
        source.is_whole = track.sealed_at is not None or source.is_riddled
        unsaved, is_changed = unsaved + source.size - before.size, is_changed or source != before
        if unsaved > MOST_UNSAVED:
            _write(folder, sources)
            unsaved, is_changed = 0, False
    if is_changed:
        _write(folder, sources)
    return sources


def _append(archive: Archive, track: Track, folder: Path, source: Source, now: datetime) -> None:
    path = folder / "tracks" / f"{track.track_id}.webm"
    with path.open("ab") as file:
        begin = file.truncate(source.size)
        for chunk in _chunks_from(track, source.next):
            if chunk.sequence > source.next and not _is_hole_old(track, chunk, now):
                break
            content = _bytes_of(archive, track, chunk)
            if (chunk.sequence > source.next or content is None) and source.gaps[-1:] != [source.size]:
                if len(source.gaps) >= MOST_GAPS:
                    source.is_riddled = True
                    break
                source.gaps = [*source.gaps, source.size]
            file.write(content or b"")
            source.next, source.size = chunk.sequence + 1, source.size + len(content or b"")
            if content and chunk.recorded_at is not None and len(source.marks) < MOST_MARKS:
                source.marks = [*source.marks, [source.size, chunk.recorded_at]]
        if file.tell() > begin:
            file.flush()
            os.fsync(file.fileno())


def _chunks_from(track: Track, sequence: int) -> Iterator[Chunk]:
    while True:
        batch = list(Chunk.objects.filter(track=track, sequence__gte=sequence).order_by("sequence")[:BATCH])
        yield from batch
        if len(batch) < BATCH:
            return
        sequence = batch[-1].sequence + 1


def _is_hole_old(track: Track, after: Chunk, now: datetime) -> bool:
    """Whether the chunks before this one are not waited for any more."""
    return track.sealed_at is not None or now - after.received_at > GIVEN_UP_AFTER


def _bytes_of(archive: Archive, track: Track, chunk: Chunk) -> bytes | None:
    """Return a chunk's bytes; `None` for one that is not what was acknowledged (somebody was at the folder)."""
    name = chunk_store.key(archive.archive_id, track.track_id, chunk.sequence, chunk.sha256)
    try:
        content = chunk_store.chunk_store().read(name)
    except StorageFileMissing as error:
        if _is_lost(archive, chunk):
            return None
        raise StorageError("Several chunks of the recording, or all, have no file: is their storage there?") from error
    return content if hashlib.sha256(content).hexdigest() == chunk.sha256 else None


def _is_lost(archive: Archive, chunk: Chunk) -> bool:
    """Whether a file is gone for good, not its whole storage for a moment: those next to it are there."""
    if archive.compose_attempts >= MOST_LOOKS and not archive.is_running:
        return True
    others = Chunk.objects.filter(track__archive=archive).exclude(pk=chunk.pk).select_related("track")
    of_track = others.filter(track=chunk.track_id)
    before = of_track.filter(sequence__lt=chunk.sequence).order_by("-sequence").first()
    after = of_track.filter(sequence__gt=chunk.sequence).order_by("sequence").first()
    near = [one for one in (before, after) if one is not None] or list(others[:1])
    return bool(near) and all(_is_there(archive, one) for one in near)


def _is_there(archive: Archive, chunk: Chunk) -> bool:
    name = chunk_store.key(archive.archive_id, chunk.track.track_id, chunk.sequence, chunk.sha256)
    try:
        chunk_store.chunk_store().read(name)
    except StorageFileMissing:
        return False
    return True


def write_job(archive: Archive, folder: Path, sources: dict[str, Source], *, is_final: bool, now: datetime) -> None:
    """Write `job.json`: what the media process is to make (its shape is in `archives.media`)."""
    until = None if is_final else milliseconds(now - MARGIN)
    width, _, height = archive.resolution.partition("x")
    people = people_of(archive)
    recorded = _recorded(archive, people)
    job = {
        "version": 1,
        "archive": archive.archive_id,
        "session": archive.meeting.session_id,
        "name": archive.name,
        "createdAt": milliseconds(archive.created_on),
        "output": archive.output_mode,
        "width": int(width),
        "height": int(height),
        "fps": FPS,
        "layout": archive.layout,
        "spans": _known(archive.spans, until),
        "people": people,
        # One that was opened since the chunks were looked through comes with the next stretch.
        "tracks": [_described(track, sources[track.track_id]) for track in recorded if track.track_id in sources],
        "final": is_final,
    }
    replace(folder / "job.json", job)


def _known(spans: list[list[int | None]], until: int | None) -> list[list[int | None]]:
    """Return the times recorded up to `until`, beyond which more may come than is known yet."""
    if until is None:
        return spans
    bounded = [[since, until if end is None else min(end, until)] for since, end in spans]
    return [[since, end] for since, end in bounded if since is not None and end is not None and since < end]


def _recorded(archive: Archive, people: list[dict[str, Any]]) -> list[Track]:
    """Return the tracks to be composed: where consent is required, not those of who has taken it back."""
    tracks = list(archive.tracks.all())
    if archive.consent != REQUIRED:
        return tracks
    keys = {person["id"] for person in people}
    return [track for track in tracks if person_of(track.attendee_id, track.connection_id) in keys]


def _described(track: Track, source: Source) -> dict[str, Any]:
    return {
        "id": track.track_id,
        "person": person_of(track.attendee_id, track.connection_id),
        "kind": track.kind,
        "startedAt": milliseconds(track.started_at),
        "bytes": source.size,
        "gaps": _gaps(track, source),
        "marks": source.marks,
        "closed": source.is_whole,
    }


def _gaps(track: Track, source: Source) -> list[int]:
    """Return where chunks are missing, the track's last ones among them."""
    lacks_end = source.is_riddled or (
        track.sealed_at is not None and track.count is not None and source.next < track.count
    )
    return [*source.gaps, source.size] if lacks_end else source.gaps


def person_of(attendee_id: int | None, connection_id: str) -> str:
    """Return the key of a person within a job."""
    return connection_id if attendee_id is None else f"a{attendee_id}"


def people_of(archive: Archive) -> list[dict[str, Any]]:
    """Return who is in the picture, in the order of their joining: `{"id", "name", "intervals": [[ms, ms|None], …]}`.

    Only who was there while something was recorded. Subscribers show nothing, and where consent is required, nobody is
    shown before she has agreed, nor after a no.
    """
    rows = Connection.objects.filter(meeting_id=archive.meeting_id, joined_at__isnull=False)
    rows = rows.exclude(role=Role.SUBSCRIBER.value).filter(Q(left_at__isnull=True) | Q(left_at__gt=archive.created_on))
    agreed = _agreements(archive)
    found: dict[str, dict[str, Any]] = {}
    for row in rows.select_related("attendee").order_by("joined_at", "id"):
        key = person_of(row.attendee_id, row.connection_id)
        since = row.joined_at if agreed is None else agreed.get(key)
        if since is None:
            continue
        name = display_name(row.attendee.attendee if row.attendee else row.name) or "Guest"
        start = milliseconds(max(since, row.joined_at))
        end = None if row.left_at is None else milliseconds(row.left_at)
        if (end is None or end > start) and _is_recorded(archive, start, end):
            found.setdefault(key, {"id": key, "name": name, "intervals": []})["intervals"].append([start, end])
    return list(found.values())


def _is_recorded(archive: Archive, start: int, end: int | None) -> bool:
    """Whether anything was recorded in this stay, which may last."""
    return any((until is None or until > start) and (end is None or end > since) for since, until in archive.spans)


def _agreements(archive: Archive) -> dict[str, datetime] | None:
    """Return since when who agrees to be recorded; `None`: nobody had to be asked."""
    if archive.consent != REQUIRED:
        return None
    found: dict[str, datetime] = {}
    for notice in decisions_on(archive):
        key = person_of(notice.attendee_id, notice.connection_id)
        if notice.decision == AGREED:
            found.setdefault(key, notice.at)
        else:
            found.pop(key, None)
    return found


def _read(folder: Path) -> dict[str, Source]:
    try:
        return {track_id: Source(**values) for track_id, values in read_json(folder / "sources.json").items()}
    except TypeError:
        return {}


def _write(folder: Path, sources: dict[str, Source]) -> None:
    replace(folder / "sources.json", {track_id: asdict(source) for track_id, source in sources.items()})


def read_json(path: Path) -> dict[str, Any]:
    """Return what a file of the work folder says; nothing if it is not there, or broken: then it is made anew."""
    try:
        said = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}


def replace(path: Path, value: object) -> None:
    """Write a file so that it has either its old content or all of the new one, whatever happens meanwhile."""
    part = path.with_suffix(".part")
    with part.open("w") as file:
        json.dump(value, file)
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
