"""Facts merge: any order, any number of copies, any split gives the same rows, and they are the right ones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from meetings import attendance
from meetings.models import AttendanceFact, Attendee, Connection, Meeting, Stream
from tests.factories import MeetingFactory
from tests.presence.lives import (
    CROWD,
    START,
    ConnectionLife,
    Event,
    Life,
    Rows,
    StreamLife,
    chunks_of,
    comparable,
    fact_of,
    lives,
    rows_of,
    truth_of,
)
from tests.threads import in_threads

pytestmark = pytest.mark.django_db
thorough = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def store(events: list[Event], meeting: Meeting | None = None) -> Meeting:
    """Record events in one call, in a meeting of their own unless one is given."""
    where = meeting or MeetingFactory.create()
    attendance.record(where, [fact_of(event) for event in events], source="test")
    return where


@thorough
@given(life=lives())
def test_a_life_told_in_order_gives_what_really_happened(life: Life) -> None:
    meeting = store(life.events("s"))

    assert comparable(rows_of(meeting)) == truth_of(life)


@thorough
@given(life=lives(), data=st.data())
def test_any_order_copies_and_splits_give_the_same_rows(life: Life, data: st.DataObject) -> None:
    events = life.events("s")
    copies = data.draw(st.lists(st.sampled_from(events), max_size=8))
    shuffled = data.draw(st.permutations(events + copies))
    cuts = data.draw(st.lists(st.integers(min_value=0, max_value=60), max_size=10))
    expected = rows_of(store(events))
    meeting = MeetingFactory.create()

    for chunk in chunks_of(shuffled, cuts):
        store(chunk, meeting)

    assert rows_of(meeting) == expected


@thorough
@given(life=lives(), data=st.data())
def test_lost_events_give_the_same_rows_in_any_order(life: Life, data: st.DataObject) -> None:
    events = life.events("s")
    kept = data.draw(st.lists(st.sampled_from(events), unique_by=id, min_size=1))
    shuffled = data.draw(st.permutations(kept))
    expected = rows_of(store(kept))
    meeting = MeetingFactory.create()

    for event in shuffled:
        store([event], meeting)

    assert rows_of(meeting) == expected


@thorough
@given(life=lives(), data=st.data())
def test_no_interval_is_negative_whatever_clocks_say(life: Life, data: st.DataObject) -> None:
    events = life.events("s")
    skews = data.draw(st.lists(st.integers(-90_000, 90_000), min_size=len(events), max_size=len(events)))
    skewed = [event | {"timestamp": event["timestamp"] + skew} for event, skew in zip(events, skews, strict=True)]

    meeting = store(skewed)

    for row in Connection.objects.filter(meeting=meeting):
        assert row.joined_at is not None
        assert row.left_at is None or row.left_at >= row.joined_at
    for stream in Stream.objects.filter(connection__meeting=meeting, started_at__isnull=False):
        assert stream.started_at is not None
        assert stream.ended_at is None or stream.ended_at >= stream.started_at


def life_of(*connections: ConnectionLife, ends: tuple[int, ...] = ()) -> Life:
    return Life(connections=connections, session_ends=ends)


def named(events: list[Event], *names: str) -> list[Event]:
    return [event for event in events if event["event"] in names]


TAB = ConnectionLife(connection_id="c1", data="Ann", joined=1000, left=9000)


def test_two_tabs_are_two_connections_of_one_attendee_who_leaves_with_the_last() -> None:
    other = ConnectionLife(connection_id="c2", data="Ann", joined=2000, left=20_000)
    events = life_of(TAB, other).events("s")
    meeting = store(events[:-1])  # all but the second tab's end
    attendee = Attendee.objects.get(meeting=meeting)

    assert attendee.connections.count() == 2
    assert not attendee.is_deleted

    store(events[-1:], meeting)
    attendee.refresh_from_db()
    assert attendee.is_deleted


def test_a_stream_event_alone_proves_its_connection() -> None:
    tab = ConnectionLife(
        connection_id="c1",
        data="Ann",
        joined=1000,
        left=None,
        streams=(StreamLife(stream_id="s1", started=3000, ended=4000),),
    )
    meeting = store(named(life_of(tab).events("s"), "streamDestroyed"))

    row = Connection.objects.get(meeting=meeting)
    assert row.joined_at == datetime.fromtimestamp((START + 1000) / 1000, UTC)
    assert row.left_at is None, "a stream that stops does not end its connection"
    assert Attendee.objects.get(meeting=meeting).attendee == "Ann"


def test_destroyed_without_created_is_a_stay_since_the_time_that_it_tells() -> None:
    meeting = store(named(life_of(TAB).events("s"), "connectionDestroyed"))

    row = Connection.objects.get(meeting=meeting)
    assert row.joined_at is not None
    assert row.left_at is not None
    assert row.left_at - row.joined_at == timedelta(milliseconds=8000)


def test_destroyed_without_created_and_without_a_time_has_no_length() -> None:
    (event,) = named(life_of(TAB).events("s"), "connectionDestroyed")
    del event["connection"]["createdAt"]

    meeting = store([event])

    row = Connection.objects.get(meeting=meeting)
    assert row.joined_at == row.left_at


def test_the_session_s_end_ends_open_connections_and_only_those_before_it() -> None:
    early = ConnectionLife(connection_id="c1", data="Ann", joined=1000, left=None)
    late = ConnectionLife(connection_id="c2", data="Bea", joined=60_000, left=None)
    meeting = store(life_of(early, late, ends=(50_000,)).events("s"))

    rows = {row.connection_id: row for row in Connection.objects.filter(meeting=meeting)}
    assert rows["c1"].reason == "sessionDestroyed"
    assert rows["c1"].left_at == datetime.fromtimestamp((START + 50_000) / 1000, UTC)
    assert rows["c2"].left_at is None, "the same session came up again, and she came after that"


def test_of_two_ends_of_the_session_the_first_after_the_join_counts_in_any_order() -> None:
    tab = ConnectionLife(connection_id="c1", data="Ann", joined=40_000, left=None)
    events = life_of(tab, ends=(30_000, 50_000, 70_000)).events("s")
    for told in (events, events[::-1]):
        meeting = store(told[:1])
        for event in told[1:]:
            store([event], meeting)
        row = Connection.objects.get(meeting=meeting)
        assert row.left_at == datetime.fromtimestamp((START + 50_000) / 1000, UTC)


def test_an_own_end_that_comes_late_replaces_the_session_s() -> None:
    tab = ConnectionLife(connection_id="c1", data="Ann", joined=1000, left=30_000)
    events = life_of(tab, ends=(50_000,)).events("s")
    meeting = store([event for event in events if event["event"] != "connectionDestroyed"])
    assert Connection.objects.get(meeting=meeting).reason == "sessionDestroyed"

    store(named(events, "connectionDestroyed"), meeting)

    row = Connection.objects.get(meeting=meeting)
    assert (row.reason, row.left_at) == (
        "clientDisconnected",
        datetime.fromtimestamp((START + 30_000) / 1000, UTC),
    )


def test_a_name_that_comes_late_finds_its_person() -> None:
    nameless = ConnectionLife(connection_id="c1", data="", joined=1000, left=None)
    known = ConnectionLife(connection_id="c2", data="Ann", joined=2000, left=None)
    meeting = store(life_of(nameless, known).events("s"))
    assert Attendee.objects.filter(meeting=meeting).count() == 2

    told = ConnectionLife(connection_id="c1", data="Ann", joined=1000, left=40_000)
    store(life_of(told).events("s"), meeting)

    attendee = Attendee.objects.get(meeting=meeting)
    assert attendee.connections.count() == 2
    assert not attendee.is_deleted


def test_a_copy_is_stored_once() -> None:
    events = life_of(TAB).events("s")
    meeting = store(events)
    count = AttendanceFact.objects.filter(meeting=meeting).count()

    store(events, meeting)

    assert AttendanceFact.objects.filter(meeting=meeting).count() == count == len(events)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_eight_threads_telling_everything_at_once_give_the_same_rows() -> None:
    events = CROWD.events("s")
    meeting: Meeting = MeetingFactory.create()

    def tell(number: int) -> None:
        turned = events[number * 5 :] + events[: number * 5]
        for chunk in chunks_of(turned, range(0, 60, 3 + number)):
            store(chunk if number % 2 else chunk[::-1], meeting)

    in_threads(8, tell)

    assert comparable(rows_of(meeting)) == truth_of(CROWD)
    expected: Rows = rows_of(store(events))
    assert rows_of(meeting) == expected
