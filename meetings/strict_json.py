"""JSON from strangers: bounded, finite, storable."""

from __future__ import annotations

import json
import math
import re
from typing import Any

MAX_DEPTH = 64
MAX_DIGITS = 400

_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]]', re.DOTALL)


class InvalidJSON(ValueError):
    """The text is no JSON that we take; `path` names the property where that is known."""

    def __init__(self, message: str, path: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.path = path


def loads(raw: bytes) -> Any:
    """Parse UTF-8 JSON text; raise `InvalidJSON` for anything that JSON or our database can't hold.

    Refused beyond the grammar: NaN and infinities (also by overflow), numbers of more than 400 digits, nesting deeper
    than 64 levels, NUL characters and lone surrogates, repeated names in one object.
    """
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InvalidJSON(f"The body is not UTF-8: {error.reason} at byte {error.start}.") from None
    _refuse_depth(text)
    try:
        value = json.loads(
            text, parse_constant=_constant, parse_int=_int, parse_float=_float, object_pairs_hook=_object
        )
    except json.JSONDecodeError as error:
        raise InvalidJSON(f"The body is no JSON: {error.msg} at line {error.lineno} column {error.colno}.") from None
    _refuse_unstorable(value, "")
    return value


def _constant(word: str) -> Any:
    raise InvalidJSON(f"The body is no JSON: {word} is not a JSON number.")


def _int(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise InvalidJSON(f"A number has more than {MAX_DIGITS} digits.")
    return int(digits)


def _float(digits: str) -> float:
    value = float(digits) if len(digits) <= MAX_DIGITS else math.inf
    if not math.isfinite(value):
        raise InvalidJSON("A number is too large.")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise InvalidJSON(f"The property {twice!r} is there twice.", twice)
    return value


def _refuse_depth(text: str) -> None:
    depth, name, last = 0, "", ""
    for match in _TOKEN.finditer(text):
        token = match.group()
        if token[0] == '"':
            last = token[1:-1]
        elif token in {"{", "["}:
            if depth == 1:
                name = last
            depth += 1
            if depth > MAX_DEPTH:
                raise InvalidJSON(f"The body is nested deeper than {MAX_DEPTH} levels.", name[:100])
        else:
            depth -= 1


def _refuse_unstorable(value: Any, path: str) -> None:
    if isinstance(value, str):
        if "\x00" in value:
            raise InvalidJSON("A text has a NUL character.", path)
        if any("\ud800" <= character <= "\udfff" for character in value):
            raise InvalidJSON("A text has half of a surrogate pair.", path)
    elif isinstance(value, dict):
        for name, item in value.items():
            _refuse_unstorable(name, path)
            _refuse_unstorable(item, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for item in value:
            _refuse_unstorable(item, path)
