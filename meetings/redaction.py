"""Texts without a person's names in them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from meetings.names import display_name

GONE = "(erased)"
PERSONAL = frozenset({"data", "name", "extId", "extMetadata"})
"""Properties of events that say who somebody is."""


class Redaction:
    """Takes the words that identify a person out of texts and JSON."""

    def __init__(self, words: Iterable[str | None]) -> None:
        known = {form for word in words if word for form in (word, word.strip(), display_name(word)) if form}
        self.words = tuple(sorted(known, key=lambda word: (-len(word), word)))
        either = "|".join(map(re.escape, self.words))
        self._pattern = re.compile(rf"(?<!\w)(?:{either})(?!\w)") if self.words else None

    def text(self, text: str) -> str:
        """Return a text with `(erased)` where one of the words stood, as a word of its own."""
        return text if self._pattern is None else self._pattern.sub(GONE, text)

    def json(self, value: Any) -> Any:
        """Return JSON with what says who she is empty, and her words taken out of every other text."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {name: _empty(item) if name in PERSONAL else self.json(item) for name, item in value.items()}
        return [self.json(item) for item in value] if isinstance(value, list) else value

    def document(self, text: str) -> str:
        """Return a JSON text like that; of a text that is no JSON nothing is left."""
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            return GONE
        return json.dumps(self.json(value), ensure_ascii=False, separators=(",", ":"))

    def log(self, text: str) -> str:
        """Return what an admin log says without her words; the log has sentences, and lists in JSON."""
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            return self.text(text)
        return json.dumps(self._words_of(value)) if isinstance(value, (dict, list)) else self.text(text)

    def _words_of(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {name: self._words_of(item) for name, item in value.items()}
        if isinstance(value, list):
            return [self._words_of(item) for item in value]
        return self.text(value) if isinstance(value, str) else value


NAMELESS = Redaction(())
"""Leaves out what says who somebody is, whoever she is."""


def _empty(value: Any) -> Any:
    return "" if isinstance(value, str) else None
