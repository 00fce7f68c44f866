"""Names as pictures: any name, any size."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archives.media.names import _hue, font_files, initials, label, name_tile, readable

NAMES = [
    "Ann", "Łukasz Żółć", "Ναταλία", "Анна Каренина", "אבגד", "محمد علي", "田中さん", "안녕", "สวัสดี", "नमस्ते",
    "😀😀 Ann 👩‍👩‍👧", "", "   ", "\x00\x1f", "a" * 5000, "\u202eevil\u202c", "e\u0301\u0301\u0301", "\ud800",
]  # fmt: skip


@pytest.mark.parametrize("name", NAMES)
def test_any_name_gives_a_tile_and_a_label_that_fits(name: str) -> None:
    for width, height in ((1280, 720), (236, 132), (48, 48), (2, 2)):
        tile = name_tile("someone", name, width, height)
        assert (tile.width, tile.height) == (width, height)
        assert tile.y.shape == (height, width)
        plate = label(name, width, height)
        assert plate is None or (plate.width <= width and plate.height <= height)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=60))
def test_no_name_is_too_odd(name: str) -> None:
    plate = label(name, 320, 240)
    assert plate is None or plate.width <= 320
    name_tile("someone", name, 64, 48)


def test_a_label_shows_the_name() -> None:
    plate = label("Ann", 320, 240)
    assert plate is not None
    assert int(plate.y.max()) - int(plate.y.min()) > 100
    other = label("Bob", 320, 240)
    assert other is not None
    assert not np.array_equal(plate.y, other.y)


def test_what_no_font_has_is_left_out() -> None:
    assert readable("Ann \U000f0000")[0] == "Ann"


@pytest.mark.skipif(not font_files(), reason="no font but Pillow's own is installed")
def test_letters_of_other_scripts_are_shown_where_a_font_has_them() -> None:
    assert readable("Анна")[0] == "Анна"


def test_initials_are_the_first_letters_of_first_and_last_name() -> None:
    assert [initials(name) for name in ("Ann", "ann maria smith", "", "(x) Bob")] == ["A", "AS", "", "B"]


def test_people_who_came_one_after_the_other_have_colours_far_apart() -> None:
    hues = sorted(_hue(f"a{number}") for number in range(1017, 1023))
    gaps = [after - before for before, after in zip(hues, [*hues[1:], hues[0] + 1], strict=True)]
    assert min(gaps) > 30 / 360
    assert len({int(name_tile(person, "", 32, 32).u[0, 0]) for person in ("c-9f", "c-8e", "c-7d")}) > 1
