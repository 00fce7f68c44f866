"""The document's events as JSON: session monitoring and archive callbacks, in Vonage's shapes.

The embedded provider takes and makes the same shapes. Source: Vonage's session monitoring and archive guides.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from meetings import strict_json
from meetings.exceptions import WebhookMalformed
from meetings.providers.types import EventFamily, EventKind, ProviderEvent, WebhookMessage

KINDS: dict[str, EventKind] = {
    "connectionCreated": EventKind.CONNECTION_CREATED,
    "connectionDestroyed": EventKind.CONNECTION_DESTROYED,
    "streamCreated": EventKind.STREAM_CREATED,
    "streamDestroyed": EventKind.STREAM_DESTROYED,
    "sessionCreated": EventKind.SESSION_CREATED,
    "sessionDestroyed": EventKind.SESSION_DESTROYED,
}
RECURRING = frozenset({"started", "paused"})
"""An archive pauses whenever nobody publishes; its callbacks carry no time, so that the second pause reads like the
first."""
MAX_ID = 255
MAX_DATA = 1000
"""Bytes of UTF-8, as in join tokens; what is longer is cut (an index on names takes no more)."""
FIRST_MS, LAST_MS = 0, 253402300799000


def parse(message: WebhookMessage) -> list[ProviderEvent]:
    """Read one callback body; raise `WebhookMalformed` naming what is missing. Unknown kinds become `UNKNOWN`."""
    try:
        body = strict_json.loads(message.body)
    except strict_json.InvalidJSON as error:
        raise WebhookMalformed(error.message) from error
    if not isinstance(body, dict):
        raise WebhookMalformed("The body must be a JSON object.")
    if body.get("event") == "archive":
        return [_archive_event(body, message.received_at)]
    return [_session_event(body, message.received_at)]


def _session_event(body: Mapping[str, Any], received_at: datetime) -> ProviderEvent:
    name = body.get("event")
    if not isinstance(name, str) or not name:
        raise WebhookMalformed("`event` must name the event.")
    kind = KINDS.get(name, EventKind.UNKNOWN)
    if kind is EventKind.UNKNOWN:
        session_id = body.get("sessionId")
        return ProviderEvent(
            kind=kind,
            family=EventFamily.SESSION,
            name=name[:64],
            session_id=session_id[:MAX_ID] if isinstance(session_id, str) else "",
            at=received_at,
            payload=body,
        )
    about_stream = kind in {EventKind.STREAM_CREATED, EventKind.STREAM_DESTROYED}
    about_session = kind in {EventKind.SESSION_CREATED, EventKind.SESSION_DESTROYED}
    stream = _object(body, "stream") if about_stream else {}
    connection: Mapping[str, Any] = {}
    if not about_session:
        connection = _object(stream, "connection", "stream.") if "connection" in stream else _object(body, "connection")
    since = _moment(connection, "createdAt", "connection.")
    return ProviderEvent(
        kind=kind,
        family=EventFamily.SESSION,
        name=name,
        session_id=_identifier(body, "sessionId"),
        at=_moment(body, "timestamp") or (since if kind is EventKind.CONNECTION_CREATED else None) or received_at,
        connection_id="" if about_session else _identifier(connection, "id", "connection."),
        connection_since=since,
        data=_text(connection.get("data")).encode()[:MAX_DATA].decode(errors="ignore"),
        stream_id=_identifier(stream, "id", "stream.") if about_stream else "",
        stream_type=_text(stream.get("videoType"))[:32],
        reason=_text(body.get("reason"))[:64],
        payload=body,
    )


def _archive_event(body: Mapping[str, Any], received_at: datetime) -> ProviderEvent:
    status = body.get("status")
    if not isinstance(status, str) or not status:
        raise WebhookMalformed("`status` must name the archive's state.")
    _identifier(body, "id")
    return ProviderEvent(
        kind=EventKind.ARCHIVE_STATUS,
        family=EventFamily.ARCHIVE,
        name=f"archive.{status}"[:64],
        session_id=_identifier(body, "sessionId"),
        at=_moment(body, "updatedAt") or _moment(body, "createdAt") or received_at,
        reason=_text(body.get("reason"))[:64],
        may_recur=status in RECURRING,
        payload=body,
    )


def _object(body: Mapping[str, Any], name: str, where: str = "") -> Mapping[str, Any]:
    value = body.get(name)
    if not isinstance(value, dict):
        raise WebhookMalformed(f"`{where}{name}` must be an object.")
    return value


def _identifier(body: Mapping[str, Any], name: str, where: str = "") -> str:
    value = body.get(name)
    if not isinstance(value, str) or not value or len(value) > MAX_ID:
        raise WebhookMalformed(f"`{where}{name}` must be a text of 1 to {MAX_ID} characters.")
    return value


def _moment(body: Mapping[str, Any], name: str, where: str = "") -> datetime | None:
    value = body.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not FIRST_MS <= value <= LAST_MS:
        raise WebhookMalformed(f"`{where}{name}` must be milliseconds since 1970.")
    return datetime.fromtimestamp(int(value) / 1000, UTC)


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def milliseconds(moment: datetime) -> int:
    """Return milliseconds since the epoch, as the wire has them."""
    return round(moment.timestamp() * 1000)
