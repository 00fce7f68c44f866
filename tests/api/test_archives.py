"""Archives from their rows, and the storage target: what the contract says of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from archives.models import Archive, StorageTarget
from meetings.models import Meeting
from meetings.providers.memory import MemoryProvider
from tests.api.errors import error_of, refused
from tests.callers import ApiClient
from tests.conftest import Member, NewMeeting
from tests.factories import ArchiveFactory, MeetingFactory, StorageTargetFactory

META = {
    "id", "status", "reason", "createdAt", "duration", "size", "resolution", "outputMode", "hasAudio", "hasVideo",
    "url", "progress",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _credentials(settings: Any) -> None:
    settings.VIDEOCONF = settings.VIDEOCONF | {
        "AWS_ACCESS_KEY": "AKIAEXAMPLE",
        "AWS_SECRET_KEY": "not-a-secret",
        "AZURE_ACCOUNT_KEY": "not-a-secret",
        "AZURE_CONTAINER": "default-container",
    }


# --- read and delete ------------------------------------------------------------------------------------------


def test_an_archive_has_the_documents_shape(owner: ApiClient) -> None:
    at = datetime(2030, 1, 31, 9, 30, 0, 125000, tzinfo=UTC)
    row = ArchiveFactory.create(
        name="Planning", created_on=at, resolution="1280x720", reason="sessionEnded", size=5, duration=7
    )
    answer = owner.get(f"/archives/{row.archive_id}").json()
    assert set(answer) == {"name", "sessionId", "metaData"}
    assert (answer["name"], answer["sessionId"]) == ("Planning", row.meeting.session_id)
    assert set(answer["metaData"]) == META
    expected = {
        "id": row.archive_id,
        "status": "available",
        "reason": "sessionEnded",
        "createdAt": round(at.timestamp() * 1000),
        "duration": 7,
        "size": 5,
        "resolution": "1280x720",
        "outputMode": "composed",
        "hasAudio": True,
        "hasVideo": True,
    }
    assert answer["metaData"] | expected == answer["metaData"]


@pytest.mark.parametrize("archive_id", ["nope", "%20", "%00", "x" * 256, "é", "a.b"])
@pytest.mark.parametrize(("method", "tail"), [("GET", ""), ("DELETE", ""), ("POST", "/stop"), ("GET", "/download")])
def test_an_unknown_archive(owner: ApiClient, archive_id: str, method: str, tail: str) -> None:
    answer = owner.send(method, f"/archives/{archive_id}{tail}")
    refused(answer, 404, "archive_not_found", "Archive Not Found")


@pytest.mark.parametrize(("accept", "kind"), [("text/plain", "text/plain; charset=utf-8"), ("*/*", "application/json")])
def test_delete_answers_null_and_keeps_the_row(member: Member, owner: ApiClient, accept: str, kind: str) -> None:
    row = ArchiveFactory.create()
    answer = member("DeleteMeetingArchive", id="cleaner").delete(f"/archives/{row.archive_id}", accept=accept)
    assert (answer.status_code, answer["Content-Type"], answer.content) == (200, kind, b"null")
    row.refresh_from_db()
    assert (row.deleted, row.deleted_by) == (True, "cleaner")
    assert error_of(owner.get(f"/archives/{row.archive_id}"), 404)["code"] == "archive_not_found"
    assert error_of(owner.delete(f"/archives/{row.archive_id}"), 404)["code"] == "archive_not_found"
    assert owner.get("/archives").json() == {"count": 0, "items": []}


def test_a_running_archive_is_not_deleted(owner: ApiClient) -> None:
    row = ArchiveFactory.create(running=True)
    message = "The archive is still running; stop it first."
    refused(owner.delete(f"/archives/{row.archive_id}"), 409, "archive_running", message)
    assert not Archive.objects.get().deleted


# --- list -----------------------------------------------------------------------------------------------------


def names(client: ApiClient, query: str = "") -> list[str]:
    answer = client.get(f"/archives{query}")
    assert answer.status_code == 200, answer.content
    body = answer.json()
    assert set(body) == {"count", "items"}
    return [item["name"] for item in body["items"]]


def test_the_list_is_newest_first_and_counts_all_that_match(owner: ApiClient) -> None:
    for name in "abcde":
        ArchiveFactory.create(name=name)
    assert names(owner) == list("edcba")
    page = owner.get("/archives?count=2&offset=1").json()
    assert ([item["name"] for item in page["items"]], page["count"]) == (["d", "c"], 5)
    assert set(page["items"][0]["metaData"]) == META
    assert owner.get("/archives?offset=9").json() == {"count": 5, "items": []}


def test_the_list_is_filtered(owner: ApiClient) -> None:
    at = datetime(2030, 1, 31, 9, 30, tzinfo=UTC)
    one = ArchiveFactory.create(name="one", created_on=at)
    ArchiveFactory.create(name="two", status="started", created_on=at + timedelta(hours=1))
    assert names(owner, f"?sessionId={one.meeting.session_id}") == ["one"]
    assert names(owner, "?sessionId=nope") == []
    assert names(owner, "?status=started") == ["two"]
    assert names(owner, "?from=2030-01-31T09:30:00Z&to=2030-01-31T09:30:00Z") == ["one"]
    assert names(owner, "?from=2030-01-31T09:30:00.001Z") == ["two"]
    assert owner.get("/archives?status=started").json()["count"] == 1


@pytest.mark.parametrize(
    ("query", "path", "limit"),
    [
        ("count=1001", "count", "1 to 1000"),
        ("count=0", "count", "1 to 1000"),
        ("count=x", "count", "1 to 1000"),
        ("offset=-1", "offset", "0 to 1000000"),
        ("offset=1000001", "offset", "0 to 1000000"),
        ("from=soon", "from", "2030-01-31T09:30:00Z"),
        ("to=2030-01-31", "to", "2030-01-31T09:30:00Z"),
        ("to=", "to", "2030-01-31T09:30:00Z"),
        ("status=" + "x" * 256, "status", "255"),
        ("sessionId=%00", "sessionId", "255"),
        ("status=a&status=b", "status", "once"),
        ("from=2030-01-31T09:30:00Z&from=2030-01-31T09:30:00Z", "from", "once"),
    ],
)
def test_a_parameter_that_cannot_be_used_is_named(owner: ApiClient, query: str, path: str, limit: str) -> None:
    error = error_of(owner.get(f"/archives?{query}"), 400)
    assert error["code"] == "INVALID_PARAMETER_VALUE"
    assert [detail["path"] for detail in error["details"]] == [path]
    assert limit in error["message"]


# --- start, stop, download ------------------------------------------------------------------------------------


def test_nothing_is_recorded_before_somebody_is_there(owner: ApiClient, meeting: Meeting) -> None:
    message = "Nobody is connected to the meeting yet; start when someone has joined."
    for body in ({}, {"name": "A", "outputMode": "composed", "resolution": "1280x720", "layout": {"type": "pip"}}):
        error = error_of(owner.post(f"/session/{meeting.meeting_link}/archives", body), 409)
        assert (error["code"], error["message"]) == ("archive_conflict", message)
    assert not Archive.objects.exists()


def test_an_encrypted_meeting_is_not_recorded(owner: ApiClient, new_meeting: NewMeeting) -> None:
    meeting = new_meeting(end_to_end_encryption=True)
    message = "End to end Encryption along with archiving is not possible"
    refused(owner.post(f"/session/{meeting.meeting_link}/archives"), 400, "encryption_with_archiving", message)


def test_a_provider_that_cannot_record_says_so(
    owner: ApiClient, memory: MemoryProvider, new_meeting: NewMeeting
) -> None:
    meeting = new_meeting(provider="memory")
    message = "Cannot archive meeting, this feature is not available for this provider"
    refused(owner.post(f"/session/{meeting.meeting_link}/archives"), 400, "feature_not_available", message)
    assert not Archive.objects.exists()


def test_start_names_a_value_that_is_refused(owner: ApiClient, meeting: Meeting) -> None:
    path = f"/session/{meeting.meeting_link}/archives"
    for body, named, words in (
        ({"outputMode": "mixed"}, "outputMode", "composed, individual"),
        ({"resolution": "1x1"}, "resolution", "1280x720"),
        ({"layout": {"type": "mosaic"}}, "layout", "bestFit, horizontalPresentation, verticalPresentation, pip"),
        ({"layout": {"type": "pip", "kind": "grid"}}, "layout", "not 'kind'"),
    ):
        error = error_of(owner.post(path, body), 400)
        assert [detail["path"] for detail in error["details"]] == [named]
        assert words in error["message"]


def test_an_archive_that_is_over_cannot_be_stopped(owner: ApiClient) -> None:
    row = ArchiveFactory.create()
    message = "The archive is not running; it is available."
    refused(owner.post(f"/archives/{row.archive_id}/stop"), 409, "archive_not_running", message)


# --- storage target -------------------------------------------------------------------------------------------

TARGET = "/archives/storage-target"
S3 = {
    "name": "AWSS3", "bucket": "b", "endpoint": "https://s3.example.org", "region": "eu-west-1", "fallback": "opentok",
}  # fmt: skip
AZURE = {"name": "AZURE", "accountName": "a", "container": "c", "domain": "blob.example.org", "fallback": "none"}


@pytest.mark.parametrize("body", [S3, AZURE], ids=["AWSS3", "AZURE"])
@pytest.mark.parametrize(("accept", "kind"), [("text/plain", "text/plain; charset=utf-8"), ("", "application/json")])
def test_set_answers_null_and_read_gives_it_back(
    owner: ApiClient, body: Mapping[str, Any], accept: str, kind: str
) -> None:
    answer = owner.put(TARGET, body, accept=accept)
    assert (answer.status_code, answer["Content-Type"], answer.content) == (200, kind, b"null")
    assert owner.get(TARGET).json() == body


def test_the_least_that_a_target_needs(owner: ApiClient) -> None:
    assert owner.put(TARGET, {"name": "AWSS3", "bucket": "b"}).status_code == 200
    assert owner.get(TARGET).json() == {"name": "AWSS3", "bucket": "b", "fallback": "none"}
    assert owner.put(TARGET, {"name": "AZURE", "accountName": "a"}).status_code == 200
    answer = owner.get(TARGET).json()
    assert answer == {"name": "AZURE", "accountName": "a", "container": "default-container", "fallback": "none"}


def test_a_new_target_replaces_the_one_before_and_is_audited(member: Member) -> None:
    StorageTargetFactory.create()
    member("SetMeetingUploadTarget", id="setter").put(TARGET, S3)
    current = StorageTarget.objects.alive().get()
    assert (current.bucket, current.created_by) == ("b", "setter")
    assert StorageTarget.objects.count() == 2


def test_clear_and_then_there_is_none(owner: ApiClient) -> None:
    StorageTargetFactory.create()
    answer = owner.delete(TARGET)
    assert (answer.status_code, answer.content) == (204, b"")
    for answer in (owner.get(TARGET), owner.delete(TARGET)):
        refused(answer, 404, "storage_target_not_found", "There is no storage target.")


@pytest.mark.parametrize(
    ("body", "code", "message", "path"),
    [
        ({}, "storage_type_unsupported", "Unsupported storage type", "name"),
        ({"name": "GCS"}, "storage_type_unsupported", "Unsupported storage type", "name"),
        ({"name": "awss3", "bucket": "b"}, "storage_type_unsupported", "Unsupported storage type", "name"),
        ({"name": "AWSS3"}, "bucket_missing", "S3 bucket name is required", "bucket"),
        ({"name": "AWSS3", "bucket": ""}, "bucket_missing", "S3 bucket name is required", "bucket"),
        ({"name": "AZURE"}, "account_name_missing", "Azure account name is required", "accountName"),
        (
            {"name": "AWSS3", "bucket": "b", "fallback": "disk"},
            "invalid_value",
            "fallback must be one of none, opentok, not 'disk'",
            "fallback",
        ),
    ],
)
def test_targets_that_are_refused(
    owner: ApiClient, body: Mapping[str, Any], code: str, message: str, path: str
) -> None:
    refused(owner.put(TARGET, body), 400, code, message, path)
    assert not StorageTarget.objects.exists()


@pytest.mark.parametrize("body", [S3, AZURE])
@pytest.mark.parametrize(
    "address",
    [
        "https://key:secret@s3.example.org",
        "ftp://s3.example.org",
        "javascript:alert(1)",
        "s3.example.org?a=b",
        "two words",
    ],
)
def test_target_at_what_is_no_address_is_refused(owner: ApiClient, body: Mapping[str, Any], address: str) -> None:
    path = "endpoint" if body is S3 else "domain"
    message = f"{path} must be a host or an http(s):// address, without credentials"
    refused(owner.put(TARGET, {**body, path: address}), 400, "invalid_value", message, path)
    assert not StorageTarget.objects.exists()


@pytest.mark.parametrize(
    "address",
    ["s3.example.org", "https://s3.example.org/", "http://127.0.0.1:9000/a/b", "http://[::1]:9000", "minio:9000"],
)
def test_target_at_an_address_of_any_kind_is_taken(owner: ApiClient, address: str) -> None:
    assert owner.put(TARGET, {**S3, "endpoint": address}).status_code == 200
    assert owner.put(TARGET, {**AZURE, "domain": address}).status_code == 200


@pytest.mark.parametrize(
    ("body", "setting", "sentence"),
    [
        (S3, "AWS_ACCESS_KEY", "Missing AWS S3 credentials for setting upload target: set AWS_ACCESS_KEY."),
        (S3, "AWS_SECRET_KEY", "Missing AWS S3 credentials for setting upload target: set AWS_SECRET_KEY."),
        (AZURE, "AZURE_ACCOUNT_KEY", "Missing Azure credentials for setting upload target: set AZURE_ACCOUNT_KEY."),
        (
            {"name": "AZURE", "accountName": "a"},
            "AZURE_CONTAINER",
            "Missing Azure credentials for setting upload target: set AZURE_CONTAINER.",
        ),
    ],
)
def test_missing_credentials_name_the_setting(
    owner: ApiClient, settings: Any, body: Mapping[str, Any], setting: str, sentence: str
) -> None:
    settings.VIDEOCONF = settings.VIDEOCONF | {setting: None}
    refused(owner.put(TARGET, body), 503, "storage_credentials_missing", sentence)
    assert not StorageTarget.objects.exists()


def test_secrets_do_not_travel(owner: ApiClient) -> None:
    error = error_of(owner.put(TARGET, {**S3, "accessKey": "AKIA", "secretKey": "s"}), 422)
    assert [detail["path"] for detail in error["details"]] == ["accessKey", "secretKey"]


def test_an_archive_of_a_scheduled_meeting_is_listed_too(owner: ApiClient, new_meeting: NewMeeting) -> None:
    meeting = new_meeting(is_scheduled=True, schedule_time=timezone.now() + timedelta(days=1))
    ArchiveFactory.create(meeting=meeting, name="early")
    ArchiveFactory.create(meeting=MeetingFactory.create(tenant="else"), name="of another tenant")
    assert names(owner) == ["early"]
