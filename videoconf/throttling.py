"""What the login throttling (django-axes) leaves to the project."""

from __future__ import annotations

from typing import Any

from axes.signals import user_locked_out
from django.dispatch import receiver
from django.http import HttpRequest

COLUMN_WIDTH = 255


def username(request: HttpRequest, credentials: dict[str, Any] | None) -> str:
    """Return the name that a login is counted under; cut to the column it has to fit."""
    given = credentials if credentials is not None else request.POST
    return str(given.get("username") or "")[:COLUMN_WIDTH]


@receiver(user_locked_out)
def mark_locked_out(sender: object, *, request: Any, **kwargs: Any) -> None:
    """Tell the middleware to answer 429; it does not see what is set on the REST framework's own request."""
    getattr(request, "_request", request).axes_locked_out = True
