"""Tracks of any length, from a short take that repeats: a camera's noise and movement, a voice's ups and downs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.audio.codeccontext import AudioCodecContext
from av.video.codeccontext import VideoCodecContext

from tests.media.making import audio_entry, block, cluster, head, video_entry

RATE = 48_000
LOOP_MS = 12_000
Packets = list[tuple[int, int, bytes, bool]]


@dataclass(frozen=True, kw_only=True)
class Camera:
    """What a camera delivers; `bit_rate` in bits per second."""

    width: int = 640
    height: int = 480
    fps: int = 24
    bit_rate: int = 800_000


def loop(camera: Camera, seed: int) -> Packets:
    """Return 12 s of one person: (time in ms, stream, data, is key)."""
    return sorted(_pictures(camera, seed) + _voice(seed), key=lambda packet: packet[:2])


def _pictures(camera: Camera, seed: int) -> Packets:
    random = np.random.default_rng(seed)
    encoder = cast(VideoCodecContext, av.CodecContext.create("libvpx", "w"))
    encoder.width, encoder.height, encoder.pix_fmt = camera.width, camera.height, "yuv420p"
    encoder.time_base, encoder.gop_size, encoder.bit_rate = Fraction(1, 1000), 2 * camera.fps, camera.bit_rate
    encoder.options = {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0", "auto-alt-ref": "0"}
    room = _texture(random, camera.height + 64, camera.width + 64)
    face = _texture(random, camera.height // 2, camera.width // 3)
    found: Packets = []
    for at in range(LOOP_MS * camera.fps // 1000):
        swing = np.sin(2 * np.pi * at / camera.fps / 4)
        picture = room[32 : 32 + camera.height, 32 : 32 + camera.width].copy()
        y, x = camera.height // 3 + int(6 * swing), camera.width // 3 + int(30 * swing)
        picture[y : y + face.shape[0], x : x + face.shape[1]] = face
        picture = np.clip(picture + random.normal(0, 3, picture.shape[:2])[..., None], 0, 255).astype(np.uint8)
        frame = av.VideoFrame.from_ndarray(picture, "rgb24").reformat(format="yuv420p")
        frame.pts, frame.time_base = at * 1000 // camera.fps, Fraction(1, 1000)
        found += [(packet.pts or 0, 1, bytes(packet), packet.is_keyframe) for packet in encoder.encode(frame)]
    return found


def _texture(random: np.random.Generator, height: int, width: int) -> np.ndarray:
    """Return blurred noise of several sizes, which compresses as a room does."""
    picture = np.zeros((height, width, 3))
    for size in (8, 24, 80):
        coarse = random.uniform(-50, 50, (height // size + 2, width // size + 2, 3))
        picture += np.kron(coarse, np.ones((size, size, 1)))[:height, :width]
    return np.clip(picture + 120, 0, 255)


def _voice(seed: int) -> Packets:
    encoder = cast(AudioCodecContext, av.CodecContext.create("libopus", "w"))
    encoder.options = {"frame_duration": "60"}
    encoder.sample_rate, encoder.layout, encoder.format = RATE, "mono", "flt"
    encoder.time_base, encoder.bit_rate = Fraction(1, RATE), 32_000
    at = np.arange(LOOP_MS * RATE // 1000)
    pitch = 2 * np.pi * (110 + 20 * seed) * at / RATE
    sound = sum(np.sin(number * pitch) / number for number in range(1, 12)) * np.sin(2 * np.pi * at / RATE * 0.5) ** 2
    found: Packets = []
    for start in range(0, len(at), 2880):
        piece = (0.1 * sound[None, start : start + 2880]).astype(np.float32)
        frame = av.AudioFrame.from_ndarray(piece, "flt", "mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, start, Fraction(1, RATE)
        found += [(max(0, packet.pts or 0) * 1000 // RATE, 2, bytes(packet), True) for packet in encoder.encode(frame)]
    return found


def write(path: Path, camera: Camera, packets: Packets, length_ms: int) -> int:
    """Write a track of that length as a recorder would; return its size in bytes."""
    with path.open("wb") as file:
        file.write(head(video_entry(1, camera.width, camera.height), audio_entry(2)))
        for data in _clusters(packets, length_ms):
            file.write(data)
        return file.tell()


def _clusters(packets: Packets, length_ms: int) -> Iterator[bytes]:
    opened = -1
    for base in range(0, length_ms, LOOP_MS):
        for time, stream, data, is_key in packets:
            now = base + time
            if now >= length_ms:
                return
            if opened < 0 or (stream == 1 and is_key):
                opened = now
                yield cluster(now)
            yield block(stream, now - opened, data, is_key=is_key)
