"""What a finished file shows and says, read with a decoder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import cast

import av
import numpy as np
from numpy.typing import NDArray

from tests.media.making import Image

RATE = 48_000


@dataclass
class Film:
    """A file, decoded: a picture per frame with its time, and the sound as one channel."""

    pictures: list[Image]
    times: list[float]
    sound: NDArray[np.float32]
    streams: list[str]

    @property
    def length(self) -> float:
        """Seconds."""
        return self.times[-1] + (self.times[1] - self.times[0]) if len(self.times) > 1 else 0.0

    def at(self, seconds: float) -> Image:
        """Return the picture that stands at a moment."""
        return self.pictures[max(int(np.searchsorted(self.times, seconds + 1e-6)) - 1, 0)]

    def loudness(self, frequency: float, start: float, end: float) -> float:
        """Return how much there is of a tone between two moments: the amplitude of a sine of that frequency."""
        part = self.sound[int(start * RATE) : int(end * RATE)]
        at = np.arange(len(part)) / RATE
        return float(2 * abs(np.mean(part * np.exp(-2j * np.pi * frequency * at))))

    def beep_starts(self, frequency: float, threshold: float = 0.15) -> list[float]:
        """Return when a tone sets in, in seconds, to about 5 ms."""
        step = RATE // 200
        loud = [
            self.loudness(frequency, at / 200, at / 200 + 0.02) > threshold for at in range(len(self.sound) // step)
        ]
        return [at / 200 for at in range(1, len(loud)) if loud[at] and not loud[at - 1]] + (
            [0.0] if loud and loud[0] else []
        )


def watch(path: Path) -> Film:
    """Decode a whole file. What a decoder complains of is an error here."""
    with av.open(str(path)) as file:
        streams = [stream.codec_context.name for stream in file.streams]
        pictures, times, pieces = [], [], []
        for frame in file.decode(video=0):
            pictures.append(cast(Image, frame.to_ndarray(format="rgb24")))
            times.append(float(frame.time or 0.0))
        file.seek(0)
        first = True
        for sound in file.decode(audio=0):
            piece = sound.to_ndarray()[0]
            if first and (sound.pts or 0) < 0:
                piece = piece[-(sound.pts or 0) :]
            first = False
            pieces.append(piece)
    joined = np.concatenate(pieces).astype(np.float32) if pieces else np.zeros(0, np.float32)
    return Film(pictures, times, joined, streams)


def is_near(picture: Image, box: tuple[int, int, int, int], colour: tuple[int, int, int], *, off: int = 30) -> bool:
    """Return whether the middle of a box (x, y, width, height) has about that colour."""
    x, y, width, height = box
    middle = (
        picture[y + height // 2 : y + height // 2 + 8, x + width // 2 : x + width // 2 + 8].reshape(-1, 3).mean(axis=0)
    )
    return bool(np.all(np.abs(middle - np.array(colour)) <= off))
