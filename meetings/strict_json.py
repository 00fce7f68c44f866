"""JSON from strangers: bounded, finite, storable."""

from __future__ import annotations

import json
import math
import re
from typing import Any

MAX_DEPTH = 64
MAX_DIGITS = 400
MAX_NAME = 100
"""How much of a property's name an error repeats."""

_TOKEN = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+"?|[{}\[\]]', re.DOTALL)
"""A string (also one that never ends, so that no text is read twice) or a bracket."""
_SUSPICIOUS = re.compile(r"\\u|NaN|Infinity|[0-9.]{300}|[0-9][eE]")
"""What a value that we can't take has in its text; without it nothing needs to be looked through."""
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


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
    if text.count("{") + text.count("[") > MAX_DEPTH:
        _refuse_depth(text)
    try:
        value = json.loads(
            text, parse_constant=_constant, parse_int=_int, parse_float=_float, object_pairs_hook=_object
        )
    except json.JSONDecodeError as error:
        raise InvalidJSON(f"The body is no JSON: {error.msg} at line {error.lineno} column {error.colno}.") from None
    if _SUSPICIOUS.search(text):
        _refuse_unfit(value)
    return value


class _Unfit:
    """Stands for a number that can't be taken until its place in the body is known."""

    def __init__(self, problem: str) -> None:
        self.problem = problem


def _constant(word: str) -> Any:
    return _Unfit(f"The body is no JSON: {word} is not a JSON number.")


def _int(digits: str) -> Any:
    return int(digits) if len(digits) <= MAX_DIGITS else _Unfit(f"A number has more than {MAX_DIGITS} digits.")


def _float(digits: str) -> Any:
    value = float(digits) if len(digits) <= MAX_DIGITS else math.inf
    return value if math.isfinite(value) else _Unfit("A number is too large.")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        seen: set[str] = set()
        twice = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise InvalidJSON(f"The property {twice[:MAX_NAME]!r} is there twice.", twice[:MAX_NAME])
    return value


def _refuse_depth(text: str) -> None:
    depth, name, last = 0, "", ""
    for match in _TOKEN.finditer(text):
        token = match.group()
        if token[0] == '"':
            last = token[1:-1] if depth == 1 else last
        elif token in {"{", "["}:
            if depth == 1:
                name = last
            depth += 1
            if depth > MAX_DEPTH:
                raise InvalidJSON(f"The body is nested deeper than {MAX_DEPTH} levels.", name[:MAX_NAME])
        else:
            depth -= 1


def _refuse_unfit(value: Any) -> None:
    """Refuse what no JSON has and what PostgreSQL can't store; an error finds its path on the way out."""
    if isinstance(value, str):
        found = UNSTORABLE.search(value)
        if found is not None:
            what = "a NUL character" if found[0] == "\x00" else "half of a surrogate pair"
            raise InvalidJSON(f"A text has {what}.")
    elif isinstance(value, _Unfit):
        raise InvalidJSON(value.problem)
    elif isinstance(value, dict):
        for name, item in value.items():
            _refuse_unfit(name)
            try:
                _refuse_unfit(item)
            except InvalidJSON as error:
                error.path = f"{name[:MAX_NAME]}.{error.path}" if error.path else name[:MAX_NAME]
                raise
    elif isinstance(value, list):
        for item in value:
            _refuse_unfit(item)
