"""Somebody new comes in by one statement on PostgreSQL, and by the way that merges elsewhere: the rows are the same."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from meetings import extensions, first_sight, intake, signals
from meetings.extensions import MeetingExtension
from meetings.models import AttendanceFact, Attendee, Connection, Meeting, WebhookDelivery
from meetings.providers.registry import get_provider
from meetings.providers.types import WebhookMessage
from tests.factories import MeetingFactory
from tests.presence.lives import Event, Life, body_of, lives, rows_of

pytestmark = [pytest.mark.postgres, pytest.mark.django_db]


@pytest.fixture(autouse=True)
def _unsigned(settings: Any) -> None:
    settings.VIDEOCONF = settings.VIDEOCONF | {"ALLOW_UNSIGNED_WEBHOOKS": True}


def deliver(meeting: Meeting, events: list[Event]) -> None:
    provider = get_provider(meeting.provider)
    for event in events:
        intake.receive(provider, WebhookMessage(body=body_of(event | {"sessionId": meeting.session_id})))


def stored(meeting: Meeting) -> tuple[Any, ...]:
    """Everything that is kept of a meeting, without keys and the moments of storing."""
    facts = AttendanceFact.objects.filter(meeting=meeting)
    deliveries = WebhookDelivery.objects.filter(meeting=meeting)
    return (
        rows_of(meeting),
        sorted(facts.values_list("kind", "at", "source", "connection_id", "stream_id")),
        sorted((fact.payload["webhookPayload"]["event"], sorted(fact.payload)) for fact in facts),
        sorted(deliveries.values_list("provider", "kind", "verdict", "error")),
        sorted(facts.exclude(delivery=None).values_list("delivery__kind", "kind")),
        sorted(
            Connection.objects.filter(meeting=meeting).values_list(
                "connection_id", "role", "last_seen_at", "socket", "is_mute_due", "attendee__identity"
            )
        ),
        sorted(Attendee.objects.filter(meeting=meeting).values_list("identity", "removed_on", "removed_by")),
    )


@hypothesis_settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(life=lives(), data=st.data())
def test_both_ways_give_the_same_rows(life: Life, data: st.DataObject) -> None:
    events = data.draw(st.permutations(life.events("")))
    events = [*events, *data.draw(st.lists(st.sampled_from(events), max_size=4))]
    meeting = MeetingFactory.create()

    assert outcome(meeting, events, deliver) == outcome(meeting, events, deliver_too_early)


def deliver_too_early(meeting: Meeting, events: list[Event]) -> None:
    """Bring events before their meeting is there: they wait for it, and are merged."""
    row = Meeting.objects.filter(pk=meeting.pk)
    row.update(session_id="not-there-yet")
    deliver(meeting, events)
    row.update(session_id=meeting.session_id)
    assert not Connection.objects.filter(meeting=meeting).exists()
    intake.apply_waiting(meeting)


def outcome(meeting: Meeting, events: list[Event], bring: Callable[[Meeting, list[Event]], None]) -> tuple[Any, ...]:
    """Return what some events leave behind, and take it back."""
    with transaction.atomic():
        bring(meeting, events)
        found = stored(meeting)
        transaction.set_rollback(True)
    return found


def arrival(connection_id: str = "c1", data: str = "Ann", moment: int = 1_700_000_001_000) -> Event:
    who = {"id": connection_id, "createdAt": moment, "data": data}
    return {"event": "connectionCreated", "timestamp": moment, "connection": who}


def test_one_statement_is_enough_for_somebody_new(django_assert_max_num_queries: Any) -> None:
    meeting = MeetingFactory.create()
    with django_assert_max_num_queries(5):  # the lock and the statement, in a savepoint of the test; who was first
        deliver(meeting, [arrival()])
    assert Attendee.objects.get(meeting=meeting).attendee == "Ann"


@pytest.mark.parametrize("known", ["person", "connection", "ended", "session over", "copy"])
def test_whatever_is_known_is_merged(known: str) -> None:
    meeting = MeetingFactory.create(ended=known == "ended")
    before: dict[str, list[Event]] = {
        "person": [arrival("c0")],
        "connection": [{"event": "connectionDestroyed", "timestamp": 1_700_000_009_000, **_who("c1")}],
        "ended": [],
        "session over": [{"event": "sessionDestroyed", "timestamp": 1_700_000_005_000}],
        "copy": [arrival()],
    }
    deliver(meeting, before[known])

    assert not store(meeting, arrival())

    deliver(meeting, [arrival()])
    connection = Connection.objects.get(meeting=meeting, connection_id="c1")
    assert connection.attendee is not None
    assert connection.attendee.identity
    assert (connection.left_at is None) == (known in {"person", "ended", "copy"})


def store(meeting: Meeting, event: Event) -> bool:
    """Ask for the one statement alone."""
    provider, said = get_provider(meeting.provider), event | {"sessionId": meeting.session_id}
    body = body_of(said)
    (read,) = provider.parse(WebhookMessage(body=body))
    key = intake.dedupe_key(provider.alias, said)
    return first_sight.store(provider.alias, key, body.decode(), timezone.now(), read)


def test_what_no_column_holds_is_kept_with_its_error() -> None:
    meeting = MeetingFactory.create()
    message = WebhookMessage(body=body_of(arrival() | {"sessionId": meeting.session_id}))
    provider = get_provider(meeting.provider)
    (event,) = provider.parse(message)
    foreign = replace(event, identity="ext:" + "x" * 400)

    assert intake._store_and_apply(provider, message, [foreign]) is intake.Outcome.FAILED

    assert "DataError" in WebhookDelivery.objects.get().error


def _who(connection_id: str) -> Event:
    return {"connection": {"id": connection_id, "createdAt": 1_700_000_001_000, "data": "Ann"}}


@pytest.mark.parametrize("is_followed", [True, False])
def test_who_follows_presence_hears_of_every_join(django_capture_on_commit_callbacks: Any, is_followed: bool) -> None:
    meeting = MeetingFactory.create()
    heard: list[str] = []

    class Follower(MeetingExtension):
        def presence_changed(self, meeting: Meeting) -> None:
            heard.append(meeting.session_id)

        def follows_presence(self, alias: str) -> bool:
            return is_followed and alias == meeting.provider

    follower = Follower()
    extensions.register(follower)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            deliver(meeting, [arrival("c1", "Ann"), arrival("c2", "Bea")])
    finally:
        extensions._extensions.remove(follower)

    assert heard == [meeting.session_id] * 2 * is_followed


def test_who_listens_is_told(django_capture_on_commit_callbacks: Any) -> None:
    meeting = MeetingFactory.create()
    heard: list[tuple[str, str]] = []

    class Listener(MeetingExtension):
        def first_join(self, meeting: Meeting) -> None:
            heard.append(("first join", meeting.session_id))

    def joined(sender: Any, meeting: Meeting, attendee: Attendee, **_: Any) -> None:
        heard.append((attendee.attendee, meeting.session_id))

    listener = Listener()
    extensions.register(listener)
    signals.attendee_joined.connect(joined)
    try:
        with django_capture_on_commit_callbacks(execute=True):
            deliver(meeting, [arrival("c1", "Ann"), arrival("c2", "Bea")])
    finally:
        signals.attendee_joined.disconnect(joined)
        extensions._extensions.remove(listener)

    assert heard == [("Ann", meeting.session_id), ("first join", meeting.session_id), ("Bea", meeting.session_id)]
