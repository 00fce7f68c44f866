"""Request bodies: bounded, strict, in the contract's order of refusals.

`read_body` answers 413, 415, 400 (no JSON) and 422 (types and names) before any object is looked up; what is wrong
with the *values* is raised by `Body.values`, after the object was found.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar

from django.core.handlers.wsgi import WSGIRequest
from django.http.request import RawPostDataException
from django.utils.http import parse_header_parameters
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.fields import SkipField, empty
from rest_framework.request import Request

from meetings import strict_json
from meetings.api.errors import INVALID_MESSAGE, VALIDATION_FAILED, ApiError
from meetings.api.fields import StrictField
from meetings.conf import conf
from meetings.exceptions import Problem

MAX_BODY = 1024 * 1024
MAX_PUBLIC_BODY = 8 * 1024
"""For operations that anyone may call without a token: parsing is work too."""
MAX_PROBLEMS = 20
"""Unknown properties that one answer names; comparing names is work that a caller must not order by the thousand."""
TYPE_CODES = frozenset({"type", "null", "unknown_property", "required"})
"""Codes of problems with the shape (422); any other is a problem with a value (400)."""

S = TypeVar("S", bound="BodySerializer")


class BodySerializer(serializers.Serializer[Any]):
    """A request body; properties that it does not declare are refused by name (or ignored, by setting).

    Its fields keep nothing of a request, so all requests share those of one instance: a serializer of one's own copies
    every field each time, which costs more than the reading.
    """

    null_is_absent = False
    max_bytes = MAX_BODY

    @classmethod
    @cache
    def properties(cls) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        """Return the declared properties by their wire names."""
        return dict(cls().fields)

    @classmethod
    def unknown_properties(cls, body: Mapping[str, Any]) -> list[Problem]:
        """Return a problem for each undeclared property, with the nearest declared one."""
        known = cls.properties()
        if conf.UNKNOWN_PROPERTIES == "ignore":
            return []
        found: list[Problem] = []
        for name in body:
            if len(found) == MAX_PROBLEMS:
                break
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
                hint = f"did you mean {near[0]!r}?" if near else f"there is {', '.join(known)}."
                message = f"There is no property {name[:100]!r}; {hint}"
                found.append(Problem(path=name[:100], code="unknown_property", message=message))
        return found

    @classmethod
    def read(cls, body: Mapping[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
        """Return the values by their Python names, and what is wrong with them."""
        values: dict[str, Any] = {}
        problems: list[Problem] = []
        for name, field in cls.properties().items():
            given = body.get(name, empty)
            try:
                value = field.run_validation(empty if given is None and cls.null_is_absent else given)
            except ValidationError as error:
                details = error.detail if isinstance(error.detail, list) else [error.detail]
                problems += [
                    Problem(path=name, code=str(getattr(detail, "code", "")), message=f"{name} {detail}")
                    for detail in details
                ]
            except SkipField:
                continue
            else:
                values[field.source or name] = value
        return values, problems


class Body:
    """A body whose shape is right; `values()` gives what it says, or raises what is wrong with it."""

    def __init__(self, data: dict[str, Any], problems: list[Problem], headlines: Mapping[str, str]) -> None:
        self._data, self._problems, self._headlines = data, problems, headlines

    def values(self) -> dict[str, Any]:
        """Return the validated values by their Python names; raise 400 for values that are refused."""
        if self._problems:
            first = self._problems[0]
            headline = self._headlines.get(first.path, first.message)
            raise ApiError(400, "invalid_value", headline, self._problems)
        return self._data


def read_body(request: Request, serializer_class: type[BodySerializer]) -> Body:
    """Read and check a request's body; raise `ApiError` for a wrong size, type, syntax or shape."""
    body = _read_json(request, serializer_class.max_bytes)
    if not isinstance(body, dict):
        raise ApiError(
            422, VALIDATION_FAILED, INVALID_MESSAGE, [Problem(path="", code="type", message="must be object")]
        )
    unknown = serializer_class.unknown_properties(body)
    values, wrong = serializer_class.read(body)
    problems = [*unknown, *wrong]
    shape = [problem for problem in problems if problem.code in TYPE_CODES]
    if shape:
        raise ApiError(422, VALIDATION_FAILED, INVALID_MESSAGE, shape)
    headlines = {
        name: field.headline
        for name, field in serializer_class.properties().items()
        if problems and isinstance(field, StrictField) and field.headline
    }
    return Body({} if problems else values, problems, headlines)


def _read_json(request: Request, limit: int) -> Any:
    raw = _read_bounded(request, limit)
    if not raw.strip():
        return {}
    content_type = request.META.get("CONTENT_TYPE") or "application/json"
    media_type, parameters = parse_header_parameters(content_type)
    charset = parameters.get("charset", "utf-8").lower()
    if media_type.strip().lower() != "application/json" or charset not in {"utf-8", "utf8"}:
        message = f"Content-type {content_type[:100]} does not match [application/json]."
        raise ApiError(415, "UNSUPPORTED_MEDIA_TYPE", message)
    try:
        return strict_json.loads(raw)
    except strict_json.InvalidJSON as error:
        problems = [Problem(path=error.path, code="invalid_json", message=error.message)] if error.path else []
        raise ApiError(400, "invalid_json", error.message, problems, name="SyntaxError") from error


def _read_bounded(request: Request, limit: int) -> bytes:
    message = f"A body can have at most {limit} bytes."
    django_request = request._request
    length = request.META.get("CONTENT_LENGTH") or ""
    if not length and "HTTP_TRANSFER_ENCODING" in request.META and isinstance(django_request, WSGIRequest):
        raise ApiError(411, "length_required", "Send a Content-Length.")
    if length and not (length.isascii() and length.isdecimal() and len(length) < 10 and int(length) <= limit):
        raise ApiError(413, "body_too_large", message)
    try:
        raw: bytes = django_request.read(limit + 1)
    except RawPostDataException:
        raw = django_request.body
    if len(raw) > limit:
        raise ApiError(413, "body_too_large", message)
    return raw
