"""Meetings in the admin: made, edited, ended, deleted and restored through the services."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.contrib.messages.storage.fallback import FallbackStorage
from django.db import connection
from django.test import RequestFactory
from django.utils import timezone

from meetings.admin.meetings import MeetingAdmin
from meetings.exceptions import ProviderUnavailable
from meetings.models import Meeting
from meetings.providers.memory import MemoryProvider
from meetings.providers.registry import get_provider
from meetings.providers.types import RoomRef, RoomSpec
from tests.admin.conftest import NewStaff
from tests.admin.pages import AdminClient, address, errors_of, levels_of, logged, messages_of, rows_of
from tests.factories import ArchiveFactory, AttendeeFactory, ConnectionFactory, MeetingFactory

UNREACHABLE = ProviderUnavailable("The provider could not be reached in time.")


class WatchingProvider(MemoryProvider):
    """Notes whether a transaction was open when it was asked for a room."""

    def __init__(self, alias: str, options: Any) -> None:
        super().__init__(alias, options)
        self.was_in_transaction: list[bool] = []

    def create_room(self, spec: RoomSpec) -> RoomRef:
        self.was_in_transaction.append(connection.in_atomic_block)
        return super().create_room(spec)


def new(**values: Any) -> dict[str, Any]:
    """The add form as it would be sent."""
    return {"provider": "webrtc", **values}


def edited(meeting: Meeting, **values: Any) -> dict[str, Any]:
    """The change form of an open meeting as it would be sent."""
    return {"title": meeting.title or "", "ext_id": meeting.ext_id or "", **values}


def at(moment: Any) -> dict[str, str]:
    return {"schedule_time_0": moment.strftime("%Y-%m-%d"), "schedule_time_1": moment.strftime("%H:%M:%S")}


# --- making -----------------------------------------------------------------------------------------------------


def test_meeting_is_made_by_the_service(chief: AdminClient) -> None:
    values = new(title="Ward round", tenant="north", ext_id="ward-7", ext_metadata='{"ward": 7}', duration="30")
    response = chief.submit(address(Meeting, "add"), values)

    meeting = Meeting.objects.get()
    assert response.redirect_chain[-1][0] == address(meeting, "change")
    assert (meeting.title, meeting.tenant, meeting.ext_id, meeting.ext_metadata, meeting.duration) == (
        "Ward round",
        "north",
        "ward-7",
        {"ward": 7},
        30,
    )
    assert meeting.session_id.startswith("rtc_")
    assert (meeting.created_by, meeting.modified_by) == ("grace", "grace")
    assert logged() == ["grace: Added."]


def test_empty_form_makes_a_meeting_of_the_default_provider(chief: AdminClient) -> None:
    page = chief.page(address(Meeting, "add"))
    assert '<option value="webrtc" selected>' in page

    chief.submit(address(Meeting, "add"), new())

    meeting = Meeting.objects.get()
    assert (meeting.title, meeting.ext_id, meeting.ext_metadata, meeting.tenant) == (None, None, None, "")


def test_meeting_is_scheduled(chief: AdminClient) -> None:
    tomorrow = (timezone.now() + timedelta(days=1)).replace(microsecond=0)

    chief.submit(address(Meeting, "add"), new(is_scheduled="on", **at(tomorrow)))

    meeting = Meeting.objects.get()
    assert meeting.is_scheduled
    assert meeting.schedule_time == tomorrow


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"is_scheduled": "on"}, "Schedule time is not set."),
        (
            {"is_scheduled": "on", **at(timezone.now() - timedelta(days=1))},
            "Meeting can't be scheduled with schedule time in past!",
        ),
        (
            {"is_archived": "on", "end_to_end_encryption": "on"},
            "End to end Encryption along with archiving is not possible",
        ),
        ({"max_participants": "7"}, "maxParticipants can be at most 6 here."),
        ({"ext_metadata": "[1]"}, 'It must be a JSON object, for instance {"ward": 7}.'),
        ({"ext_metadata": '{"a": NaN}'}, "The body is no JSON: NaN is not a JSON number."),
        ({"ext_metadata": '{"a": "\\u0000"}'}, "A text has a NUL character."),
        ({"title": "a\x01b"}, "It has the control character U+0001, which is not allowed."),
        ({"title": "x" * 256}, "Ensure this value has at most 255 characters (it has 256)."),
        ({"tenant": "a\tb"}, "It has the control character U+0009, which is not allowed."),
        ({"provider": "elsewhere"}, "Select a valid choice. elsewhere is not one of the available choices."),
        ({"duration": "0"}, "Ensure this value is greater than or equal to 1."),
        ({"duration": "99999999999999"}, "Ensure this value is less than or equal to 43200."),
    ],
)
def test_refused_meeting_is_an_error_of_the_form_and_nothing_is_made(
    chief: AdminClient, values: dict[str, str], sentence: str
) -> None:
    response = chief.submit(address(Meeting, "add"), new(**values))

    assert response.status_code == 200
    assert errors_of(response) == [sentence]
    assert not Meeting.objects.exists()
    assert not LogEntry.objects.exists()


def test_refusal_is_shown_next_to_its_field(chief: AdminClient) -> None:
    page = chief.submit(address(Meeting, "add"), new(max_participants="7")).content.decode()

    row = page[page.index("field-max_participants") :][:300]
    assert "at most 6 here" in row


def test_provider_that_fails_is_an_error_of_the_form_and_nothing_is_made(
    chief: AdminClient, memory: MemoryProvider
) -> None:
    memory.fail_with = UNREACHABLE

    response = chief.submit(address(Meeting, "add"), new(provider="memory", title="Ward round"))

    assert errors_of(response) == ["The provider could not be reached in time."]
    assert 'value="Ward round"' in response.content.decode()
    assert not Meeting.objects.exists()
    assert not memory.rooms

    memory.fail_with = None
    chief.submit(address(Meeting, "add"), new(provider="memory", title="Ward round"))
    assert len(memory.rooms) == 1
    assert Meeting.objects.get().session_id == memory.rooms[0].session_id


@pytest.mark.django_db(transaction=True)
def test_provider_is_not_called_within_a_transaction(chief: AdminClient, settings: Any) -> None:
    watching = {"BACKEND": "tests.admin.test_meetings.WatchingProvider"}
    settings.VIDEOCONF_PROVIDERS = settings.VIDEOCONF_PROVIDERS | {"watching": watching}

    chief.submit(address(Meeting, "add"), new(provider="watching"))

    provider = get_provider("watching")
    assert isinstance(provider, WatchingProvider)
    assert provider.was_in_transaction == [False]


# --- editing ----------------------------------------------------------------------------------------------------


def test_meeting_is_edited_by_the_service_and_only_what_changed(chief: AdminClient) -> None:
    meeting = MeetingFactory.create(ext_metadata={"ward": 7}, created_by="portal")

    chief.submit(address(meeting, "change"), edited(meeting, title="New title", ext_metadata='{"ward":7}'))

    meeting.refresh_from_db()
    assert (meeting.title, meeting.title_key) == ("New title", "new title")
    assert (meeting.created_by, meeting.modified_by) == ("portal", "grace")
    assert meeting.ext_metadata == {"ward": 7}
    assert logged() == ["grace: Changed Title."]


def test_duration_of_a_meeting_that_goes_on_moves_its_end(chief: AdminClient) -> None:
    meeting = MeetingFactory.create(active=True, duration=30)

    chief.submit(address(meeting, "change"), edited(meeting, duration="45"))

    meeting.refresh_from_db()
    assert meeting.start_time is not None
    assert meeting.closes_at == meeting.start_time + timedelta(minutes=45)


def test_refused_edit_is_an_error_of_the_form_and_changes_nothing(chief: AdminClient) -> None:
    meeting = MeetingFactory.create(title="Old title")

    values = edited(meeting, title="New title", is_scheduled="on", **at(timezone.now() - timedelta(days=1)))
    response = chief.submit(address(meeting, "change"), values)

    assert errors_of(response) == ["Schedule Time cannot be set in the past"]
    meeting.refresh_from_db()
    assert meeting.title == "Old title"
    assert logged() == []


def test_of_an_ended_meeting_only_the_callers_notes_can_be_edited(chief: AdminClient) -> None:
    meeting = MeetingFactory.create(ended=True, title="Old title")
    assert 'name="title"' not in chief.page(address(meeting, "change"))

    chief.submit(address(meeting, "change"), {"title": "New title", "ext_id": "case-7"})

    meeting.refresh_from_db()
    assert (meeting.title, meeting.ext_id) == ("Old title", "case-7")


def test_what_the_server_manages_can_not_be_edited(chief: AdminClient) -> None:
    meeting = MeetingFactory.create(active=True)
    before: dict[str, Any] = dict(Meeting.objects.values().get())

    names = ("start_time_0", "start_time", "end_time", "session_id", "deleted", "tenant", "provider", "closes_at")
    forged = dict.fromkeys(names, "7")
    chief.submit(address(meeting, "change"), edited(meeting, created_by="forger", deleted_by="forger", **forged))

    after: dict[str, Any] = dict(Meeting.objects.values().get())
    assert {name for name in before if before[name] != after[name]} <= {"modified_on", "modified_by"}


def test_deleted_meeting_can_not_be_edited(chief: AdminClient) -> None:
    meeting = MeetingFactory.create(title="Old title")
    meeting.soft_delete("ada")

    assert 'name="_save"' not in chief.page(address(meeting, "change"))
    assert chief.submit(address(meeting, "change"), edited(meeting, title="New title")).status_code == 403

    meeting.refresh_from_db()
    assert meeting.title == "Old title"


def test_of_a_meeting_whose_provider_is_gone_the_callers_notes_can_be_edited(chief: AdminClient) -> None:
    meeting = MeetingFactory.create(provider="gone", title="Old title")
    assert 'name="title"' not in chief.page(address(meeting, "change"))

    chief.submit(address(meeting, "change"), {"ext_id": "case-7"})

    meeting.refresh_from_db()
    assert (meeting.title, meeting.ext_id) == ("Old title", "case-7")


# --- ending -----------------------------------------------------------------------------------------------------


def test_meeting_is_ended_once_it_is_confirmed(chief: AdminClient) -> None:
    meeting = MeetingFactory.create(active=True)
    connected = ConnectionFactory.create(attendee__meeting=meeting)

    assert "End the meeting for everyone?" in chief.page(address(meeting, "end"))
    meeting.refresh_from_db()
    assert meeting.end_time is None

    response = chief.submit(address(meeting, "end"))

    meeting.refresh_from_db()
    connected.refresh_from_db()
    assert meeting.end_time is not None
    assert meeting.modified_by == "grace"
    assert meeting.disconnect_due_at is None
    assert messages_of(response) == [f"“{meeting}”: Ended."]
    assert logged() == ["grace: Ended."]

    again = chief.submit(address(meeting, "end"))
    assert messages_of(again) == [f"“{meeting}”: It was ended already."]
    assert levels_of(again) == ["info"]
    assert logged() == ["grace: Ended."]
    by_link = chief.get(address(meeting, "end"), follow=True)
    assert (messages_of(by_link), levels_of(by_link)) == (["It was ended already."], ["info"])


def test_second_of_two_clicks_at_the_same_moment_is_no_error(chief: AdminClient, rf: RequestFactory) -> None:
    meeting = MeetingFactory.create(active=True)
    as_the_second_click_saw_it = Meeting.objects.get(pk=meeting.pk)
    chief.submit(address(meeting, "end"))
    request: Any = rf.post("/")
    request.user, request.session = User.objects.get(username="grace"), {}
    request._messages = FallbackStorage(request)

    (end,) = [operation for operation in MeetingAdmin.operations if operation.name == "end"]
    MeetingAdmin(Meeting, admin.site).perform(request, end, [as_the_second_click_saw_it])

    (message,) = request._messages
    assert (message.level_tag, message.message) == ("info", f"“{meeting}”: It was ended already.")
    assert logged() == ["grace: Ended."]


def test_meeting_whose_time_is_up_is_ended_before_the_worker_comes(chief: AdminClient) -> None:
    meeting = MeetingFactory.create(active=True, duration=1, closes_at=timezone.now())

    [row] = rows_of(chief.page(f"{address(Meeting)}?state=ended"))
    assert "Ended (people not put out yet)" in row
    assert rows_of(chief.page(f"{address(Meeting)}?state=active")) == []
    page = chief.page(address(meeting, "change"))
    assert address(meeting, "end") not in page
    assert address(meeting, "join-link") not in page
    assert address(meeting, "put-out") in page

    response = chief.submit(address(meeting, "put-out"))

    meeting.refresh_from_db()
    assert messages_of(response) == [f"“{meeting}”: Everybody has been put out."]
    assert meeting.end_time is not None


@pytest.mark.parametrize("reader", ["owner", "onlooker"])
def test_what_is_not_so_is_a_word_and_no_red_cross(chief: AdminClient, staff: NewStaff, reader: str) -> None:
    client = chief if reader == "owner" else staff("GetMeetings", "GetMeetingAttendees", "GetMeetingArchives")
    gone = AttendeeFactory.create(is_deleted=True)
    for row in (MeetingFactory.create(), MeetingFactory.create(ended=True), gone, ArchiveFactory.create()):
        assert "icon-no" not in client.page(address(row, "change"))
        assert "icon-no" not in client.page(address(type(row)))
    page = client.page(address(MeetingFactory.create(ended=True), "change"))
    for label in ("Scheduled", "End-to-end encrypted", "Recorded from the first join", "Deleted"):
        assert re.search(rf"{label}:</label>\s*<div class=.readonly.>No<", page)


def test_provider_that_does_not_put_people_out_is_shown_and_asked_again(
    chief: AdminClient, memory: MemoryProvider
) -> None:
    meeting = MeetingFactory.create(active=True, provider="memory")
    memory.fail_with = UNREACHABLE

    response = chief.submit(address(meeting, "end"))

    meeting.refresh_from_db()
    assert meeting.end_time is not None
    assert "not put everybody out yet" in messages_of(response)[0]
    page = response.content.decode()
    assert "provider_unavailable: The provider could not be reached in time." in page
    assert "Try again to put people out" in page

    again = chief.submit(address(meeting, "put-out"))
    assert messages_of(again)[0].startswith(f"“{meeting}”: It did not work. provider_unavailable")

    memory.fail_with = None
    done = chief.submit(address(meeting, "put-out"))
    assert messages_of(done) == [f"“{meeting}”: Everybody has been put out."]
    assert len(memory.closed) == 1
    assert "Putting people out" not in done.content.decode()


# --- deleting and restoring -------------------------------------------------------------------------------------


def test_meeting_is_deleted_and_restored_with_who_and_when(chief: AdminClient) -> None:
    meeting = MeetingFactory.create()

    assert "Nothing is lost" in chief.page(address(meeting, "soft-delete"))
    response = chief.submit(address(meeting, "soft-delete"))

    meeting.refresh_from_db()
    assert meeting.deleted
    assert meeting.deleted_by == "grace"
    assert meeting.deleted_on
    page = response.content.decode()
    assert "Restore" in page
    assert "End meeting" not in page
    assert "Copy join link" not in page

    chief.submit(address(meeting, "restore"))

    restored = Meeting.objects.get()
    assert (restored.deleted, restored.deleted_by, restored.deleted_on) == (False, None, None)
    assert logged() == ["grace: Deleted; it can be restored.", "grace: Restored."]


def test_meeting_that_is_going_on_is_ended_when_it_is_deleted(chief: AdminClient) -> None:
    meeting = MeetingFactory.create(active=True)

    chief.submit(address(meeting, "soft-delete"))

    meeting.refresh_from_db()
    assert meeting.deleted
    assert meeting.end_time is not None


def test_several_are_deleted_from_the_list_once_it_is_confirmed(chief: AdminClient) -> None:
    chosen, other = MeetingFactory.create_batch(3), MeetingFactory.create()
    ticked = {"action": "soft-delete", "_selected_action": [meeting.pk for meeting in chosen]}

    asked = chief.submit(address(Meeting), {**ticked, "index": "0"})
    assert "Delete selected meetings" in asked.content.decode()
    assert not Meeting.objects.filter(deleted=True).exists()

    done = chief.submit(address(Meeting), {**ticked, "confirmed": "yes"})

    assert {meeting.pk for meeting in Meeting.objects.filter(deleted=True)} == {meeting.pk for meeting in chosen}
    assert not Meeting.objects.get(pk=other.pk).deleted
    assert messages_of(done) == ["Delete selected meetings: done for 3."]
    assert len(logged()) == 3


def test_several_are_ended_and_each_that_can_not_be_is_named(chief: AdminClient) -> None:
    going_on, over = MeetingFactory.create(active=True), MeetingFactory.create(ended=True)
    ticked = {"action": "end", "_selected_action": [going_on.pk, over.pk], "confirmed": "yes"}

    response = chief.submit(address(Meeting), ticked)

    assert sorted(messages_of(response)) == [
        f"“{going_on}”: Ended.",
        f"“{over}”: It was ended already.",
    ]


def test_action_reaches_no_more_than_what_is_ticked(chief: AdminClient) -> None:
    MeetingFactory.create_batch(3)
    chosen = Meeting.objects.latest("pk")

    forged = {"action": "end", "_selected_action": [chosen.pk], "select_across": "1", "confirmed": "yes"}
    chief.submit(address(Meeting), forged)

    assert [meeting.pk for meeting in Meeting.objects.filter(end_time__isnull=False)] == [chosen.pk]


@pytest.mark.parametrize("ticked", ["x", "1e3", "9" * 30, ""])
def test_tick_that_is_no_id_is_refused(chief: AdminClient, ticked: str) -> None:
    response = chief.submit(address(Meeting), {"action": "end", "_selected_action": ticked, "confirmed": "yes"})

    assert response.status_code == 400


def test_nothing_is_deleted_for_good(chief: AdminClient) -> None:
    meeting = MeetingFactory.create()

    assert chief.get(address(meeting, "delete")).status_code == 403
    assert chief.submit(address(meeting, "delete"), {"post": "yes"}).status_code == 403
    assert "delete_selected" not in chief.page(address(Meeting))
    chief.submit(address(Meeting), {"action": "delete_selected", "_selected_action": meeting.pk, "post": "yes"})

    assert Meeting.objects.filter(pk=meeting.pk).exists()


@pytest.mark.parametrize("page", ["change", "end", "soft-delete", "join-link"])
@pytest.mark.parametrize("object_id", ["0", "x", "9" * 30])
def test_meeting_that_is_not_there_leads_to_the_first_page(chief: AdminClient, page: str, object_id: str) -> None:
    path = address(MeetingFactory.create(), page).replace(f"/{Meeting.objects.get().pk}/", f"/{object_id}/")

    response = chief.get(path, follow=True)

    assert response.redirect_chain[-1][0] == "/admin/"
    assert "doesn’t exist" in messages_of(response)[0]
