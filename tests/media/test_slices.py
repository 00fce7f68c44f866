"""Composing while the meeting runs: slices, joins, and a process that is killed at any moment."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import cast

import av
import numpy as np
import pytest

from archives.media import parts
from archives.media.runner import Runner
from tests.media.composing import complete, compose, film_of, step
from tests.media.conftest import NewMeeting
from tests.media.making import START, Image, Meeting, Take, chunks, read_clock, webm

ANN = Take(length=22_000, width=96, height=64, fps=10, beep=500)
TINY = Take(length=1000, width=64, height=48, fps=10)
BOB = Take(start=4300, length=17_700, width=96, height=64, fps=10, beep=900)


@pytest.fixture
def running(new_meeting: NewMeeting) -> Meeting:
    """A meeting of two whose tracks grow."""
    meeting = new_meeting(fps=10)
    meeting.add_person("ann")
    meeting.add_person("bob", "Bob", (4300, None))
    for track, take in (("t1", ANN), ("t2", BOB)):
        meeting.add_track(track, track.replace("t1", "ann").replace("t2", "bob"), b"", start=take.start, closed=False)
    return meeting


def feed(meeting: Meeting, track: str, take: Take, done: int, until: int) -> int:
    """Append the chunks of a track that there are at `until` ms of the meeting; return how many there are then."""
    pieces = chunks(take)
    ready = max(0, min(len(pieces), (until - take.start) // 1000))
    meeting.grow(track, b"".join(pieces[done:ready]))
    return max(done, ready)


def grow(meeting: Meeting, done: dict[str, int], until: int) -> None:
    for track, take in (("t1", ANN), ("t2", BOB)):
        done[track] = feed(meeting, track, take, done.get(track, 0), until)


def test_slices_are_composed_while_the_meeting_runs(running: Meeting) -> None:
    done: dict[str, int] = {}
    came = []
    for now in (5_000, 9_000, 13_000, 23_000):
        grow(running, done, now)
        running.write()
        came.append(step(running)[0])
    assert came == [0, 0, 10_000, 20_000]
    grow(running, done, 99_000)
    running.write(end=22_000)
    assert step(running) == (22_000, 22_000, True)
    assert len(list((running.folder / "parts").iterdir())) == 3


def test_a_chunk_that_is_just_being_added_is_not_read(running: Meeting) -> None:
    grow(running, {}, 99_000)
    running.job["tracks"][0]["bytes"] = len(b"".join(chunks(ANN)[:12]))
    running.write()
    assert step(running)[0] == 10_000


def test_an_end_exactly_at_a_slice_s_keeps_the_sound_whole(running: Meeting) -> None:
    grow(running, {}, 99_000)
    running.write()
    assert step(running)[0] == 20_000
    running.write(end=20_000)
    complete(running)
    film = film_of(running.folder)
    assert len(film.pictures) == 200
    assert 20.0 <= len(film.sound) / 48_000 <= 20.1


def test_a_pause_that_begins_while_composing_is_cut_out(running: Meeting) -> None:
    done: dict[str, int] = {}
    grow(running, done, 13_000)
    running.write()
    assert step(running)[0] == 10_000
    running.job["spans"] = [[START, START + 12_000], [START + 15_000, None]]
    grow(running, done, 99_000)
    running.write(end=22_000)
    assert complete(running)["duration"] == 19_000
    film = film_of(running.folder)
    assert abs(read_clock(film.at(11.5)[121:359, :318]) - 11_500) <= 100
    assert abs(read_clock(film.at(12.5)[121:359, :318]) - 15_500) <= 100


def test_slices_join_to_what_one_go_gives(running: Meeting, new_meeting: NewMeeting) -> None:
    done: dict[str, int] = {}
    for now in range(1000, 23_000, 4000):
        grow(running, done, now)
        running.write()
        step(running, seconds=0)
    grow(running, done, 99_000)
    running.write(end=22_000)
    complete(running)
    sliced = film_of(running.folder)

    at_once = new_meeting(fps=10)
    at_once.add_person("ann")
    at_once.add_person("bob", "Bob", (4300, None))
    at_once.add_track("t1", "ann", ANN)
    at_once.add_track("t2", "bob", BOB)
    film, _ = compose(at_once, end=22_000)

    assert len(sliced.pictures) == len(film.pictures) == 220
    assert sliced.times == film.times
    for at in (0.5, 9.9, 10.0, 10.1, 19.9, 20.0, 21.9):
        assert np.abs(sliced.at(at).astype(int) - film.at(at)).mean() < 3
        assert abs(read_clock(sliced.at(at)[121:359, :318] if at > 4.4 else sliced.at(at)[80:400]) - at * 1000) <= 100
    assert len(sliced.sound) == len(film.sound)
    assert float(np.abs(sliced.sound - film.sound).max()) < 0.05


def test_joins_cannot_be_heard(new_meeting: NewMeeting) -> None:
    """A tone that never stops has no click at the joins: nothing there but the tone."""
    meeting = new_meeting()
    meeting.add_person("ann")
    from tests.media import making

    take = Take(length=12_000, has_video=False, beep=440)
    steady = 0.3 * np.sin(2 * np.pi * 440 * np.arange(take.length * 48) / 48_000)
    before, making.tone = making.tone, lambda take: steady.astype(np.float32)
    try:
        making.packets.cache_clear()
        meeting.add_track("t1", "ann", webm(take))
    finally:
        making.tone = before
        making.packets.cache_clear()
    film, _ = compose(meeting, end=12_000)
    sound = film.sound[: 11 * 48_000].astype(np.float64)
    at = np.arange(len(sound)) / 48_000
    rest = []
    for second in np.arange(1.0, 10.9, 0.1):
        part = slice(int(second * 48_000), int((second + 0.1) * 48_000))
        base = np.stack([np.sin(2 * np.pi * 440 * at[part]), np.cos(2 * np.pi * 440 * at[part])], axis=1)
        fitted, *_ = np.linalg.lstsq(base, sound[part], rcond=None)
        rest.append((float(np.abs(sound[part] - base @ fitted).max()), round(float(second), 1)))
    typical = float(np.median([error for error, _ in rest]))
    near_joins = [error for error, second in rest if second in (9.8, 9.9, 10.0)]
    assert max(near_joins) < max(4 * typical, 0.01), (typical, near_joins)


def test_the_file_seeks_everywhere(running: Meeting) -> None:
    done: dict[str, int] = {}
    grow(running, done, 99_000)
    running.write(end=22_000)
    complete(running)
    with av.open(str(running.folder / "archive.mp4")) as file:
        assert [stream.type for stream in file.streams] == ["video", "audio"]
        assert abs((file.duration or 0) / 1e6 - 22.0) <= 0.05
        last = -1
        for packet in file.demux(video=0):
            if packet.dts is not None:
                assert packet.dts > last
                assert packet.pts == packet.dts
                last = packet.dts
        for seconds in (21.0, 0.0, 10.0, 9.9, 20.1, 15.5):
            file.seek(int(seconds * 1e6))
            picture = next(frame for frame in file.decode(video=0) if float(frame.time or 0) >= seconds - 0.001)
            grey = cast(Image, picture.to_ndarray(format="gray"))
            clock = read_clock(grey[121:359, :318] if seconds > 4.4 else grey[80:400])
            assert abs(clock - seconds * 1000) <= 100
    head = (running.folder / "archive.mp4").read_bytes()[:4096]
    assert head.index(b"moov") < head.index(b"moov") + 1
    assert b"mdat" not in head[: head.index(b"moov")]


def test_a_screen_that_gives_no_picture_holds_nobody_up(running: Meeting) -> None:
    done: dict[str, int] = {}
    running.add_track("t3", "ann", b"", kind="screen", closed=False)
    grow(running, done, 17_000)
    running.write()
    assert step(running)[0] == 10_000


def test_a_track_that_is_late_is_awaited_until_it_is_closed(running: Meeting) -> None:
    feed(running, "t1", ANN, 0, 25_000)
    running.write()
    assert step(running)[0] == 0
    running.job["tracks"][1]["closed"] = True
    running.write()
    assert step(running)[0] == 20_000


def test_when_nobody_is_left_what_is_there_is_composed(running: Meeting) -> None:
    done: dict[str, int] = {}
    grow(running, done, 25_000)
    for track in running.job["tracks"]:
        track["closed"] = True
    running.write()
    assert step(running)[0] == 20_000


def test_another_size_starts_over(running: Meeting) -> None:
    grow(running, {}, 99_000)
    running.write(end=22_000)
    step(running, seconds=0)
    running.job["width"], running.job["height"] = 480, 640
    running.write(end=22_000)
    complete(running)
    assert film_of(running.folder).pictures[0].shape == (640, 480, 3)


def test_a_part_that_is_broken_is_never_joined(running: Meeting) -> None:
    grow(running, {}, 99_000)
    running.write(end=22_000)
    while not step(running)[2]:
        pass
    part = parts.path_of(running.folder / "parts", 1)
    data = bytearray(part.read_bytes())
    data[len(data) // 2] ^= 1
    part.write_bytes(data)
    with pytest.raises(ValueError, match="broken"):
        complete(running)


def test_a_process_killed_again_and_again_gives_a_good_file(running: Meeting) -> None:
    """SIGKILL at random moments, while chunks come; then the rest in peace."""
    moments = random.Random(4)
    done: dict[str, int] = {}
    for now in (12_000, 15_000, 22_000, 30_000):
        grow(running, done, now)
        running.write(end=22_000 if now == 30_000 else None)
        program = subprocess.Popen(
            [sys.executable, "-m", "archives.media", "advance", str(running.folder)],
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
        )
        time.sleep(moments.uniform(0.3, 1.3))
        program.send_signal(signal.SIGKILL)
        program.communicate()
    runner = Runner(running.folder, timeout=60)
    while not runner.advance().is_complete:
        pass
    finished = runner.finish()
    film = film_of(running.folder)
    assert finished.duration == 22_000
    assert finished.missing == ()
    assert len(film.pictures) == 220
    for at in (1.0, 9.9, 10.1, 19.9, 20.1):
        assert abs(read_clock(film.at(at)[121:359, :318] if at > 4.4 else film.at(at)[80:400]) - at * 1000) <= 100
    starts = film.beep_starts(500)
    assert len(starts) == 22
    assert all(abs(start - round(start)) <= 0.05 for start in starts)


def test_tracks_that_are_over_are_not_opened_again(new_meeting: NewMeeting) -> None:
    meeting = new_meeting(fps=10)
    meeting.add_person("ann")
    for number in range(12):
        meeting.add_track(f"t{number}", "ann", TINY, start=number * 2000)
    meeting.write(end=24_000)
    step(meeting, seconds=0)
    state = json.loads((meeting.folder / "state.json").read_text())
    assert [track["is_over"] for track in state["tracks"].values()] == [True] * 3 + [False] * 9
    for number in range(3):
        (meeting.folder / "tracks" / f"t{number}.webm").unlink()
    assert complete(meeting)["missing"] == []


def test_the_state_does_not_grow_with_the_meeting(running: Meeting) -> None:
    done: dict[str, int] = {}
    sizes = []
    for now in (12_000, 22_000, 24_000):
        grow(running, done, now)
        running.write()
        step(running)
        sizes.append((running.folder / "state.json").stat().st_size)
    assert max(sizes) < 60_000
    assert sizes[1] < sizes[0] * 1.5
