"""What Chromium's MediaRecorder wrote: chunks of 320×240 VP8 and Opus, a key frame every 2 s, from its fake camera.

`plain`: 6 s. `off`: 9 s, of which the camera is disabled for the middle third. `ended`: 6 s, the picture's track is
stopped after 3 s.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from archives.media.scanner import KEY, Scanner
from tests.media.composing import compose
from tests.media.conftest import NewMeeting
from tests.media.looking import Film

PAYLOADS = Path(__file__).parent / "payloads" / "chromium"
BOX = (0, 0, 640, 480)


def chunks(kind: str) -> list[bytes]:
    return [path.read_bytes() for path in sorted(PAYLOADS.glob(f"{kind}-*.webm"))]


def is_camera(film: Film, seconds: float) -> bool:
    """Return whether the fake camera's green is what is mostly seen."""
    red, green, blue = film.at(seconds).reshape(-1, 3).mean(axis=0)
    return bool(green > 2 * max(red, blue, 1))


@pytest.mark.parametrize(("kind", "seconds"), [("plain", 6), ("off", 9), ("ended", 6)])
def test_every_packet_is_found_however_the_chunks_are_cut(tmp_path: Path, kind: str, seconds: int) -> None:
    path = tmp_path / "t.webm"
    path.write_bytes(b"")
    for data in chunks(kind):
        with path.open("ab") as file:
            file.write(data)
    scanner = Scanner(path, size=1 << 30, gaps=[], is_whole=True)
    scanner.scan(1e9)
    assert (seconds - 0.2) * 1000 <= scanner.end <= seconds * 1000
    assert scanner.holes == []
    keys = [packet.time for packet in scanner.video if packet.flags & KEY]
    assert max(np.diff(keys)) <= 2200
    assert max(np.diff([packet.time for packet in scanner.audio])) <= 70


def test_a_camera_is_seen_and_heard(new_meeting: NewMeeting) -> None:
    meeting = new_meeting()
    meeting.add_person("ann")
    meeting.add_track("t1", "ann", b"".join(chunks("plain")))
    film, report = compose(meeting, end=6000)
    assert report["missing"] == []
    assert all(is_camera(film, seconds) for seconds in (0.3, 2.0, 4.0, 5.9))
    assert float(np.abs(film.sound).max()) > 0.02


def test_a_disabled_camera_is_a_name_meanwhile(new_meeting: NewMeeting) -> None:
    meeting = new_meeting()
    meeting.add_person("ann")
    meeting.add_track("t1", "ann", b"".join(chunks("off")))
    film, _ = compose(meeting, end=9000)
    assert [is_camera(film, seconds) for seconds in (2.0, 4.5, 7.5)] == [True, False, True]
    assert not np.all(film.at(4.5) < 30)


def test_a_stopped_camera_is_a_name_from_then_on(new_meeting: NewMeeting) -> None:
    meeting = new_meeting()
    meeting.add_person("ann")
    meeting.add_track("t1", "ann", b"".join(chunks("ended")))
    film, _ = compose(meeting, end=6000)
    assert [is_camera(film, seconds) for seconds in (2.0, 5.0)] == [True, False]


@pytest.mark.parametrize("missing", [1, 2, 3, 4])
def test_without_one_chunk_the_rest_is_there(new_meeting: NewMeeting, missing: int) -> None:
    pieces = chunks("plain")
    before = b"".join(pieces[:missing])
    meeting = new_meeting()
    meeting.add_person("ann")
    meeting.add_track("t1", "ann", before + b"".join(pieces[missing + 1 :]), gaps=[len(before)])
    film, report = compose(meeting, end=6000)
    (note,) = report["missing"]
    assert note["to"] - note["from"] <= 3200
    assert is_camera(film, 0.5)
    if missing < 4:
        assert is_camera(film, 5.8)
