"""`POST /session/{id}/token`: what the contract says of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from django.utils import timezone

from meetings import signals
from meetings.exceptions import ProviderUnavailable
from meetings.models import Meeting
from meetings.providers.memory import MemoryProvider
from tests.api.errors import error_of, refused
from tests.api.moments import wire
from tests.callers import ApiClient
from tests.conftest import NewMeeting
from tests.factories import MeetingFactory

DAY = timedelta(days=1)


def path(meeting: Meeting) -> str:
    return f"/session/{meeting.meeting_link}/token"


def issued(client: ApiClient, meeting: Meeting, body: Mapping[str, Any]) -> dict[str, Any]:
    """Issue a token and return what it says (the page may read it; only the socket verifies it)."""
    answer = client.post(path(meeting), body)
    assert answer.status_code == 200, answer.content
    assert set(answer.json()) == {"sessionId", "token"}
    assert answer.json()["sessionId"] == meeting.session_id
    claims: dict[str, Any] = jwt.decode(answer.json()["token"], options={"verify_signature": False})
    return claims


def test_a_token_without_a_body_is_a_publishers_for_a_day(owner: ApiClient, meeting: Meeting) -> None:
    answer = owner.post(path(meeting))
    claims = jwt.decode(answer.json()["token"], options={"verify_signature": False})
    assert (claims["role"], claims["link"], claims["room"]) == ("publisher", meeting.meeting_link, meeting.session_id)
    assert claims["exp"] - claims["iat"] == DAY.total_seconds()
    assert "data" not in claims


@pytest.mark.parametrize("role", ["moderator", "publisher", "subscriber"])
def test_each_role(owner: ApiClient, meeting: Meeting, role: str) -> None:
    assert issued(owner, meeting, {"role": role})["role"] == role


def test_null_counts_as_absent(owner: ApiClient, meeting: Meeting) -> None:
    claims = issued(owner, meeting, {"role": None, "expireTime": None, "data": None, "extId": None})
    assert (claims["role"], claims["exp"] - claims["iat"]) == ("publisher", DAY.total_seconds())


def test_an_unknown_property_is_refused_also_when_it_is_null(owner: ApiClient, meeting: Meeting) -> None:
    assert error_of(owner.post(path(meeting), {"roel": None}), 422)["details"][0]["path"] == "roel"


def test_data_and_ext_id_are_in_the_token(owner: ApiClient, meeting: Meeting) -> None:
    claims = issued(owner, meeting, {"data": "Ann é\n2nd line", "extId": "user-1"})
    assert (claims["data"], claims["extId"], claims["sub"]) == ("Ann é\n2nd line", "user-1", "ext:user-1")


def test_the_first_token_starts_the_meeting(
    owner: ApiClient, meeting: Meeting, django_capture_on_commit_callbacks: Any
) -> None:
    started: list[Meeting] = []

    def note(sender: object, meeting: Meeting, **more: Any) -> None:
        started.append(meeting)

    signals.meeting_started.connect(note)
    with django_capture_on_commit_callbacks(execute=True):
        issued(owner, meeting, {})
        first = Meeting.objects.get().start_time
        issued(owner, meeting, {})
    signals.meeting_started.disconnect(note)
    assert first is not None
    assert Meeting.objects.get().start_time == first
    assert [row.pk for row in started] == [meeting.pk]
    assert owner.get(f"/session/{meeting.meeting_link}").json()["state"] == "active"


def test_a_token_that_could_not_be_minted_starts_nothing(
    owner: ApiClient, new_meeting: NewMeeting, memory: MemoryProvider
) -> None:
    meeting = new_meeting(provider="memory")
    memory.fail_with = ProviderUnavailable("down")
    assert error_of(owner.post(path(meeting), {}), 503)["code"] == "provider_unavailable"
    assert Meeting.objects.get().start_time is None


@pytest.mark.parametrize("as_number", [False, True])
def test_expire_time_is_iso_or_epoch_milliseconds(owner: ApiClient, meeting: Meeting, as_number: bool) -> None:
    at = (timezone.now() + timedelta(hours=3)).replace(microsecond=0)
    sent = round(at.timestamp() * 1000) if as_number else wire(at)
    assert datetime.fromtimestamp(issued(owner, meeting, {"expireTime": sent})["exp"], UTC) == at


def test_refusals(owner: ApiClient, meeting: Meeting) -> None:
    no_date, past = "Expire time is not in correct format.", "Expire time cannot be in the past."
    too_far = "Expire time can be at most 30 days ahead for this provider."
    in_40_days = timezone.now() + 40 * DAY
    roles = "role must be one of moderator, publisher, subscriber, not 'king'"
    cases: list[tuple[Mapping[str, Any], str, str, str]] = [
        ({"expireTime": "soon"}, "invalid_value", no_date, "expireTime"),
        ({"expireTime": "2099-01-01"}, "invalid_value", no_date, "expireTime"),
        ({"expireTime": "2099-01-01T00:00:00"}, "invalid_value", no_date, "expireTime"),
        ({"expireTime": -1}, "invalid_value", no_date, "expireTime"),
        ({"expireTime": "2001-01-01T00:00:00Z"}, "expire_time_past", past, "expireTime"),
        ({"expireTime": 1000000000000}, "expire_time_past", past, "expireTime"),
        ({"expireTime": wire(in_40_days)}, "expire_time_too_far", too_far, "expireTime"),
        ({"expireTime": round(in_40_days.timestamp() * 1000)}, "expire_time_too_far", too_far, "expireTime"),
        ({"role": "king"}, "invalid_value", roles, "role"),
    ]
    for body, code, message, named in cases:
        refused(owner.post(path(meeting), body), 400, code, message, named)
    assert Meeting.objects.get().start_time is None


@pytest.mark.parametrize("data", ["é" * 501, "x" * 1001, "x" * 500_000], ids=["characters", "bytes", "huge"])
def test_data_is_limited_in_bytes_and_the_limit_is_named(owner: ApiClient, meeting: Meeting, data: str) -> None:
    message = f"data can have at most 1000 bytes of UTF-8; it has {len(data.encode())}."
    refused(owner.post(path(meeting), {"data": data}), 400, "data_too_long", message, "data")
    assert owner.post(path(meeting), {"data": "é" * 500}).status_code == 200


def test_an_ext_id_is_limited(owner: ApiClient, meeting: Meeting) -> None:
    assert owner.post(path(meeting), {"extId": "x" * 255}).status_code == 200
    error = error_of(owner.post(path(meeting), {"extId": "x" * 256}), 400)
    assert "255" in error["message"]


def test_an_unknown_meeting(owner: ApiClient) -> None:
    refused(owner.post("/session/nope/token", {}), 404, "meeting_not_found", "Session does not exist")


def test_an_ended_meeting(owner: ApiClient) -> None:
    meeting = MeetingFactory.create(ended=True)
    refused(owner.post(path(meeting), {}), 400, "meeting_ended", "This meeting has been expired")


def test_a_meeting_whose_duration_has_run_out(owner: ApiClient) -> None:
    meeting = MeetingFactory.create(active=True, duration=1, closes_at=timezone.now())
    refused(owner.post(path(meeting), {}), 400, "meeting_ended", "This meeting has been expired")


@pytest.mark.parametrize(("minutes", "ahead", "status"), [(10, 11, 400), (10, 9, 200), (0, 1, 400), (60, 59, 200)])
def test_the_window_before_the_scheduled_time(
    owner: ApiClient, settings: Any, minutes: int, ahead: int, status: int
) -> None:
    settings.VIDEOCONF = settings.VIDEOCONF | {"TIME_TO_START": minutes}
    at = timezone.now() + timedelta(minutes=ahead)
    answer = owner.post(path(MeetingFactory.create(is_scheduled=True, schedule_time=at)), {})
    assert answer.status_code == status
    if status == 400:
        message = f"Meeting can only be started {minutes} minutes before the scheduled time"
        refused(answer, 400, "meeting_not_started", message)


def test_a_time_without_is_scheduled_closes_no_window(owner: ApiClient) -> None:
    at = timezone.now() + timedelta(days=1)
    meeting = MeetingFactory.create(is_scheduled=False, schedule_time=at)
    assert owner.post(path(meeting), {}).status_code == 200
