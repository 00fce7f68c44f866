"""The picture that is composed: one canvas for all frames, of which only what changed is drawn again."""

from __future__ import annotations

import av
import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray

from archives.media.layout import Box, fit
from archives.media.names import BACKGROUND, Plate, label, name_tile, plane_of

Plane = NDArray[np.uint8]


class Canvas:
    """A picture in planes, 4:2:0."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.whole = Box(0, 0, width, height)
        self.frame = av.VideoFrame(width, height, "yuv420p")
        """What is on it; it stays the same frame."""
        self.planes: tuple[Plane, ...] = tuple(plane_of(self.frame, at) for at in range(3))
        self.clear(self.whole)

    def copy(self) -> VideoFrame:
        """Return what is on it as a frame of its own."""
        frame = av.VideoFrame(self.width, self.height, "yuv420p")
        for at, plane in enumerate(self.planes):
            plane_of(frame, at)[:] = plane
        return frame

    def clear(self, box: Box) -> None:
        """Paint the background."""
        for plane, value, half in zip(self.planes, BACKGROUND, (1, 2, 2), strict=True):
            plane[box.y // half : (box.y + box.height) // half, box.x // half : (box.x + box.width) // half] = value

    def lay_plate(self, plate: Plate, x: int, y: int) -> None:
        """Lay a still picture with its upper left corner at `x`, `y` (even numbers)."""
        self._lay((plate.y, plate.u, plate.v), Box(x, y, plate.width, plate.height))

    def lay_frame(self, frame: VideoFrame, box: Box) -> None:
        """Lay a frame of exactly the box's size, in 4:2:0."""
        self._lay(tuple(plane_of(frame, at) for at in range(3)), box)

    def _lay(self, planes: tuple[Plane, ...], box: Box) -> None:
        for onto, plane, half in zip(self.planes, planes, (1, 2, 2), strict=True):
            rows, columns = box.height // half, box.width // half
            onto[box.y // half : box.y // half + rows, box.x // half : box.x // half + columns] = plane[:rows, :columns]


class Tile:
    """One person's, or one screen's, part of the canvas."""

    def __init__(self, box: Box, person: str, name: str) -> None:
        self.box, self.person, self.name = box, person, name
        self._shown: object = None
        self._size = (0, 0)
        self._scaler = VideoReformatter()

    def show(self, canvas: Canvas, frame: VideoFrame | None, serial: object, *, is_covered: bool) -> bool:
        """Draw a picture, or the name if there is none; return False if it is there already, told by `serial`.

        `is_covered`: something was drawn over it.
        """
        serial = ("name",) if frame is None else serial
        if self._shown == serial and not is_covered:
            return False
        self._shown = serial
        if frame is None:
            self._size = (0, 0)
            canvas.lay_plate(name_tile(self.person, self.name, self.box.width, self.box.height), self.box.x, self.box.y)
        else:
            self._draw(canvas, frame)
        plate = label(self.name, self.box.width, self.box.height)
        if plate is not None:
            canvas.lay_plate(plate, self.box.x, self.box.y + self.box.height - plate.height)
        return True

    def _draw(self, canvas: Canvas, frame: VideoFrame) -> None:
        if self._size != (frame.width, frame.height):
            canvas.clear(self.box)
            self._size = (frame.width, frame.height)
        inside = fit(self.box, frame.width, frame.height)
        if (inside.width, inside.height, "yuv420p") != (frame.width, frame.height, frame.format.name):
            frame = self._scaler.reformat(
                frame, inside.width, inside.height, "yuv420p", interpolation=Interpolation.BILINEAR, threads=1
            )
        canvas.lay_frame(frame, inside)
