"""The attendance ledger: who was there and when, as a pure function of what was seen, with how sure each end is.

Nothing here asks the database or the clock. Facts may come in any order, in copies, and with some missing: what is
missing makes an end less certain, and never wrong within its bounds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from meetings import facts

SWEPT = "sweep"
"""The source of ends that nobody told of: a heartbeat stopped."""
PUT_OUT = "api"
"""The source of the ends of a meeting at which everybody was put out in the same moment."""
ENDED = "end"
"""The source of ends of which nothing is known but that the meeting was over."""


class Certainty(StrEnum):
    """How sure an end of a stay is."""

    EXACT = "exact"
    """Somebody who knew said so."""
    BOUNDED = "bounded"
    """It lies between two moments that are known."""
    ASSUMED = "assumed"
    """Nothing was heard of it; she is taken to have stayed until the meeting was over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A fact as the ledger needs it. `since` is when the connection began, if the fact says so; `noted_at` is when the
    fact was stored; `source` is who said it (`webhook`, `socket`, `sweep`, `api`, `poll`, `reconcile`, `import`);
    `identity` is whose token was issued."""

    kind: str
    at: datetime
    source: str
    connection_id: str = ""
    identity: str = ""
    since: datetime | None = None
    reason: str = ""
    noted_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """One end of a stay. The truth lies between `not_before` and `not_after`; `None` is no bound."""

    at: datetime
    certainty: Certainty
    source: str
    not_before: datetime | None
    not_after: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stay:
    """A time in which somebody was there; `left` is `None` while it goes on."""

    joined: End
    left: End | None

    @property
    def joined_at(self) -> datetime:
        return self.joined.at

    @property
    def left_at(self) -> datetime | None:
        return None if self.left is None else self.left.at


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """When the meeting began and was over, as far as that is known: nobody was there before or after."""

    start: datetime | None = None
    end: datetime | None = None


def stays_of(seen: Iterable[Seen], bounds: Bounds, identities: Mapping[str, str] | None = None) -> dict[str, Stay]:
    """Return the stay of each connection that facts tell of, by its id; `identities` says whose connection is whose."""
    tokens: list[Seen] = []
    by_connection: dict[str, list[Seen]] = {}
    session_ends: list[Seen] = []
    for fact in seen:
        if fact.kind == facts.SESSION_ENDED:
            session_ends.append(fact)
        elif fact.kind == facts.TOKEN_ISSUED:
            tokens.append(fact)
        elif fact.connection_id:
            by_connection.setdefault(fact.connection_id, []).append(fact)
    session_ends.sort(key=lambda fact: (fact.at, fact.source))
    invited = _first_tokens(tokens, bounds)
    found: dict[str, Stay] = {}
    for connection_id, own in by_connection.items():
        joined = _joined(own, invited.get((identities or {}).get(connection_id, ""), bounds.start))
        left = _left(own, joined, session_ends, bounds)
        found[connection_id] = within(Stay(joined=joined, left=left), bounds)
    return found


def _first_tokens(tokens: Iterable[Seen], bounds: Bounds) -> dict[str, datetime]:
    """Return when each person got her first token: before that she can't have come in.

    Nothing is said of a meeting whose very first token was not noted.
    """
    first: dict[str, datetime] = {}
    for token in sorted(tokens, key=lambda fact: fact.at):
        first.setdefault(token.identity, token.at)
    is_whole = bounds.start is not None and any(moment <= bounds.start for moment in first.values())
    return first if is_whole else {}


def _joined(own: Sequence[Seen], earliest: datetime | None) -> End:
    """The earliest word counts; one that only shows that she was there bounds the beginning from above."""
    told = [fact for fact in own if fact.kind == facts.JOINED]
    first = min(told or own, key=lambda fact: (fact.since or fact.at, fact.source))
    at = first.since or first.at
    if told or first.since is not None:
        return End(at=at, certainty=Certainty.EXACT, source=first.source, not_before=at, not_after=at)
    start = None if earliest is None else min(earliest, at)
    return End(at=at, certainty=Certainty.BOUNDED, source=first.source, not_before=start, not_after=at)


def _left(own: Sequence[Seen], joined: End, session_ends: Sequence[Seen], bounds: Bounds) -> End | None:
    """Her own good-bye counts, else the session's end, else the meeting's; whatever she did before is a bound."""
    goodbyes = sorted((fact for fact in own if fact.kind == facts.LEFT), key=lambda fact: (fact.at, fact.source))
    if goodbyes:
        return _own_end(goodbyes[0], _last_trace(own, joined, goodbyes[0].at), joined.at)
    for session_end in session_ends:
        if session_end.at > joined.at:
            return _session_end(session_end, _last_trace(own, joined, session_end.at))
    assumed = facts.assumed_end(own)
    if assumed is not None:
        at = max(assumed.at, joined.at)
        trace = _last_trace(own, joined, at)
        return End(at=at, certainty=Certainty.ASSUMED, source=assumed.source, not_before=trace, not_after=None)
    if bounds.end is not None:
        at = max(bounds.end, joined.at)
        trace = _last_trace(own, joined, at)
        return End(at=at, certainty=Certainty.ASSUMED, source=ENDED, not_before=trace, not_after=None)
    return None


_GONE = frozenset({facts.LEFT, facts.ASSUMED_LEFT})


def _last_trace(own: Sequence[Seen], joined: End, until: datetime) -> datetime | None:
    """The latest moment up to `until` at which she is known to have been there."""
    here = [fact for fact in own if fact.kind not in _GONE and fact.reason != facts.LOST_REASON]
    traces = [fact.at for fact in here if fact.at <= until]
    sure = joined.at if joined.certainty is Certainty.EXACT else joined.not_before
    return max([*traces, *([] if sure is None else [sure])], default=None)


def _own_end(goodbye: Seen, trace: datetime | None, joined_at: datetime) -> End:
    at = max(goodbye.at, joined_at)
    if goodbye.source == SWEPT:  # it stands where she was last seen; that she was gone was noted later
        noted = max(goodbye.noted_at or at, at)
        return End(at=at, certainty=Certainty.BOUNDED, source=goodbye.source, not_before=at, not_after=noted)
    if goodbye.reason == facts.LOST_REASON:  # found out some time after it happened
        return End(at=at, certainty=Certainty.BOUNDED, source=goodbye.source, not_before=trace, not_after=at)
    return End(at=at, certainty=Certainty.EXACT, source=goodbye.source, not_before=at, not_after=at)


def _session_end(session_end: Seen, trace: datetime | None) -> End:
    at = session_end.at
    is_exact = session_end.source == PUT_OUT
    return End(
        at=at,
        certainty=Certainty.EXACT if is_exact else Certainty.BOUNDED,
        source=session_end.source,
        not_before=at if is_exact else trace,
        not_after=at,
    )


def within(stay: Stay, bounds: Bounds) -> Stay:
    """Return what of a stay lies within the meeting: without length, if nothing does."""
    return Stay(joined=_clipped(stay.joined, bounds), left=stay.left and _clipped(stay.left, bounds))


def _clipped(end: End, bounds: Bounds) -> End:
    def clip(moment: datetime) -> datetime:
        moment = moment if bounds.start is None else max(moment, bounds.start)
        return moment if bounds.end is None else min(moment, bounds.end)

    return replace(
        end,
        at=clip(end.at),
        not_before=end.not_before and clip(end.not_before),
        not_after=bounds.end if end.not_after is None else clip(end.not_after),
    )


def merged(stays: Iterable[Stay], gap: timedelta) -> tuple[Stay, ...]:
    """Return one person's stays, in order and apart from each other: several devices count once, and who is back within
    `gap` was never away. A stay that goes on swallows what comes after its beginning."""
    found: list[Stay] = []
    for stay in sorted(stays, key=lambda stay: (stay.joined.at, _RANK[stay.joined.certainty])):
        last = found[-1] if found else None
        if last is None or (last.left is not None and stay.joined.at - last.left.at > gap):
            found.append(stay)
        elif last.left is not None:
            found[-1] = Stay(joined=last.joined, left=_later(last.left, stay.left))
    return tuple(found)


_RANK: Mapping[Certainty, int] = {Certainty.EXACT: 0, Certainty.BOUNDED: 1, Certainty.ASSUMED: 2}


def _later(one: End, other: End | None) -> End | None:
    """Of two ends the later counts; of equal ones the surer."""
    if other is None:
        return None
    return max(one, other, key=lambda end: (end.at, -_RANK[end.certainty]))


def total(stays: Iterable[Stay], now: datetime) -> timedelta:
    """Return how long stays lasted together; one that goes on lasts until `now`."""
    lengths = (max((stay.left_at or now) - stay.joined_at, timedelta()) for stay in stays)
    return sum(lengths, timedelta())
