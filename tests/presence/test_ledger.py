"""The ledger against meetings as they really went, with any part of what was told of them lost."""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from meetings import facts, ledger
from meetings.ledger import Bounds, Certainty, End, Seen, Stay

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
END = 10_000


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tab:
    """What one tab really did, in seconds after the meeting's start; `told` is when its end was noticed."""

    number: int
    joined: int
    left: int
    how: str
    told: int
    streams: tuple[tuple[int, int], ...]
    polls: tuple[int, ...] = ()
    says_since: bool

    @property
    def connection_id(self) -> str:
        return f"c{self.number}"

    @property
    def identity(self) -> str:
        return f"ext:{self.number % 2}"

    def facts(self) -> list[Seen]:
        """All that could be told of it."""
        since = at(self.joined) if self.says_since else None
        seen = [self._seen(facts.JOINED, self.joined, since=since)]
        for started, ended in self.streams:
            seen.append(self._seen(facts.STREAM_STARTED, started, since=since))
            if self.how == "lost":  # nor was it known before that its streams had stopped
                seen.append(self._seen(facts.STREAM_ENDED, self.told, reason=facts.LOST_REASON, since=since))
            else:
                seen.append(self._seen(facts.STREAM_ENDED, ended, since=since))
        for moment in self.polls:
            seen += [
                self._seen(facts.SEEN, moment, source="poll"),
                self._seen(facts.ASSUMED_LEFT, moment, source="reconcile"),
            ]
        if self.how == "swept":
            last_seen = max([self.joined, *(moment for stream in self.streams for moment in stream)])
            seen.append(self._seen(facts.LEFT, last_seen, source="sweep", noted_at=at(self.told)))
        elif self.how == "lost":
            seen.append(self._seen(facts.LEFT, self.told, reason=facts.LOST_REASON, since=since))
        else:
            seen.append(self._seen(facts.LEFT, self.left, reason="clientDisconnected", since=since))
        return seen

    def _seen(
        self,
        kind: str,
        moment: int,
        *,
        source: str = "webhook",
        since: datetime | None = None,
        reason: str = "",
        noted_at: datetime | None = None,
    ) -> Seen:
        return Seen(
            kind=kind,
            at=at(moment),
            source=source,
            connection_id=self.connection_id,
            since=since,
            reason=reason,
            noted_at=noted_at or at(moment),
        )


@st.composite
def tabs(draw: st.DrawFn, number: int) -> Tab:
    joined = draw(st.integers(0, 9000))
    left = draw(st.integers(joined, 9500))
    streams = []
    for _ in range(draw(st.integers(0, 2))):
        started = draw(st.integers(joined, left))
        streams.append((started, draw(st.integers(started, left))))
    return Tab(
        number=number,
        joined=joined,
        left=left,
        how=draw(st.sampled_from(["clean", "lost", "swept"])),
        told=draw(st.integers(left, 9700)),
        streams=tuple(streams),
        polls=tuple(draw(st.lists(st.integers(joined, left), max_size=2))),
        says_since=draw(st.booleans()),
    )


@st.composite
def meetings(draw: st.DrawFn) -> tuple[list[Tab], list[Seen]]:
    """Tabs of a meeting, and the ends of its session: each is at a moment at which nobody was there."""
    found = [draw(tabs(number)) for number in range(draw(st.integers(1, 5)))]
    ends = []
    for moment in draw(st.lists(st.integers(1, 9900), max_size=3)):
        if not any(tab.joined <= moment and tab.left >= moment for tab in found):
            ends.append(Seen(kind=facts.SESSION_ENDED, at=at(moment), source="webhook"))
    return found, ends


def tokens_of(found: Iterable[Tab], *, is_first_known: bool) -> list[Seen]:
    """The tokens by which they came in, the meeting's first at its start; or of each person a later one alone."""
    first: dict[str, int] = {}
    for tab in found:
        first[tab.identity] = min(tab.joined, first.get(tab.identity, tab.joined))
    moments = {"ext:first": 0, **first} if is_first_known else {who: moment + 50 for who, moment in first.items()}
    return [Seen(kind=facts.TOKEN_ISSUED, at=at(moment), source="api", identity=who) for who, moment in moments.items()]


def holds(end: End, truth: datetime) -> bool:
    """Whether the truth lies where the ledger says that it lies."""
    is_above = end.not_before is None or truth >= end.not_before
    is_below = end.not_after is None or truth <= end.not_after
    return is_above and is_below and (end.certainty is not Certainty.EXACT or end.at == truth)


@settings(max_examples=300, deadline=None)
@given(meeting=meetings(), data=st.data())
def test_whatever_is_lost_the_truth_is_within_the_stated_certainty(
    meeting: tuple[list[Tab], list[Seen]], data: st.DataObject
) -> None:
    found, ends = meeting
    told = [*ends, *(fact for tab in found for fact in tab.facts())]
    came = data.draw(st.lists(st.sampled_from(told), max_size=3 * len(told)))  # in any order, some often, some never
    is_over = data.draw(st.booleans())
    bounds = Bounds(start=START, end=at(END) if is_over else None)
    came += tokens_of(found, is_first_known=data.draw(st.booleans()))

    stays = ledger.stays_of(came, bounds, {tab.connection_id: tab.identity for tab in found})

    assert set(stays) == {fact.connection_id for fact in came if fact.connection_id}
    for tab in found:
        stay = stays.get(tab.connection_id)
        if stay is None:
            continue
        assert holds(stay.joined, at(tab.joined))
        assert stay.left is None or holds(stay.left, at(tab.left))
        if is_over:
            assert stay.left is not None


@settings(max_examples=200, deadline=None)
@given(meeting=meetings(), data=st.data(), gap=st.integers(0, 600), over=st.integers(0, 12_000) | st.none())
def test_stays_never_overlap_nor_are_longer_than_the_meeting(
    meeting: tuple[list[Tab], list[Seen]], data: st.DataObject, gap: int, over: int | None
) -> None:
    found, ends = meeting
    told = [*ends, *(fact for tab in found for fact in tab.facts())]
    came = data.draw(st.lists(st.sampled_from(told), max_size=3 * len(told)))
    bounds = Bounds(start=at(data.draw(st.integers(0, 5000))), end=None if over is None else at(max(over, 5000)))

    stays = ledger.merged(ledger.stays_of(came, bounds).values(), timedelta(seconds=gap))

    now = at(END)
    moments = [moment for stay in stays for moment in (stay.joined_at, stay.left_at or now)]
    assert moments == sorted(moments)
    assert all(
        later.joined_at - (earlier.left_at or now) > timedelta(seconds=gap)
        for earlier, later in itertools.pairwise(stays)
    )
    assert bounds.start is not None
    length = (bounds.end or now) - bounds.start
    assert timedelta() <= ledger.total(stays, bounds.end or now) <= max(length, timedelta())


@settings(max_examples=100, deadline=None)
@given(meeting=meetings(), seed=st.integers())
def test_order_and_copies_make_no_difference(meeting: tuple[list[Tab], list[Seen]], seed: int) -> None:
    found, ends = meeting
    told = [*ends, *(fact for tab in found for fact in tab.facts())]
    mixed = told * 2
    random.Random(seed).shuffle(mixed)

    assert ledger.stays_of(mixed, Bounds(start=START)) == ledger.stays_of(told, Bounds(start=START))


def clean(number: int, joined: int, left: int) -> Tab:
    return Tab(number=number, joined=joined, left=left, how="clean", told=left, streams=(), says_since=True)


def stays(*found: Tab, gap: int = 0) -> tuple[Stay, ...]:
    told: Iterable[Seen] = (fact for tab in found for fact in tab.facts())
    return ledger.merged(ledger.stays_of(told, Bounds(start=START)).values(), timedelta(seconds=gap))


def test_two_devices_count_once() -> None:
    (stay,) = stays(clean(0, 0, 600), clean(1, 300, 900))
    assert (stay.joined_at, stay.left_at) == (at(0), at(900))


@pytest.mark.parametrize(("gap", "count"), [(59, 2), (60, 1)])
def test_who_is_back_within_the_gap_was_never_away(gap: int, count: int) -> None:
    assert len(stays(clean(0, 0, 600), clean(1, 660, 900), gap=gap)) == count


def test_who_is_known_by_her_stream_alone_came_before_it() -> None:
    seen = Seen(kind=facts.STREAM_STARTED, at=at(100), source="webhook", connection_id="c", noted_at=at(101))
    stay = ledger.stays_of([seen], Bounds(start=START, end=at(END)))["c"]
    assert stay.joined == End(
        at=at(100), certainty=Certainty.BOUNDED, source="webhook", not_before=START, not_after=at(100)
    )
    assert stay.left == End(
        at=at(END), certainty=Certainty.ASSUMED, source="end", not_before=at(100), not_after=at(END)
    )


def test_everybody_was_put_out_when_the_meeting_was_ended_here() -> None:
    joined = Seen(kind=facts.JOINED, at=at(5), source="socket", connection_id="c", noted_at=at(5))
    ended = Seen(kind=facts.SESSION_ENDED, at=at(50), source="api")
    stay = ledger.stays_of([ended, joined], Bounds(start=START, end=at(50)))["c"]
    assert stay.left == End(at=at(50), certainty=Certainty.EXACT, source="api", not_before=at(50), not_after=at(50))


def test_who_comes_after_the_end_was_there_for_no_time() -> None:
    joined = Seen(kind=facts.JOINED, at=at(70), source="webhook", connection_id="c", noted_at=at(70))
    stay = ledger.stays_of([joined], Bounds(start=START, end=at(50)))["c"]
    assert (stay.joined_at, stay.left_at) == (at(50), at(50))
