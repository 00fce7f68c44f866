"""Provider events as attendance facts, and what a connection's facts mean together. Pure: no database.

Everything here is a function of the *set* of facts, so order, copies and splits make no difference.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar

from meetings.providers.types import EventKind, ProviderEvent

JOINED, LEFT = "joined", "left"
STREAM_STARTED, STREAM_ENDED = "stream_started", "stream_ended"
SESSION_STARTED, SESSION_ENDED = "session_started", "session_ended"
TOKEN_ISSUED, MEETING_ENDED = "token_issued", "meeting_ended"
"""What is known here: of a person, before any connection of hers, and of everybody."""
SEEN, ASSUMED_LEFT = "seen", "assumed_left"
"""What `reconcile_meetings` finds: the provider shows a connection, or nothing was heard of one for too long."""

FACT_KINDS: dict[EventKind, str] = {
    EventKind.CONNECTION_CREATED: JOINED,
    EventKind.CONNECTION_DESTROYED: LEFT,
    EventKind.STREAM_CREATED: STREAM_STARTED,
    EventKind.STREAM_DESTROYED: STREAM_ENDED,
    EventKind.SESSION_CREATED: SESSION_STARTED,
    EventKind.SESSION_DESTROYED: SESSION_ENDED,
}
SESSION_END_REASON = "sessionDestroyed"
REPLACED_REASON = "replaced"
LOST_REASON = "networkDisconnected"
ASSUMED_REASON = "assumed"
ERASED = "erased:"
"""How the identity of somebody begins of whom nothing is known any more."""
_canonical = json.JSONEncoder(sort_keys=True, default=str).encode


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One thing that was seen. `about` holds what it says of the person: since (ms), data, extId, identity, role,
    reason, streamType, and `webhookPayload` (the event as it came); if it was imported, also which row of the original
    said it (`import`) and what that kept beside the event (`extMetadata`)."""

    kind: str
    at: datetime
    connection_id: str = ""
    stream_id: str = ""
    about: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        """A hash that is equal for copies of the same observation and for nothing else.

        It covers everything that is stored: of two facts with one key it must not matter which came first.
        """
        parts = [self.kind, self.connection_id, self.stream_id, self.at.timestamp(), dict(self.about)]
        return hashlib.sha256(_canonical(parts).encode()).hexdigest()

    @property
    def since(self) -> datetime | None:
        """When the connection began, if the fact says so."""
        return moment_of(self.about.get("since"))


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionView:
    """What the facts of one connection say together."""

    identity: str
    name: str
    ext_id: str | None
    role: str
    joined_at: datetime
    left_at: datetime | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamView:
    """What the facts of one stream say together."""

    stream_id: str
    type: str
    started_at: datetime | None
    ended_at: datetime | None


def of_event(event: ProviderEvent) -> Fact | None:
    """Return the fact that an event states, or `None` for events that say nothing about presence."""
    kind = FACT_KINDS.get(event.kind)
    if kind is None:
        return None
    about = {
        "since": None if event.connection_since is None else _ms(event.connection_since),
        "data": event.data,
        "extId": event.ext_id,
        "identity": event.identity,
        "role": event.role,
        "reason": event.reason,
        "streamType": event.stream_type,
        "webhookPayload": dict(event.payload),
    }
    return Fact(
        kind=kind,
        at=event.at,
        connection_id=event.connection_id,
        stream_id=event.stream_id,
        about={name: value for name, value in about.items() if value},
    )


def identity_of(*, ext_id: str | None = None, guest_id: str | None = None, data: str = "") -> str:
    """Return who a token's bearer is within a meeting: external id, else guest's browser, else name; else empty.

    A browser's id is hashed: whoever reads an identity must not be able to come back as that guest.
    """
    if ext_id:
        return f"ext:{ext_id}"
    if guest_id:
        return f"guest:{hashlib.sha256(guest_id.encode()).hexdigest()[:32]}"
    return "data:" + hashlib.sha256(data.encode()).hexdigest()[:32] if data else ""


def connection_view(connection_id: str, facts: Sequence[Fact], session_ends: Iterable[datetime]) -> ConnectionView:
    """Fold the facts of one connection (at least one) and the ends of its session.

    It began when a fact says it began, else at its earliest trace. It ended with its own end, else with the earliest
    end of the session after it began, else where it is assumed to have ended, unless it shows up after that; a stream
    that stops does not end it.
    """
    ordered = sorted(facts, key=lambda fact: (fact.at, fact.key)) if len(facts) > 1 else list(facts)
    joins = [fact for fact in ordered if fact.kind == JOINED] or ordered
    joined_at = min(fact.since or fact.at for fact in joins)
    own_ends = [fact for fact in ordered if fact.kind == LEFT]
    later_ends = [moment for moment in session_ends if moment > joined_at]
    left_at, reason = None, ""
    if own_ends:
        left_at, reason = max(own_ends[0].at, joined_at), str(own_ends[0].about.get("reason", ""))
    elif later_ends:
        left_at, reason = min(later_ends), SESSION_END_REASON
    elif (assumed := assumed_end(ordered)) is not None:
        left_at, reason = max(assumed.at, joined_at), ASSUMED_REASON
    data = _first(ordered, "data")
    ext_id = _first(ordered, "extId") or None
    return ConnectionView(
        identity=_first(ordered, "identity") or identity_of(ext_id=ext_id, data=data) or f"conn:{connection_id}",
        name=data,
        ext_id=ext_id,
        role=_first(ordered, "role"),
        joined_at=joined_at,
        left_at=left_at,
        reason=reason,
    )


class _Told(Protocol):
    @property
    def kind(self) -> str: ...
    @property
    def at(self) -> datetime: ...


T = TypeVar("T", bound=_Told)


def assumed_end(own: Sequence[T]) -> T | None:
    """Return the fact that a connection is assumed to have ended, unless a later one shows that it had not."""
    assumed = [fact for fact in own if fact.kind == ASSUMED_LEFT]
    latest = max((fact.at for fact in own if fact.kind != ASSUMED_LEFT), default=None)
    standing = [fact for fact in assumed if latest is None or fact.at >= latest]
    return min(standing, key=lambda fact: fact.at, default=None)


def stream_views(facts: Sequence[Fact], left_at: datetime | None) -> list[StreamView]:
    """Fold the stream facts of one connection; a stream ends with it at the latest, and not before it began."""
    found: dict[str, list[Fact]] = {}
    for fact in facts:
        if fact.stream_id:
            found.setdefault(fact.stream_id, []).append(fact)
    views = []
    for stream_id, seen in sorted(found.items()):
        starts = [fact.at for fact in seen if fact.kind == STREAM_STARTED]
        ends = [fact.at for fact in seen if fact.kind == STREAM_ENDED] + ([left_at] if left_at else [])
        started_at, ended_at = min(starts, default=None), min(ends, default=None)
        types = sorted({str(fact.about["streamType"]) for fact in seen if fact.about.get("streamType")})
        views.append(
            StreamView(
                stream_id=stream_id,
                type=types[0] if types else "",
                started_at=started_at,
                ended_at=max(ended_at, started_at) if ended_at and started_at else ended_at,
            )
        )
    return views


def _first(ordered: Sequence[Fact], name: str) -> str:
    return next((str(fact.about[name]) for fact in ordered if fact.about.get(name)), "")


def moment_of(milliseconds: float | None) -> datetime | None:
    """Return a moment that a fact has as milliseconds since 1970."""
    return None if milliseconds is None else datetime.fromtimestamp(milliseconds / 1000, UTC)


def _ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)
