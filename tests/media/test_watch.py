"""What each track may cost in a slice, and all of them together."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from archives.media.ebml import NotUsable
from archives.media.watch import Watch

Cost = Callable[[int, float], bool]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The thread's CPU time, which a test moves."""
    now = [0.0]
    monkeypatch.setattr("archives.media.watch.time.thread_time", lambda: now[0])
    return now


@pytest.fixture
def bounded(tmp_path: Path) -> Watch:
    return Watch(tmp_path / "watch", budget=40.0, whole=120.0)


@pytest.fixture
def cost(bounded: Watch, clock: list[float]) -> Cost:
    """Let a packet of a track cost so many seconds; return whether it was decoded."""

    def spend(track: int, seconds: float) -> bool:
        try:
            with bounded.over(track, 0):
                clock[0] += seconds
        except NotUsable:
            return False
        return True

    return spend


def test_one_track_has_its_budget(cost: Cost) -> None:
    assert [cost(1, 30.0) for _ in range(3)] == [True, True, False]
    assert cost(2, 30.0)


def test_many_tracks_have_a_whole_of_which_each_has_an_equal_share(cost: Cost, clock: list[float]) -> None:
    """Twenty that would each take 39 s, and one that has taken most and stopped asking."""
    cost(99, 39.9)
    for _ in range(39):
        for track in range(20):
            cost(track, 1.0)
    assert clock[0] < 2 * 120 + 40


def test_who_takes_little_is_heard_to_the_end(cost: Cost) -> None:
    assert cost(1, 0.5)
    for track in range(2, 12):
        while cost(track, 5.0):
            pass
    assert cost(1, 0.5)


def test_a_new_slice_begins_anew(cost: Cost, bounded: Watch) -> None:
    for track in range(4):
        cost(track, 39.0)
    assert not cost(0, 1.0)
    bounded.new_slice()
    assert all(cost(track, 29.0) for track in range(4))
