"""What came of it: `report.json`."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from archives.media.job import Job, Track
from archives.media.state import State, write_whole


def write_report(folder: Path, file: Path, job: Job, state: State, *, duration: int) -> None:
    """Write down what the finished file holds and what of the meeting is missing in it, in words for people."""
    report = {
        "duration": duration,
        "size": file.stat().st_size,
        "sha256": sha256(file),
        "hasAudio": any(track.has_sound for track in state.tracks.values()),
        "hasVideo": any(track.has_picture for track in state.tracks.values()),
        "missing": missing(job, state),
    }
    write_whole(folder / "report.json", json.dumps(report, ensure_ascii=False).encode())


def missing(job: Job, state: State) -> list[dict[str, Any]]:
    """Return what is missing: track, person, kind, from, to (ms since the epoch), why.

    A track that was left out from some moment on is missing as long as it could have gone on.
    """
    tracks = {track.id: track for track in job.tracks}
    found = []
    for note in sorted(state.missing, key=lambda note: (note["from"], note["track"])):
        track, known = tracks.get(note["track"]), state.tracks.get(note["track"])
        if track is not None and known is not None:
            is_left_out = note["why"] in (known.refused, known.position.broken)
            to = max(note["to"], _could_end(job, track, note["from"])) if is_left_out else note["to"]
            found.append({"person": track.person, "kind": track.kind, **note, "to": to})
    return found


def _could_end(job: Job, track: Track, since: int) -> int:
    """Return up to when a track that is lost from a moment on could have gone on: to the end of the recording or of its
    person's stay, or to when she began another."""
    ends = [end for _, end in job.spans if end is not None][-1:]
    for person in job.people:
        if person.id == track.person:
            ends += [end for start, end in person.intervals if end is not None and start <= since < end]
    ends += [
        other.started_at
        for other in job.tracks
        if (other.person, other.kind) == (track.person, track.kind) and other.started_at > track.started_at
    ]
    return min((end for end in ends if end >= since), default=since)


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
