"""Callers of the API: tokens as another service would mint them, and a client that sends them."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, TypeAlias

import jwt
from django.conf import settings
from django.test import Client

from archives import permission_names as archive_names
from meetings import permission_names as meeting_names

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse
Answer: TypeAlias = "_MonkeyPatchedWSGIResponse"

PERMISSIONS: tuple[str, ...] = (*meeting_names.DESCRIPTIONS, *archive_names.DESCRIPTIONS)
ISSUER = "videoconf"
NO_BODY: Any = object()


def mint(*permissions: str, key: Any = None, algorithm: str = "HS256", **claims: Any) -> str:
    """Return a caller's JWT; without permissions it has none. A claim given as `None` is left out."""
    said: dict[str, Any] = {
        "iss": ISSUER,
        "id": "caller-1",
        "exp": int(time.time()) + 3600,
        "permissions": list(permissions),
    } | claims
    said = {name: value for name, value in said.items() if value is not None}
    signing_key: Any = settings.VIDEOCONF["JWT_SECRET"] if key is None else key
    return jwt.encode(said, signing_key, algorithm=algorithm)


class ApiClient:
    """Calls the API with one token, or with none. An exception in a view fails the test, as a 500 would."""

    def __init__(self, token: str | None = None) -> None:
        self.token = token
        self.client = Client()

    def send(self, method: str, path: str, body: Any = NO_BODY, **headers: str) -> Answer:
        """Send a request; `body` is JSON, or raw bytes. `headers` are named like `accept` and `idempotency_key`."""
        content = b"" if body is NO_BODY else body if isinstance(body, bytes) else json.dumps(body).encode()
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if self.token is not None:
            sent.setdefault("authorization", f"Bearer {self.token}")
        media_type = sent.pop("content-type", "application/json")
        return self.client.generic(method, path, content, content_type=media_type, headers=sent)

    def get(self, path: str, **headers: str) -> Answer:
        return self.send("GET", path, **headers)

    def post(self, path: str, body: Any = NO_BODY, **headers: str) -> Answer:
        return self.send("POST", path, body, **headers)

    def put(self, path: str, body: Any = NO_BODY, **headers: str) -> Answer:
        return self.send("PUT", path, body, **headers)

    def patch(self, path: str, body: Any = NO_BODY, **headers: str) -> Answer:
        return self.send("PATCH", path, body, **headers)

    def delete(self, path: str, **headers: str) -> Answer:
        return self.send("DELETE", path, **headers)
