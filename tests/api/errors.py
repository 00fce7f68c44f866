"""Reading errors off an answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.callers import Answer

KEYS = {"statusCode", "name", "message", "code"}


def error_of(answer: Answer, status: int) -> Mapping[str, Any]:
    """Return the error of an answer, after a look at its whole shape."""
    assert answer.status_code == status, answer.content
    assert answer["Content-Type"] == "application/json"
    body = answer.json()
    assert list(body) == ["error"]
    error: Mapping[str, Any] = body["error"]
    assert set(error) - {"details"} == KEYS
    assert error["statusCode"] == status
    assert all(isinstance(error[name], str) and error[name] for name in ("name", "message", "code"))
    for detail in error.get("details", []):
        assert set(detail) == {"path", "code", "message"}
    return error


def paths(error: Mapping[str, Any]) -> list[str]:
    """Return the properties that an error names."""
    return [detail["path"] for detail in error.get("details", [])]


def refused(answer: Answer, status: int, code: str, message: str, *named: str) -> None:
    """Assert an error's status, code, message and the properties that it names."""
    error = error_of(answer, status)
    assert (error["code"], error["message"], paths(error)) == (code, message, list(named))
