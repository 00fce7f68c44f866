"""Tracks are put where their chunks say that they began, however late a busy page said it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from archives.media.anchor import ENOUGH, FARTHEST_MS, anchored
from archives.media.job import read_job
from archives.media.state import State
from tests.media.composing import compose, step
from tests.media.conftest import NewMeeting
from tests.media.making import START, Meeting, Take, chunks, read_clock, webm
from tests.media.test_composing import GREEN, LEFT, RED, RIGHT, tile

LATE = (310, 40, 95, 480, 60, 700, 45)
"""How long after the second of a chunk was over the page had it, in ms."""


def marks(take: Take, late: tuple[int, ...] = LATE) -> list[list[int]]:
    """Return where each chunk of a take ends and when the page had it."""
    size, found = 0, []
    for number, chunk in enumerate(chunks(take)):
        size += len(chunk)
        over = min((number + 1) * 1000, take.length)
        found.append([size, START + take.start + over + late[number % len(late)]])
    return found


def add(meeting: Meeting, track: str, person: str, take: Take, *, said: int, known: list[list[int]]) -> None:
    """Add a track whose page said that it began `said` ms later than it did."""
    meeting.add_track(track, person, take, start=take.start + said)
    meeting.job["tracks"][-1]["marks"] = known


def began(meeting: Meeting, state: State | None = None) -> list[int]:
    """Return when the tracks begin, in ms from the meeting's begin."""
    meeting.write()
    job = anchored(meeting.folder, read_job(meeting.folder / "job.json"), state or State(key=""))
    return [track.started_at - START for track in job.tracks]


@pytest.fixture
def meeting(new_meeting: NewMeeting) -> Meeting:
    meeting = new_meeting()
    meeting.add_person("ann")
    meeting.add_person("bob", "Bob", (1300, None))
    return meeting


def test_busy_page_s_picture_and_sound_are_in_time_with_the_others(meeting: Meeting) -> None:
    ann, bob = Take(length=8000, colour=RED, beep=500), Take(start=1300, length=6700, colour=GREEN, beep=900)
    add(meeting, "t1", "ann", ann, said=0, known=marks(ann))
    add(meeting, "t2", "bob", bob, said=400, known=marks(bob))
    film, report = compose(meeting, end=8000)

    assert report["missing"] == []
    for second in (3.0, 5.0, 7.0):
        clocks = [read_clock(tile(film.at(second), box)) for box in (LEFT, RIGHT)]
        assert max(clocks) - min(clocks) <= 50
        assert abs(clocks[0] - second * 1000) <= 150  # what encoding takes is in it
    starts = {beep: film.beep_starts(beep)[-1] for beep in (500, 900)}
    assert abs(starts[500] - starts[900]) <= 0.05


@pytest.mark.parametrize("kind", ["few", "far", "none", "not webm"])
def test_chunks_that_tell_nothing_leave_what_the_page_said(meeting: Meeting, kind: str) -> None:
    take = Take(length=6000)
    known: list[list[int]] = marks(take)
    if kind == "few":
        known = known[: ENOUGH - 1]
    elif kind == "far":
        known = [[size, at + FARTHEST_MS + 2000] for size, at in known]
    elif kind == "none":
        known = []
    add(meeting, "t1", "ann", take, said=200, known=known)
    meeting.job["tracks"][-1]["closed"] = kind != "few"
    if kind == "not webm":
        (meeting.folder / "tracks" / "t1.webm").write_bytes(b"x" * len(webm(take)))
    assert began(meeting) == [200]


def test_what_was_told_once_stays(meeting: Meeting) -> None:
    take, state = Take(length=9000), State(key="")
    add(meeting, "t1", "ann", take, said=300, known=marks(take)[:ENOUGH])
    (first,) = began(meeting, state)
    assert 0 <= first <= 100
    meeting.job["tracks"][-1]["marks"] = marks(take, late=(0,))
    assert began(meeting, state) == [first]
    assert began(meeting) != [first]


def test_the_work_goes_on_with_it_in_another_process(meeting: Meeting) -> None:
    take = Take(length=14_000)
    add(meeting, "t1", "ann", take, said=300, known=marks(take))
    meeting.job["tracks"][-1]["closed"] = False
    meeting.write()
    assert step(meeting)[0] > 0
    stored: dict[str, Any] = json.loads((meeting.folder / "state.json").read_text())
    assert 0 <= stored["tracks"]["t1"]["began"] - START <= 100
