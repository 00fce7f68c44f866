"""The people of a meeting, inside its page: shown, muted, removed."""

from __future__ import annotations

from datetime import timedelta

from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from meetings.exceptions import ProviderUnavailable
from meetings.models import Attendee, Connection
from meetings.providers.memory import MemoryProvider
from tests.admin.conftest import NewStaff
from tests.admin.pages import AdminClient, address, logged, messages_of
from tests.factories import AttendeeFactory, ConnectionFactory, MeetingFactory

UNREACHABLE = ProviderUnavailable("The provider could not be reached in time.")


def test_page_of_a_meeting_with_a_thousand_attendees_loads_the_first_twenty(chief: AdminClient) -> None:
    meeting = MeetingFactory.create(active=True)
    chief.page(address(meeting, "change"))

    def costs() -> int:
        with CaptureQueriesContext(connection) as captured:
            chief.page(address(meeting, "change"))
        return len(captured)

    for number in range(3):
        ConnectionFactory.create(attendee__meeting=meeting, attendee__attendee=f"Early {number}")
    few = costs()
    Attendee.objects.bulk_create(AttendeeFactory.build_batch(1000, meeting=meeting, is_deleted=True), batch_size=200)
    Connection.objects.bulk_create(
        Connection(meeting=meeting, attendee=attendee, connection_id=f"late-{attendee.pk}-{number}")
        for attendee in Attendee.objects.filter(meeting=meeting).order_by("pk")[:30]
        for number in range(10)
    )
    many = costs()
    page = chief.page(address(meeting, "change"))

    assert few == many
    assert page.count('<th scope="row">') == 20
    assert all(f"Early {number}" in page for number in range(3))
    assert "and earlier ones" in page
    assert "The first 20 are shown" in page
    assert f"?meeting={meeting.meeting_link}" in page


def test_page_of_a_meeting_shows_its_people_and_their_stays(chief: AdminClient) -> None:
    meeting = MeetingFactory.create(active=True)
    ConnectionFactory.create(attendee__meeting=meeting, attendee__attendee="Ada", role="moderator")
    ConnectionFactory.create(attendee__meeting=meeting, attendee__attendee="Grace", attendee__gone=True, closed=True)
    elsewhere = ConnectionFactory.create(attendee__attendee="Elsewhere")

    page = chief.page(address(meeting, "change"))

    assert "<strong>now</strong>" in page
    assert "moderator" in page
    assert page.index("Ada") < page.index("Grace")
    assert str(elsewhere.attendee) not in page


def test_ghosts_are_gone_from_the_page(chief: AdminClient) -> None:
    meeting = MeetingFactory.create(active=True)
    silent = ConnectionFactory.create(
        attendee__meeting=meeting, last_seen_at=timezone.now() - timedelta(minutes=5), socket="dead"
    )

    page = chief.page(address(meeting, "change"))

    silent.refresh_from_db()
    assert silent.left_at is not None
    assert "<strong>now</strong>" not in page


def test_attendee_is_muted_and_removed_through_the_service(chief: AdminClient, memory: MemoryProvider) -> None:
    meeting = MeetingFactory.create(active=True, provider="memory")
    attendee = AttendeeFactory.create(meeting=meeting)
    connected = ConnectionFactory.create(attendee=attendee)

    chief.submit(address(attendee, "mute"))
    response = chief.submit(address(attendee, "remove"))

    attendee.refresh_from_db()
    assert memory.muted == [connected.connection_id]
    assert memory.removed == [connected.connection_id]
    assert attendee.removed_by == "grace"
    assert response.redirect_chain[-1][0] == address(meeting, "change")
    assert logged() == ["grace: Muted.", "grace: Removed; the join links that she has are void."]


def test_provider_that_can_not_remove_is_told_and_nothing_changes(chief: AdminClient, memory: MemoryProvider) -> None:
    attendee = AttendeeFactory.create(meeting=MeetingFactory.create(active=True, provider="memory"))
    ConnectionFactory.create(attendee=attendee)
    memory.fail_with = UNREACHABLE

    response = chief.submit(address(attendee, "remove"))

    assert messages_of(response) == [f"“{attendee}”: The provider could not be reached in time."]
    attendee.refresh_from_db()
    assert attendee.removed_on is None
    assert logged() == []


def test_everyone_is_muted(chief: AdminClient, memory: MemoryProvider) -> None:
    meeting = MeetingFactory.create(active=True, provider="memory")
    here = [ConnectionFactory.create(attendee__meeting=meeting) for _ in range(2)]

    chief.submit(address(meeting, "mute"))

    assert memory.muted == [each.connection_id for each in here]


def test_people_are_shown_to_those_who_may_see_them(staff: NewStaff) -> None:
    connected = ConnectionFactory.create(attendee__attendee="Ada Lovelace")
    path = address(connected.meeting, "change")

    assert "Ada Lovelace" not in staff("GetMeetings", username="a").page(path)
    assert "Ada Lovelace" in staff("GetMeetings", "GetMeetingAttendees", username="b").page(path)
    assert "Ada Lovelace" in staff("GetMeetings", "view_attendee", username="c").page(path)
