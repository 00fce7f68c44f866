"""Random meetings as they really went, the events that a provider sends about them, and what must come of it.

`truth_of` is written from the rules alone and knows nothing of how facts are stored or folded.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

from hypothesis import strategies as st

from meetings import facts
from meetings.facts import Fact
from meetings.models import Attendee, Connection, Meeting, Stream
from meetings.providers import session_events
from meetings.providers.types import WebhookMessage

START = 1_700_000_000_000
"""Milliseconds since 1970 at which every meeting of these tests begins."""
Event = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamLife:
    """What one connection published, in ms after `START`; `None` for what is not known."""

    stream_id: str
    started: int | None
    ended: int | None
    type: str = "camera"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionLife:
    """One tab of one person. Who she is says `ext_id`, else `data`, her name; without both she is her connection."""

    connection_id: str
    data: str
    joined: int
    left: int | None
    streams: tuple[StreamLife, ...] = ()
    ext_id: str | None = None
    reason: str = "clientDisconnected"


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """A session: who came and went, and when the provider took it down (it may come up again after that)."""

    connections: tuple[ConnectionLife, ...]
    session_ends: tuple[int, ...] = ()

    def events(self, session_id: str) -> list[Event]:
        """Return the provider's events about this life, in the order in which it went."""
        sent: list[Event] = [_event(session_id, "sessionCreated", 0)]
        for moment in self.session_ends:
            sent += [
                _event(session_id, "sessionDestroyed", moment, reason="clientDisconnected"),
                _event(session_id, "sessionCreated", moment + 1),
            ]
        for life in self.connections:
            who = {"id": life.connection_id, "createdAt": START + life.joined, "data": life.data}
            sent.append(_event(session_id, "connectionCreated", life.joined, connection=who))
            if life.left is not None:
                silent = who | {"data": ""}  # as the vendor's samples have it
                sent.append(
                    _event(session_id, "connectionDestroyed", life.left, connection=silent, reason="clientDisconnected")
                )
            for stream in life.streams:
                what = {"id": stream.stream_id, "connection": who, "videoType": stream.type}
                assert stream.started is not None
                sent.append(_event(session_id, "streamCreated", stream.started, stream=what))
                if stream.ended is not None:
                    gone = _event(session_id, "streamDestroyed", stream.ended, stream=what, reason="mediaStopped")
                    sent.append(gone)
        return sorted(sent, key=lambda event: int(event["timestamp"]))


def _event(session_id: str, name: str, moment: int, **more: Any) -> Event:
    return {"sessionId": session_id, "projectId": "1", "event": name, "timestamp": START + moment} | more


def body_of(event: Event) -> bytes:
    """Return an event as it travels."""
    return json.dumps(event, separators=(",", ":")).encode()


def fact_of(event: Event) -> Fact:
    """Return what an event says about presence, by the way that webhooks take."""
    (parsed,) = session_events.parse(WebhookMessage(body=body_of(event)))
    fact = facts.of_event(parsed)
    assert fact is not None
    return fact


@dataclass(frozen=True, slots=True)
class Rows:
    """Everything that presence shows, without primary keys."""

    connections: frozenset[tuple[Any, ...]] = frozenset()
    streams: frozenset[tuple[Any, ...]] = frozenset()
    attendees: frozenset[tuple[Any, ...]] = frozenset()
    shown: dict[str, Any] = field(default_factory=dict)


def rows_of(meeting: Meeting) -> Rows:
    """Read what is stored of a meeting; session ids are left out, so that two meetings can be compared."""
    connections = Connection.objects.filter(meeting=meeting).select_related("attendee")
    attendees = list(Attendee.objects.filter(meeting=meeting))
    streams = Stream.objects.filter(connection__meeting=meeting).select_related("connection")
    return Rows(
        connections=frozenset(
            (
                row.connection_id,
                row.attendee and row.attendee.identity,
                row.name,
                row.joined_at,
                row.left_at,
                row.reason,
            )
            for row in connections
        ),
        streams=frozenset(
            (row.connection.connection_id, row.stream_id, row.type, row.started_at, row.ended_at) for row in streams
        ),
        attendees=frozenset(
            (row.identity, row.attendee, row.ext_id, row.is_deleted, row.created_on, row.modified_on)
            for row in attendees
        ),
        shown={
            row.identity: {
                name: value
                for name, value in ((row.ext_metadata or {}).get("webhookPayload") or {}).items()
                if name != "sessionId"
            }
            for row in attendees
        },
    )


def truth_of(life: Life) -> Rows:
    """Return what must be stored once every event of a life has come: nothing about order, copies or calls."""
    connections, streams, tabs = set(), set(), dict[str, list[tuple[int, int | None, str]]]()
    for one in life.connections:
        session_end = min((end for end in life.session_ends if end > one.joined), default=None)
        left = session_end if one.left is None else one.left
        reason = "" if left is None else one.reason if one.left is not None else "sessionDestroyed"
        identity = facts.identity_of(ext_id=one.ext_id, data=one.data) or f"conn:{one.connection_id}"
        connections.add((one.connection_id, identity, one.data, _moment(one.joined), _moment(left), reason))
        tabs.setdefault(identity, []).append((one.joined, left, one.data))
        for stream in one.streams:
            ends = [end for end in (stream.ended, left) if end is not None]
            ended = max(min(ends), stream.started or 0) if ends else None
            streams.add((one.connection_id, stream.stream_id, stream.type, _moment(stream.started), _moment(ended)))
    attendees = {
        (identity, stays[0][2], all(left is not None for _, left, _ in stays), min(joined for joined, _, _ in stays))
        for identity, stays in tabs.items()
    }
    return Rows(frozenset(connections), frozenset(streams), frozenset(attendees))


def comparable(rows: Rows) -> Rows:
    """Reduce stored rows to what `truth_of` says."""
    attendees = frozenset(
        (identity, name, has_left, round(created_on.timestamp() * 1000) - START)
        for identity, name, _, has_left, created_on, _ in rows.attendees
    )
    return Rows(rows.connections, rows.streams, attendees)


def _moment(milliseconds: int | None) -> datetime | None:
    return None if milliseconds is None else datetime.fromtimestamp((START + milliseconds) / 1000, UTC)


def chunks_of(events: Sequence[Event], cuts: Iterable[int]) -> list[list[Event]]:
    """Split events into consecutive runs at the given places."""
    places = [0, *sorted({cut % (len(events) + 1) for cut in cuts}), len(events)]
    return [list(events[a:b]) for a, b in pairwise(places) if a < b]


MOMENT = st.integers(min_value=1, max_value=100_000)


@st.composite
def connection_lives(draw: st.DrawFn, number: int) -> ConnectionLife:
    """A tab; some never say good-bye, some have streams that outlive them, as far as the events tell."""
    joined = draw(MOMENT)
    left = draw(st.none() | st.integers(min_value=joined, max_value=120_000))
    streams = tuple(
        StreamLife(
            stream_id=f"stream-{number}-{index}",
            started=started,
            ended=draw(st.none() | st.integers(min_value=started, max_value=130_000)),
        )
        for index, started in enumerate(draw(st.lists(st.integers(joined, 120_000), max_size=2)))
    )
    data = draw(st.sampled_from(["", "Ann", "Bea"]))
    return ConnectionLife(connection_id=f"connection-{number}", data=data, joined=joined, left=left, streams=streams)


@st.composite
def lives(draw: st.DrawFn) -> Life:
    """A session of one to four tabs that is taken down never, once or twice."""
    count = draw(st.integers(min_value=1, max_value=4))
    return Life(
        connections=tuple(draw(connection_lives(number)) for number in range(count)),
        session_ends=tuple(sorted(draw(st.sets(MOMENT, max_size=2)))),
    )


CROWD = Life(
    connections=tuple(
        ConnectionLife(
            connection_id=f"c{number}",
            data=["Ann", "Bea", ""][number % 3],
            joined=1000 * number,
            left=None if number % 4 == 0 else 50_000 + number,
            streams=(StreamLife(stream_id=f"s{number}", started=1000 * number + 10, ended=40_000),),
        )
        for number in range(12)
    ),
    session_ends=(45_000, 90_000),
)
