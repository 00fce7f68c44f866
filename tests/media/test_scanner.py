"""Where packets lie in a file that grows, lacks pieces, or is broken."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from archives.media import ebml, scanner
from archives.media.ebml import Incomplete, NotUsable
from archives.media.scanner import AFTER_HOLE, KEY, Packet, Position, Scanner
from tests.media import making
from tests.media.making import Take, chunks, webm

TAKE = Take(length=6000, width=96, height=64, fps=10)
NEVER = 1e12


def scan(path: Path, data: bytes, *, gaps: Collection[int] = (), is_whole: bool = True) -> Scanner:
    path.write_bytes(data)
    found = Scanner(path, size=len(data), gaps=gaps, is_whole=is_whole)
    found.scan(NEVER)
    return found


def test_all_packets_are_found_with_their_bytes_and_times(tmp_path: Path) -> None:
    found = scan(tmp_path / "t.webm", webm(TAKE))
    expected = making.packets(TAKE)
    assert [(packet.time, found.payload(packet), bool(packet.flags & KEY)) for packet in found.video] == [
        (time, data, is_key) for time, stream, data, is_key in expected if stream == 1
    ]
    assert [(packet.time, found.payload(packet)) for packet in found.audio] == [
        (time, data) for time, stream, data, _ in expected if stream == 2
    ]
    assert found.holes == []
    assert found.position.broken == ""


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(0, 30_000), max_size=12))
def test_a_growing_file_gives_the_same_packets_whatever_the_pieces(tmp_path: Path, cuts: list[int]) -> None:
    data, path = webm(TAKE), tmp_path / "t.webm"
    whole = scan(path, data)
    position, video, audio = Position(), list[Packet](), list[Packet]()
    for cut in [*sorted(cuts), len(data)]:
        path.write_bytes(data[:cut])
        part = Scanner(path, size=cut, gaps=[], is_whole=cut == len(data), position=Position(**asdict(position)))
        part.scan(NEVER)
        position = part.position
        video += part.video
        audio += part.audio
        part.close()
    assert video == list(whole.video)
    assert audio == list(whole.audio)


@pytest.mark.parametrize("missing", [1, 2, 3])
def test_behind_a_missing_chunk_it_goes_on_at_the_next_cluster(tmp_path: Path, missing: int) -> None:
    pieces = chunks(TAKE)
    before = b"".join(pieces[:missing])
    found = scan(tmp_path / "t.webm", before + b"".join(pieces[missing + 1 :]), gaps=[len(before)])
    times = [packet.time for packet in found.video]
    assert times[0] == 0
    assert times[-1] == 5900
    (hole,) = found.holes
    assert hole.start <= missing * 1000
    assert (missing + 1) * 1000 <= hole.end <= (missing + 1) * 1000 + 2000
    assert hole.why == scanner.MISSING
    first = next(packet for packet in found.video if packet.time >= hole.end)
    assert first.flags & AFTER_HOLE
    assert first.flags & KEY
    whole = scan(tmp_path / "whole.webm", webm(TAKE))
    kept = [packet.time for packet in whole.video if packet.time <= hole.start or packet.time >= hole.end]
    assert times == kept


def test_a_missing_chunk_can_take_the_first_byte_of_a_cluster_along(tmp_path: Path) -> None:
    data = webm(TAKE)
    at = data.index(b"\x1f\x43\xb6\x75", len(data) // 2)
    found = scan(tmp_path / "t.webm", data[: at - 50] + data[at + 1 :], gaps=[at - 50])
    (hole,) = found.holes
    assert hole.end - hole.start <= 300
    assert found.video[-1].time == 5900


def test_garbage_in_the_middle_is_skipped(tmp_path: Path) -> None:
    data = bytearray(webm(TAKE))
    at = len(data) // 2
    data[at : at + 400] = b"\x00" * 400
    found = scan(tmp_path / "t.webm", bytes(data))
    assert found.video[-1].time == 5900
    assert all(hole.why == scanner.DAMAGED for hole in found.holes)


def test_a_block_that_lies_about_its_size_costs_no_more_than_its_cluster(tmp_path: Path) -> None:
    data = webm(TAKE)
    at = data.index(b"\x1f\x43\xb6\x75", 2000)
    lying = data[:at] + bytes.fromhex("a3") + making.vint(3_000_000) + data[at:]
    found = scan(tmp_path / "t.webm", lying)
    assert found.video[-1].time == 5900


def test_a_cut_file_gives_what_is_whole(tmp_path: Path) -> None:
    data = webm(TAKE)
    found = scan(tmp_path / "t.webm", data[: len(data) * 2 // 3])
    assert 3000 < found.end < 5000
    assert found.holes == []


def test_a_repeated_chunk_gives_nothing_twice(tmp_path: Path) -> None:
    pieces = chunks(TAKE)
    found = scan(tmp_path / "t.webm", b"".join([*pieces[:3], *pieces[2:]]))
    times = [packet.time for packet in found.video]
    assert times == sorted(times)
    assert len(times) - len(set(times)) <= 1
    assert times[-1] == 5900


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "Nothing of this recording arrived"),
        (b"<html>" * 100, "not WebM"),
        (b"\x1a\x45\xdf\xa3" + b"\xff" * 50, "not WebM"),
        (making.head(*[making.video_entry(number, 2, 2) for number in range(1, 20)]), "more streams"),
        (making.head(making.video_entry(1, 16384, 16384)) + making.cluster(0), "larger than any camera's"),
        (making.head(making.video_entry(1, 320, 240, "V_MPEG2")) + making.cluster(0), "in a format that is known"),
        (making.head(making.audio_entry(1, channels=8)) + making.cluster(0), "neither mono nor stereo"),
        (making.head(making.video_entry(1, 2, 2), scale=1) + making.cluster(0), "counts time"),
        (making.head() + making.cluster(0), "no picture and no sound"),
        (webm(TAKE)[:100], "incomplete"),
    ],
)
def test_what_is_no_recording_is_refused_with_a_reason(tmp_path: Path, data: bytes, why: str) -> None:
    with pytest.raises(NotUsable, match=why):
        scan(tmp_path / "t.webm", data)


def test_without_its_beginning_a_track_is_lost(tmp_path: Path) -> None:
    with pytest.raises(NotUsable, match="beginning"):
        scan(tmp_path / "t.webm", b"".join(chunks(TAKE)[1:]), gaps=[0])


def test_a_hundred_thousand_streams_are_refused_at_once(tmp_path: Path) -> None:
    entries = [making.video_entry(1, 2, 2)] * 5000
    with pytest.raises(NotUsable):
        scan(tmp_path / "t.webm", making.head(*entries) + making.cluster(0))


def test_packets_without_end_at_one_moment_end_the_reading(tmp_path: Path) -> None:
    blocks = making.block(1, 0, b"x", is_key=True) * (scanner.MAX_WAITING + 1000)
    flood = making.head(making.video_entry(1, 64, 64)) + making.cluster(0) + blocks
    found = scan(tmp_path / "t.webm", flood)
    assert "more packets" in found.position.broken
    assert len(found.video) == scanner.MAX_WAITING


def test_elements_without_end_that_say_nothing_end_the_reading(tmp_path: Path) -> None:
    nothing = b"\xec\x80" * (scanner.MAX_IDLE + 1000)
    flood = making.head(making.video_entry(1, 64, 64)) + making.cluster(0) + nothing
    assert "nothing that can be read" in scan(tmp_path / "t.webm", flood).position.broken


def test_times_that_are_absurd_are_damage(tmp_path: Path) -> None:
    data = webm(TAKE)
    at = data.index(b"\x1f\x43\xb6\x75", len(data) // 2)
    absurd = making.cluster(10**14) + making.block(1, 0, b"x" * 20, is_key=True)
    found = scan(tmp_path / "t.webm", data[:at] + absurd + data[at:])
    assert found.end == scan(tmp_path / "whole.webm", data).end


def test_a_header_that_is_not_whole_is_awaited(tmp_path: Path) -> None:
    data = webm(TAKE)
    path = tmp_path / "t.webm"
    path.write_bytes(data[:60])
    assert Scanner(path, size=60, gaps=[], is_whole=False).header is None
    with pytest.raises(Incomplete):
        ebml.read_header(data[:60])
