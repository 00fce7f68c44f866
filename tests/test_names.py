"""Names as others see them."""

from __future__ import annotations

import pytest

from meetings.names import MAX_NAME, display_name


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Zoë Ångström-O’Neill", "Zoë Ångström-O’Neill"),
        ("  Ada \t\n Byron ", "Ada Byron"),
        ("Ada\u202eByron\u202c", "AdaByron"),
        ("\u2066Ada\u2069", "Ada"),
        ("A\u200bd\ufeffa\u00ad", "Ada"),
        ("A\u200dd\u200ca", "Ada"),
        ("\u0645\u06cc\u200c\u0634\u0648\u062f", "\u0645\u06cc\u200c\u0634\u0648\u062f"),
        ("\U0001f469\u200d\U0001f4bb", "\U0001f469\u200d\U0001f4bb"),
        ("Ada\u2028Byron\u0000", "Ada Byron"),
        ("e" + "\u0301" * 4 + "a", "e" + "\u0301" * 4 + "a"),
        ("e" + "\u0301" * 50 + "a" + "\u0489" * 9, "e" + "\u0301" * 4 + "a" + "\u0489" * 4),
        ("\u0301Ada", "Ada"),
        ("\u3164\u2800\u200b", ""),
        ("\ud800\ue000Ada", "Ada"),
        ("x" * 200, "x" * MAX_NAME),
    ],
)
def test_name_for_others_eyes(text: str, shown: str) -> None:
    assert display_name(text) == shown
    assert display_name(shown) == shown
