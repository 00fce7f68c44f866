"""Where everybody is in the picture: pure geometry, in even points, since colour has half the resolution."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Layout = Literal["bestFit", "horizontalPresentation", "verticalPresentation", "pip"]
LAYOUTS: tuple[Layout, ...] = ("bestFit", "horizontalPresentation", "verticalPresentation", "pip")
_STAGE = 0.78
"""The part of the picture that the one in focus gets."""
_SHAPE = 4 / 3
"""What a camera's picture is taken to be when a grid is chosen: between 16:9 and an upright phone."""
_GAP = 4
_SMALLEST = 48


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in points."""

    x: int
    y: int
    width: int
    height: int


def arrange(layout: Layout, width: int, height: int, count: int, *, has_stage: bool) -> list[Box]:
    """Return a box for each of `count` tiles, the one in focus first; `has_stage`: that one is a screen.

    `bestFit` gives all the same size, but a screen takes the stage. In `horizontalPresentation` the others are in a row
    below the one in focus, in `verticalPresentation` in a column beside it, in `pip` upon it. Boxes that would be
    smaller than can be seen are left out, from the last on.
    """
    whole = Box(0, 0, width, height)
    if count <= 0:
        return []
    if count == 1:
        return [whole]
    if layout == "bestFit" and not has_stage:
        return grid(whole, count)
    if layout == "pip":
        return [whole, *_insets(whole, count - 1)]
    beside = layout == "verticalPresentation" or (layout == "bestFit" and width > height)
    if beside:
        stage = Box(0, 0, even(width * _STAGE), height)
        rest = Box(stage.width + _GAP, 0, width - stage.width - _GAP, height)
    else:
        stage = Box(0, 0, width, even(height * _STAGE))
        rest = Box(0, stage.height + _GAP, width, height - stage.height - _GAP)
    return [stage, *[box for box in grid(rest, count - 1) if min(box.width, box.height) >= _SMALLEST]]


def grid(area: Box, count: int) -> list[Box]:
    """Divide an area into equal boxes, in the way that shows the largest pictures; a short last row is centred."""
    columns = max(range(1, count + 1), key=lambda number: (_shown(area, count, number), -(-count % number), number))
    rows = -(-count // columns)
    width = even((area.width - _GAP * (columns - 1)) / columns)
    height = even((area.height - _GAP * (rows - 1)) / rows)
    top = area.y + even((area.height - rows * height - _GAP * (rows - 1)) / 2)
    boxes = []
    for at in range(count):
        row, column = divmod(at, columns)
        in_row = min(columns, count - row * columns)
        left = area.x + even((area.width - in_row * width - _GAP * (in_row - 1)) / 2)
        boxes.append(Box(left + column * (width + _GAP), top + row * (height + _GAP), width, height))
    return boxes


def _shown(area: Box, count: int, columns: int) -> float:
    rows = -(-count // columns)
    return min(area.width / columns / _SHAPE, area.height / rows)


def _insets(whole: Box, count: int) -> list[Box]:
    """Small boxes along the lower edge, from the right."""
    width = even(min(whole.width * 0.22, (whole.width - _GAP * 2) / count - _GAP * 2))
    height = even(min(width / _SHAPE, whole.height * 0.3))
    if min(width, height) < _SMALLEST:
        return []
    return [
        Box(whole.width - (at + 1) * (width + _GAP * 2), whole.height - height - _GAP * 2, width, height)
        for at in range(count)
    ]


def fit(box: Box, width: int, height: int) -> Box:
    """Return where in a box a picture of that size goes, as large as it can be without cutting or stretching it."""
    scale = min(box.width / max(width, 1), box.height / max(height, 1))
    wide, high = max(2, min(even(width * scale), box.width)), max(2, min(even(height * scale), box.height))
    return Box(box.x + even((box.width - wide) / 2), box.y + even((box.height - high) / 2), wide, high)


def even(value: float) -> int:
    """Round down to an even number."""
    return int(value) // 2 * 2
