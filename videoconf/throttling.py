from __future__ import annotations

from typing import Any

from django.http import HttpRequest

COLUMN_WIDTH = 255


def username(request: HttpRequest, credentials: dict[str, Any] | None) -> str:
    """Return the name that django-axes counts a failed login under; cut to the column it has to fit."""
    given = credentials if credentials is not None else request.POST
    return str(given.get("username") or "")[:COLUMN_WIDTH]
