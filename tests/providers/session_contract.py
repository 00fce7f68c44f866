"""The contract for providers that speak the document's session monitoring events."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from meetings.providers import signatures
from meetings.providers.session_events import KINDS, milliseconds
from meetings.providers.types import EventFamily, EventKind
from tests.providers.contract import ProviderContract

WORDS = {kind: word for word, kind in KINDS.items()}


class SessionEventsContract(ProviderContract):
    """Events and signatures as Vonage sends them, with one secret for both kinds."""

    def secrets(self, family: EventFamily, *known: str) -> dict[str, Any]:
        return {"WEBHOOK_SECRETS": list(known)}

    def sign(self, body: bytes, secret: str) -> dict[str, str]:
        return {"authorization": signatures.sign(body, secret)}

    def event(self, kind: EventKind, session_id: str, at: datetime) -> dict[str, Any]:
        if kind is EventKind.ARCHIVE_STATUS:
            archive = {"id": "a1", "event": "archive", "status": "started", "createdAt": milliseconds(at)}
            return archive | {"sessionId": session_id}
        event: dict[str, Any] = {"sessionId": session_id, "event": WORDS[kind], "timestamp": milliseconds(at)}
        connection = {"id": "c1", "createdAt": milliseconds(at), "data": "Ann"}
        if kind in {EventKind.CONNECTION_CREATED, EventKind.CONNECTION_DESTROYED}:
            event["connection"] = connection
        if kind in {EventKind.STREAM_CREATED, EventKind.STREAM_DESTROYED}:
            event["stream"] = {"id": "s1", "connection": connection, "videoType": "screen"}
        return event
