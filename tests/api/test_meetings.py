"""Create, list, read, edit, delete and end: what the contract says of each."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from meetings.exceptions import (
    ProviderCredentialsRefused,
    ProviderError,
    ProviderRefused,
    ProviderUnavailable,
)
from meetings.models import Connection, Meeting
from meetings.providers.memory import MemoryProvider
from tests.api.errors import error_of, refused
from tests.callers import ApiClient
from tests.conftest import Member, NewMeeting
from tests.factories import AttendeeFactory, ConnectionFactory, MeetingFactory

SOON = timedelta(hours=2)


def wire(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def in_milliseconds(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def created(client: ApiClient, body: Mapping[str, Any]) -> Meeting:
    answer = client.post("/session", body)
    assert answer.status_code == 200, answer.content
    meeting: Meeting = Meeting.objects.get(meeting_link=answer.json()["code"])
    return meeting


# --- create ---------------------------------------------------------------------------------------------------


def test_create_answers_the_link_id_as_json(owner: ApiClient) -> None:
    answer = owner.post("/session", {})
    assert answer["Content-Type"] == "application/json"
    assert list(answer.json()) == ["code"]
    assert re.fullmatch(r"[A-Za-z0-9_-]{10}", answer.json()["code"])


def test_create_answers_a_json_string_under_text_plain(owner: ApiClient) -> None:
    answer = owner.post("/session", {}, accept="text/plain")
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert Meeting.objects.filter(meeting_link=json.loads(answer.content)).exists()


def test_create_takes_no_body_for_an_empty_one(owner: ApiClient) -> None:
    assert owner.post("/session").status_code == 200
    assert owner.post("/session", b"", content_type="text/html").status_code == 200


def test_link_ids_do_not_repeat(owner: ApiClient) -> None:
    links = {owner.post("/session", {}).json()["code"] for _ in range(30)}
    assert len(links) == 30


def test_create_keeps_every_property(owner: ApiClient) -> None:
    at = in_milliseconds(timezone.now() + SOON)
    meeting = created(
        owner,
        {
            "isScheduled": True,
            "scheduleTime": wire(at),
            "enableArchiving": False,
            "endToEndEncryption": True,
            "title": "Planning é",
            "extId": "case-7",
            "extMetadata": {"room": [1, {"x": None}]},
            "duration": 45,
            "maxParticipants": 3,
            "provider": "webrtc",
        },
    )
    assert (meeting.is_scheduled, meeting.schedule_time) == (True, at)
    assert (meeting.is_archived, meeting.end_to_end_encryption) == (False, True)
    assert (meeting.title, meeting.ext_id, meeting.ext_metadata) == ("Planning é", "case-7", {"room": [1, {"x": None}]})
    assert (meeting.duration, meeting.max_participants, meeting.provider) == (45, 3, "webrtc")
    assert (meeting.tenant, meeting.created_by, meeting.modified_by) == ("", "caller-1", "caller-1")
    assert (meeting.start_time, meeting.end_time, meeting.deleted) == (None, None, False)


def test_null_means_none_for_our_own_properties(owner: ApiClient) -> None:
    meeting = created(owner, {"title": None, "duration": None, "maxParticipants": None})
    assert (meeting.title, meeting.duration, meeting.max_participants) == (None, None, None)


def test_create_takes_epoch_milliseconds(owner: ApiClient) -> None:
    at = in_milliseconds(timezone.now() + SOON)
    meeting = created(owner, {"isScheduled": True, "scheduleTime": round(at.timestamp() * 1000)})
    assert meeting.schedule_time == at


def test_an_offset_is_turned_into_utc(owner: ApiClient) -> None:
    meeting = created(owner, {"isScheduled": True, "scheduleTime": "2099-01-31T09:30:00.125+02:00"})
    link = meeting.meeting_link
    assert owner.get(f"/session/{link}").json()["scheduleTime"] == "2099-01-31T07:30:00.125Z"


@pytest.mark.parametrize("body", [{"scheduleTime": "2001-01-01T00:00:00Z"}, {"scheduleTime": 978307200000}])
def test_a_past_time_without_is_scheduled_is_ignored(owner: ApiClient, body: Mapping[str, Any]) -> None:
    meeting = created(owner, body)
    assert (meeting.is_scheduled, meeting.schedule_time) == (False, None)


def test_create_refusals(owner: ApiClient, memory: MemoryProvider) -> None:
    past, no_date = "2001-01-01T00:00:00Z", "Scheduled time is not in correct format."
    cases: list[tuple[Mapping[str, Any], str, str, str]] = [
        ({"isScheduled": True}, "schedule_time_missing", "Schedule time is not set.", "scheduleTime"),
        ({"isScheduled": True, "scheduleTime": "soon"}, "invalid_value", no_date, "scheduleTime"),
        ({"scheduleTime": "soon"}, "invalid_value", no_date, "scheduleTime"),
        (
            {"isScheduled": True, "scheduleTime": past},
            "schedule_time_past",
            "Meeting can't be scheduled with schedule time in past!",
            "scheduleTime",
        ),
        (
            {"endToEndEncryption": True, "enableArchiving": True},
            "encryption_with_archiving",
            "End to end Encryption along with archiving is not possible",
            "endToEndEncryption",
        ),
        (
            {"enableArchiving": True},
            "feature_not_available",
            "Cannot archive meeting, this feature is not available for this provider",
            "enableArchiving",
        ),
        (
            {"provider": "nowhere"},
            "provider_unknown",
            "There is no provider 'nowhere'; there is memory, webrtc.",
            "provider",
        ),
        (
            {"maxParticipants": 7},
            "max_participants_too_large",
            "maxParticipants can be at most 6 here.",
            "maxParticipants",
        ),
    ]
    for body, code, message, path in cases:
        refused(owner.post("/session", body), 400, code, message, path)
    assert not Meeting.objects.exists()


@pytest.mark.parametrize(
    ("option", "body", "what", "path"),
    [
        ("SCHEDULE", {"isScheduled": True, "scheduleTime": "2099-01-01T00:00:00Z"}, "schedule meeting", "isScheduled"),
        ("END_TO_END_ENCRYPTION", {"endToEndEncryption": True}, "encrypt meeting", "endToEndEncryption"),
        ("ARCHIVE", {"enableArchiving": True}, "archive meeting", "enableArchiving"),
    ],
)
def test_a_capability_that_is_lacking_is_refused_by_name(
    owner: ApiClient, settings: Any, option: str, body: Mapping[str, Any], what: str, path: str
) -> None:
    backend = {"BACKEND": "meetings.providers.memory.MemoryProvider", "OPTIONS": {option: False}}
    settings.VIDEOCONF_PROVIDERS = settings.VIDEOCONF_PROVIDERS | {"bare": backend}
    message = f"Cannot {what}, this feature is not available for this provider"
    answer = owner.post("/session", {**body, "provider": "bare"})
    refused(answer, 400, "feature_not_available", message, path)


PROVIDER_TROUBLE: list[tuple[ProviderError, int, str]] = [
    (ProviderUnavailable("connection reset by 10.0.0.7"), 503, "provider_unavailable"),
    (ProviderUnavailable("429 from vendor", retry_after=17), 503, "provider_unavailable"),
    (ProviderCredentialsRefused("403 for key 4711"), 502, "provider_credentials"),
    (ProviderRefused("400: no such layout"), 502, "provider_refused"),
    (ProviderError("500 <html>vendor</html>"), 502, "provider_error"),
]


@pytest.mark.parametrize(("trouble", "status", "code"), PROVIDER_TROUBLE, ids=lambda value: str(value))
def test_provider_trouble_leaves_nothing_half_made(
    owner: ApiClient, memory: MemoryProvider, trouble: ProviderError, status: int, code: str
) -> None:
    memory.fail_with = trouble
    answer = owner.post("/session", {"provider": "memory"})
    error = error_of(answer, status)
    assert error["code"] == code
    assert str(trouble) not in answer.content.decode()
    assert answer.headers.get("Retry-After") == (str(trouble.retry_after or 5) if status == 503 else None)
    assert not Meeting.objects.exists()


# --- read -----------------------------------------------------------------------------------------------------

DOCUMENTED = {
    "deleted", "deletedOn", "deletedBy", "createdOn", "modifiedOn", "createdBy", "modifiedBy", "id", "sessionId",
    "meetingLink", "isScheduled", "scheduleTime", "isArchived", "archiveId", "uploadTarget", "startTime", "endTime",
    "extId", "extMetadata",
}  # fmt: skip
OURS = {"title", "duration", "maxParticipants", "provider", "tenant", "state", "joinUrl"}


def test_read_has_every_property_of_the_document_and_ours(owner: ApiClient, new_meeting: NewMeeting) -> None:
    meeting = new_meeting(title="A", ext_id="e", ext_metadata={"a": 1}, duration=5, max_participants=2)
    answer = owner.get(f"/session/{meeting.meeting_link}").json()
    assert set(answer) == DOCUMENTED | OURS
    assert answer["joinUrl"] == f"http://testserver/meet/{meeting.meeting_link}"
    assert answer["createdOn"] == wire(meeting.created_on)
    assert answer | {"state": "open", "tenant": "", "provider": "webrtc", "createdBy": "owner", "extId": "e"} == answer
    assert answer | {"duration": 5, "maxParticipants": 2, "title": "A", "extMetadata": {"a": 1}} == answer
    assert answer | {"scheduleTime": None, "deletedOn": None, "startTime": None, "endTime": None} == answer


@pytest.mark.parametrize("link", ["nope", "%20", "a%2Fb", "x" * 33, "%00", "%ED%A0%80", "é"])
@pytest.mark.parametrize(
    ("method", "tail", "message"),
    [
        ("GET", "", "Meeting Not Found"),
        ("PATCH", "", None),
        ("DELETE", "", "Meeting Not Found"),
        ("PATCH", "/end", "Meeting Not Found"),
        ("POST", "/token", "Session does not exist"),
        ("GET", "/attendees", "Meeting Not Found"),
        ("GET", "/attendance", "Meeting Not Found"),
        ("POST", "/mute", "Meeting Not Found"),
        ("POST", "/archives", "Meeting Not Found"),
    ],
)
def test_an_unknown_link_is_a_404_in_the_operations_words(
    owner: ApiClient, link: str, method: str, tail: str, message: str | None
) -> None:
    error = error_of(owner.send(method, f"/session/{link}{tail}"), 404)
    if link == "a%2Fb":
        assert error["code"] == "route_not_found"
    else:
        assert error["code"] == "meeting_not_found"
        assert error["message"] == message or (message is None and "not found" in error["message"])


def test_the_edit_of_an_unknown_link_names_it(owner: ApiClient) -> None:
    refused(owner.patch("/session/nope", {}), 404, "meeting_not_found", "Meeting link nope not found")


# --- states ---------------------------------------------------------------------------------------------------


def test_states_and_their_filter_agree(owner: ApiClient) -> None:
    now = timezone.now()
    made = {
        "scheduled": [MeetingFactory.create(scheduled=True)],
        "open": [
            MeetingFactory.create(),
            MeetingFactory.create(is_scheduled=True, schedule_time=now + timedelta(minutes=9)),
            MeetingFactory.create(is_scheduled=True, schedule_time=now - timedelta(days=1)),
            MeetingFactory.create(is_scheduled=False, schedule_time=now + timedelta(days=1)),
        ],
        "active": [MeetingFactory.create(active=True), MeetingFactory.create(active=True, scheduled=True)],
        "ended": [MeetingFactory.create(ended=True), MeetingFactory.create(end_time=now)],
    }
    for state, meetings in made.items():
        listed = owner.get(f"/session?state={state}").json()["results"]
        assert {row["meetingLink"] for row in listed} == {row.meeting_link for row in meetings}
        assert {row["state"] for row in listed} == {state}
        for meeting in meetings:
            assert owner.get(f"/session/{meeting.meeting_link}").json()["state"] == state


# --- list -----------------------------------------------------------------------------------------------------


def listed(client: ApiClient, query: str) -> list[str]:
    answer = client.get(f"/session?{query}")
    assert answer.status_code == 200, answer.content
    return [row["meetingLink"] for row in answer.json()["results"]]


def test_cursor_pages_show_each_meeting_once_newest_first(owner: ApiClient) -> None:
    links = [MeetingFactory.create().meeting_link for _ in range(7)]
    path: str | None = "/session?count=3"
    pages: list[list[str]] = []
    seen: list[Mapping[str, Any]] = []
    while path:
        answer = owner.get(path).json()
        assert set(answer) == {"next", "previous", "results"}
        pages.append([row["meetingLink"] for row in answer["results"]])
        seen.append(answer)
        if len(pages) == 1:
            MeetingFactory.create()  # what comes in later moves no page
        path = answer["next"]
    assert pages == [links[:3:-1], links[3:0:-1], links[0:1]]
    assert seen[0]["previous"] is None
    back = owner.get(seen[1]["previous"]).json()
    assert [row["meetingLink"] for row in back["results"]] == pages[0]


def test_a_page_has_fifty_unless_asked(owner: ApiClient) -> None:
    MeetingFactory.create_batch(51)
    assert len(listed(owner, "")) == 50
    assert len(listed(owner, "count=200")) == 51


@pytest.mark.parametrize("count", ["0", "201", "-1", "x", "1.5", "", "9" * 30, "１"])
def test_a_count_out_of_range_names_the_limit(owner: ApiClient, count: str) -> None:
    message = "count must be a whole number from 1 to 200."
    refused(owner.get(f"/session?count={count}"), 400, "INVALID_PARAMETER_VALUE", message, "count")


def test_filters(owner: ApiClient) -> None:
    at = datetime(2099, 1, 31, 9, 30, tzinfo=UTC)
    one = MeetingFactory.create(is_scheduled=True, schedule_time=at, ext_id="a").meeting_link
    two = MeetingFactory.create(is_archived=True, ext_id="b").meeting_link
    gone = MeetingFactory.create(ext_id="a")
    gone.soft_delete("x")
    assert listed(owner, "isScheduled=true") == [one]
    assert listed(owner, "isScheduled=false") == [two]
    assert listed(owner, "isArchived=true") == [two]
    assert listed(owner, "isArchived=false") == [one]
    assert listed(owner, "extId=a") == [one]
    assert listed(owner, "extId=A") == []
    assert listed(owner, "from=2099-01-31T09:30:00Z") == [one]
    assert listed(owner, "from=2099-01-31T09:30:00.001Z") == []
    assert listed(owner, "to=2099-01-31T09:30:00Z") == [one]
    assert listed(owner, "to=2099-01-31T09:29:59.999Z") == []
    assert listed(owner, "from=2099-01-31T11:30:00%2B02:00&to=2099-01-31T09:30:00Z") == [one]
    assert listed(owner, "isScheduled=true&extId=b") == []


def test_search_finds_ids_and_beginnings_of_titles(owner: ApiClient) -> None:
    one = MeetingFactory.create(title="Straße 100%", ext_id="ext_1")
    two = MeetingFactory.create(title="Strand")
    assert listed(owner, f"search={one.meeting_link}") == [one.meeting_link]
    assert listed(owner, f"search={two.session_id}") == [two.meeting_link]
    assert listed(owner, "search=ext_1") == [one.meeting_link]
    assert listed(owner, "search=ext") == []
    assert listed(owner, "search=stra") == [two.meeting_link, one.meeting_link]
    assert listed(owner, "search=STRASSE") == [one.meeting_link]
    assert listed(owner, "search=rand") == []
    assert listed(owner, "search=stra%25") == []
    assert listed(owner, "search=s_r") == []


@pytest.mark.parametrize(
    ("query", "path"),
    [
        ("isScheduled=yes", "isScheduled"),
        ("isArchived=1", "isArchived"),
        ("state=running", "state"),
        ("from=soon", "from"),
        ("from=2099-01-31", "from"),
        ("to=2099-01-31T09:30:00", "to"),
        ("to=2016-12-31T23:59:60Z", "to"),
        ("extId=" + "x" * 256, "extId"),
        ("search=%00", "search"),
        ("extId=a%00", "extId"),
        ("search=a&search=b", "search"),
        ("count=1&count=2", "count"),
        ("cursor=nonsense", "cursor"),
        ("cursor=cD1hYmM=", "cursor"),
        ("cursor=cD0xJmNkPTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk5OTk=&cursor=cD0x", "cursor"),
    ],
)
def test_a_parameter_that_cannot_be_used_is_named(owner: ApiClient, query: str, path: str) -> None:
    error = error_of(owner.get(f"/session?{query}"), 400)
    assert error["code"] == "INVALID_PARAMETER_VALUE"
    assert [detail["path"] for detail in error["details"]] == [path]
    assert error["message"].startswith(("The parameter", path))


def test_a_wrong_state_is_answered_with_the_right_ones(owner: ApiClient) -> None:
    message = error_of(owner.get("/session?state=running"), 400)["message"]
    assert "scheduled, open, active, ended" in message


# --- edit -----------------------------------------------------------------------------------------------------


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
        (
            {"isArchived": True},
            "feature_not_available",
            "Cannot change archiving of meeting, this feature is not available for this provider",
            "isArchived",
        ),
    ]
    for body, code, message, path in cases:
        refused(owner.patch(f"/session/{meeting.meeting_link}", body), 400, code, message, path)
    assert Meeting.objects.get().modified_on == meeting.modified_on


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


# --- end and delete -------------------------------------------------------------------------------------------


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
    assert listed(owner, "") == []
    for answer in (owner.get(path), owner.delete(path), owner.patch(path, {}), owner.patch(f"{path}/end")):
        assert error_of(answer, 404)["code"] == "meeting_not_found"


def test_a_running_meeting_is_ended_before_it_is_deleted(owner: ApiClient) -> None:
    meeting = MeetingFactory.create(active=True)
    assert owner.delete(f"/session/{meeting.meeting_link}").status_code == 204
    assert Meeting.objects.get().end_time is not None
