"""The program's work, done in the test's own process; `tests/media/test_runner.py` has it as a process."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from archives.media.advance import advance
from archives.media.finish import finish
from archives.media.job import read_job
from tests.media.looking import Film, watch
from tests.media.making import Meeting


def step(meeting: Meeting, *, seconds: float = 60.0) -> tuple[int, int, bool]:
    """Advance once; return what is done and what there is, in ms, and whether that is all."""
    return advance(
        meeting.folder, read_job(meeting.folder / "job.json"), seconds=seconds, report=lambda done, total: None
    )


def complete(meeting: Meeting) -> dict[str, Any]:
    """Bring a final job to its file; return the report."""
    for _ in range(50):
        if step(meeting)[2]:
            break
    finish(meeting.folder, read_job(meeting.folder / "job.json"), report=lambda phase, done, total: None)
    report: dict[str, Any] = json.loads((meeting.folder / "report.json").read_text())
    return report


def compose(meeting: Meeting, *, end: int) -> tuple[Film, dict[str, Any]]:
    """Compose a meeting that ended, in one go; return the film and the report."""
    meeting.write(end=end)
    report = complete(meeting)
    return watch(meeting.folder / "archive.mp4"), report


def film_of(folder: Path) -> Film:
    return watch(folder / "archive.mp4")
