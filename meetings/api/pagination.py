"""Cursor pages: newest first, a stable position, no count over a table."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from rest_framework.exceptions import NotFound
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request

from meetings.api.errors import invalid_parameter
from meetings.strict_json import UNSTORABLE

SHARE = re.compile(r"[01]?\.?[0-9]{0,9}(?<=[0-9])", re.ASCII)


class MeetingCursor(CursorPagination):
    """`count` (1 to 200, default 50) meetings a page; `cursor` is opaque."""

    ordering = "-id"
    page_size = 50
    max_page_size = 200
    page_size_query_param = "count"

    def get_page_size(self, request: Request) -> int:
        return integer_parameter(request, "count", default=50, minimum=1, maximum=self.max_page_size)

    def decode_cursor(self, request: Request) -> Any:
        single_parameter(request, "cursor")
        message = "cursor must be one that an earlier page gave."
        try:
            cursor = super().decode_cursor(request)
        except NotFound as error:
            raise invalid_parameter("cursor", message) from error
        position = getattr(cursor, "position", None)
        if position is not None and not (position.isascii() and position.isdigit() and len(position) < 19):
            raise invalid_parameter("cursor", message)
        return cursor


def integer_parameter(request: Request, name: str, *, default: int, minimum: int, maximum: int) -> int:
    """Return a whole-number query parameter; raise 400 that names the limit."""
    text = single_parameter(request, name)
    if text is None:
        return default
    number = int(text) if text.isascii() and text.isdigit() and len(text) < 19 else None
    if number is None or not minimum <= number <= maximum:
        raise invalid_parameter(name, f"{name} must be a whole number from {minimum} to {maximum}.")
    return number


def share_parameter(request: Request, name: str) -> float | None:
    """Return a query parameter above 0 and up to 1; raise 400 for anything else."""
    text = single_parameter(request, name)
    if text is None:
        return None
    if not SHARE.fullmatch(text) or not 0 < float(text) <= 1:
        raise invalid_parameter(name, f"{name} must be a number above 0 and up to 1, as in 0.85.")
    return float(text)


def choice_parameter(request: Request, name: str, choices: Sequence[str]) -> str | None:
    """Return a query parameter that is one of these words; raise 400 that names them."""
    text = single_parameter(request, name)
    if text is not None and text not in choices:
        raise invalid_parameter(name, f"{name} must be one of {', '.join(choices)}.")
    return text


def text_parameter(request: Request, name: str, *, longest: int | None = None) -> str:
    """Return a query parameter that may be any text, empty if it is not there; raise 400 for what can't be stored."""
    text = single_parameter(request, name) or ""
    if longest is not None and len(text) > longest:
        raise invalid_parameter(name, f"{name} can have at most {longest} characters.")
    if UNSTORABLE.search(text):
        raise invalid_parameter(name, f"{name} has a character that can't be stored.")
    return text


def single_parameter(request: Request, name: str) -> str | None:
    """Return a query parameter that may be there once; raise 400 for a repeated one."""
    values = request.query_params.getlist(name)
    if len(values) > 1:
        raise invalid_parameter(name, f"The parameter {name} is there {len(values)} times; send it once.")
    return values[0] if values else None
