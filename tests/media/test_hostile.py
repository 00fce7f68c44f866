"""Bytes of somebody who means harm, or of a disk that failed: one track is left out, the others go on."""

from __future__ import annotations

import itertools
import os
import struct
import subprocess
import sys
import time
import zlib
from pathlib import Path

import av
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archives.media.ebml import MAX_PIXELS
from archives.media.limits import Limits
from archives.media.runner import MediaCrashed, Runner
from archives.media.sources import CRASHED
from tests.media import making
from tests.media.composing import complete, compose, step
from tests.media.conftest import NewMeeting
from tests.media.looking import is_near, watch
from tests.media.making import START, Meeting, Take, chunks, webm

RED, GREEN = (200, 40, 40), (40, 200, 40)
LEFT, RIGHT = (0, 120, 318, 240), (322, 120, 318, 240)
SMALL = Take(length=3000, width=64, height=48, fps=10)


def vp8_key_frame(width: int, height: int) -> bytes:
    """Return a key frame that says that it is that large."""
    return b"\x10\x02\x00\x9d\x01\x2a" + struct.pack("<HH", width, height) + b"\x00" * 200


def bomb(width: int, height: int, codec: str = "V_VP8", data: bytes | None = None) -> bytes:
    payload = data if data is not None else vp8_key_frame(width, height)
    blocks = b"".join(making.block(1, at, payload, is_key=True) for at in range(0, 2000, 50))
    return making.head(making.video_entry(1, 320, 240, codec)) + making.cluster(0) + blocks


HOSTILE = {
    "empty": b"",
    "no WebM": b"GIF89a" + b"\x00" * 5000,
    "zeros": b"\x00" * 100_000,
    "a VP8 bomb": bomb(16383, 16383),
    "a picture just above the bound": bomb(4096, 2306),
    "a header bomb": making.head(making.video_entry(1, 16384, 16384)) + making.cluster(0),
    "noise as VP9": bomb(0, 0, "V_VP9", b"\x82\x49\x83\x42\x00" + b"\xff" * 300),
    "noise as AV1": bomb(0, 0, "V_AV1", b"\x0a\x0b\x00\x00\x00\x24" + b"\xff" * 300),
    "noise as H.264": bomb(0, 0, "V_MPEG4/ISO/AVC", b"\x00\x00\x00\x01\x67" + b"\xff" * 300),
    "another codec": bomb(0, 0, "V_MPEGH/ISO/HEVC"),
    "many streams": making.head(*[making.video_entry(1, 64, 64)] * 3000) + making.cluster(0),
    "nested": making.head(making.video_entry(1, 64, 64)) + bytes.fromhex("1f43b675ff") * 30_000,
    "a lying size": making.head(making.video_entry(1, 64, 64)) + making.cluster(0) + b"\xa3\x08\xff\xff\xff\xff\x81",
    "times before zero": making.head(making.video_entry(1, 64, 64)) + making.cluster(0)
    + making.block(1, -3000, vp8_key_frame(64, 64), is_key=True),
    "absurd times": making.head(making.video_entry(1, 64, 64)) + making.cluster(2**62)
    + making.block(1, 0, vp8_key_frame(64, 64), is_key=True),
    "noise as Opus": making.head(making.audio_entry(1)) + making.cluster(0)
    + b"".join(making.block(1, at, b"\xff" * 40, is_key=True) for at in range(0, 2000, 20)),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_the_others_go_on_without_a_hostile_track(new_meeting: NewMeeting, name: str) -> None:
    meeting = new_meeting(fps=10)
    meeting.add_person("ann")
    meeting.add_person("eve")
    meeting.add_track("t1", "ann", Take(length=2000, width=160, height=120, fps=10, colour=RED))
    meeting.add_track("t2", "eve", HOSTILE[name])
    started = time.monotonic()
    film, report = compose(meeting, end=2000)
    assert time.monotonic() - started < 30
    assert is_near(film.at(1.0), LEFT, RED)
    assert not is_near(film.at(1.0), RIGHT, GREEN)
    assert [note["track"] for note in report["missing"]] in (["t2"], [])
    if name not in ("times before zero", "absurd times", "nested", "a lying size"):
        assert report["missing"]
        assert all(note["why"].endswith(".") for note in report["missing"])


def test_a_picture_beyond_the_bound_is_refused_before_there_is_memory_for_it() -> None:
    decoder = av.CodecContext.create("vp8", "r")
    decoder.options = {"max_pixels": str(MAX_PIXELS)}
    with pytest.raises(av.error.FFmpegError):
        decoder.decode(av.Packet(vp8_key_frame(16383, 16383)))


def test_behind_a_broken_chunk_the_picture_comes_back(new_meeting: NewMeeting) -> None:
    meeting = new_meeting(fps=10)
    meeting.add_person("ann")
    pieces = chunks(Take(length=6000, width=160, height=120, fps=10, colour=RED))
    pieces[1] = bytes(reversed(pieces[1]))
    meeting.add_track("t1", "ann", b"".join(pieces))
    film, report = compose(meeting, end=6000)
    assert is_near(film.at(5.0), (0, 0, 640, 480), RED)
    assert report["missing"]


@pytest.fixture(scope="module")
def fuzzing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzzing")


CASES = int(os.environ.get("FUZZ_CASES", "40"))
"""`.ci/run` asks for 2,000, which take two minutes."""
KINDS = st.sampled_from(["flip", "cut", "insert", "repeat", "zero"])
MUTATIONS = st.lists(
    st.tuples(KINDS, st.floats(0, 1), st.binary(min_size=1, max_size=12)),
    min_size=1,
    max_size=12,
)


def mutated(data: bytes, mutations: list[tuple[str, float, bytes]]) -> bytes:
    content = bytearray(data)
    for kind, where, with_what in mutations:
        at = int(where * (len(content) - 1))
        if kind == "flip":
            content[at : at + len(with_what)] = with_what
        elif kind == "cut":
            del content[at : at + with_what[0] * 8]
        elif kind == "insert":
            content[at:at] = with_what
        elif kind == "repeat":
            content[at:at] = content[at : at + with_what[0] * 16]
        else:
            content[at : at + with_what[0]] = bytes(len(content[at : at + with_what[0]]))
    return bytes(content)


@settings(max_examples=CASES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(mutations=MUTATIONS)
def test_no_mutation_of_a_real_track_ends_or_stops_the_composing(
    fuzzing: Path, mutations: list[tuple[str, float, bytes]]
) -> None:
    meeting = Meeting(folder=fuzzing / "meeting", job={"fps": 5})
    for leftover in ("state.json", "watch"):
        (meeting.folder / leftover).unlink(missing_ok=True)
    meeting.add_person("ann")
    meeting.add_track("t1", "ann", mutated(webm(SMALL), mutations))
    meeting.write(end=3000)
    started = time.monotonic()
    assert step(meeting) == (3000, 3000, True)
    assert time.monotonic() - started < 20


def die(meeting: Meeting, track: int, offset: int) -> None:
    """Let a process die while it decodes a packet, as one does whose decoder crashes."""
    program = (
        "import os, pathlib, sys\n"
        "from archives.media.watch import Watch\n"
        "with Watch(pathlib.Path(sys.argv[1]), budget=1, whole=1).over(int(sys.argv[2]), int(sys.argv[3])):\n"
        "    os.kill(os.getpid(), 11)\n"
    )
    number = zlib.crc32(meeting.job["tracks"][track]["id"].encode())
    arguments = [str(meeting.folder / "watch"), str(number), str(offset)]
    died = subprocess.run([sys.executable, "-c", program, *arguments], cwd=Path(__file__).parents[2])
    assert died.returncode == -11


def test_a_track_that_ends_the_program_twice_at_one_place_is_left_out(new_meeting: NewMeeting) -> None:
    """What a decoder that crashes leaves behind is a mark on the packet that it had."""
    meeting = new_meeting(fps=10)
    meeting.add_person("ann")
    meeting.add_person("eve")
    meeting.add_track("t1", "ann", Take(length=2000, width=160, height=120, fps=10, colour=RED))
    meeting.add_track("t2", "eve", Take(length=2000, width=160, height=120, fps=10, colour=GREEN))
    meeting.write(end=2000)
    for _ in range(2):
        die(meeting, 1, 4321)
        meeting.write(end=None, final=False)
        step(meeting)
    meeting.write(end=2000)
    report = complete(meeting)
    assert is_near(watch(meeting.folder / "archive.mp4").at(1.0), LEFT, RED)
    assert not is_near(watch(meeting.folder / "archive.mp4").at(1.0), RIGHT, GREEN)
    assert [(note["track"], note["why"]) for note in report["missing"]] == [("t2", CRASHED)]
    assert report["missing"][0]["to"] == START + 2000


def test_deaths_at_different_places_are_nobody_s_fault(new_meeting: NewMeeting) -> None:
    meeting = new_meeting(fps=10)
    meeting.add_person("ann")
    meeting.add_track("t1", "ann", Take(length=2000, width=160, height=120, fps=10, colour=RED))
    meeting.write()
    for offset in (100, 200, 300):
        die(meeting, 0, offset)
        step(meeting)
    film, report = compose(meeting, end=2000)
    assert is_near(film.at(1.0), (0, 0, 640, 480), RED)
    assert report["missing"] == []


def test_a_track_that_takes_too_long_is_left_out(new_meeting: NewMeeting, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = itertools.count(step=50.0)  # each packet takes longer than a track may
    monkeypatch.setattr("archives.media.watch.time.thread_time", lambda: next(clock))
    meeting = new_meeting(fps=10)
    meeting.add_person("ann")
    meeting.add_track("t1", "ann", Take(length=2000, width=160, height=120, fps=10))
    _, report = compose(meeting, end=2000)
    assert [note["why"] for note in report["missing"]] == ["From here on the recording takes too long to read."]
    assert report["missing"][0]["from"] >= START


def test_too_little_memory_ends_the_program_and_nothing_else(new_meeting: NewMeeting) -> None:
    meeting = new_meeting()
    meeting.add_person("ann")
    meeting.add_track("t1", "ann", SMALL)
    meeting.write(end=3000)
    with pytest.raises(MediaCrashed):
        Runner(meeting.folder, limits=Limits(memory=120 * 1024 * 1024), timeout=60).advance()
    assert Runner(meeting.folder, timeout=60).advance().is_complete
