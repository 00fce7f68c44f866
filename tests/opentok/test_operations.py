"""Every operation over HTTP with Vonage behind it, and what it really does there."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from archives.models import Archive, StorageTarget
from tests.api.errors import error_of, refused
from tests.callers import ApiClient
from tests.opentok.house import SECRET, STORAGE_KEYS, House, good, run_due_tasks
from tests.servers import eventually
from tests.threads import in_threads
from tests.vonage import Refused, TokenRefused, faults
from tests.vonage.sessions import Session

pytestmark = pytest.mark.django_db


def session_of(house: House, link: str) -> Session:
    return house.vonage.sessions[house.session_id(link)]


# --- meetings -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "options", "traits"),
    [
        ({}, {}, (False, False, False)),
        ({"enableArchiving": True}, {}, (False, True, False)),
        ({"endToEndEncryption": True}, {}, (True, False, False)),
        ({"endToEndEncryption": True}, {"ENCRYPTION": "e2ee"}, (False, False, True)),
        ({}, {"ENCRYPTION": "e2ee"}, (False, False, False)),
    ],
    ids=["routed", "always", "relayed", "e2ee", "routed though e2ee could be"],
)
def test_create_makes_the_session_that_was_asked_for(
    house: House, body: dict[str, Any], options: dict[str, Any], traits: tuple[bool, bool, bool]
) -> None:
    house.configure(**options)

    link = house.create(**body, title="Talk", extId="order-7")

    (session,) = house.vonage.sessions.values()
    assert (session.is_relayed, session.is_archived_always, session.is_encrypted) == traits
    meeting = house.meeting(link)
    assert (meeting["sessionId"], meeting["provider"], meeting["state"]) == (session.id, "opentok", "open")
    assert (meeting["isArchived"], meeting["archiveId"]) == (body.get("enableArchiving", False), None)


def test_create_refuses_encryption_with_archiving_before_anything_is_made(house: House) -> None:
    answer = house.api.post("/session", {"endToEndEncryption": True, "enableArchiving": True})

    assert error_of(answer, 400)["message"] == "End to end Encryption along with archiving is not possible"
    assert not house.vonage.requests


def test_the_same_key_makes_one_session(house: House) -> None:
    answers = [good(house.api.post("/session", {"title": "A"}, idempotency_key="k1")).json() for _ in range(2)]

    assert answers[0] == answers[1]
    assert len(house.vonage.sessions) == 1


@pytest.mark.parametrize("role", ["moderator", "publisher", "subscriber"])
def test_token_opens_its_session_and_no_other(house: House, role: str) -> None:
    link, other = house.create(), house.create()
    until = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=2)

    token = house.token(link, role=role, data="Ann", expireTime=until.isoformat())

    claims = house.vonage.token_claims(token)
    assert (claims["session_id"], claims["role"]) == (house.session_id(link), role)
    assert (claims["connection_data"], claims["exp"]) == ("Ann", until.timestamp())
    with pytest.raises(TokenRefused):
        house.vonage.connect(house.session_id(other), token=token)
    connection = house.vonage.connect(house.session_id(link), token=token)
    if role == "subscriber":
        with pytest.raises(Refused):
            house.vonage.publish(connection)
    else:
        assert house.vonage.publish(connection)
    assert house.meeting(link)["state"] == "active"


def test_token_without_data_or_expiry_is_good_for_a_day(house: House) -> None:
    claims = house.vonage.token_claims(house.token(house.create()))

    assert claims["exp"] == pytest.approx(time.time() + 24 * 3600, abs=5)
    assert claims.get("connection_data", "") == ""
    assert claims["role"] == "publisher"


def test_edit_changes_the_meeting_and_asks_vonage_nothing(house: House) -> None:
    link = house.create()
    made = len(house.vonage.requests)

    answer = house.api.patch(f"/session/{link}", {"extId": "x", "extMetadata": {"a": [1]}})

    assert (answer.status_code, answer.content) == (204, b"")
    assert (house.meeting(link)["extId"], house.meeting(link)["extMetadata"]) == ("x", {"a": [1]})
    assert len(house.vonage.requests) == made
    error = error_of(house.api.patch(f"/session/{link}", {"isArchived": True}), 400)
    assert error["code"] == "feature_not_available"
    assert not house.meeting(link)["isArchived"]


def test_end_puts_everybody_out_stops_the_archive_and_closes_the_door(house: House) -> None:
    link = house.create()
    tabs = [house.join(link, name) for name in ("Ann", "Bea", "Bea", "Cem")]
    house.vonage.publish(tabs[0])
    archive_id = house.start(link)
    house.deliver()

    answer = house.api.patch(f"/session/{link}/end")

    assert (answer.status_code, answer.content) == (204, b"")
    assert not session_of(house, link).connections
    assert house.vonage.archives[archive_id].status == "stopped"
    house.deliver()
    assert house.here(link) == []
    assert {(one["attendee"], one["isDeleted"]) for one in house.attendees(link)} == {
        ("Ann", True),
        ("Bea", True),
        ("Cem", True),
    }
    assert house.status(archive_id) == "stopped"
    assert house.meeting(link)["state"] == "ended"
    refusal = error_of(house.api.post(f"/session/{link}/token", {}), 400)
    assert refusal["message"] == "This meeting has been expired"
    refusal = error_of(house.api.patch(f"/session/{link}/end"), 400)
    assert refusal["message"] == "Meeting has already been ended!"


def test_delete_of_a_meeting_that_people_are_in_ends_it(house: House) -> None:
    link = house.create()
    house.join(link, "Ann")
    session = session_of(house, link)

    assert house.api.delete(f"/session/{link}").status_code == 204

    assert not session.connections


@pytest.mark.django_db(transaction=True)
def test_who_comes_with_an_old_token_after_the_end_is_put_out_by_the_worker(house: House) -> None:
    link = house.create()
    token = house.token(link, data="Late")
    good(house.api.patch(f"/session/{link}/end"))
    run_due_tasks()
    house.vonage.connect(house.session_id(link), token=token)
    house.deliver()
    assert house.here(link) == ["Late"]

    run_due_tasks()

    assert not session_of(house, link).connections
    house.deliver()
    assert house.here(link) == []
    made = len(house.vonage.requests)
    run_due_tasks()
    assert len(house.vonage.requests) == made, "nothing is owed any more"


@pytest.mark.django_db(transaction=True)
def test_who_comes_while_the_others_are_put_out_is_put_out_too(legacy: House) -> None:
    link = legacy.create()
    token = legacy.token(link, data="Late")
    legacy.join(link, "Ann")
    legacy.vonage.fail("DELETE **", faults.late(1))

    def work(number: int) -> None:
        if number:
            good(ApiClient(legacy.api.token).patch(f"/session/{link}/end"))
            return
        eventually(lambda: legacy.calls("DELETE"), "Ann is being put out")
        legacy.vonage.connect(legacy.session_id(link), token=token)
        legacy.deliver()

    in_threads(2, work)
    assert [one.data for one in session_of(legacy, link).connections.values()] == ["Late"]

    run_due_tasks()

    assert not session_of(legacy, link).connections


# --- who is there ---------------------------------------------------------------------------------------------


def test_attendees_are_those_that_signed_callbacks_name(house: House) -> None:
    house.vonage.state.empties_data = True
    link = house.create()
    ann = house.join(link, "Ann", extId="user-1")
    again = house.join(link, "Ann", extId="user-1")
    house.join(link, "Bea")
    house.join(link)

    shown = {one["attendee"]: (one["extId"], one["isDeleted"]) for one in house.attendees(link)}
    assert shown == {"Ann": ("user-1", False), "Bea": (None, False), "": (None, False)}
    assert {one["sessionId"] for one in house.attendees(link)} == {house.session_id(link)}

    house.vonage.disconnect(ann)
    house.deliver()
    assert "Ann" in house.here(link), "her other tab is open"
    house.vonage.disconnect(again, "networkDisconnected")
    house.deliver()
    assert sorted(house.here(link)) == ["", "Bea"]
    report = house.api.get(f"/session/{link}/attendance").json()
    stays = {one["attendee"]: [stay["leftAt"] is not None for stay in one["intervals"]] for one in report}
    assert stays["Bea"] == [False]
    assert all(stays["Ann"])


def test_a_callback_that_is_not_signed_for_its_kind_changes_nothing(house: House) -> None:
    link = house.create()
    house.vonage.register("session", secret="another-secret-0123456789abcdef-0123456789")
    house.vonage.connect(house.session_id(link), token=house.token(link, data="Ann"))

    assert {house.bring(callback).status_code for callback in house.vonage.callbacks} == {401}
    assert house.attendees(link) == []


def test_remove_puts_all_tabs_of_one_person_out(house: House) -> None:
    link = house.create()
    first, second, bea = (house.join(link, name) for name in ("Ann", "Ann", "Bea"))
    (ann,) = [one["id"] for one in house.attendees(link) if one["attendee"] == "Ann"]

    answer = house.api.post(f"/session/{link}/attendees/{ann}/remove")

    assert (answer.status_code, answer.content) == (204, b"")
    assert list(session_of(house, link).connections) == [bea]
    assert len(house.calls(f"/connection/{first}") + house.calls(f"/connection/{second}")) == 2
    house.deliver()
    assert house.here(link) == ["Bea"]


def test_mute_silences_all_streams_of_one_person(house: House) -> None:
    link = house.create()
    ann, bea = house.join(link, "Ann"), house.join(link, "Bea")
    hers = [house.vonage.publish(ann), house.vonage.publish(ann, video_type="screen")]
    other = house.vonage.publish(bea)
    house.deliver()
    (person,) = [one["id"] for one in house.attendees(link) if one["attendee"] == "Ann"]

    assert house.api.post(f"/session/{link}/attendees/{person}/mute").status_code == 204

    streams = session_of(house, link).streams
    assert [streams[one].is_muted for one in (*hers, other)] == [True, True, False]


def test_mute_all_silences_everybody_who_is_there_and_nobody_who_comes(house: House) -> None:
    link = house.create()
    early = [house.vonage.publish(house.join(link, name)) for name in ("Ann", "Bea")]

    assert house.api.post(f"/session/{link}/mute").status_code == 204

    late = house.vonage.publish(house.join(link, "Cem"))
    streams = session_of(house, link).streams
    assert [streams[one].is_muted for one in (*early, late)] == [True, True, False]


def test_moderation_of_an_empty_room_is_no_failure(house: House) -> None:
    link = house.create()
    connection = house.join(link, "Ann")
    (ann,) = [one["id"] for one in house.attendees(link)]
    house.vonage.disconnect(connection)  # and Vonage has not said so yet

    for path in (f"attendees/{ann}/mute", f"attendees/{ann}/remove", "mute"):
        assert house.api.post(f"/session/{link}/{path}").status_code == 204


# --- archives -------------------------------------------------------------------------------------------------


def test_an_archive_s_whole_life(house: House) -> None:
    link = house.create()
    house.vonage.publish(house.join(link, "Ann"))
    body = {"name": "Talk", "resolution": "1280x720", "layout": {"type": "pip"}}

    started = good(house.api.post(f"/session/{link}/archives", body)).json()

    archive_id = started["metaData"]["id"]
    archive = house.vonage.archives[archive_id]
    assert archive.asked | {"sessionId": ""} == body | {"sessionId": ""}
    assert (started["name"], started["sessionId"]) == ("Talk", house.session_id(link))
    assert (started["metaData"]["status"], started["metaData"]["url"]) == ("started", None)
    meeting = house.meeting(link)
    assert (meeting["isArchived"], meeting["archiveId"], meeting["uploadTarget"]) == (True, archive_id, None)
    again = error_of(house.api.post(f"/session/{link}/archives", {}), 409)
    assert again["code"] == "archive_running"
    assert error_of(house.api.delete(f"/archives/{archive_id}"), 409)["code"] == "archive_running"

    stopped = good(house.api.post(f"/archives/{archive_id}/stop")).json()
    assert stopped["metaData"]["status"] == archive.status == "stopped"
    assert error_of(house.api.get(f"/archives/{archive_id}/download"), 409)["code"] == "archive_not_available"

    house.vonage.finish_archive(archive_id)
    house.deliver()
    listed = house.api.get("/archives").json()
    assert (listed["count"], listed["items"][0]["metaData"]["status"]) == (1, "available")
    assert listed["items"][0]["metaData"]["url"] is None
    first, second = (house.archive(archive_id)["metaData"] for _ in range(2))
    assert first["size"] == archive.size > 0
    assert first["url"] != second["url"], "each link is fresh"
    assert requests.get(second["url"], timeout=5).content == archive.file()
    download = house.api.get(f"/archives/{archive_id}/download")
    assert download.status_code == 302
    assert requests.get(download["Location"], timeout=5).status_code == 200
    assert not Archive.objects.filter(storage_key__contains="http").exists()

    answer = house.api.delete(f"/archives/{archive_id}")
    assert (answer.status_code, answer.content) == (200, b"null")
    assert archive.status == "deleted"
    refused(house.api.get(f"/archives/{archive_id}"), 404, "archive_not_found", "Archive Not Found")
    assert house.api.get("/archives").json() == {"count": 0, "items": []}


def test_an_archive_can_not_start_where_nobody_is(house: House) -> None:
    link = house.create()

    error = error_of(house.api.post(f"/session/{link}/archives", {}), 409)

    assert error["code"] == "archive_conflict"
    assert "start when someone has joined" in error["message"]
    assert not Archive.objects.exists()
    house.join(link, "Ann")
    assert house.start(link) in house.vonage.archives


def test_an_archive_of_an_encrypted_meeting_is_refused(house: House) -> None:
    link = house.create(endToEndEncryption=True)
    house.join(link, "Ann")

    error = error_of(house.api.post(f"/session/{link}/archives", {}), 400)

    assert error["code"] == "encryption_with_archiving"
    assert not house.calls("/archive")


def test_an_individual_archive_is_a_zip_in_the_bucket(house: House) -> None:
    good(house.api.put("/archives/storage-target", {"name": "AWSS3", "bucket": "b"}))
    link = house.create()
    house.join(link, "Ann")
    archive_id = house.start(link, outputMode="individual")
    house.vonage.finish_archive(archive_id)
    house.deliver()  # callbacks do not say which mode it was

    row = Archive.objects.get()
    assert (row.status, row.output_mode, row.storage_key) == (
        "uploaded",
        "individual",
        house.vonage.object_key(archive_id),
    )


def test_always_mode_records_from_the_first_join_and_ends_with_the_meeting(house: House) -> None:
    link = house.create(enableArchiving=True)
    assert house.meeting(link)["isArchived"]
    house.join(link, "Ann")

    (archive,) = house.vonage.archives.values()
    meta = house.archive(archive.id)["metaData"]
    assert (meta["id"], meta["status"], meta["outputMode"]) == (archive.id, "started", "composed")
    assert house.meeting(link)["archiveId"] == archive.id
    error = error_of(house.api.post(f"/archives/{archive.id}/stop"), 409)
    assert "automatic" in error["message"]
    assert error_of(house.api.post(f"/session/{link}/archives", {}), 409)["code"] == "archive_running"

    good(house.api.patch(f"/session/{link}/end"))
    assert archive.status == "stopped"
    house.deliver()
    assert house.status(archive.id) == "stopped"


def test_an_archive_of_unknown_fate_is_told_as_vonage_has_it(house: House) -> None:
    link = house.create()
    house.join(link, "Ann")
    archive_id = house.start(link)
    house.vonage.finish_archive(archive_id)
    house.lose()

    assert house.status(archive_id) == "started"
    assert house.archive(archive_id)["metaData"]["status"] == "available"
    assert house.status(archive_id) == "available"


# --- storage target -------------------------------------------------------------------------------------------


def test_the_storage_target_is_told_with_the_secrets_of_the_settings(house: House) -> None:
    body = {"name": "AWSS3", "bucket": "b", "endpoint": "https://s3.example.org", "fallback": "opentok"}

    answer = house.api.put("/archives/storage-target", body)

    assert (answer.status_code, answer.content) == (200, b"null")
    assert house.vonage.storage == {
        "type": "s3",
        "config": {
            "accessKey": STORAGE_KEYS["AWS_ACCESS_KEY"],
            "secretKey": STORAGE_KEYS["AWS_SECRET_KEY"],
            "bucket": "b",
            "endpoint": "https://s3.example.org",
        },
        "fallback": "opentok",
    }
    assert house.api.get("/archives/storage-target").json() == body

    good(house.api.put("/archives/storage-target", {"name": "AZURE", "accountName": "clinic"}))
    assert house.vonage.storage == {
        "type": "azure",
        "config": {
            "accountName": "clinic",
            "accountKey": STORAGE_KEYS["AZURE_ACCOUNT_KEY"],
            "container": "default-container",
        },
        "fallback": "none",
    }
    rows = str(list(StorageTarget.objects.values()))
    assert not any(STORAGE_KEYS[name] in rows for name in STORAGE_KEYS if name.endswith("_KEY"))

    assert house.api.delete("/archives/storage-target").status_code == 204
    assert house.vonage.storage is None
    assert house.api.get("/archives/storage-target").status_code == 404


def test_an_archive_with_a_target_is_uploaded_and_its_meeting_says_where(house: House) -> None:
    good(house.api.put("/archives/storage-target", {"name": "AWSS3", "bucket": "recordings"}))
    link = house.create()
    house.join(link, "Ann")
    archive_id = house.start(link)
    house.vonage.finish_archive(archive_id)
    house.deliver()

    assert house.meeting(link)["uploadTarget"] == "s3://recordings"
    row = Archive.objects.get()
    assert row.target == StorageTarget.objects.alive().get()
    assert row.storage_key == house.vonage.object_key(archive_id)
    assert house.archive(archive_id)["metaData"]["status"] == "uploaded"


def test_an_application_may_sign_storage_calls_with_its_secret(legacy: House) -> None:
    legacy.configure(STORAGE_SECRET="secret-of-the-account")

    legacy.api.put("/archives/storage-target", {"name": "AWSS3", "bucket": "b"})

    assert legacy.vonage.requests[-1].headers["authorization"].startswith("Basic ")


# --- the rest -------------------------------------------------------------------------------------------------


def test_another_tenant_sees_and_does_nothing(legacy: House, member: Any, settings: Any) -> None:
    link = legacy.create()
    legacy.join(link, "Ann")
    archive_id = legacy.start(link)
    settings.VIDEOCONF = settings.VIDEOCONF | {"TENANT_CLAIM": "tenantId"}
    names = ("StopMeeting", "GetMeetingArchives", "StopMeetingArchive", "DeleteMeetingArchive", "GenerateMeetingToken")
    other: ApiClient = member(*names, tenantId="other")
    made = len(legacy.vonage.requests)

    answers = [
        other.patch(f"/session/{link}/end"),
        other.post(f"/session/{link}/token", {}),
        other.get(f"/archives/{archive_id}"),
        other.post(f"/archives/{archive_id}/stop"),
        other.delete(f"/archives/{archive_id}"),
    ]

    assert [answer.status_code for answer in answers] == [404] * 5
    assert other.get("/archives").json()["count"] == 0
    assert len(legacy.vonage.requests) == made


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("late", [False, True])
def test_a_meeting_that_others_let_people_into_is_ended_when_it_is_deleted(legacy: House, late: bool) -> None:
    """They have tokens that were not issued here, as while the original still runs beside."""
    link = legacy.create()
    session_id = legacy.session_id(link)
    if not late:
        legacy.vonage.connect(session_id, data="Ann")
        legacy.deliver()
        archive_id = legacy.start(link)
    assert legacy.api.delete(f"/session/{link}").status_code == 204
    if late:
        legacy.vonage.connect(session_id, data="Ann")
        legacy.deliver()
        run_due_tasks()
    else:
        assert legacy.vonage.archives[archive_id].status != "started"
    assert not legacy.vonage.sessions[session_id].connections


@pytest.mark.parametrize(
    ("layout", "words"),
    [
        ({"type": "custom"}, "stylesheet goes with the type custom"),
        ({"type": "bestFit", "stylesheet": "stream {}"}, "stylesheet goes with the type custom"),
        ({"type": "bestFit", "screenshareType": 5}, "screenshareType goes with"),
        ({"type": "pip", "screenshareType": "pip"}, "screenshareType goes with"),
        ({"type": "mosaic"}, "layout.type must be one of"),
        ({"kind": "pip"}, "not 'kind'"),
    ],
)
def test_a_layout_that_vonage_would_refuse_is_the_callers_mistake(
    legacy: House, layout: dict[str, Any], words: str
) -> None:
    link = legacy.create()
    legacy.join(link, "Ann")
    answer = legacy.api.post(f"/session/{link}/archives", {"layout": layout})
    assert answer.status_code == 400
    assert words in answer.json()["error"]["message"]
    assert not Archive.objects.exists()
    for good_one in ({"type": "custom", "stylesheet": "stream {}"}, {"type": "bestFit", "screenshareType": "pip"}):
        archive_id = legacy.start(link, layout=good_one)
        legacy.api.post(f"/archives/{archive_id}/stop")


def test_an_endpoint_without_a_scheme_is_told_with_one(legacy: House) -> None:
    target = {"name": "AWSS3", "bucket": "b", "endpoint": "minio.example.com", "fallback": "none"}
    assert legacy.api.put("/archives/storage-target", target).status_code == 200
    assert json.loads(legacy.vonage.requests[-1].body)["config"]["endpoint"] == "https://minio.example.com"


def test_a_secret_that_vonage_repeats_is_kept_nowhere(legacy: House) -> None:
    link = legacy.create()
    legacy.join(link, "Ann")
    archive_id = legacy.start(link)
    legacy.vonage.finish_archive(archive_id)
    legacy.deliver()
    words = json.dumps({"message": f"bad key {SECRET}"}).encode()
    legacy.vonage.fail("DELETE /**", faults.Fault(status=400, body=words, content_type="application/json"))
    legacy.api.delete(f"/archives/{archive_id}")
    assert "bad key [redacted]" in Archive.objects.get().removal_error


@pytest.mark.django_db(transaction=True)
def test_who_comes_is_heard_though_muting_everybody_broke_off(legacy: House) -> None:
    link = legacy.create()
    early = legacy.vonage.publish(legacy.join(link, "Ann"))
    session = session_of(legacy, link)
    legacy.vonage.fail("POST /**/mute", faults.Fault(), times=1)  # the first call is as ever
    legacy.vonage.fail("POST /**/mute", faults.Fault(status=500), times=4)  # lifting is not, nor its repetitions
    assert legacy.api.post(f"/session/{link}/mute").status_code == 502
    assert (session.streams[early].is_muted, session.is_muted) == (True, True)

    run_due_tasks()
    legacy.vonage.heal()
    run_due_tasks()

    assert not session.is_muted
    assert not session.streams[legacy.vonage.publish(legacy.join(link, "Ben"))].is_muted
