"""`PATCH /session/{id}`: what changes, what is ignored, what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.utils import timezone

from meetings.models import Meeting
from meetings.providers.memory import MemoryProvider
from tests.api.errors import error_of, refused
from tests.api.moments import in_milliseconds, wire
from tests.callers import ApiClient
from tests.conftest import Member, NewMeeting
from tests.factories import AttendeeFactory, ConnectionFactory, MeetingFactory

SOON = timedelta(hours=2)


def test_edit_changes_what_is_sent_and_nothing_else(member: Member, new_meeting: NewMeeting) -> None:
    meeting = new_meeting(title="T", ext_id="old", ext_metadata={"a": 1, "b": 2})
    editor = member("EditMeeting", id="editor")
    assert editor.patch(f"/session/{meeting.meeting_link}", {"extMetadata": {"c": 3}}).status_code == 204
    before, after = meeting, Meeting.objects.get()
    assert (after.ext_metadata, after.ext_id, after.title) == ({"c": 3}, "old", "T")
    assert (after.modified_by, after.created_by, after.created_on) == ("editor", "owner", before.created_on)
    assert after.modified_on > before.modified_on


def test_an_empty_edit_changes_nothing(owner: ApiClient, meeting: Meeting) -> None:
    for answer in (
        owner.patch(f"/session/{meeting.meeting_link}", {}),
        owner.patch(f"/session/{meeting.meeting_link}"),
    ):
        assert (answer.status_code, answer.content) == (204, b"")
    assert Meeting.objects.get().modified_on == meeting.modified_on


def test_edit_schedules_and_unschedules(owner: ApiClient, meeting: Meeting) -> None:
    path = f"/session/{meeting.meeting_link}"
    at = in_milliseconds(timezone.now() + SOON)
    assert owner.patch(path, {"isScheduled": True, "scheduleTime": wire(at)}).status_code == 204
    assert owner.get(path).json()["state"] == "scheduled"
    assert owner.patch(path, {"isScheduled": False}).status_code == 204
    again = Meeting.objects.get()
    assert (again.is_scheduled, again.schedule_time) == (False, at)
    assert owner.patch(path, {"isScheduled": True}).status_code == 204
    assert owner.get(path).json()["scheduleTime"] == wire(at)


def test_properties_of_the_server_are_accepted_and_ignored(owner: ApiClient, meeting: Meeting) -> None:
    path = f"/session/{meeting.meeting_link}"
    before = owner.get(path).json()
    sent = {
        "deleted": True, "deletedOn": "2019-08-24T14:15:22Z", "deletedBy": "string", "createdBy": "string",
        "createdOn": "2019-08-24T14:15:22Z", "modifiedOn": "2019-08-24T14:15:22Z", "modifiedBy": "string", "id": 0,
        "sessionId": "string", "meetingLink": "string", "archiveId": "string", "uploadTarget": "string",
        "startTime": "2019-08-24T14:15:22Z", "endTime": "2019-08-24T14:15:22Z",
    }  # fmt: skip
    assert owner.patch(path, sent).status_code == 204
    assert owner.get(path).json() == before
    assert owner.patch(path, {"deletedOn": None, "deletedBy": None}).status_code == 204


def test_edit_refusals(owner: ApiClient, meeting: Meeting) -> None:
    past = "2001-01-01T00:00:00Z"
    required = "Schedule Time is required if isScheduled is set to true"
    no_past = "Schedule Time cannot be set in the past"
    cases: list[tuple[Mapping[str, Any], str, str, str]] = [
        ({"isScheduled": True}, "schedule_time_missing", required, "scheduleTime"),
        ({"scheduleTime": "soon"}, "invalid_value", "Scheduled time is not in correct format.", "scheduleTime"),
        ({"isScheduled": True, "scheduleTime": past}, "schedule_time_past", no_past, "scheduleTime"),
        ({"isScheduled": False, "scheduleTime": past}, "schedule_time_past", no_past, "scheduleTime"),
    ]
    for body, code, message, path in cases:
        refused(owner.patch(f"/session/{meeting.meeting_link}", body), 400, code, message, path)
    assert Meeting.objects.get().modified_on == meeting.modified_on


def test_archiving_is_refused_where_nothing_records(
    owner: ApiClient, memory: MemoryProvider, new_meeting: NewMeeting
) -> None:
    path = f"/session/{new_meeting(provider='memory').meeting_link}"
    message = "Cannot change archiving of meeting, this feature is not available for this provider"
    refused(owner.patch(path, {"isArchived": True}), 400, "feature_not_available", message, "isArchived")


def test_archiving_is_turned_on_where_browsers_record(owner: ApiClient, meeting: Meeting) -> None:
    path = f"/session/{meeting.meeting_link}"
    assert owner.patch(path, {"isArchived": True}).status_code == 204
    assert owner.get(path).json()["isArchived"]


def recorder(settings: Any, **options: Any) -> None:
    backend = {"BACKEND": "meetings.providers.memory.MemoryProvider", "OPTIONS": {"ARCHIVE": True, **options}}
    settings.VIDEOCONF_PROVIDERS = settings.VIDEOCONF_PROVIDERS | {"recorder": backend}


def test_archiving_can_be_changed_until_the_first_join(
    owner: ApiClient, settings: Any, new_meeting: NewMeeting
) -> None:
    recorder(settings)
    meeting = new_meeting(provider="recorder")
    path = f"/session/{meeting.meeting_link}"
    assert owner.patch(path, {"isArchived": True}).status_code == 204
    assert owner.get(path).json()["isArchived"] is True
    ConnectionFactory.create(attendee=AttendeeFactory.create(meeting=meeting))
    assert owner.patch(path, {"isArchived": True}).status_code == 204
    message = "isArchived can be changed until the first join only."
    refused(owner.patch(path, {"isArchived": False}), 400, "already_joined", message, "isArchived")


def test_archiving_that_the_provider_fixes_cannot_be_changed(
    owner: ApiClient, settings: Any, new_meeting: NewMeeting
) -> None:
    recorder(settings, FIXES_ARCHIVING=True)
    meeting = new_meeting(provider="recorder", enable_archiving=True)
    answer = owner.patch(f"/session/{meeting.meeting_link}", {"isArchived": False})
    assert error_of(answer, 400)["code"] == "feature_not_available"


def test_an_encrypted_meeting_cannot_be_archived_later(
    owner: ApiClient, settings: Any, new_meeting: NewMeeting
) -> None:
    recorder(settings)
    meeting = new_meeting(provider="recorder", end_to_end_encryption=True)
    answer = owner.patch(f"/session/{meeting.meeting_link}", {"isArchived": True})
    message = "End to end Encryption along with archiving is not possible"
    refused(answer, 400, "encryption_with_archiving", message, "isArchived")


def test_only_notes_of_an_ended_meeting_may_change(owner: ApiClient) -> None:
    meeting = MeetingFactory.create(ended=True)
    path = f"/session/{meeting.meeting_link}"
    assert owner.patch(path, {"extId": "e", "extMetadata": {"a": 1}}).status_code == 204
    refused(owner.patch(path, {"isScheduled": False}), 400, "meeting_ended", "This meeting has been expired")
    refused(
        owner.patch(path, {"isScheduled": False, "extId": "f"}), 400, "meeting_ended", "This meeting has been expired"
    )
    assert Meeting.objects.get().ext_id == "e"
