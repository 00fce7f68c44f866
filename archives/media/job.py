"""What shall be made: `job.json`, checked. Times are ms since the epoch by the server's clock."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

from archives.media.layout import LAYOUTS, Layout
from archives.media.timeline import RATE

Kind = Literal["camera", "screen"]
SIZES = frozenset({(640, 480), (480, 640), (1280, 720), (720, 1280), (1920, 1080), (1080, 1920)})
MAX_FPS = 60
_SAFE_ID = re.compile(r"[A-Za-z0-9_-]{1,100}")
Interval = tuple[int, int | None]


class JobInvalid(Exception):
    """`job.json` is not as agreed: a mistake of whoever wrote it, not of the media."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Someone who is in the picture during `intervals` (`None`: until the end)."""

    id: str
    name: str
    intervals: tuple[Interval, ...]

    def is_there(self, moment: float) -> bool:
        return any(start <= moment and (end is None or moment < end) for start, end in self.intervals)


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """One recorder's output: a person's camera with microphone, or a screen."""

    id: str
    person: str
    kind: Kind
    started_at: int
    size: int
    """Bytes of its file that count; what lies behind them is a chunk that is just being added."""
    gaps: tuple[int, ...]
    """Offsets in the file before which chunks are missing; its size, if that is so at its end."""
    is_closed: bool
    """Nothing more will come."""
    marks: tuple[tuple[int, int], ...] = ()
    """Of the first chunks: where each ends in the file, and when the page had it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A recording to make."""

    archive: str
    session: str
    name: str
    created_at: int
    output: Literal["composed", "individual"]
    width: int
    height: int
    fps: int
    layout: Layout
    spans: tuple[Interval, ...]
    people: tuple[Person, ...]
    tracks: tuple[Track, ...]
    is_final: bool
    """Nothing more will come of anything."""

    def is_recorded(self, moment: float) -> bool:
        """Return whether recording ran at a moment, in ms since the epoch."""
        return any(start <= moment and (end is None or moment < end) for start, end in self.spans)


def read_job(path: Path) -> Job:
    """Read and check a job. Raise `JobInvalid` with the field that is wrong."""
    try:
        return _job(json.loads(path.read_text()))
    except (KeyError, TypeError, ValueError, AttributeError) as wrong:
        raise JobInvalid(f"job.json: {type(wrong).__name__}: {wrong}") from wrong


def _job(said: dict[str, Any]) -> Job:
    width, height, fps = int(said["width"]), int(said["height"]), int(said.get("fps") or 20)
    if said["version"] != 1:
        raise JobInvalid(f"version: 1 is known, not {said['version']}")
    if (width, height) not in SIZES:
        raise JobInvalid(f"width, height: {width}×{height} is no size of a recording")
    if not 1 <= fps <= MAX_FPS or RATE % fps:
        raise JobInvalid(f"fps: {fps} does not divide {RATE} or is above {MAX_FPS}")
    if said["output"] not in ("composed", "individual"):
        raise JobInvalid(f"output: {said['output']!r} is unknown")
    if said["layout"] not in LAYOUTS:
        raise JobInvalid(f"layout: {said['layout']!r} is unknown")
    return Job(
        archive=str(said["archive"]),
        session=str(said.get("session") or ""),
        name=str(said.get("name") or ""),
        created_at=int(said.get("createdAt") or 0),
        output=said["output"],
        width=width,
        height=height,
        fps=fps,
        layout=said["layout"],
        spans=_intervals(said["spans"]),
        people=tuple(
            Person(id=str(person["id"]), name=str(person.get("name") or ""), intervals=_intervals(person["intervals"]))
            for person in said["people"]
        ),
        tracks=tuple(map(_track, said["tracks"])),
        is_final=bool(said["final"]),
    )


def _track(said: dict[str, Any]) -> Track:
    track_id, kind = str(said["id"]), said["kind"]
    if not _SAFE_ID.fullmatch(track_id):
        raise JobInvalid(f"tracks: {track_id!r} is no id")
    if kind not in ("camera", "screen"):
        raise JobInvalid(f"tracks: the kind {kind!r} is unknown")
    return Track(
        id=track_id,
        person=str(said["person"]),
        kind=cast(Kind, kind),
        started_at=int(said["startedAt"]),
        size=int(said["bytes"]),
        gaps=tuple(sorted(int(gap) for gap in said.get("gaps") or ())),
        is_closed=bool(said["closed"]),
        marks=tuple((int(size), int(at)) for size, at in said.get("marks") or ()),
    )


def _intervals(said: list[list[int | None]]) -> tuple[Interval, ...]:
    return tuple((int(cast(int, start)), None if end is None else int(end)) for start, end in said)
