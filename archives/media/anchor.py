"""When a track really began: told by its chunks.

A page can only say when its recorder reported its start, which on a busy machine is some hundred milliseconds off. But
it knows the moment at which each chunk was handed out, and that is when the last packet in it was written. Lateness
only ever adds to that, so the least distance between the two, over the first chunks, is what a track's times count
from. What encoding takes is in it, and much the same for all tracks.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from archives.media.ebml import NotUsable
from archives.media.job import Job, Track
from archives.media.scanner import Scanner
from archives.media.state import State, TrackState

ENOUGH = 5
"""Chunks that tell it, unless no more will come."""
FARTHEST_MS = 3000
"""How far it may be from what the page said; else that stands."""


def anchored(folder: Path, job: Job, state: State) -> Job:
    """Return the job with every track's start as its chunks tell it; once told, it stays (`TrackState.began`)."""
    return replace(job, tracks=tuple(_anchored(folder, job, track, state) for track in job.tracks))


def _anchored(folder: Path, job: Job, track: Track, state: State) -> Track:
    known = state.tracks.setdefault(track.id, TrackState())
    if known.began is None and (len(track.marks) >= ENOUGH or track.is_closed or job.is_final):
        told = _told(folder / "tracks" / f"{track.id}.webm", track)
        is_near = told is not None and abs(told - track.started_at) <= FARTHEST_MS
        known.began = told if is_near else track.started_at
    return track if known.began is None else replace(track, started_at=known.began)


def _told(path: Path, track: Track) -> int | None:
    """Return the least distance of the first chunks from their last packets, in ms since the epoch."""
    if not track.marks:
        return None
    try:
        scanner = Scanner(path, size=track.marks[-1][0], gaps=track.gaps, is_whole=False)
    except NotUsable:
        return None
    try:
        scanner.scan(math.inf)
        return min((round(at - time) for at, time in _lasts(scanner, track)), default=None)
    finally:
        scanner.close()


def _lasts(scanner: Scanner, track: Track) -> Iterator[tuple[int, float]]:
    """Yield for each chunk when it was handed out and the time of the last packet that was whole by then."""
    packets = sorted((packet.offset + packet.size, packet.time) for packet in (*scanner.video, *scanner.audio))
    last, at = -math.inf, 0
    for size, moment in track.marks:
        while at < len(packets) and packets[at][0] <= size:
            last = max(last, packets[at][1])
            at += 1
        if last > -math.inf:
            yield moment, last
