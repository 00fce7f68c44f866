"""The last step: from what is composed, or from the tracks as they are, to the file that people get."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from archives.media.advance import libraries
from archives.media.anchor import anchored
from archives.media.individual import pack
from archives.media.job import Job
from archives.media.join import join
from archives.media.report import write_report
from archives.media.state import State, key_of, load

Report = Callable[[str, int, int], None]
"""Is told the phase, what is done and what there is."""


class Unusable(Exception):
    """Nothing can be made of the media; the text says why, for people."""


class NotComposed(Exception):
    """`finish` was asked for before `advance` had come to the end."""


def finish(folder: Path, job: Job, *, report: Report) -> None:
    """Make `archive.mp4` or `archive.zip`, and `report.json`. Can be repeated; the file is there whole or not at all.

    Raises `Unusable` if there is nothing that could be seen or heard, `NotComposed` if it is too early.
    """
    state = load(folder / "state.json", key_of(job, libraries()), job)
    if not state.is_complete:
        raise NotComposed("advance has not come to the end of this job")
    job = anchored(folder, job, state)
    if job.output == "individual":
        target, new = folder / "archive.zip", folder / "archive.zip.new"
        duration = pack(folder, new, job, state, report)
        _refuse_empty(job, state)
    else:
        target, new = folder / "archive.mp4", folder / "archive.mp4.new"
        duration = state.frames * 1000 // job.fps
        _refuse_empty(job, state)
        join(folder / "parts", new, job, state.parts, lambda done: report("joining", done, state.parts))
    new.replace(target)
    write_report(folder, target, job, state, duration=duration)


def _refuse_empty(job: Job, state: State) -> None:
    if job.output == "composed" and not state.frames:
        raise Unusable("Nothing was recorded.")
    if not any(track.has_picture or track.has_sound for track in state.tracks.values()):
        reasons = sorted({track.refused for track in state.tracks.values() if track.refused})
        raise Unusable(" ".join(["No recording holds a picture or a sound that can be used.", *reasons[:3]]))
