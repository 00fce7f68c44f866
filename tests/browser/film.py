"""A recording that was made, looked at and listened to."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass

import av
import numpy as np
from numpy.typing import NDArray

from archives.media.layout import Box, arrange

WIDTH, HEIGHT, SCALE = 320, 180, 4
RATE = 48_000
WINDOW = 0.2
LOUD = 0.01
"""The least amplitude of a voice that is there; each speaks with 0.15."""
MOST_LAG = 6


@dataclass(frozen=True, slots=True)
class Picture:
    """A frame at a quarter of its size."""

    time: float
    points: NDArray[np.uint8]

    def part(self, box: Box) -> NDArray[np.uint8]:
        """Return the middle of a tile: its name is below."""
        left, top, width, height = (value // SCALE for value in (box.x, box.y, box.width, box.height))
        return self.points[top + height // 5 : top + height * 4 // 5, left + width // 5 : left + width * 4 // 5]

    def shows_camera(self, box: Box) -> bool:
        """Whether a fake camera's picture, which is green, is in a tile."""
        red, green, blue = self.part(box).reshape(-1, 3).mean(axis=0)
        return bool(green > red + 40 and green > blue + 40)


class Film:
    """An MP4, decoded whole."""

    def __init__(self, content: bytes) -> None:
        with av.open(io.BytesIO(content), "r") as container:
            self.streams = sorted(f"{stream.type}/{stream.codec_context.name}" for stream in container.streams)
            self.duration = (container.duration or 0) / av.time_base
            self.pictures = [Picture(frame.time or 0.0, _points(frame)) for frame in container.decode(video=0)]
        with av.open(io.BytesIO(content), "r") as container:
            resampler = av.AudioResampler("flt", "mono", RATE)
            frames = [part for frame in container.decode(audio=0) for part in resampler.resample(frame)]
        self.sound = np.concatenate([np.asarray(frame.to_ndarray()[0], np.float32) for frame in frames])

    def between(self, start: float, end: float) -> list[Picture]:
        return [picture for picture in self.pictures if start <= picture.time < end]

    def most_cameras(self, start: float, end: float, tiles: int, *, has_stage: bool = False) -> int:
        """Return in how many of the tiles, of which there should be so many, a camera's picture is seen at once.

        A machine that is busy with a page that opens gives no picture for a while, so the best moment counts.
        """
        places = boxes(tiles, has_stage=has_stage)
        return max(sum(map(picture.shows_camera, places)) for picture in self.between(start, end))

    def loudness(self, frequency: float, start: float, end: float) -> float:
        """Return the amplitude of a tone."""
        part = self.sound[int(start * RATE) : int(end * RATE)]
        wave = np.exp(-2j * np.pi * frequency * np.arange(len(part)) / RATE) * np.hanning(len(part)) * 2
        return float(2 * abs((part * wave).mean())) if len(part) else 0.0

    def heard(self, frequency: float) -> list[float]:
        """Return the moments at which a tone is there."""
        moments = np.arange(0, len(self.sound) / RATE - WINDOW, WINDOW / 2)
        found = [time for time in moments if self.loudness(frequency, time, time + WINDOW) > LOUD]
        return [float(time) for time in found]

    def lag(self, first: Box, second: Box, start: float, end: float) -> float:
        """Return by how many seconds one tile is behind another one; both show the same camera."""
        pictures = self.between(start, end)
        step = (pictures[-1].time - pictures[0].time) / (len(pictures) - 1)
        one, other = ([_grey(picture.part(box)) for picture in pictures] for box in (first, second))
        costs = {shift: _difference(one, other, shift) for shift in range(-MOST_LAG, MOST_LAG + 1)}
        return min(costs, key=lambda shift: costs[shift]) * step


def boxes(tiles: int, *, has_stage: bool = False) -> Sequence[Box]:
    """Return where so many tiles are, the one in focus first."""
    return arrange("bestFit", WIDTH * SCALE, HEIGHT * SCALE, tiles, has_stage=has_stage)


def _points(frame: av.VideoFrame) -> NDArray[np.uint8]:
    return np.asarray(frame.reformat(WIDTH, HEIGHT, "rgb24", interpolation="AREA").to_ndarray(), np.uint8)


def _grey(part: NDArray[np.uint8]) -> NDArray[np.float64]:
    return np.asarray(part.mean(axis=2), np.float64)


def _difference(one: Sequence[NDArray[np.float64]], other: Sequence[NDArray[np.float64]], shift: int) -> float:
    pairs = [
        (one[at], other[at + shift]) for at in range(MOST_LAG, len(one) - MOST_LAG) if 0 <= at + shift < len(other)
    ]
    height, width = (min(a.shape[axis] for pair in pairs for a in pair) for axis in (0, 1))
    return float(np.mean([np.abs(a[:height, :width] - b[:height, :width]).mean() for a, b in pairs]))
