"""`PATCH /session/{id}/end` and `DELETE /session/{id}`."""

from __future__ import annotations

from django.utils import timezone

from meetings.exceptions import (
    ProviderUnavailable,
)
from meetings.models import Connection, Meeting
from meetings.providers.memory import MemoryProvider
from tests.api.errors import error_of, refused
from tests.callers import ApiClient
from tests.conftest import Member, NewMeeting
from tests.factories import AttendeeFactory, ConnectionFactory, MeetingFactory


def test_end_ends_once(owner: ApiClient, meeting: Meeting) -> None:
    path = f"/session/{meeting.meeting_link}"
    answer = owner.patch(f"{path}/end")
    assert (answer.status_code, answer.content) == (204, b"")
    ended = owner.get(path).json()
    assert (ended["state"], ended["modifiedBy"]) == ("ended", "caller-1")
    assert ended["endTime"] is not None
    again = owner.patch(f"{path}/end")
    refused(again, 400, "meeting_already_ended", "Meeting has already been ended!")
    assert owner.get(path).json()["endTime"] == ended["endTime"]
    refused(owner.post(f"{path}/token", {}), 400, "meeting_ended", "This meeting has been expired")


def test_end_takes_any_body_and_reads_none(owner: ApiClient, meeting: Meeting) -> None:
    answer = owner.patch(f"/session/{meeting.meeting_link}/end", b"{bad", content_type="text/html")
    assert answer.status_code == 204


def test_end_puts_everybody_out(owner: ApiClient, new_meeting: NewMeeting, memory: MemoryProvider) -> None:
    meeting = new_meeting(provider="memory")
    connection = ConnectionFactory.create(attendee=AttendeeFactory.create(meeting=meeting))
    assert owner.patch(f"/session/{meeting.meeting_link}/end").status_code == 204
    assert [(room.session_id, ids) for room, ids in memory.closed] == [
        (meeting.session_id, (connection.connection_id,))
    ]


def test_a_meeting_ends_though_its_provider_fails(
    owner: ApiClient, new_meeting: NewMeeting, memory: MemoryProvider
) -> None:
    meeting = new_meeting(provider="memory")
    memory.fail_with = ProviderUnavailable("down")
    assert owner.patch(f"/session/{meeting.meeting_link}/end").status_code == 204
    owed = Meeting.objects.get()
    assert owed.end_time is not None
    assert owed.disconnect_due_at is not None
    assert "provider_unavailable" in owed.disconnect_error


def test_ending_closes_the_connections_of_the_embedded_provider(owner: ApiClient, new_meeting: NewMeeting) -> None:
    from meetings import attendance

    meeting = new_meeting()
    joined = attendance.join_of(meeting, connection_id="c1", at=timezone.now(), about={"data": "Ann"})
    attendance.record(meeting, [joined], source="socket")
    path = f"/session/{meeting.meeting_link}"
    assert [row["isDeleted"] for row in owner.get(f"{path}/attendees").json()] == [False]
    owner.patch(f"{path}/end")
    assert [row["isDeleted"] for row in owner.get(f"{path}/attendees").json()] == [True]
    assert Connection.objects.get().left_at is not None


def test_delete_hides_the_meeting_and_keeps_the_row(member: Member, owner: ApiClient, meeting: Meeting) -> None:
    path = f"/session/{meeting.meeting_link}"
    answer = member("DeleteMeeting", id="cleaner").delete(path)
    assert (answer.status_code, answer.content) == (204, b"")
    row = Meeting.objects.get()
    assert (row.deleted, row.deleted_by, row.modified_by) == (True, "cleaner", "cleaner")
    assert row.deleted_on is not None
    assert owner.get("/session").json()["results"] == []
    for answer in (owner.get(path), owner.delete(path), owner.patch(path, {}), owner.patch(f"{path}/end")):
        assert error_of(answer, 404)["code"] == "meeting_not_found"


def test_a_running_meeting_is_ended_before_it_is_deleted(owner: ApiClient) -> None:
    meeting = MeetingFactory.create(active=True)
    assert owner.delete(f"/session/{meeting.meeting_link}").status_code == 204
    assert Meeting.objects.get().end_time is not None
