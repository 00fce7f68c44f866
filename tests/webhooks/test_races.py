"""One event sent many times at once, and many events at once, on the database that decides."""

from __future__ import annotations

import pytest

from meetings import intake, services
from meetings.exceptions import Refused
from meetings.models import AttendanceFact, Attendee, Connection, Meeting, WebhookDelivery
from meetings.plans import MeetingPlan
from meetings.providers.memory import MemoryProvider
from tests.conftest import NewMeeting
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


def test_an_event_that_races_the_making_of_its_meeting_is_applied(new_meeting: NewMeeting) -> None:
    rooms = [f"rtc_race-{number}" for number in range(6)]

    def work(number: int) -> None:
        room = rooms[number // 2]
        if number % 2:
            assert post(connected(room), secret=SECRET).status_code == 204
        else:
            intake.apply_waiting(MeetingFactory.create(session_id=room))

    in_threads(12, work)

    assert WebhookDelivery.objects.filter(verdict="applied").count() == 6
    assert Connection.objects.count() == 6


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
