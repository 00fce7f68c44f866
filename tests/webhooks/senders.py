"""What a vendor sends: events of the embedded provider's shapes, signed as a vendor signs them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, ClassVar

import jwt
from django.test import Client

from meetings.models import Meeting
from meetings.providers import signatures
from meetings.providers.memory import MemoryProvider
from meetings.providers.types import EventFamily, WebhookMessage
from tests.callers import Answer
from tests.presence.lives import body_of

SECRET = "first-secret-of-the-tests-0123456789abcdef"
OTHER = "other-secret-of-the-tests-0123456789abcdef"
ADDRESS = "/webhooks/session"


class TwoSecretsProvider(MemoryProvider):
    """A provider whose vendor signs each kind of callback with a secret of its own, as Vonage does."""

    options: ClassVar[dict[str, Any]] = MemoryProvider.options | {"SESSION_SECRETS": (), "ARCHIVE_SECRETS": ()}

    def webhook_secrets(self, family: EventFamily) -> Sequence[str]:
        secrets: Sequence[str] = self.settings[f"{family.name}_SECRETS"]
        return secrets

    def verify(self, message: WebhookMessage) -> frozenset[EventFamily]:
        return signatures.verify(message, {family: self.webhook_secrets(family) for family in EventFamily})


def connected(meeting: Meeting | str, connection_id: str = "c1", data: str = "Ann") -> dict[str, Any]:
    """Return a `connectionCreated` event of now."""
    now = round(time.time() * 1000)
    return {
        "sessionId": meeting if isinstance(meeting, str) else meeting.session_id,
        "projectId": "1",
        "event": "connectionCreated",
        "timestamp": now,
        "connection": {"id": connection_id, "createdAt": now, "data": data},
    }


def archive(meeting: Meeting, status: str = "started", archive_id: str = "a1") -> dict[str, Any]:
    """Return an archive callback."""
    return {
        "id": archive_id,
        "event": "archive",
        "status": status,
        "sessionId": meeting.session_id,
        "name": "A",
        "createdAt": round(time.time() * 1000),
    }


def signature(body: bytes, secret: str = SECRET, **claims: Any) -> str:
    """Return an `Authorization` header with some claims changed (`None` leaves one out)."""
    said = jwt.decode(signatures.sign(body, secret).split()[1], options={"verify_signature": False}) | claims
    said = {name: value for name, value in said.items() if value is not None}
    return "Bearer " + jwt.encode(said, secret, algorithm="HS256")


def post(
    event: dict[str, Any] | bytes, *, secret: str = "", address: str = ADDRESS, authorization: str = "", **extra: Any
) -> Answer:
    """Send an event: signed with `secret`, or with a header of the caller's, or not at all."""
    body = event if isinstance(event, bytes) else body_of(event)
    header = authorization or (signatures.sign(body, secret) if secret else "")
    headers = {"authorization": header} if header else {}
    client = Client(raise_request_exception=False)
    return client.generic("POST", address, body, content_type="application/json", headers=headers, **extra)


def code_of(answer: Answer) -> str:
    """Return the error code of a refusal."""
    return str(answer.json()["error"]["code"])
