"""What a composed meeting shows and lets hear."""

from __future__ import annotations

from dataclasses import replace

import pytest

from archives.media.finish import Unusable
from archives.media.job import Person
from archives.media.scene import Seat
from tests.media.composing import complete, compose
from tests.media.conftest import NewMeeting
from tests.media.looking import Film, is_near
from tests.media.making import START, Image, Take, chunks, read_clock, webm

RED, GREEN, BLUE, YELLOW = (200, 40, 40), (40, 200, 40), (40, 40, 200), (200, 200, 40)
WHOLE, LEFT, RIGHT = (0, 0, 640, 480), (0, 120, 318, 240), (322, 120, 318, 240)


def tile(picture: Image, box: tuple[int, int, int, int]) -> Image:
    x, y, width, height = box
    return picture[y : y + height, x : x + width]


def is_in_time(film: Film, beep: int, seconds: set[int]) -> bool:
    """Return whether beeps begin at these whole seconds, to 50 ms, and at no other moment."""
    starts = film.beep_starts(beep)
    return {round(start) for start in starts} == seconds and all(abs(start - round(start)) <= 0.05 for start in starts)


def test_two_people_are_side_by_side_in_sync_and_both_heard(new_meeting: NewMeeting) -> None:
    meeting = new_meeting()
    meeting.add_person("ann")
    meeting.add_person("bob", "Bob", (1300, None))
    meeting.add_track("t1", "ann", Take(length=5000, colour=RED, beep=500))
    meeting.add_track("t2", "bob", Take(start=1300, length=3700, colour=GREEN, beep=900))
    film, report = compose(meeting, end=5000)

    assert film.streams == ["h264", "aac"]
    assert abs(film.length - 5.0) <= 0.05
    assert {key: report[key] for key in ("duration", "missing", "hasAudio", "hasVideo")} == {
        "duration": 5000, "missing": [], "hasAudio": True, "hasVideo": True,
    }  # fmt: skip
    assert is_near(film.at(0.5), WHOLE, RED)
    for second in (2.0, 3.0, 4.5):
        picture = film.at(second)
        assert is_near(picture, LEFT, RED)
        assert is_near(picture, RIGHT, GREEN)
        clocks = [read_clock(tile(picture, box)) for box in (LEFT, RIGHT)]
        assert max(abs(clock - second * 1000) for clock in clocks) <= 100
    assert is_in_time(film, 500, {0, 1, 2, 3, 4})
    assert is_in_time(film, 900, {2, 3, 4})


def test_the_grid_follows_who_comes_and_goes(new_meeting: NewMeeting) -> None:
    meeting = new_meeting()
    meeting.add_person("ann")
    meeting.add_person("bob", "Bob", (1000, 3000))
    meeting.add_track("t1", "ann", Take(length=4000, colour=RED))
    meeting.add_track("t2", "bob", Take(start=1000, length=2000, colour=GREEN, beep=900))
    film, _ = compose(meeting, end=4000)
    assert is_near(film.at(0.5), WHOLE, RED)
    assert is_near(film.at(2.0), LEFT, RED)
    assert is_near(film.at(2.0), RIGHT, GREEN)
    assert is_near(film.at(3.5), WHOLE, RED)


@pytest.mark.parametrize("is_back", [True, False])
@pytest.mark.parametrize("has_video", [True, False])
def test_whom_the_server_lost_stays_in_the_picture_while_her_page_records(
    new_meeting: NewMeeting, is_back: bool, has_video: bool
) -> None:
    """A server that is killed counts people out whose pages record on, and send that when it is there again."""
    meeting = new_meeting()
    meeting.add_person("ann")
    meeting.add_person("bob", "Bob", (0, 1000), *([(4500, None)] if is_back else []))
    meeting.add_track("t1", "ann", Take(length=6000, colour=RED))
    length = 6000 if is_back else 4500
    meeting.add_track("t2", "bob", Take(length=length, colour=GREEN, beep=900, has_video=has_video))
    film, _ = compose(meeting, end=6000)
    for second in (0.5, 1.5, 3.0, 4.3):
        assert is_near(film.at(second), LEFT, RED)
        assert is_near(film.at(second), RIGHT, GREEN) == has_video
    assert is_near(film.at(5.7), LEFT if is_back else WHOLE, RED)


def test_someone_without_camera_has_a_tile_with_her_name(new_meeting: NewMeeting) -> None:
    meeting = new_meeting()
    meeting.add_person("ann")
    meeting.add_person("bob")
    meeting.add_person("eve")
    meeting.add_track("t1", "ann", Take(length=3000, colour=RED, has_audio=False))
    meeting.add_track("t2", "bob", Take(length=3000, beep=900, has_video=False))
    film, _ = compose(meeting, end=3000)
    picture = film.at(1.0)
    assert is_near(picture, (0, 0, 318, 238), RED)
    assert not is_near(picture, (322, 0, 318, 238), (0, 0, 0), off=8)
    assert not is_near(picture, (160, 242, 318, 238), (0, 0, 0), off=8)
    assert is_in_time(film, 900, {0, 1, 2})


@pytest.mark.parametrize("off", ["dark", "frozen"])
def test_a_camera_that_is_switched_off_gives_way_to_the_name_and_comes_back(new_meeting: NewMeeting, off: str) -> None:
    meeting = new_meeting()
    meeting.add_person("ann")
    stretch = ((1000, 4000),)
    is_dark = off == "dark"
    take = Take(length=6000, colour=RED, dark=stretch if is_dark else (), frozen=() if is_dark else stretch)
    meeting.add_track("t1", "ann", take)
    film, _ = compose(meeting, end=6000)
    assert is_near(film.at(0.8), WHOLE, RED)
    off_picture = film.at(3.0)
    assert not is_near(off_picture, WHOLE, RED)
    assert not is_near(off_picture, WHOLE, (0, 0, 0), off=8)
    assert is_near(film.at(5.0), WHOLE, RED)
    assert abs(read_clock(film.at(5.0)) - 5000) <= 100


def test_a_camera_that_stalls_shows_its_last_picture_until_it_goes_on(new_meeting: NewMeeting) -> None:
    meeting = new_meeting()
    meeting.add_person("ann")
    meeting.add_track("t1", "ann", Take(length=16000, colour=RED, frozen=((2000, 4000), (9000, 11000))))
    film, _ = compose(meeting, end=16000)  # the second one lies over the end of a slice
    assert all(is_near(film.at(seconds), WHOLE, RED) for seconds in (1.5, 3.5, 3.9, 4.5, 9.9, 10.1, 10.9, 11.5))


def test_a_camera_whose_first_picture_is_about_to_come_is_shown_from_the_start(new_meeting: NewMeeting) -> None:
    meeting = new_meeting()
    meeting.add_person("ann")
    meeting.add_person("bob", "", (3000, None))
    meeting.add_track("t1", "ann", Take(length=6000, colour=RED, frozen=((0, 400),)))
    meeting.add_track("t2", "bob", Take(start=3300, length=2700, colour=GREEN, beep=900))
    film, _ = compose(meeting, end=6000)
    assert is_near(film.at(0.0), WHOLE, RED)
    assert is_near(film.at(3.1), RIGHT, GREEN)


def test_a_camera_that_is_switched_on_again_is_not_shown_before_it_is(new_meeting: NewMeeting) -> None:
    meeting = new_meeting()
    meeting.add_person("ann")
    meeting.add_track("t1", "ann", Take(length=2000, colour=RED))
    meeting.add_track("t2", "ann", Take(start=4000, length=2000, colour=GREEN))
    film, _ = compose(meeting, end=6000)
    assert not any(is_near(film.at(seconds), WHOLE, GREEN) for seconds in (3.2, 3.5, 3.7, 3.9))
    assert is_near(film.at(4.2), WHOLE, GREEN)


def test_who_reloads_goes_on_in_her_place(new_meeting: NewMeeting) -> None:
    meeting = new_meeting()
    meeting.add_person("ann")
    meeting.add_person("bob")
    meeting.add_track("t1", "ann", Take(length=6000, colour=RED))
    meeting.add_track("t2", "bob", Take(length=2000, colour=GREEN, beep=900))
    meeting.add_track("t3", "bob", Take(start=3500, length=2500, colour=BLUE, beep=900))
    film, _ = compose(meeting, end=6000)
    assert is_near(film.at(1.5), RIGHT, GREEN)
    assert not is_near(film.at(3.3), RIGHT, GREEN)
    assert is_near(film.at(5.0), RIGHT, BLUE)
    assert abs(read_clock(tile(film.at(5.0), RIGHT)) - 5000) <= 100
    assert is_in_time(film, 900, {0, 1, 4, 5})


def test_of_two_cameras_of_one_person_the_later_one_stays(new_meeting: NewMeeting) -> None:
    meeting = new_meeting()
    meeting.add_person("ann")
    meeting.add_track("t1", "ann", Take(length=3000, colour=RED, beep=500))
    meeting.add_track("t2", "ann", Take(start=1000, length=1500, colour=GREEN, beep=900, fps=7))
    film, _ = compose(meeting, end=3000)
    assert all(is_near(film.at(1.1 + at / 10), WHOLE, GREEN) for at in range(14))
    assert is_near(film.at(0.9), WHOLE, RED)


def test_a_screen_takes_the_stage_while_it_is_shared(new_meeting: NewMeeting) -> None:
    meeting = new_meeting(width=1280, height=720)
    meeting.add_person("ann")
    meeting.add_person("bob")
    meeting.add_track("t1", "ann", Take(length=5000, colour=RED))
    meeting.add_track("t2", "bob", Take(length=5000, colour=GREEN, beep=900))
    screen = Take(start=1500, length=2000, width=640, height=360, colour=YELLOW, has_audio=False)
    meeting.add_track("t3", "bob", screen, kind="screen")
    film, _ = compose(meeting, end=5000)
    assert is_near(film.at(1.0), (0, 120, 638, 480), RED)
    shared = film.at(3.0)
    assert is_near(shared, (0, 80, 998, 562), YELLOW)
    assert [is_near(shared, (1002, y, 278, 358), colour) for y, colour in ((0, RED), (362, GREEN))] == [True, True]
    assert is_near(film.at(4.8), (0, 120, 638, 480), RED)


def test_a_screen_that_stands_still_stays(new_meeting: NewMeeting) -> None:
    meeting = new_meeting()
    meeting.add_person("ann")
    meeting.add_track("t1", "ann", Take(length=5000, colour=RED))
    still = Take(length=5000, colour=YELLOW, has_audio=False, frozen=((500, 4900),))
    meeting.add_track("t2", "ann", still, kind="screen")
    film, _ = compose(meeting, end=5000)
    assert is_near(film.at(3.5), (0, 0, 498, 374), YELLOW)


def test_a_screen_is_told_from_the_camera_of_the_same_person() -> None:
    ann = Person(id="ann", name="Ann", intervals=())
    long = Seat(replace(ann, name="Maximiliane Alexandra von Hohenstein-Wittelsbach"), "t3")
    assert long.title == "Maximiliane Alexandra v… (screen)"
    assert [seat.title for seat in (Seat(ann), Seat(ann, "t3"), Seat(replace(ann, name=""), "t3"))] == [
        "Ann", "Ann (screen)", "(screen)",
    ]  # fmt: skip


def test_in_pip_nobody_is_painted_over(new_meeting: NewMeeting) -> None:
    meeting = new_meeting(layout="pip")
    for person in ("ann", "bob", "eve"):
        meeting.add_person(person)
    meeting.add_track("t1", "ann", Take(length=2000, colour=RED))
    meeting.add_track("t2", "bob", Take(length=2000, width=96, height=64, fps=2, colour=GREEN, beep=900))
    film, _ = compose(meeting, end=2000)
    picture = film.at(1.5)
    assert is_near(picture, WHOLE, RED)
    assert is_near(picture, (492, 368, 140, 104), GREEN)
    assert not is_near(picture, (344, 368, 140, 104), RED)


def test_pauses_are_cut_out_of_pictures_and_sound(new_meeting: NewMeeting) -> None:
    meeting = new_meeting(spans=[[START, START + 2000], [START + 4000, None]])
    meeting.add_person("ann")
    meeting.add_track("t1", "ann", Take(length=7000, colour=RED))
    film, report = compose(meeting, end=7000)
    assert report["duration"] == 5000
    assert abs(film.length - 5.0) <= 0.05
    assert abs(read_clock(film.at(1.5)) - 1500) <= 100
    assert abs(read_clock(film.at(2.5)) - 4500) <= 100
    assert is_in_time(film, 440, {0, 1, 2, 3, 4})


@pytest.mark.parametrize("size", [(480, 640), (720, 1280), (1920, 1080), (1080, 1920)])
@pytest.mark.parametrize("layout", ["horizontalPresentation", "pip"])
def test_every_size_and_layout_gives_a_picture_of_that_size(
    new_meeting: NewMeeting, size: tuple[int, int], layout: str
) -> None:
    meeting = new_meeting(width=size[0], height=size[1], layout=layout)
    for number in range(3):
        meeting.add_person(f"p{number}")
    meeting.add_track("t1", "p0", Take(length=1000, width=96, height=64, fps=10))
    film, _ = compose(meeting, end=500)
    assert film.pictures[0].shape == (size[1], size[0], 3)


def test_a_missing_chunk_is_noted_and_the_rest_is_there(new_meeting: NewMeeting) -> None:
    meeting = new_meeting()
    meeting.add_person("ann")
    meeting.add_person("bob")
    pieces = chunks(Take(length=8000, colour=RED))
    before = b"".join(pieces[:3])
    meeting.add_track("t1", "ann", before + b"".join(pieces[4:]), gaps=[len(before)])
    meeting.add_track("t2", "bob", Take(length=8000, colour=GREEN, beep=900))
    film, report = compose(meeting, end=8000)
    assert is_near(film.at(2.5), LEFT, RED)
    assert is_near(film.at(7.0), LEFT, RED)
    assert abs(read_clock(tile(film.at(7.0), LEFT)) - 7000) <= 100
    assert is_near(film.at(4.0), RIGHT, GREEN)
    (note,) = report["missing"]
    assert (note["track"], note["person"], note["kind"]) == ("t1", "ann", "camera")
    assert START + 2500 <= note["from"] <= START + 3000
    assert START + 4000 <= note["to"] <= START + 6000
    assert note["why"] == "A part of the recording did not arrive."


def test_nothing_that_can_be_used_is_said_in_a_sentence(new_meeting: NewMeeting) -> None:
    meeting = new_meeting()
    meeting.add_person("ann")
    meeting.add_track("t1", "ann", b"<html>not found</html>" * 100)
    meeting.write(end=3000)
    with pytest.raises(Unusable, match=r"^No recording holds .* The file is not WebM\.$"):
        complete(meeting)


def test_nothing_recorded_is_said_in_a_sentence(new_meeting: NewMeeting) -> None:
    meeting = new_meeting(spans=[])
    meeting.write(final=True)
    with pytest.raises(Unusable, match="Nothing was recorded"):
        complete(meeting)


def test_an_end_that_nobody_knows_is_the_data_s(new_meeting: NewMeeting) -> None:
    meeting = new_meeting()
    meeting.add_person("ann")
    meeting.add_track("t1", "ann", webm(Take(length=3000)))
    meeting.write(final=True)
    assert 2900 <= complete(meeting)["duration"] <= 3100


def test_vp9_is_read_too(new_meeting: NewMeeting) -> None:
    meeting = new_meeting()
    meeting.add_person("ann")
    meeting.add_track("t1", "ann", Take(length=2000, width=160, height=120, colour=BLUE, codec="vp9"))
    film, _ = compose(meeting, end=2000)
    assert is_near(film.at(1.0), WHOLE, BLUE)


def test_many_loud_voices_do_not_go_beyond_full_scale(new_meeting: NewMeeting) -> None:
    meeting = new_meeting()
    for number in range(6):
        meeting.add_person(f"p{number}")
        meeting.add_track(f"t{number}", f"p{number}", Take(length=2000, has_video=False, beep=440))
    film, _ = compose(meeting, end=2000)
    assert 0.8 < float(abs(film.sound).max()) <= 1.2  # of 2.4
