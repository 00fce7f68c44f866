"""Texts and JSON without a person's names in them."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable
from typing import Any

from meetings.names import display_name

GONE = "(erased)"
PERSONAL = frozenset({"data", "name", "extId", "extMetadata"})
"""Properties of events that say who somebody is."""
PROTOCOL = frozenset(
    (
        "createdAt", "event", "expires", "id", "kind", "outputMode", "partnerId", "projectId", "reason", "resolution",
        "role", "sessionId", "since", "status", "streamType", "timestamp", "type", "updatedAt", "videoType",
    )
)  # fmt: skip
"""Properties of events that say nothing of anybody, whatever somebody is called."""
_BLANKS = r"[\s\u00ad\u200b-\u200f\u2060\ufeff]+"


class Redaction:
    """Takes the words that identify a person out of texts and JSON, however they are spelled: in small letters or
    capitals, with more space between them, or as JSON escapes."""

    def __init__(self, words: Iterable[str | None]) -> None:
        known = {form for word in words if word for form in _forms(word)}
        self.words = tuple(sorted(known, key=lambda word: (-len(word), word)))
        self._whole = {_folded(word) for word in self.words}
        either = "|".join(_BLANKS.join(map(re.escape, word.split())) for word in self.words)
        self._pattern = re.compile(rf"(?<![^\W_])(?:{either})(?![^\W_])", re.IGNORECASE) if self.words else None

    def mentions(self, text: str) -> bool:
        """Whether one of the words is in a text."""
        return self._pattern is not None and self._pattern.search(text) is not None

    def text(self, text: str) -> str:
        """Return a text with `(erased)` where one of the words stood, as a word of its own."""
        return text if self._pattern is None else self._pattern.sub(GONE, text)

    def name(self, name: str) -> str:
        """Return somebody's name, `(erased)` if it is one of the words as a whole."""
        return GONE if _folded(name) in self._whole else name

    def json(self, value: Any, *, is_hers: bool = True) -> Any:
        """Return JSON with her words taken out of its texts, and, where it `is_hers`, what says who she is emptied."""
        if isinstance(value, str):
            return self._inner(value, is_hers=is_hers) if value[:1] in ("{", "[") else self.text(value)
        if isinstance(value, dict):
            return {name: self._property(name, item, is_hers=is_hers) for name, item in value.items()}
        return [self.json(item, is_hers=is_hers) for item in value] if isinstance(value, list) else value

    def _property(self, name: str, item: Any, *, is_hers: bool) -> Any:
        if is_hers and name in PERSONAL:
            return "" if isinstance(item, str) else None
        return item if name in PROTOCOL and not isinstance(item, (dict, list)) else self.json(item, is_hers=is_hers)

    def _inner(self, text: str, *, is_hers: bool) -> str:
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            return self.text(text)
        return json.dumps(self.json(value, is_hers=is_hers), ensure_ascii=False, separators=(",", ":"))

    def document(self, text: str, *, is_hers: bool = True) -> str:
        """Return a JSON text like that; of a text that is no JSON nothing is left."""
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            return GONE
        return json.dumps(self.json(value, is_hers=is_hers), ensure_ascii=False, separators=(",", ":"))

    def log(self, text: str) -> str:
        """Return what an admin log says without her words; the log has sentences, and lists in JSON."""
        try:
            value = json.loads(text)
        except (ValueError, RecursionError):
            return self.text(text)
        return json.dumps(self.json(value, is_hers=False)) if isinstance(value, (dict, list)) else self.text(text)


def _forms(word: str) -> Iterable[str]:
    """Yield the ways in which a word may stand in a text."""
    for text in (word, display_name(word)):
        for spelled in (unicodedata.normalize("NFC", text).strip(), unicodedata.normalize("NFD", text).strip()):
            yield from filter(None, (spelled, json.dumps(spelled)[1:-1]))


def _folded(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


NAMELESS = Redaction(())
"""Leaves out what says who somebody is, whoever she is."""
