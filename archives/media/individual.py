"""The tracks one by one: a ZIP of WebM files, with a manifest in the shape that Vonage's archives have."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from archives.media.ebml import NotUsable
from archives.media.job import Job, Track
from archives.media.remux import Written, remux
from archives.media.scanner import Scanner
from archives.media.state import State, TrackState
from archives.media.timeline import NEVER, Timeline

MANIFEST = "archive.json"


def pack(folder: Path, target: Path, job: Job, state: State, report: Callable[[str, int, int], None]) -> int:
    """Write the ZIP; return the recording's duration in ms. What is missing of tracks is noted in `state`.

    `report` is told the phase, and how many tracks are packed and how many there are.
    """
    timeline = Timeline.until(job.spans, NEVER)
    files: list[dict[str, Any]] = []
    ends = [timeline.spans[0][0]] if timeline.spans else [job.created_at]
    with zipfile.ZipFile(target, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:
        for done, track in enumerate(job.tracks, 1):
            made = folder / f"{track.id}.webm.new"
            written = _remuxed(folder, made, job, track, state)
            if written is not None and written.start is not None:
                ends.append(int(track.started_at + written.end))
                files.append(_entry(job, track, written, made.stat().st_size, ends[0]))
                archive.write(made, files[-1]["filename"])
            made.unlink(missing_ok=True)
            report("packing", done, len(job.tracks))
        is_open = any(end is None for _, end in job.spans)
        duration = max(ends) - ends[0] if is_open else timeline.length
        archive.writestr(MANIFEST, json.dumps(_manifest(job, files, duration), ensure_ascii=False, indent=2))
    return duration


def _remuxed(folder: Path, made: Path, job: Job, track: Track, state: State) -> Written | None:
    known = state.tracks.setdefault(track.id, TrackState())
    try:
        scanner = Scanner(folder / "tracks" / f"{track.id}.webm", size=track.size, gaps=track.gaps, is_whole=True)
    except NotUsable as why:
        known.refused = str(why)
        state.note(track.id, track.started_at, track.started_at, str(why))
        return None
    try:
        written = remux(scanner, made, is_wanted=lambda time: job.is_recorded(track.started_at + time))
    finally:
        scanner.close()
    for hole in scanner.holes:
        state.note(track.id, track.started_at + hole.start, track.started_at + hole.end, hole.why)
    known.position = scanner.position
    if scanner.position.broken:
        end = track.started_at + scanner.end
        state.note(track.id, end, end, scanner.position.broken)
    known.has_picture, known.has_sound = written.has_video, written.has_audio
    return written


def _entry(job: Job, track: Track, written: Written, size: int, begin: int) -> dict[str, Any]:
    name = next((person.name for person in job.people if person.id == track.person), "")
    start = track.started_at + (written.start or 0.0) - begin
    return {
        "connectionData": name,
        "filename": f"{track.id}.webm",
        "size": size,
        "startTimeOffset": max(0, round(start)),
        "stopTimeOffset": max(0, round(track.started_at + written.end - begin)),
        "streamId": track.id,
        "videoType": track.kind,
        "hasAudio": written.has_audio,
        "hasVideo": written.has_video,
    }


def _manifest(job: Job, files: list[dict[str, Any]], duration: int) -> dict[str, Any]:
    return {
        "createdAt": job.created_at,
        "duration": round(duration / 1000),
        "files": files,
        "id": job.archive,
        "name": job.name,
        "sessionId": job.session,
    }
