"""Pauses are cut out."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from archives.media.timeline import NEVER, PER_MS, Timeline

SPANS = st.lists(st.tuples(st.integers(0, 50_000), st.integers(0, 5_000)), max_size=6).map(
    lambda pairs: tuple((start, start + length) for start, length in pairs)
)


def test_a_pause_is_no_time_of_the_recording() -> None:
    timeline = Timeline.until(((1000, 3000), (10_000, None)), 14_500)
    assert timeline.length == 6500
    assert timeline.frames(20) == 130
    assert [timeline.meeting_time(ms) for ms in (0, 1999, 2000, 6499)] == [1000, 2999, 10_000, 14_499]


def test_what_is_still_running_ends_at_the_horizon() -> None:
    assert Timeline.until(((1000, None),), 800).length == 0
    assert Timeline.until(((1000, None),), 1800).length == 800
    assert Timeline.until(((1000, 1500), (2000, None)), 1200).length == 200
    assert Timeline.until((), NEVER).length == 0


def test_spans_that_overlap_count_once() -> None:
    assert Timeline.until(((0, 1000), (500, 2000), (700, 900)), NEVER).spans == ((0, 1000), (1000, 2000))


def test_pieces_lie_where_the_pauses_are() -> None:
    timeline = Timeline.until(((1000, 3000), (10_000, 11_000)), NEVER)
    first, second = timeline.pieces(1500 * PER_MS, 2500 * PER_MS)
    assert (first.meeting, first.start, first.length) == (2500 * PER_MS, 0, 500 * PER_MS)
    assert (second.meeting, second.start, second.length) == (10_000 * PER_MS, 500 * PER_MS, 500 * PER_MS)


@given(SPANS, st.integers(1, 4000))
def test_pieces_cover_the_recording_once_whatever_is_cut(spans: tuple[tuple[int, int], ...], size: int) -> None:
    timeline = Timeline.until(spans, NEVER)
    total = timeline.length * PER_MS
    lengths = [
        sum(piece.length for piece in timeline.pieces(at, min(at + size * PER_MS, total)))
        for at in range(0, total, size * PER_MS)
    ]
    assert sum(lengths) == total
    for at in range(0, timeline.length, max(timeline.length // 20, 1)):
        (piece,) = timeline.pieces(at * PER_MS, at * PER_MS + 1)
        assert piece.meeting == timeline.meeting_time(at) * PER_MS
