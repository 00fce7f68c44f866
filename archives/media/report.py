"""What came of it: `report.json`."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from archives.media.job import Job
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
    """Return what is missing: track, person, kind, from, to (ms since the epoch), why."""
    tracks = {track.id: track for track in job.tracks}
    return [
        {"person": tracks[note["track"]].person, "kind": tracks[note["track"]].kind, **note}
        for note in sorted(state.missing, key=lambda note: (note["from"], note["track"]))
        if note["track"] in tracks
    ]


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
