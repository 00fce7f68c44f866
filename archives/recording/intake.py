"""One chunk comes in: limits, bytes, row, in this order, so that what is acknowledged is stored.

Three statements a chunk: its track is read, counted up, and the chunk inserted. Two processes may be given the same
chunk at once; the unique row decides.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Exists, F, Min, OuterRef, Q, Subquery, Sum

from archives.models import Chunk, Track
from archives.recording import chunk_store, tickets
from meetings.conf import conf
from meetings.exceptions import StorageError, VideoconfError
from meetings.lookups import Compiled, Slot
from meetings.models import Connection

MAX_CHUNK = 4 * 1024 * 1024
MAX_SEQUENCE = 999_999
HEAD_START = 64 * 1024 * 1024
BYTES_PER_SECOND = 1024 * 1024
HEAD_START_CHUNKS = 600
CHUNKS_PER_SECOND = 16
"""A page sends one a second for each of its tracks, and its camera, its screen and what it had kept at once."""
MEGABYTE = 1024 * 1024
SHARE = 0.5
"""How much of what a recording may have can be one person's."""
RETRY_AFTER = 5
STAYS = timedelta(minutes=15)
"""For so long after its page has gone, a track's tickets are renewed by its chunks."""


class ChunkRefused(VideoconfError):
    """A chunk that is not taken: `status` and `retry_after` (seconds) are the answer's."""

    def __init__(self, status: int, code: str, message: str, *, retry_after: int | None = None) -> None:
        super().__init__(message, code=code)
        self.status = status
        self.retry_after = retry_after


def _track(track_id: Slot) -> Any:
    parts = Track.objects.filter(archive=OuterRef("archive")).order_by().values("archive")
    same_person = Q(attendee=OuterRef("attendee")) | Q(attendee__isnull=True, connection_id=OuterRef("connection_id"))
    theirs = parts.filter(same_person)
    here = Connection.objects.filter(
        meeting=OuterRef("archive__meeting"), connection_id=OuterRef("connection_id"), left_at__isnull=True
    )
    rows = Track.objects.filter(track_id=track_id).annotate(
        recording=F("archive__archive_id"),
        is_removed=F("archive__deleted"),
        recorded=Subquery(parts.annotate(total=Sum("bytes")).values("total")),
        of_person=Subquery(theirs.annotate(total=Sum("bytes")).values("total")),
        chunks_of_person=Subquery(theirs.annotate(total=Sum("chunks")).values("total")),
        person_since=Subquery(theirs.annotate(first=Min("created_on")).values("first")),
        removed_on=F("attendee__removed_on"),
        is_here=Exists(here),
    )
    return rows.order_by()[:1]


_lookup = Compiled(Track, _track, "track_id")


def find(track_id: str, ticket: str, now: datetime) -> tuple[Any, timedelta]:
    """Return the track that a ticket opens and the ticket's age; raise `ChunkRefused`.

    The ticket's signature stands before all else: without one, nobody learns which tracks there are.
    """
    track = _lookup.first(track_id=track_id) if len(track_id) == 36 and track_id.isascii() else None
    try:
        age = tickets.age_of(ticket, track or Track(track_id=track_id), now)
    except tickets.TicketInvalid as error:
        if track is None and tickets.is_for_track(ticket, track_id):
            raise ChunkRefused(404, "track_not_found", "There is no such track.") from error
        raise ChunkRefused(401, "ticket_invalid", "This ticket does not open this track.") from error
    except tickets.TicketExpired as error:
        raise ChunkRefused(401, "ticket_expired", "This ticket has expired. Ask for a new one.") from error
    assert track is not None
    return track, age


def renewed(track: Any, age: timedelta, now: datetime) -> Mapping[str, Any]:
    """Return what an answer adds when its request's ticket is past half of its life and the page still belongs here."""
    is_recent = track.is_here or (track.last_chunk_at is not None and now - track.last_chunk_at < STAYS)
    if age < tickets.RENEWED_AFTER or not is_recent:
        return {}
    return {"ticket": tickets.issue(track, now), "expiresIn": int(tickets.LIFETIME.total_seconds())}


def refuse_early(track: Any, sequence: int, size: int, now: datetime) -> None:
    """Refuse a chunk by what is known of its track, before a byte of it is read."""
    if track.is_removed:
        raise ChunkRefused(409, "recording_over", "This recording was deleted.")
    if track.removed_on is not None and track.removed_on >= track.created_on:
        raise ChunkRefused(409, "recording_over", "You were removed; nothing is taken any more.")
    if track.count is not None and sequence >= track.count:
        raise ChunkRefused(409, "chunk_mismatch", f"The track was closed with {track.count} chunks.")
    if track.bytes + size > conf.RECORDING_MAX_TRACK_MB * MEGABYTE:
        raise ChunkRefused(413, "track_full", f"A track can have at most {conf.RECORDING_MAX_TRACK_MB} MiB.")
    if (track.recorded or 0) + size > conf.RECORDING_MAX_MB * MEGABYTE:
        raise ChunkRefused(413, "recording_full", f"A recording can have at most {conf.RECORDING_MAX_MB} MiB.")
    if track.of_person + size > SHARE * conf.RECORDING_MAX_MB * MEGABYTE:
        raise ChunkRefused(413, "recording_full", "One person can fill at most half of a recording.")
    open_for = max((now - track.person_since).total_seconds(), 0)
    wait = max(
        math.ceil((track.of_person + size - HEAD_START) / BYTES_PER_SECOND - open_for),
        math.ceil((track.chunks_of_person + 1 - HEAD_START_CHUNKS) / CHUNKS_PER_SECOND - open_for),
    )
    if wait > 0:
        raise ChunkRefused(429, "too_fast", "Chunks come faster than anybody records.", retry_after=wait)


def take(track: Any, sequence: int, body: bytes, now: datetime, *, recorded_at: int | None = None) -> None:
    """Store a chunk. Safe to repeat: the same bytes change nothing, other bytes are refused (`chunk_mismatch`)."""
    sha256 = hashlib.sha256(body).hexdigest()
    if track.sealed_at is not None:
        _settle(track, sequence, sha256, "")
        return
    store, name = chunk_store.chunk_store(), chunk_store.key(track.recording, track.track_id, sequence, sha256)
    try:
        store.save(name, body)
    except StorageError as error:
        raise unavailable(error) from error
    if not _insert(track, now, sequence=sequence, size=len(body), sha256=sha256, recorded_at=recorded_at):
        _settle(track, sequence, sha256, name)


def _insert(track: Any, now: datetime, *, size: int, **values: Any) -> bool:
    """Return whether the chunk is stored by this call; not, if it is there already or its track takes no more.

    The condition stands on the row itself, without a join: PostgreSQL, having waited for a seal, looks at it anew.
    """
    try:
        with transaction.atomic():
            is_open = Track.objects.filter(pk=track.pk, sealed_at__isnull=True).update(
                bytes=F("bytes") + size, chunks=F("chunks") + 1, last_chunk_at=now
            )
            if is_open:
                Chunk.objects.create(track_id=track.pk, received_at=now, size=size, **values)
            return bool(is_open)
    except IntegrityError:
        return False


def _settle(track: Any, sequence: int, sha256: str, name: str) -> None:
    """Say what a chunk that was not inserted is; `name` is the file that was written for it."""
    known = Chunk.objects.filter(track_id=track.pk, sequence=sequence).values_list("sha256", flat=True).first()
    if known == sha256:
        return
    if name:
        chunk_store.chunk_store().delete(name)
    if known is not None:
        raise ChunkRefused(409, "chunk_mismatch", f"Chunk {sequence} came before, with other bytes.")
    raise ChunkRefused(409, "recording_over", "This track is composed already; nothing is taken any more.")


def unavailable(error: StorageError) -> ChunkRefused:
    """Return the answer where chunks can't be stored now: a full disk, a storage that is down."""
    refused = ChunkRefused(
        503,
        "storage_unavailable",
        "Recordings can't be stored at the moment. Try again later.",
        retry_after=RETRY_AFTER,
    )
    refused.__cause__ = error
    return refused


def close(track: Any, count: int, now: datetime) -> None:
    """Note that a page has sent all chunks of a track that it will send: `count` of them. Safe to repeat."""
    Track.objects.filter(pk=track.pk, closed_at__isnull=True).update(closed_at=now, count=count)
