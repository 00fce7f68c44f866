"""`POST /session`: what the contract says of it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from meetings.exceptions import (
    ProviderCredentialsRefused,
    ProviderError,
    ProviderRefused,
    ProviderUnavailable,
)
from meetings.models import Meeting
from meetings.providers.memory import MemoryProvider
from tests.api.errors import error_of, refused
from tests.api.moments import in_milliseconds, wire
from tests.callers import ApiClient

SOON = timedelta(hours=2)


def created(client: ApiClient, body: Mapping[str, Any]) -> Meeting:
    answer = client.post("/session", body)
    assert answer.status_code == 200, answer.content
    meeting: Meeting = Meeting.objects.get(meeting_link=answer.json()["code"])
    return meeting


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
            {"enableArchiving": True, "provider": "memory"},
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


@pytest.mark.parametrize(("trouble", "status", "code"), PROVIDER_TROUBLE, ids=str)
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
