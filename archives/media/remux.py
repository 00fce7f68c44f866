"""One track as a WebM file that players can seek in: the same packets, with sizes, a duration and cues."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from archives.media.ebml import Header, Stream
from archives.media.scanner import AFTER_HOLE, KEY, Packet, Scanner

_AHEAD_MS = 5000.0
_CLUSTER_MS = 10_000.0
_MAX_BLOCK_TIME = 30_000


@dataclass(slots=True)
class Written:
    """What went into the file: times in ms from the track's start, `None` if nothing did."""

    start: float | None = None
    end: float = 0.0
    has_video: bool = False
    has_audio: bool = False


def remux(scanner: Scanner, target: Path, *, is_wanted: Callable[[float], bool]) -> Written:
    """Write what a scanner finds to a file, without the packets whose times (ms from the track's start) are not wanted.

    Pictures go on at a key frame after whatever is left out. The file lies on one clock with the track.
    """
    written = Written()
    if scanner.header is None:
        return written
    with target.open("wb") as file:
        writer = _Writer(file, scanner.header)
        for packet, stream in _wanted(scanner, scanner.header, is_wanted):
            written.start = packet.time if written.start is None else written.start
            written.end = max(written.end, packet.time)
            is_video = stream is scanner.header.video
            written.has_video, written.has_audio = written.has_video or is_video, written.has_audio or not is_video
            writer.add(packet, stream, scanner.payload(packet), is_video=is_video)
        writer.close(written.end)
    return written


def _wanted(scanner: Scanner, header: Header, is_wanted: Callable[[float], bool]) -> Iterator[tuple[Packet, Stream]]:
    waits_for_key = True
    for packet, stream in _packets(scanner, header):
        if not is_wanted(packet.time):
            waits_for_key = True
            continue
        if stream is header.video:
            if packet.flags & AFTER_HOLE:
                waits_for_key = True
            if waits_for_key and not packet.flags & KEY:
                continue
            waits_for_key = False
        yield packet, stream


def _packets(scanner: Scanner, header: Header) -> Iterator[tuple[Packet, Stream]]:
    until = _AHEAD_MS
    while True:
        is_more = scanner.scan(until + _AHEAD_MS)
        while scanner.video or scanner.audio:
            is_video = not scanner.audio or (bool(scanner.video) and scanner.video[0] <= scanner.audio[0])
            first = scanner.video if is_video else scanner.audio
            if is_more and first[0].time > until:
                break
            stream = header.video if is_video else header.audio
            assert stream is not None
            yield first.popleft(), stream
        if not is_more:
            return
        until += _AHEAD_MS


class _Writer:
    def __init__(self, file: BinaryIO, header: Header) -> None:
        self._file = file
        self._cluster: tuple[float, int] | None = None
        """The open cluster's time and where it begins in the file."""
        self._cues: list[bytes] = []
        self._has_video = header.video is not None
        file.write(_element(0x1A45DFA3, _DOC))
        file.write(_id(0x18538067))
        self._size_at = file.tell()
        file.write(bytes(8))
        self._segment_at = file.tell()
        self._seek_at = file.tell()
        file.write(_seek_head(0, 0, 0))
        self._info_at = file.tell()
        file.write(_info(0.0))
        self._tracks_at = file.tell()
        file.write(_element(0x1654AE6B, b"".join(_entry(stream) for stream in (header.video, header.audio) if stream)))

    def add(self, packet: Packet, stream: Stream, data: bytes, *, is_video: bool) -> None:
        is_key = bool(packet.flags & KEY)
        if self._needs_cluster(packet.time, starts_picture=is_video and is_key):
            self._open_cluster(packet.time)
            if is_key:
                self._add_cue(packet.time, stream)
        assert self._cluster is not None
        since = round(packet.time) - round(self._cluster[0])
        head = _vint(stream.number) + struct.pack(">hB", since, 0x80 if is_key else 0)
        self._file.write(_element(0xA3, head + data))

    def _needs_cluster(self, time: float, *, starts_picture: bool) -> bool:
        if self._cluster is None or abs(time - self._cluster[0]) > _MAX_BLOCK_TIME:
            return True
        return starts_picture or (not self._has_video and time - self._cluster[0] > _CLUSTER_MS)

    def _open_cluster(self, time: float) -> None:
        self._close_cluster()
        self._cluster = (time, self._file.tell())
        self._file.write(_id(0x1F43B675) + bytes(8) + _element(0xE7, round(time).to_bytes(8, "big")))

    def _close_cluster(self) -> None:
        if self._cluster is not None:
            end = self._file.tell()
            self._file.seek(self._cluster[1] + 4)
            self._file.write(_long(end - self._cluster[1] - 12))
            self._file.seek(end)

    def _add_cue(self, time: float, stream: Stream) -> None:
        assert self._cluster is not None
        place = _element(0xF7, _uint(stream.number)) + _element(0xF1, _uint(self._cluster[1] - self._segment_at))
        self._cues.append(_element(0xBB, _element(0xB3, _uint(round(time))) + _element(0xB7, place)))

    def close(self, duration: float) -> None:
        self._close_cluster()
        cues_at = self._file.tell()
        if self._cues:
            self._file.write(_element(0x1C53BB6B, b"".join(self._cues)))
        end = self._file.tell()
        for at, content in (
            (self._size_at, _long(end - self._segment_at)),
            (self._seek_at, _seek_head(*(at - self._segment_at for at in (self._info_at, self._tracks_at, cues_at)))),
            (self._info_at, _info(duration)),
        ):
            self._file.seek(at)
            self._file.write(content)


def _id(identity: int) -> bytes:
    return identity.to_bytes((identity.bit_length() + 7) // 8, "big")


def _vint(value: int) -> bytes:
    length = next(length for length in range(1, 9) if value < (1 << 7 * length) - 1)
    return (value | 1 << 7 * length).to_bytes(length, "big")


def _long(value: int) -> bytes:
    return (value | 1 << 56).to_bytes(8, "big")


def _uint(value: int) -> bytes:
    return value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big")


def _element(identity: int, content: bytes) -> bytes:
    return _id(identity) + _vint(len(content)) + content


_DOC = b"".join(
    [
        _element(0x4286, b"\x01"),
        _element(0x42F7, b"\x01"),
        _element(0x42F2, b"\x04"),
        _element(0x42F3, b"\x08"),
        _element(0x4282, b"webm"),
        _element(0x4287, b"\x04"),
        _element(0x4285, b"\x02"),
    ]
)


def _seek_head(*positions: int) -> bytes:
    targets = (0x1549A966, 0x1654AE6B, 0x1C53BB6B)
    seeks = (
        _element(0x4DBB, _element(0x53AB, _id(target)) + _element(0x53AC, position.to_bytes(8, "big")))
        for target, position in zip(targets, positions, strict=True)
    )
    return _element(0x114D9B74, b"".join(seeks))


def _info(duration: float) -> bytes:
    scale = _element(0x2AD7B1, (1_000_000).to_bytes(4, "big"))
    length = _element(0x4489, struct.pack(">d", duration))
    return _element(0x1549A966, scale + length + _element(0x4D80, b"archives") + _element(0x5741, b"archives"))


def _entry(stream: Stream) -> bytes:
    content = [
        _element(0xD7, _uint(stream.number)),
        _element(0x73C5, _uint(stream.number)),
        _element(0x83, b"\x02" if stream.channels else b"\x01"),
        _element(0x86, stream.codec_id.encode()),
    ]
    if stream.private:
        content.append(_element(0x63A2, stream.private))
    if stream.channels:
        content.append(_element(0x56AA, _uint(round(stream.delay * 1_000_000))))
        content.append(
            _element(0xE1, _element(0xB5, struct.pack(">f", 48_000.0)) + _element(0x9F, _uint(stream.channels)))
        )
    else:
        content.append(_element(0xE0, _element(0xB0, _uint(stream.width)) + _element(0xBA, _uint(stream.height))))
    return _element(0xAE, b"".join(content))
