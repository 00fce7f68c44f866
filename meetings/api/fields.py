"""Fields of request bodies that take JSON types literally and say what would be right."""

from __future__ import annotations

import json
import re
import unicodedata
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from rest_framework import serializers

_INSTANT = re.compile(r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?(Z|z|[+-]\d\d:?\d\d)?")
LAST_EPOCH_MS = 253402300799999
MAX_OBJECT_BYTES = 64 * 1024
MAX_OBJECT_DEPTH = 20
_JSON_NAMES = {bool: "boolean", int: "number", float: "number", str: "string", list: "array", dict: "object"}


def _json_name(value: Any) -> str:
    return "null" if value is None else _JSON_NAMES.get(type(value), "unknown")


class StrictField(serializers.Field[Any, Any, Any, Any]):
    """A field that refuses other JSON types with code `type`; `headline` is the sentence of the whole error."""

    default_error_messages = {
        "type": "must be {wanted}, not {given}",
        "null": "must not be null",
    }
    wanted = "value"

    def __init__(self, *, headline: str = "", **kwargs: Any) -> None:
        self.headline = headline
        super().__init__(**kwargs)

    def refuse_type(self, value: Any) -> None:
        self.fail("type", wanted=self.wanted, given=_json_name(value))

    def to_representation(self, value: Any) -> Any:
        return value


class BooleanProperty(StrictField):
    wanted = "boolean"

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            self.refuse_type(data)
        return bool(data)


class TextProperty(StrictField):
    """A text of `min_length` to `max_length` characters without control characters (line breaks by `multiline`)."""

    wanted = "string"
    default_error_messages = {
        "too_long": "can have at most {limit} characters; it has {size}",
        "too_short": "must have at least {limit} characters",
        "control_character": "has the control character U+{code:04X}, which is not allowed",
    }

    def __init__(self, *, max_length: int, min_length: int = 0, multiline: bool = False, **kwargs: Any) -> None:
        self.max_length, self.min_length, self.multiline = max_length, min_length, multiline
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.refuse_type(data)
        text = str(data)
        if len(text) > self.max_length:
            self.fail("too_long", limit=self.max_length, size=len(text))
        if len(text) < self.min_length:
            self.fail("too_short", limit=self.min_length)
        allowed = "\t\r\n" if self.multiline else ""
        for character in text:
            if unicodedata.category(character) == "Cc" and character not in allowed:
                self.fail("control_character", code=ord(character))
        return text


class ChoiceProperty(StrictField):
    """One of a few words; a wrong one is answered with all of them."""

    wanted = "string"
    default_error_messages = {"not_one_of": "must be one of {choices}, not {given}"}

    def __init__(self, *, choices: tuple[str, ...], **kwargs: Any) -> None:
        self.choices = choices
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            self.refuse_type(data)
        if data not in self.choices:
            self.fail("not_one_of", choices=", ".join(self.choices), given=repr(str(data)[:50]))
        return str(data)


class IntegerProperty(StrictField):
    """A whole number in a range (a JSON number without a fraction)."""

    wanted = "number"
    default_error_messages = {
        "fraction": "must be a whole number",
        "too_small": "must be at least {limit}",
        "too_large": "must be at most {limit}",
    }

    def __init__(self, *, min_value: int, max_value: int, **kwargs: Any) -> None:
        self.min_value, self.max_value = min_value, max_value
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> int:
        if isinstance(data, bool) or not isinstance(data, (int, float)):
            self.refuse_type(data)
        if data != int(data):
            self.fail("fraction")
        if data < self.min_value:
            self.fail("too_small", limit=self.min_value)
        if data > self.max_value:
            self.fail("too_large", limit=self.max_value)
        return int(data)


class NumberProperty(StrictField):
    """Any JSON number."""

    wanted = "number"

    def to_internal_value(self, data: Any) -> float:
        if isinstance(data, bool) or not isinstance(data, (int, float)):
            self.refuse_type(data)
        number: float = data
        return number


class InstantProperty(StrictField):
    """A moment: ISO 8601 with an offset, or (`allow_epoch`) milliseconds since 1970; milliseconds are kept."""

    wanted = "string"
    default_error_messages = {
        "format": "must be a time like 2030-01-31T09:30:00Z",
        "no_offset": "needs an offset: end the time with Z or +02:00",
        "bare_date": "is a date without a time; write a time like 2030-01-31T09:30:00Z",
        "leap_second": "has second 60; the last second of a minute is 59",
        "hour_24": "has hour 24; write 00:00 of the next day",
        "no_such_time": "is no time that exists",
        "epoch_range": "must be milliseconds since 1970, before the year 10000",
    }

    def __init__(self, *, allow_epoch: bool = False, **kwargs: Any) -> None:
        self.allow_epoch = allow_epoch
        if allow_epoch:
            self.wanted = "string or number"
        super().__init__(**kwargs)

    def to_internal_value(self, data: Any) -> datetime:
        is_number = isinstance(data, (int, float)) and not isinstance(data, bool)
        if is_number and self.allow_epoch:
            if not 0 <= data <= LAST_EPOCH_MS:
                self.fail("epoch_range")
            return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=int(data))
        if not isinstance(data, str):
            self.refuse_type(data)
        return self._parsed(str(data))

    def _parsed(self, text: str) -> datetime:
        if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
            self.fail("bare_date")
        match = _INSTANT.fullmatch(text) if text.isascii() else None
        if match is None:
            self.fail("format")
        assert match is not None
        year, month, day, hour, minute, second, fraction, offset = match.groups()
        if offset is None:
            self.fail("no_offset")
        if hour == "24":
            self.fail("hour_24")
        if second == "60":
            self.fail("leap_second")
        try:
            moment = datetime(
                int(year),
                int(month),
                int(day),
                int(hour),
                int(minute),
                int(second or 0),
                int((fraction or "0").ljust(3, "0")[:3]) * 1000,
                tzinfo=_offset(offset),
            )
            return moment.astimezone(UTC)
        except (ValueError, OverflowError):
            self.fail("no_such_time")
            raise


def _offset(text: str) -> timezone:
    if text in "Zz":
        return UTC
    hours, minutes = int(text[1:3]), int(text[-2:])
    if hours > 23 or minutes > 59:
        raise ValueError(text)
    delta = timedelta(hours=hours, minutes=minutes)
    return timezone(-delta if text[0] == "-" else delta)


class ObjectProperty(StrictField):
    """Any JSON object of at most 64 KiB and 20 levels."""

    wanted = "object"
    default_error_messages = {
        "too_large": "can have at most {limit} bytes as JSON; it has {size}",
        "too_deep": "can be nested at most {limit} levels deep",
    }

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, dict):
            self.refuse_type(data)
        size = len(json.dumps(data, ensure_ascii=False).encode())
        if size > MAX_OBJECT_BYTES:
            self.fail("too_large", limit=MAX_OBJECT_BYTES, size=size)
        if _depth(data) > MAX_OBJECT_DEPTH:
            self.fail("too_deep", limit=MAX_OBJECT_DEPTH)
        return dict(data)


def _depth(value: Any) -> int:
    items = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    is_nested = isinstance(value, (dict, list))
    return (1 if is_nested else 0) + max((_depth(item) for item in items), default=0)
