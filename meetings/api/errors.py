"""Errors on the wire: whatever is raised in the API leaves as the one envelope."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from rest_framework import exceptions as drf
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response

from meetings.envelope import envelope, envelope_of, headers_of, status_of
from meetings.exceptions import Problem, VideoconfError

logger = logging.getLogger(__name__)

VALIDATION_FAILED = "VALIDATION_FAILED"
INVALID_MESSAGE = "The request body is invalid. See error object `details` property for more info."


class ApiError(Exception):
    """An error that only HTTP knows: a body that can't be read, a route that isn't there, a parameter out of range."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        problems: Sequence[Problem] = (),
        *,
        name: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message
        self.problems, self.name, self.headers = tuple(problems), name, headers or {}


def route_not_found() -> ApiError:
    """Return the answer for a path or method that is no route (the original's words)."""
    return ApiError(404, "route_not_found", "API not found !")


def invalid_parameter(name: str, message: str) -> ApiError:
    """Return the answer for a query parameter or header that can't be used."""
    code = "INVALID_PARAMETER_VALUE"
    return ApiError(400, code, message, [Problem(path=name, code=code, message=message)])


def exception_handler(error: Exception, context: dict[str, Any]) -> Response | None:
    """Turn any expected error into the envelope; the unexpected goes on to Django, which answers 500."""
    request = context.get("request")
    if request is not None:
        request.accepted_renderer, request.accepted_media_type = JSONRenderer(), "application/json"
    if isinstance(error, ApiError):
        body = envelope(error.status, error.message, error.code, error.problems, error.name)
        return Response(body, status=error.status, headers=error.headers)
    if isinstance(error, VideoconfError):
        status = status_of(error)
        if status >= 500:
            logger.warning("%s: %s", error.code, error.message)
        return Response(envelope_of(error), status=status, headers=headers_of(error))
    return _of_framework(error)


def _of_framework(error: Exception) -> Response | None:
    if isinstance(error, (drf.NotAuthenticated, drf.AuthenticationFailed)):
        header = getattr(error, "auth_header", None) or "Bearer"
        code = "token_missing" if isinstance(error, drf.NotAuthenticated) else _code(error)
        message = "Send a bearer token: `Authorization: Bearer <JWT>`." if code == "token_missing" else _text(error)
        return Response(envelope(401, message, code), status=401, headers={"WWW-Authenticate": header})
    if isinstance(error, (drf.PermissionDenied, PermissionDenied)):
        return Response(envelope(403, _text(error) or "NotAllowedAccess", "permission_denied"), status=403)
    if isinstance(error, (Http404, drf.MethodNotAllowed)):
        return Response(envelope(404, "API not found !", "route_not_found"), status=404)
    if isinstance(error, drf.Throttled):
        wait = {"Retry-After": str(int(getattr(error, "wait", None) or 1) + 1)}
        return Response(envelope(429, _text(error), "too_many_requests"), status=429, headers=wait)
    if isinstance(error, drf.APIException):
        return Response(envelope(error.status_code, _text(error), _code(error)), status=error.status_code)
    return None


def _text(error: Exception) -> str:
    return str(getattr(error, "detail", "") or error)


def _code(error: drf.APIException) -> str:
    codes = error.get_codes()
    return codes if isinstance(codes, str) else "error"
