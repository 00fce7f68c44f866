from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.http import HttpRequest
from django.utils.crypto import salted_hmac

COLUMN_WIDTH = 255


def username(request: HttpRequest, credentials: dict[str, Any] | None) -> str:
    """Return the name that django-axes counts a failed login under, and stores.

    A name that no user has may be a password typed into the wrong box: it is counted under its keyed hash.
    """
    given = credentials if credentials is not None else request.POST
    name = str(given.get("username") or "")[:COLUMN_WIDTH]
    return name if not name or _is_known(name) else f"unknown:{salted_hmac(__name__, name).hexdigest()}"


def _is_known(name: str) -> bool:
    users = get_user_model()
    return "\x00" not in name and users._default_manager.filter(**{users.USERNAME_FIELD: name}).exists()
