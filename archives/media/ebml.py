"""WebM's header, read within bounds: what a track says it holds, before a decoder sees a byte of it."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

EBML, SEGMENT, CLUSTER = 0x1A45DFA3, 0x18538067, 0x1F43B675
INFO, TRACKS, TRACK_ENTRY = 0x1549A966, 0x1654AE6B, 0xAE
TIMESTAMP, SIMPLE_BLOCK, BLOCK_GROUP, BLOCK, REFERENCE = 0xE7, 0xA3, 0xA0, 0xA1, 0xFB
_TIMESTAMP_SCALE, _NUMBER, _TYPE, _CODEC, _PRIVATE = 0x2AD7B1, 0xD7, 0x83, 0x86, 0x63A2
_VIDEO, _WIDTH, _HEIGHT, _AUDIO, _CHANNELS, _RATE = 0xE0, 0xB0, 0xBA, 0xE1, 0x9F, 0xB5
_DOC_TYPE, _CODEC_DELAY, _ENCODINGS = 0x4282, 0x56AA, 0x6D80
SKIPPED = frozenset({0xEC, 0xBF, 0x114D9B74, 0x1C53BB6B, 0x1254C367, 0x1043A770, 0x1941A469, 0xAB, 0xA7, INFO, TRACKS})
"""What may stand between clusters and blocks and says nothing that we need."""

MAX_HEADER = 256 * 1024
MAX_ENTRIES = 8
MAX_PRIVATE = 4096
MAX_PIXELS = 4096 * 2304
MAX_SIDE = 8192
VIDEO_CODECS = {"V_VP8": "vp8", "V_VP9": "vp9", "V_AV1": "libdav1d", "V_MPEG4/ISO/AVC": "h264"}
AUDIO_CODECS = {"A_OPUS": "opus"}


class NotUsable(Exception):
    """A track can't be read (any further); the text says why, for people."""


class Incomplete(Exception):
    """The bytes end in the middle of an element; more may come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """A picture or a sound inside a track; `codec` is the decoder's name."""

    number: int
    codec: str
    codec_id: str
    private: bytes = b""
    width: int = 0
    height: int = 0
    channels: int = 0
    delay: float = 0.0
    """Milliseconds of sound that the decoder makes before the first one that counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What stands before the first cluster; `size` is where that begins, `scale` the length of a tick in ms."""

    size: int
    scale: float
    video: Stream | None
    audio: Stream | None


def read_id(data: bytes | memoryview, at: int) -> tuple[int, int]:
    """Return an element's id and where its size begins. Raise `Incomplete`, or `NotUsable` for what is no id."""
    if at >= len(data):
        raise Incomplete
    first = data[at]
    if first < 0x10:
        raise NotUsable("The file is not WebM.")
    length = 9 - first.bit_length()
    if at + length > len(data):
        raise Incomplete
    return int.from_bytes(data[at : at + length], "big"), at + length


def read_size(data: bytes | memoryview, at: int) -> tuple[int | None, int]:
    """Return an element's size, `None` for unknown, and where its content begins."""
    if at >= len(data):
        raise Incomplete
    first = data[at]
    if first == 0:
        raise NotUsable("The file is not WebM.")
    length = 9 - first.bit_length()
    if at + length > len(data):
        raise Incomplete
    bits = 7 * length
    value = int.from_bytes(data[at : at + length], "big") & ((1 << bits) - 1)
    return (None if value == (1 << bits) - 1 else value), at + length


def children(data: memoryview) -> Iterator[tuple[int, memoryview]]:
    """Yield the elements inside one whose content is `data`. Raise `NotUsable` if they do not fit into it."""
    at = 0
    while at < len(data):
        try:
            element, at = read_id(data, at)
            size, at = read_size(data, at)
        except Incomplete:
            raise NotUsable("The file's header is broken.") from None
        if size is None or at + size > len(data):
            raise NotUsable("The file's header is broken.")
        yield element, data[at : at + size]
        at += size


def read_header(data: bytes) -> Header:
    """Read a file's start. Raise `Incomplete` if the first cluster is not there yet, `NotUsable` with a sentence."""
    view = memoryview(data)
    element, at = read_id(view, 0)
    if element != EBML:
        raise NotUsable("The file is not WebM.")
    size, at = read_size(view, at)
    if size is None or size > MAX_PRIVATE:
        raise NotUsable("The file is not WebM.")
    if at + size > len(view):
        raise Incomplete
    if not any(
        bytes(value) in (b"webm", b"matroska") for key, value in children(view[at : at + size]) if key == _DOC_TYPE
    ):
        raise NotUsable("The file is not WebM.")
    element, at = read_id(view, at + size)
    if element != SEGMENT:
        raise NotUsable("The file is not WebM.")
    _, at = read_size(view, at)
    return _segment(view, at)


def _segment(view: memoryview, at: int) -> Header:
    scale, streams = 1.0, None
    while True:
        start = at
        element, at = read_id(view, at)
        size, at = read_size(view, at)
        if element == CLUSTER:
            break
        if size is None or element not in SKIPPED or at + size > MAX_HEADER:
            raise NotUsable("The file's header is broken.")
        if at + size > len(view):
            raise Incomplete
        if element == INFO:
            scale = _scale(view[at : at + size])
        elif element == TRACKS:
            streams = _streams(view[at : at + size])
        at += size
    if streams is None:
        raise NotUsable("The file's header says of no picture and no sound.")
    video = next((stream for stream in streams if stream.codec_id in VIDEO_CODECS), None)
    audio = next((stream for stream in streams if stream.codec_id in AUDIO_CODECS), None)
    return Header(size=start, scale=scale, video=video, audio=audio)


def _scale(info: memoryview) -> float:
    nanoseconds = next((number(value) for element, value in children(info) if element == _TIMESTAMP_SCALE), 1_000_000)
    if not 1_000 <= nanoseconds <= 100_000_000:
        raise NotUsable("The file counts time in an unknown way.")
    return nanoseconds / 1_000_000


def _streams(tracks: memoryview) -> list[Stream]:
    entries = []
    for element, value in children(tracks):
        if element == TRACK_ENTRY:
            entries.append(value)
        if len(entries) > MAX_ENTRIES:
            raise NotUsable("The file holds more streams than a recording has.")
    streams = [stream for stream in map(_stream, entries) if stream is not None]
    if not streams:
        raise NotUsable(
            "The file holds no picture and no sound in a format that is known (VP8, VP9, AV1, H.264, Opus)."
        )
    return streams


def _stream(entry: memoryview) -> Stream | None:
    values = dict(children(entry))
    codec_id = bytes(values.get(_CODEC, b""))[:64].decode("ascii", "replace").rstrip("\0")
    private = bytes(values.get(_PRIVATE, b""))
    if _ENCODINGS in values or len(private) > MAX_PRIVATE:
        return None
    if codec_id in VIDEO_CODECS:
        return _video(codec_id, values, private)
    return _audio(codec_id, values, private) if codec_id in AUDIO_CODECS else None


def _video(codec_id: str, values: dict[int, memoryview], private: bytes) -> Stream:
    inside = dict(children(values.get(_VIDEO, memoryview(b""))))
    width, height = number(inside.get(_WIDTH)), number(inside.get(_HEIGHT))
    if width > MAX_SIDE or height > MAX_SIDE or width * height > MAX_PIXELS:
        raise NotUsable(
            f"The picture says that it is {min(width, 10**9)}×{min(height, 10**9)} points: larger than any camera's."
        )
    codec = VIDEO_CODECS[codec_id]
    return Stream(
        number=number(values.get(_NUMBER)), codec=codec, codec_id=codec_id, private=private, width=width, height=height
    )


def _audio(codec_id: str, values: dict[int, memoryview], private: bytes) -> Stream:
    channels = private[9] if len(private) >= 19 and private[:8] == b"OpusHead" else 0
    if channels not in (1, 2) or private[18] != 0:
        raise NotUsable("The sound is neither mono nor stereo.")
    delay = min(number(values.get(_CODEC_DELAY)) / 1_000_000, 100.0)
    return Stream(
        number=number(values.get(_NUMBER)),
        codec="opus",
        codec_id=codec_id,
        private=private,
        channels=channels,
        delay=delay,
    )


def number(value: bytes | memoryview | None) -> int:
    """Read an unsigned number; nothing, or one that is too long, is 0."""
    return int.from_bytes(value, "big") if value is not None and len(value) <= 8 else 0


def relative_time(data: bytes | memoryview) -> int:
    """Read a block's time, relative to its cluster's."""
    return int(struct.unpack(">h", data)[0])
