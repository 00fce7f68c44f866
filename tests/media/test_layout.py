"""Where everybody is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archives.media.job import SIZES
from archives.media.layout import LAYOUTS, Box, Layout, arrange, fit

Size = tuple[int, int]
ANY_SIZE, ANY_LAYOUT = st.sampled_from(sorted(SIZES)), st.sampled_from(LAYOUTS)


def overlap(one: Box, other: Box) -> bool:
    apart_x = one.x + one.width <= other.x or other.x + other.width <= one.x
    apart_y = one.y + one.height <= other.y or other.y + other.height <= one.y
    return not (apart_x or apart_y)


@given(ANY_LAYOUT, ANY_SIZE, st.integers(0, 49), st.booleans())
def test_boxes_are_even_inside_and_apart(layout: Layout, size: Size, count: int, has_stage: bool) -> None:
    boxes = arrange(layout, *size, count, has_stage=has_stage)
    assert len(boxes) <= count
    assert bool(boxes) == bool(count)
    for box in boxes:
        assert all(value % 2 == 0 for value in (box.x, box.y, box.width, box.height))
        assert box.x >= 0
        assert box.y >= 0
        assert box.width > 0
        assert box.height > 0
        assert box.x + box.width <= size[0]
        assert box.y + box.height <= size[1]
    tiles = boxes[1:] if layout == "pip" else boxes
    assert not any(overlap(one, other) for at, one in enumerate(tiles) for other in tiles[at + 1 :])


@given(ANY_LAYOUT, ANY_SIZE, st.integers(1, 6), st.booleans())
def test_six_people_all_have_a_place(layout: Layout, size: tuple[int, int], count: int, has_stage: bool) -> None:
    assert len(arrange(layout, *size, count, has_stage=has_stage)) == count


@pytest.mark.parametrize(
    ("count", "columns", "rows"), [(1, 1, 1), (2, 2, 1), (3, 2, 2), (4, 2, 2), (6, 3, 2), (9, 3, 3)]
)
def test_a_grid_follows_how_many_are_there(count: int, columns: int, rows: int) -> None:
    boxes = arrange("bestFit", 1280, 720, count, has_stage=False)
    assert len({box.y for box in boxes}) == rows
    assert sum(box.y == boxes[0].y for box in boxes) == columns
    assert len({(box.width, box.height) for box in boxes}) == 1


def test_upright_people_are_stacked() -> None:
    boxes = arrange("bestFit", 720, 1280, 2, has_stage=False)
    assert boxes[0].x == boxes[1].x
    assert boxes[0].y < boxes[1].y


@pytest.mark.parametrize("size", sorted(SIZES))
def test_a_screen_takes_most_of_the_picture(size: tuple[int, int]) -> None:
    stage, *rest = arrange("bestFit", *size, 4, has_stage=True)
    assert stage.width * stage.height > 0.7 * size[0] * size[1]
    assert all(
        (box.x if size[0] > size[1] else box.y) > (stage.width if size[0] > size[1] else stage.height) for box in rest
    )


def test_presentations_put_the_others_below_or_beside() -> None:
    stage, *rest = arrange("horizontalPresentation", 1280, 720, 4, has_stage=False)
    assert stage.width == 1280
    assert all(box.y >= stage.height for box in rest)
    stage, *rest = arrange("verticalPresentation", 1280, 720, 4, has_stage=False)
    assert stage.height == 720
    assert all(box.x >= stage.width for box in rest)


def test_in_pip_the_others_lie_upon_the_one_in_focus() -> None:
    stage, inset = arrange("pip", 1280, 720, 2, has_stage=False)
    assert (stage.width, stage.height) == (1280, 720)
    assert inset.x > 640
    assert inset.y > 360
    assert inset.width < 320


@given(st.integers(1, 400), st.integers(1, 400), st.integers(0, 8192), st.integers(0, 8192))
def test_a_picture_is_not_cut(half_width: int, half_height: int, width: int, height: int) -> None:
    box = Box(4, 6, half_width * 2, half_height * 2)
    inside = fit(box, width, height)
    assert inside.width >= 2
    assert inside.height >= 2
    assert box.x <= inside.x
    assert box.y <= inside.y
    assert inside.x + inside.width <= box.x + box.width
    assert inside.y + inside.height <= box.y + box.height
