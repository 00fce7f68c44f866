"""Names under which people save files."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archives.filenames import FORBIDDEN, LONGEST, attachment, safe_filename


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("Planning.mp4", "Planning.mp4"),
        ("../../etc/passwd", "_.._etc_passwd"),
        ("C:\\a\\b.mp4", "C__a_b.mp4"),
        ("a\r\nSet-Cookie: x=1.mp4", "aSet-Cookie_ x=1.mp4"),
        ("evil\u202e4pm.exe", "evil4pm.exe"),
        ("  Weekly   call .mp4 ", "Weekly call .mp4"),
        ("...", "archive"),
        ("", "archive"),
        ("x" * 300 + ".mp4", "x" * 146 + ".mp4"),
        ("y" * 300, "y" * 150),
    ],
)
def test_name_is_made_one_that_every_system_can_store(name: str, safe: str) -> None:
    assert safe_filename(name) == safe


@given(st.text())
def test_any_text_gives_a_usable_name(name: str) -> None:
    safe = safe_filename(name)

    assert 0 < len(safe) <= LONGEST
    assert not FORBIDDEN & set(safe)
    assert safe.isprintable()
    assert attachment(name).encode("latin-1").decode().isprintable()
