"""What goes into a provider and comes out of it, in our nouns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any


class Role(StrEnum):
    """What a participant may do: watch, also send, also moderate."""

    SUBSCRIBER = "subscriber"
    PUBLISHER = "publisher"
    MODERATOR = "moderator"


@dataclass(frozen=True, slots=True, kw_only=True)
class Capabilities:
    """What a provider can do; what it can't is refused before anything is touched.

    `max_participants` is `None` where the provider has no limit of its own that matters. `max_data_bytes` and
    `max_token_lifetime` (seconds) bound join tokens. `fixes_archiving` says that automatic archiving can't be changed
    once a room exists. `heartbeats` says that open connections report themselves, so that silence means absence.
    """

    schedule: bool = True
    archive: bool = False
    moderation: bool = True
    end_to_end_encryption: bool = False
    max_participants: int | None = None
    max_data_bytes: int = 1000
    max_token_lifetime: int = 30 * 24 * 3600
    default_token_lifetime: int = 24 * 3600
    fixes_archiving: bool = False
    heartbeats: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomSpec:
    """A room to be made: what its meeting asks for."""

    meeting_link: str
    end_to_end_encryption: bool = False
    archive_always: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomRef:
    """A room that exists: the provider's session id, and the facts of its meeting that a provider may need."""

    session_id: str
    meeting_link: str = ""
    end_to_end_encryption: bool = False
    max_participants: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenGrant:
    """What a join token shall allow. `data` is the name that others see; `identity` who it is within the meeting."""

    role: Role
    identity: str
    issued_at: datetime
    expires_at: datetime
    data: str = ""
    ext_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessToken:
    """A minted join token, opaque to everyone but its provider. `role` is what was granted, once that was decided."""

    value: str
    expires_at: datetime
    role: Role | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenClaims:
    """What a join token that verified says. `identity` is empty where it says no more of its bearer than `data`."""

    role: Role
    issued_at: datetime
    data: str = ""
    identity: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookMessage:
    """An inbound webhook as raw as it came; header names are lower case.

    `received_at` stands in for the time of an event that tells none, so that reading it again gives the same event.
    """

    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    received_at: datetime = field(default_factory=lambda: datetime.now(UTC))


class EventFamily(StrEnum):
    """Callback kinds that have a signature secret of their own."""

    SESSION = "session"
    ARCHIVE = "archive"


class EventKind(StrEnum):
    """What an event says; the vendor's word is in `ProviderEvent.name`."""

    CONNECTION_CREATED = "connection_created"
    CONNECTION_DESTROYED = "connection_destroyed"
    STREAM_CREATED = "stream_created"
    STREAM_DESTROYED = "stream_destroyed"
    SESSION_CREATED = "session_created"
    SESSION_DESTROYED = "session_destroyed"
    ARCHIVE_STATUS = "archive_status"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderEvent:
    """One event of a provider in our words; `payload` is the vendor's whole object.

    `at` is when it happened, `connection_since` when the connection began (both the provider's clock, UTC). `may_recur`
    says that the same may happen again and be told in the same words, so that a copy is news.
    """

    kind: EventKind
    family: EventFamily
    name: str
    session_id: str
    at: datetime
    connection_id: str = ""
    connection_since: datetime | None = None
    data: str = ""
    ext_id: str | None = None
    identity: str = ""
    role: str = ""
    stream_id: str = ""
    stream_type: str = ""
    reason: str = ""
    may_recur: bool = False
    payload: Mapping[str, Any] = field(default_factory=dict)
