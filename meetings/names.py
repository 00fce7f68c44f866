"""Names for others' eyes. What a caller put into a token stays in the rows and in the API as it came."""

from __future__ import annotations

import unicodedata

MAX_NAME = 100
MAX_MARKS = 4
"""Combining marks in a row: no script needs more, and more of them cover the lines above and below."""
_JOINERS = "\u200c\u200d"
_BLANKS = "\u115f\u1160\u2800\u3164\uffa0"
"""Letters and symbols that show nothing."""


def display_name(text: str) -> str:
    """Return a name that shows what it is and stays in its place, at most 100 characters; empty if nothing is left.

    Control characters and blank letters are spaces. Formatting characters (bidirectional overrides, zero width) are
    left out, but joiners within words that are not ASCII: Persian, Indian scripts and emoji need them.
    """
    kept: list[str] = []
    marks = 0
    for place, char in enumerate(text):
        category = unicodedata.category(char)
        marks = marks + 1 if category in {"Mn", "Me"} else 0
        if category in {"Cc", "Zl", "Zp"} or char in _BLANKS:
            kept.append(" ")
        elif category == "Cf":
            if char in _JOINERS and _is_within_a_word(text, place):
                kept.append(char)
        elif category not in {"Cs", "Co", "Cn"} and marks <= (MAX_MARKS if "".join(kept[-1:]).strip() else 0):
            kept.append(char)
    return " ".join("".join(kept).split())[:MAX_NAME].rstrip()


def _is_within_a_word(text: str, place: int) -> bool:
    around = (text[place - 1 : place], text[place + 1 : place + 2])
    return all(char and not char.isascii() and unicodedata.category(char)[0] in "LMS" for char in around)
