"""One event sent many times at once, and many events at once, on the database that decides."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from meetings import intake, services
from meetings.exceptions import Refused
from meetings.models import AttendanceFact, Attendee, Connection, Meeting, WebhookDelivery
from meetings.plans import MeetingPlan
from meetings.providers.memory import MemoryProvider
from tests.factories import MeetingFactory
from tests.presence.lives import CROWD, comparable, rows_of, truth_of
from tests.threads import in_threads
from tests.webhooks.senders import SECRET, connected, post

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("signed"),
]


def test_64_copies_at_once_are_one_delivery_one_attendee_one_connection(meeting: Meeting) -> None:
    event = connected(meeting)
    statuses: list[int] = []

    in_threads(64, lambda _: statuses.append(post(event, secret=SECRET).status_code))

    assert statuses == [204] * 64
    delivery = WebhookDelivery.objects.get()
    assert (delivery.verdict, delivery.attempts) == ("applied", 1)
    assert Attendee.objects.count() == Connection.objects.count() == AttendanceFact.objects.count() == 1


def test_all_events_of_a_crowd_at_once_give_what_really_happened(meeting: Meeting) -> None:
    events = CROWD.events(meeting.session_id)
    statuses: list[int] = []

    in_threads(len(events), lambda number: statuses.append(post(events[number], secret=SECRET).status_code))

    assert set(statuses) == {204}
    assert comparable(rows_of(meeting)) == truth_of(CROWD)


def test_an_event_that_was_looking_for_its_meeting_while_that_was_stored_is_applied() -> None:
    """The event's transaction saw no meeting; the meeting's, which committed first, saw no event."""
    waiting: list[int] = []

    def store_meeting(_: int) -> None:
        waiting.append(intake.apply_waiting(MeetingFactory.create(session_id="rtc_race")))

    def watch(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        result = execute(sql, params, many, context)
        is_search = sql.startswith("SELECT") and 'FROM "videoconf_meetings_meeting"' in sql and "FOR UPDATE" not in sql
        if is_search and not waiting:
            in_threads(1, store_meeting)
        return result

    with connection.execute_wrapper(watch):
        assert post(connected("rtc_race"), secret=SECRET).status_code == 204

    assert waiting == [0]
    assert WebhookDelivery.objects.get().verdict == "applied"
    assert Connection.objects.get().connection_id == "c1"


def test_of_64_ends_at_once_one_succeeds(memory: MemoryProvider) -> None:
    meeting = services.create_meeting(MeetingPlan(provider="memory"), actor="owner")
    services.issue_token(meeting)
    outcomes: list[str] = []

    def work(number: int) -> None:
        try:
            services.end_meeting(Meeting.objects.get(pk=meeting.pk), actor=f"caller-{number}")
            outcomes.append("ended")
        except Refused as error:
            outcomes.append(error.code)

    in_threads(64, work)

    assert sorted(outcomes) == ["ended"] + ["meeting_already_ended"] * 63
    assert len(memory.closed) == 1
