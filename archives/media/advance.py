"""Composing goes forward: whole slices while the meeting runs, the rest when it is over; any process can go on."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np

from archives.media import parts, sound
from archives.media.anchor import anchored
from archives.media.compose import Composer
from archives.media.job import Job
from archives.media.sound import Samples
from archives.media.sources import Sources
from archives.media.state import State, key_of, load, save
from archives.media.timeline import NEVER, Timeline
from archives.media.watch import Watch

SLICE_S = 10
BUDGET_S = 40.0
"""Seconds of CPU that one track may use in a slice: several times what the largest screen takes."""
WHOLE_BUDGET_S = 120.0
"""Seconds of CPU that all of them may use: a dozen of the largest cameras take less than ten."""
Report = Callable[[int, int], None]
"""Is told what is done and what there is, in ms of the recording."""


def advance(folder: Path, job: Job, *, seconds: float, report: Report) -> tuple[int, int, bool]:
    """Compose slices for about `seconds`, at least one if there is one. Return what is done and what there is, in ms,
    and whether the recording is composed to its end.

    Safe to kill at any moment, and to repeat: a slice that is not stored whole is composed again.
    """
    state = load(folder / "state.json", key_of(job, libraries()), job)
    if job.output == "individual":
        return _nothing_to_compose(folder, job, state)
    if state.is_complete:
        return _ms(state.frames, job), _ms(state.frames, job), True
    (folder / "parts").mkdir(exist_ok=True)
    job = anchored(folder, job, state)
    watch = Watch(folder / "watch", budget=BUDGET_S, whole=WHOLE_BUDGET_S)
    sources = Sources(folder, job, state, watch)
    save(folder / "state.json", state)
    try:
        return _Run(folder, job, state, sources, watch).go(time.monotonic() + seconds, report)
    finally:
        sources.close()


def libraries() -> str:
    """Return what the encoders are; parts of different ones are not put in a row."""
    return f"av {av.__version__} {av.library_versions['libavcodec']}"


def _nothing_to_compose(folder: Path, job: Job, state: State) -> tuple[int, int, bool]:
    """Tracks are packed as they are, when all have come."""
    state.is_complete = job.is_final
    save(folder / "state.json", state)
    return 0, 0, state.is_complete


def _ms(frames: int, job: Job) -> int:
    return frames * 1000 // job.fps


class _Run:
    def __init__(self, folder: Path, job: Job, state: State, sources: Sources, watch: Watch) -> None:
        self._folder, self._job, self._state, self._sources, self._watch = folder, job, state, sources, watch
        self._composer: Composer | None = None

    def go(self, until: float, report: Report) -> tuple[int, int, bool]:
        state, job = self._state, self._job
        while True:
            timeline, count, is_last = self._next()
            total = _ms(timeline.frames(job.fps), job)
            if count or is_last:
                self._slice(timeline, count, is_last=is_last)
                report(_ms(state.frames, job), total)
            if state.is_complete or not count or time.monotonic() >= until:
                return _ms(state.frames, job), max(total, _ms(state.frames, job)), state.is_complete

    def _next(self) -> tuple[Timeline, int, bool]:
        """Return what is known of the timeline, how many frames the next slice has (0: not yet), whether it ends it."""
        job, done = self._job, self._state.frames
        size = SLICE_S * job.fps
        endless = Timeline.until(job.spans, NEVER)
        self._sources.scan(endless.meeting_time((done + size) * 1000 / job.fps))
        is_bounded = job.is_final and all(end is not None for _, end in job.spans)
        timeline = endless if is_bounded else Timeline.until(job.spans, self._sources.horizon())
        left = max(timeline.frames(job.fps) - done, 0)
        if job.is_final:
            return timeline, min(size, left), left <= size
        return timeline, size if left >= size else 0, False

    def _slice(self, timeline: Timeline, count: int, *, is_last: bool) -> None:
        state, folder = self._state, self._folder
        self._watch.new_slice()
        if self._composer is None:
            self._composer = Composer(self._job, state, self._sources, self._tail())
        part = self._composer.slice(timeline, state.frames, count, is_last=is_last)
        parts.write_part(parts.path_of(folder / "parts", state.parts), part)
        state.parts += 1
        state.frames += count
        state.next_audio = part.audio_start + len(part.audio) * sound.FRAME
        state.is_complete = is_last
        self._sources.store(timeline.meeting_time(state.frames * 1000 / self._job.fps))
        save(folder / "state.json", state)

    def _tail(self) -> Samples:
        if not self._state.parts:
            return np.zeros(0, np.float32)
        return parts.read_part(parts.path_of(self._folder / "parts", self._state.parts - 1)).tail
