"""`GET /session` and `GET /session/{id}`: one meeting, its state, the list with its pages and filters."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import RequestFactory
from django.utils import timezone

from meetings.api.viewsets import MeetingViewSet
from meetings.models import Meeting
from tests.api.errors import error_of, refused
from tests.api.moments import wire
from tests.callers import ApiClient
from tests.conftest import NewMeeting
from tests.factories import MeetingFactory

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
        "active": [
            MeetingFactory.create(active=True),
            MeetingFactory.create(active=True, scheduled=True),
            MeetingFactory.create(active=True, duration=1, closes_at=now + timedelta(minutes=1)),
        ],
        "ended": [
            MeetingFactory.create(ended=True),
            MeetingFactory.create(end_time=now),
            MeetingFactory.create(active=True, duration=1, closes_at=now),  # no worker has been there yet
        ],
    }
    for state, meetings in made.items():
        listed = owner.get(f"/session?state={state}").json()["results"]
        assert {row["meetingLink"] for row in listed} == {row.meeting_link for row in meetings}
        assert {row["state"] for row in listed} == {state}
        for meeting in meetings:
            assert owner.get(f"/session/{meeting.meeting_link}").json()["state"] == state


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
        ("state=", "state"),
        ("isScheduled=", "isScheduled"),
        ("from=", "from"),
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


@pytest.mark.parametrize("is_found", [True, False])
def test_answers_hang_in_no_circle(owner: ApiClient, meeting: Meeting, is_found: bool) -> None:
    """Else a long list stays in memory until the collector comes by. What a middleware may look at is there."""
    seen: list[weakref.ref[Any]] = []

    class Watched(MeetingViewSet):
        def finalize_response(self, request: Any, response: Any, *args: Any, **kwargs: Any) -> Any:
            seen.extend(weakref.ref(one) for one in (self, request, response))
            return super().finalize_response(request, response, *args, **kwargs)

    request = RequestFactory().get("/session/x", headers={"authorization": f"Bearer {owner.token}"})
    gc.collect()
    gc.disable()
    try:
        answer = Watched.as_view({"get": "retrieve"})(request, meeting_link=meeting.meeting_link if is_found else "no")
        answer.render()
        context = getattr(answer, "renderer_context")  # noqa: B009  # which the stubs leave out
        assert (answer.status_code, context["view"].action) == (200 if is_found else 404, "retrieve")
        del answer, context
        assert [one() for one in seen] == [None] * 3
    finally:
        gc.enable()
