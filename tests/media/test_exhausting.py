"""Tracks that are made to use up time, memory or files: they are left out, and the others go on."""

from __future__ import annotations

import struct

import pytest

from tests.media.composing import complete
from tests.media.conftest import NewMeeting
from tests.media.looking import watch
from tests.media.making import Meeting, Take, audio_entry, element, head, video_entry, vint

HEAD = head(video_entry(1, 640, 480), audio_entry(2))
GOOD = Take(length=3000, beep=900)


def cluster(at: int) -> bytes:
    return bytes.fromhex("1F43B67501FFFFFFFFFFFFFF") + element("e7", at.to_bytes(8, "big"))


def block(stream: int, at: int, data: bytes) -> bytes:
    return element("a3", vint(stream) + struct.pack(">hB", at, 0x80) + data)


FALSE_IDS = HEAD + cluster(0) + block(2, 1, b"x") + b"\0" + bytes.fromhex("1F43B675") * 1_000_000
EMPTY = HEAD + cluster(100) + block(2, 0, b"") * 49_000 + block(1, 0, b"") * 49_000
CROWDED = HEAD + cluster(100) + element("a0", element("ec", b"") * 1_000_000)
BACK = (
    HEAD + cluster(100_000) + block(1, 0, b"x" * 20) + cluster(105_001) + block(1, 0, b"x" * 20) + cluster(0)
    + b"".join(block(2, at, b"x" * 10) for at in range(0, 30_000, 60))
)  # fmt: skip
KINDS = {"false ids": FALSE_IDS, "empty packets": EMPTY, "a crowded group": CROWDED, "times that go back": BACK}


def with_good(meeting: Meeting, bad: bytes) -> None:
    meeting.add_person("ann")
    meeting.add_person("eve")
    meeting.add_track("good", "ann", GOOD)
    meeting.add_track("bad", "eve", bad)
    meeting.write(end=3000)


@pytest.mark.parametrize("output", ["composed", "individual"])
@pytest.mark.parametrize("kind", KINDS)
def test_others_go_on(new_meeting: NewMeeting, kind: str, output: str) -> None:
    meeting = new_meeting(output=output)
    with_good(meeting, KINDS[kind])
    report = complete(meeting)
    assert report["hasAudio"]
    if output == "composed":
        film = watch(meeting.folder / "archive.mp4")
        assert film.loudness(900, 1.03, 1.17) > 0.2
