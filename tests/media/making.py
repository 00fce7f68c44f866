"""Recordings as Chrome's MediaRecorder writes them, chunk by chunk, of scenes that a test can read back.

Pictures: a plain colour, and a clock of bars (a binary number of 50 ms steps) across the top. Sound: silence with
beeps of one frequency at whole seconds of the meeting.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext
from numpy.typing import NDArray

Image = NDArray[np.uint8]
RATE = 48_000
BITS = 12
STEP_MS = 50
"""What one count of the clock is."""
START = 1_700_000_000_000
"""When the meetings of the tests begin, in ms since the epoch."""
UNKNOWN = b"\x01\xff\xff\xff\xff\xff\xff\xff"


@dataclass(frozen=True, kw_only=True)
class Take:
    """What one recorder records: `start` and `length` in ms, `start` from the meeting's begin."""

    start: int = 0
    length: int = 4000
    width: int = 320
    height: int = 240
    fps: int = 20
    colour: tuple[int, int, int] = (200, 40, 40)
    beep: int = 440
    has_video: bool = True
    has_audio: bool = True
    dark: tuple[tuple[int, int], ...] = ()
    """Stretches, ms from the take's start, in which the camera is switched off."""
    frozen: tuple[tuple[int, int], ...] = ()
    """Stretches in which no picture comes."""
    codec: str = "vp8"


def element(identity: str, content: bytes, *, size: bytes | None = None) -> bytes:
    """Return an EBML element."""
    return bytes.fromhex(identity) + (vint(len(content)) if size is None else size) + content


def vint(value: int) -> bytes:
    """Return a size as EBML writes it."""
    length = next(length for length in range(1, 9) if value < (1 << 7 * length) - 1)
    return (value | 1 << 7 * length).to_bytes(length, "big")


def uint(value: int) -> bytes:
    return value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big")


def head(*tracks: bytes, scale: int = 1_000_000) -> bytes:
    """Return what stands before the first cluster."""
    doc = b"".join(
        [
            element("4286", b"\x01"),
            element("42f7", b"\x01"),
            element("42f2", b"\x04"),
            element("42f3", b"\x08"),
            element("4282", b"webm"),
            element("4287", b"\x04"),
            element("4285", b"\x02"),
        ]
    )
    info = element("2ad7b1", uint(scale)) + element("4d80", b"Chrome") + element("5741", b"Chrome")
    return (
        element("1a45dfa3", doc)
        + element("18538067", b"", size=UNKNOWN)
        + element("1549a966", info)
        + element("1654ae6b", b"".join(tracks))
    )


def video_entry(number: int, width: int, height: int, codec: str = "V_VP8") -> bytes:
    size = element("b0", uint(width)) + element("ba", uint(height))
    return element(
        "ae",
        element("d7", uint(number))
        + element("73c5", uint(number))
        + element("83", b"\x01")
        + element("86", codec.encode())
        + element("e0", size),
    )


def audio_entry(number: int, codec: str = "A_OPUS", channels: int = 1) -> bytes:
    private = b"OpusHead" + bytes([1, channels]) + (0).to_bytes(2, "little") + RATE.to_bytes(4, "little") + bytes(3)
    sound = element("b5", np.float32(RATE).astype(">f4").tobytes()) + element("9f", bytes([channels]))
    return element(
        "ae",
        element("d7", uint(number))
        + element("73c5", uint(number))
        + element("83", b"\x02")
        + element("86", codec.encode())
        + element("63a2", private)
        + element("e1", sound),
    )


def block(number: int, time: int, data: bytes, *, is_key: bool) -> bytes:
    return element("a3", vint(number) + time.to_bytes(2, "big", signed=True) + bytes([0x80 if is_key else 0]) + data)


def cluster(time: int) -> bytes:
    return element("1f43b675", b"", size=UNKNOWN) + element("e7", uint(time))


def picture(colour: tuple[int, int, int], time: int, width: int, height: int) -> Image:
    """Return a picture of a colour with the clock at `time` ms."""
    image = np.empty((height, width, 3), np.uint8)
    image[:] = colour
    count, high, wide = time // STEP_MS, height // 4, width // BITS
    for bit in range(BITS):
        image[:high, bit * wide : (bit + 1) * wide] = 235 if count >> (BITS - 1 - bit) & 1 else 20
    return image


def read_clock(image: Image) -> int:
    """Return the time that a picture's clock shows, in ms; `image` is the tile alone, as grey or RGB."""
    grey = image.mean(axis=2) if image.ndim == 3 else image
    high, wide = grey.shape[0] // 4, grey.shape[1] / BITS
    middles = [grey[high // 2 - 2 : high // 2 + 2, int((bit + 0.5) * wide)].mean() for bit in range(BITS)]
    return sum(1 << (BITS - 1 - bit) for bit in range(BITS) if middles[bit] > 128) * STEP_MS


def tone(take: Take) -> NDArray[np.float32]:
    """Return a take's sound: 200 ms beeps at whole seconds of the meeting."""
    count = take.length * RATE // 1000
    at = np.arange(count) + take.start * RATE // 1000
    beeps = (at % RATE) < RATE // 5
    return (0.4 * np.sin(2 * np.pi * take.beep * at / RATE) * beeps).astype(np.float32)


@lru_cache(maxsize=64)
def packets(take: Take) -> list[tuple[int, int, bytes, bool]]:
    """Return `(time, stream, data, is key)` of a take, in order of time; stream 1 is the picture, 2 the sound."""
    found = _video(take) if take.has_video else []
    found += _audio(take) if take.has_audio else []
    return sorted(found, key=lambda packet: (packet[0], packet[1]))


def _video(take: Take) -> list[tuple[int, int, bytes, bool]]:
    encoder = cast(VideoCodecContext, av.CodecContext.create({"vp8": "libvpx", "vp9": "libvpx-vp9"}[take.codec], "w"))
    encoder.width, encoder.height, encoder.pix_fmt = take.width, take.height, "yuv420p"
    encoder.time_base, encoder.gop_size = Fraction(1, 1000), 2 * take.fps
    encoder.bit_rate, encoder.thread_count = 500_000, 1
    encoder.options = {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0", "auto-alt-ref": "0"}
    found = []
    for at in range(take.length * take.fps // 1000):
        time = at * 1000 // take.fps
        if any(start <= time < end for start, end in take.frozen):
            continue
        is_dark = any(start <= time < end for start, end in take.dark)
        image = picture(take.colour, take.start + time, take.width, take.height)
        frame = av.VideoFrame.from_ndarray(image * 0 if is_dark else image, "rgb24").reformat(format="yuv420p")
        frame.pts, frame.time_base = time, Fraction(1, 1000)
        found += [(packet.pts or 0, 1, bytes(packet), packet.is_keyframe) for packet in encoder.encode(frame)]
    found += [(packet.pts or 0, 1, bytes(packet), packet.is_keyframe) for packet in encoder.encode(None)]
    return found


def _audio(take: Take) -> list[tuple[int, int, bytes, bool]]:
    encoder = av.CodecContext.create("libopus", "w")
    encoder.options = {"frame_duration": "60"}
    encoder.sample_rate, encoder.layout, encoder.format = RATE, "mono", "flt"
    encoder.time_base, encoder.bit_rate = Fraction(1, RATE), 32_000
    encoder.open()
    sound, found = tone(take), []
    for at in range(0, len(sound) - 2879, 2880):
        frame = av.AudioFrame.from_ndarray(sound[None, at : at + 2880], "flt", "mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, at, Fraction(1, RATE)
        found += [(max(0, packet.pts or 0) * 1000 // RATE, 2, bytes(packet), True) for packet in encoder.encode(frame)]
    return found


def header(take: Take) -> bytes:
    entries = [video_entry(1, take.width, take.height, f"V_{take.codec.upper()}")] if take.has_video else []
    return head(*entries, *([audio_entry(2)] if take.has_audio else []))


def chunks(take: Take, *, every: int = 1000) -> list[bytes]:
    """Return a take as a recorder hands it over: a piece a second, cut one byte behind an element's begin."""
    found, current, began, opened = [], bytearray(header(take)), 0, -1
    for time, stream, data, is_key in packets(take):
        piece = b""
        if opened < 0 or (stream == 1 and is_key and time > opened) or time - opened > 30_000:
            piece, opened = cluster(time), time
        piece += block(stream, time - opened, data, is_key=is_key)
        if time - began >= every:
            found.append(bytes(current + piece[:1]))
            current, began, piece = bytearray(), began + every, piece[1:]
        current += piece
    return [*found, bytes(current)]


def webm(take: Take) -> bytes:
    return b"".join(chunks(take))


@dataclass(kw_only=True)
class Meeting:
    """A work folder with a job, as the worker writes it."""

    folder: Path
    job: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        (self.folder / "tracks").mkdir(parents=True, exist_ok=True)
        self.job = {
            "version": 1, "archive": "archive-1", "session": "session-1", "name": "Weekly", "createdAt": START,
            "output": "composed", "width": 640, "height": 480, "fps": 20, "layout": "bestFit", "spans": [[START, None]],
            "people": [], "tracks": [], "final": False, **self.job,
        }  # fmt: skip

    def add_person(self, person: str, name: str = "", *intervals: tuple[int, int | None]) -> None:
        """Add someone; intervals in ms from the meeting's begin."""
        times = [[START + start, None if end is None else START + end] for start, end in intervals or [(0, None)]]
        self.job["people"].append({"id": person, "name": name or person.title(), "intervals": times})

    def add_track(
        self, track: str, person: str, data: bytes | Take, *, start: int | None = None, kind: str = "camera",
        gaps: Iterable[int] = (), closed: bool = True,
    ) -> None:  # fmt: skip
        """Add a track; its start in ms from the meeting's begin, by default the take's own."""
        begin = start if start is not None else data.start if isinstance(data, Take) else 0
        content = webm(data) if isinstance(data, Take) else data
        (self.folder / "tracks" / f"{track}.webm").write_bytes(content)
        self.job["tracks"].append(
            {
                "id": track, "person": person, "kind": kind, "startedAt": START + begin, "bytes": len(content),
                "gaps": list(gaps), "closed": closed,
            }
        )  # fmt: skip

    def grow(self, track: str, data: bytes) -> None:
        with (self.folder / "tracks" / f"{track}.webm").open("ab") as file:
            file.write(data)
        (known,) = (entry for entry in self.job["tracks"] if entry["id"] == track)
        known["bytes"] += len(data)

    def write(self, *, end: int | None = None, final: bool | None = None) -> None:
        """Write the job; with `end`, in ms from the meeting's begin, the recording is over."""
        if end is not None:
            self.job["spans"][-1][1] = START + end
        self.job["final"] = end is not None if final is None else final
        (self.folder / "job.json").write_text(json.dumps(self.job))
