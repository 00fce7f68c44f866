"""The recording's own time, which pauses are cut out of, against the meeting's."""

from __future__ import annotations

from dataclasses import dataclass

RATE = 48_000
"""Samples of sound per second, everywhere."""
PER_MS = RATE // 1000
NEVER = float(1 << 53)
"""A moment that does not come, in ms."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A stretch without a pause in it, in samples: when in the meeting it is, where in what was asked for, how long."""

    meeting: int
    start: int
    length: int


@dataclass(frozen=True, slots=True)
class Timeline:
    """When recording ran: `(from, to)` in ms since the epoch, in order, `to` excluded."""

    spans: tuple[tuple[int, int], ...]

    @classmethod
    def until(cls, spans: tuple[tuple[int, int | None], ...], horizon: float) -> Timeline:
        """Return what is known of it: nothing after `horizon`, in ms since the epoch.

        Spans that overlap or run backwards are cut to what comes after the ones before.
        """
        known: list[tuple[int, int]] = []
        for start, end in sorted(spans, key=lambda span: span[0]):
            to = horizon if end is None else min(end, horizon)
            begin = max(start, known[-1][1]) if known else start
            if to > begin:
                known.append((begin, int(to)))
        return cls(tuple(known))

    @property
    def length(self) -> int:
        """Milliseconds."""
        return sum(end - start for start, end in self.spans)

    def frames(self, fps: int) -> int:
        """Return how many whole frames fit into it."""
        return self.length * fps // 1000

    def meeting_time(self, ms: float) -> float:
        """Return when in the meeting, in ms since the epoch, a moment of the recording was."""
        rest = ms
        for start, end in self.spans:
            if rest < end - start:
                return start + rest
            rest -= end - start
        return self.spans[-1][1] + rest if self.spans else ms

    def pieces(self, start: int, end: int) -> list[Piece]:
        """Cut a stretch of the recording, in samples from its start, where pauses are."""
        found, at = [], 0
        for begin, to in self.spans:
            length = (to - begin) * PER_MS
            first, last = max(start, at), min(end, at + length)
            if first < last:
                found.append(Piece(begin * PER_MS + first - at, first - start, last - first))
            at += length
        return found
