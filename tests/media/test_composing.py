"""From tracks to one file, by the program itself."""

from __future__ import annotations

import pytest

from archives.media.runner import Advanced, Finished, MediaUnusable, Runner, is_available
from tests.media.conftest import NewMeeting
from tests.media.looking import is_near, watch
from tests.media.making import Meeting, Take, read_clock

RED, GREEN, BLUE = (200, 40, 40), (40, 200, 40), (40, 40, 200)
LEFT, RIGHT = (0, 120, 318, 240), (322, 120, 318, 240)


def compose(meeting: Meeting, *, end: int) -> Finished:
    meeting.write(end=end)
    runner = Runner(meeting.folder, timeout=60)
    while not runner.advance().is_complete:
        pass
    return runner.finish()


def test_what_the_program_needs_is_found_without_importing_it() -> None:
    assert is_available()


def test_two_people_are_side_by_side_in_sync_and_both_heard(new_meeting: NewMeeting) -> None:
    meeting = new_meeting()
    meeting.add_person("ann")
    meeting.add_person("bob", "Bob", (1300, None))
    meeting.add_track("t1", "ann", Take(length=5000, colour=RED, beep=500))
    meeting.add_track("t2", "bob", Take(start=1300, length=3700, colour=GREEN, beep=900))
    finished = compose(meeting, end=5000)
    film = watch(finished.path)

    assert film.streams == ["h264", "aac"]
    assert abs(film.length - 5.0) <= 0.05
    assert finished.duration == 5000
    assert finished.missing == ()
    assert (finished.has_audio, finished.has_video) == (True, True)
    assert is_near(film.at(0.5), (0, 0, 640, 480), RED)
    picture = film.at(3.0)
    assert is_near(picture, LEFT, RED)
    assert is_near(picture, RIGHT, GREEN)
    clocks = [read_clock(picture[y : y + 238, x : x + 318]) for x, y in ((0, 121), (322, 121))]
    assert max(abs(clock - 3000) for clock in clocks) <= 100
    for beep in (500, 900):
        starts = film.beep_starts(beep)
        assert all(abs(start - round(start)) <= 0.05 for start in starts), starts
        assert {2, 3, 4} <= {round(start) for start in starts}


def test_nothing_that_can_be_used_is_said_in_a_sentence(new_meeting: NewMeeting) -> None:
    meeting = new_meeting()
    meeting.add_person("ann")
    meeting.add_track("t1", "ann", b"<html>not found</html>" * 100)
    meeting.write(end=3000)
    runner = Runner(meeting.folder, timeout=60)
    assert runner.advance() == Advanced(done=3000, total=3000, is_complete=True)
    with pytest.raises(MediaUnusable, match=r"^No recording holds .* The file is not WebM\.$"):
        runner.finish()
