"""How far the composing is: `state.json`, replaced as a whole after each slice, for any process to go on from."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from archives.media.job import Job
from archives.media.scanner import Packet, Position

VERSION = 1
MAX_MISSING = 1000


@dataclass(slots=True, kw_only=True)
class TrackState:
    """Where one track's reading stands at the end of the last slice."""

    position: Position = field(default_factory=Position)
    video: list[Packet] = field(default_factory=list)
    """Packets from the last key frame before that moment on."""
    audio: list[Packet] = field(default_factory=list)
    """Packets from a little before that moment on, which a decoder needs to warm up."""
    sample: int | None = None
    """Where the first of them lies, in samples from the track's start."""
    began: int | None = None
    """When it began by its own chunks (`anchor`), in ms since the epoch."""
    refused: str = ""
    """Why it is left out from here on."""
    is_over: bool = False
    """The composing is beyond its end: it need not be opened again."""
    has_picture: bool = False
    has_sound: bool = False


@dataclass(slots=True, kw_only=True)
class Suspect:
    """A track whose decoding ended the whole process, and how often it did so at the same place."""

    offset: int
    times: int


@dataclass(slots=True, kw_only=True)
class State:
    """What is done: `frames` of the output, in parts `0 … parts - 1`."""

    key: str
    frames: int = 0
    parts: int = 0
    next_audio: int | None = None
    """The timestamp that the next part's first AAC packet has, in samples."""
    is_complete: bool = False
    tracks: dict[str, TrackState] = field(default_factory=dict)
    suspects: dict[str, Suspect] = field(default_factory=dict)
    missing: list[dict[str, Any]] = field(default_factory=list)

    def note(self, track: str, start: float, end: float, why: str) -> None:
        """Note that a track lacks the time from `start` to `end`, ms since the epoch; what goes on is one note."""
        for known in reversed(self.missing):
            if known["track"] == track and known["why"] == why and start <= known["to"] + 1000:
                known["to"] = max(known["to"], round(end))
                return
        if len(self.missing) < MAX_MISSING:
            self.missing.append({"track": track, "from": round(start), "to": round(end), "why": why})


def key_of(job: Job, libraries: str) -> str:
    """Return what must not change between parts that shall be joined; if it does, composing starts over."""
    return (
        f"{VERSION} {job.output} {job.width}x{job.height} {job.fps} {job.spans[0][0] if job.spans else 0} {libraries}"
    )


def load(path: Path, key: str, job: Job) -> State:
    """Return the stored state; a new one if there is none for `key`, or if a track that is in it was taken back since,
    as who withdraws her consent is not to be in what was composed before."""
    try:
        said = json.loads(path.read_text())
        if said["key"] != key or not said["tracks"].keys() <= {track.id for track in job.tracks}:
            return State(key=key)
        tracks = {name: _track(track) for name, track in said.pop("tracks").items()}
        suspects = {name: Suspect(**suspect) for name, suspect in said.pop("suspects").items()}
        return State(**said, tracks=tracks, suspects=suspects)
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return State(key=key)


def _track(said: dict[str, Any]) -> TrackState:
    position = said.pop("position")
    position["last"] = {int(number): time for number, time in position["last"].items()}
    video, audio = ([Packet(*packet) for packet in said.pop(name)] for name in ("video", "audio"))
    return TrackState(**said, position=Position(**position), video=video, audio=audio)


def save(path: Path, state: State) -> None:
    """Replace the stored state, so that a crash leaves the one or the other."""
    write_whole(path, json.dumps(asdict(state), separators=(",", ":")).encode())


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it has either its old content or all of the new one, whatever happens meanwhile."""
    new = path.with_name(path.name + ".new")
    with new.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    new.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
