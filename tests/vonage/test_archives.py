"""Archives of the stand-in: the SDK is content with them, and statuses are those of the real ones."""

from __future__ import annotations

import io
import zipfile
from typing import Any

import opentok
import pytest
import requests
from opentok.exceptions import ArchiveError, AuthError, NotFoundError, RequestError

from tests.vonage import Application, StandIn, new_private_key
from tests.vonage.callers import APPLICATION_ID, KEY, call, new_session, signed
from tests.vonage.recorder import RELAYED

S3 = {
    "type": "s3",
    "config": {"accessKey": "AK", "secretKey": "SK", "bucket": "b", "endpoint": "https://s3.example.com", "sse": "s3"},
    "fallback": "none",
}
AZURE = {
    "type": "azure",
    "config": {"accountName": "a", "accountKey": "k", "container": "c", "domain": "core.example.com"},
    "fallback": "opentok",
}


def started(vonage: StandIn, session_id: str, **asked: Any) -> dict[str, Any]:
    answer = call(vonage, "POST", "/archive", {"sessionId": session_id} | asked)
    assert answer.status_code == 200, answer.text
    document: dict[str, Any] = answer.json()
    return document


@pytest.fixture
def busy(legacy: StandIn) -> str:
    """A session that somebody is in."""
    session_id = new_session(legacy)
    legacy.connect(session_id)
    return session_id


def test_sdk_starts_stops_gets_lists_and_deletes_archive(vonage: StandIn, sdk: Any) -> None:
    session_id = sdk.create_session(media_mode=opentok.MediaModes.routed).session_id
    with pytest.raises(NotFoundError):
        sdk.start_archive(session_id)
    vonage.connect(session_id, token=sdk.generate_token(session_id))
    archive = sdk.start_archive(session_id, name="Talk", resolution="1280x720")
    assert (archive.status, archive.name, archive.session_id) == ("started", "Talk", session_id)
    with pytest.raises(ArchiveError, match="409"):
        sdk.start_archive(session_id)
    with pytest.raises(RequestError):
        sdk.delete_archive(archive.id)
    assert sdk.stop_archive(archive.id).status == "stopped"
    with pytest.raises(ArchiveError):
        sdk.stop_archive(archive.id)
    vonage.finish_archive(archive.id)
    assert sdk.get_archive(archive.id).status == "available"
    assert [one.id for one in sdk.list_archives(session_id=session_id)] == [archive.id]
    sdk.delete_archive(archive.id)
    assert len(sdk.list_archives()) == 0
    with pytest.raises(NotFoundError):
        sdk.get_archive(archive.id)


def test_sdk_of_another_project_sees_no_archives(vonage: StandIn, sdk: Any) -> None:
    sdk.api_key = sdk.endpoints.api_key = "1234567"
    with pytest.raises(AuthError):
        sdk.list_archives()


def test_archive_names_the_project_of_its_kind(vonage: StandIn, sdk: Any) -> None:
    session_id = sdk.create_session(media_mode=opentok.MediaModes.routed).session_id
    vonage.connect(session_id)
    sdk.start_archive(session_id)
    (archive,) = vonage.archives.values()
    said = vonage.state.recorder.document(archive)
    is_application = isinstance(vonage.project, Application)
    assert said.get("applicationId") == (APPLICATION_ID if is_application else None)
    assert said.get("partnerId") == (None if is_application else int(KEY))


def test_archive_has_link_while_available_and_none_when_uploaded(legacy: StandIn, busy: str) -> None:
    archive_id = started(legacy, busy)["id"]
    running = call(legacy, "GET", f"/archive/{archive_id}").json()
    assert (running["url"], running["size"], running["duration"]) == (None, 0, 0)
    legacy.finish_archive(archive_id)
    first, second = (call(legacy, "GET", f"/archive/{archive_id}").json() for _ in range(2))
    assert first["url"] != second["url"]
    file = requests.get(first["url"], timeout=5)
    assert (file.headers["Content-Type"], file.content[4:8]) == ("video/mp4", b"ftyp")
    assert len(file.content) == first["size"]
    legacy.finish_archive(archive_id, "uploaded")
    assert call(legacy, "GET", f"/archive/{archive_id}").json()["url"] is None
    assert requests.get(first["url"], timeout=5).status_code == 403


def test_link_ends(legacy: StandIn, busy: str) -> None:
    legacy.state.recorder.links.lifetime = 0
    archive_id = started(legacy, busy)["id"]
    legacy.finish_archive(archive_id)
    stale = requests.get(call(legacy, "GET", f"/archive/{archive_id}").json()["url"], timeout=5)
    assert (stale.status_code, stale.headers["Content-Type"]) == (403, "application/xml")


def test_individual_archive_is_a_zip_without_resolution(legacy: StandIn, busy: str) -> None:
    archive_id = started(legacy, busy, outputMode="individual")["id"]
    legacy.finish_archive(archive_id)
    said = call(legacy, "GET", f"/archive/{archive_id}").json()
    assert said["resolution"] is None
    assert legacy.object_key(archive_id) == f"{KEY}/{archive_id}/archive.zip"
    with zipfile.ZipFile(io.BytesIO(requests.get(said["url"], timeout=5).content)) as packed:
        assert packed.namelist() == [f"{archive_id}.json"]


@pytest.mark.parametrize(
    "asked",
    [
        {"sessionId": None},
        {"sessionId": ""},
        {"sessionId": "nonsense"},
        {"unknown": 1},
        {"name": 5},
        {"hasAudio": "yes"},
        {"hasAudio": False, "hasVideo": False},
        {"outputMode": "both"},
        {"streamMode": "some"},
        {"resolution": "1x1"},
        {"outputMode": "individual", "resolution": "640x480"},
        {"outputMode": "individual", "layout": {"type": "pip"}},
        {"maxBitrate": 1},
        {"maxBitrate": True},
        {"quantizationParameter": 50},
        {"quantizationParameter": 20, "maxBitrate": 200_000},
        {"layout": {"type": "custom"}},
        {"layout": {"type": "pip", "stylesheet": "x"}},
        {"layout": {"type": "pip", "screenshareType": "pip"}},
        {"layout": {}},
        {"layout": []},
    ],
)
def test_start_with_wrong_property_is_400(legacy: StandIn, busy: str, asked: dict[str, Any]) -> None:
    answer = call(legacy, "POST", "/archive", {"sessionId": busy} | asked)
    assert answer.status_code == 400, answer.text
    assert set(answer.json()) == {"code", "message", "description"}
    assert not legacy.archives


def test_start_without_json_is_400(legacy: StandIn) -> None:
    for how in ({"data": "{}"}, {"data": "{", "headers": signed() | {"Content-Type": "application/json"}}):
        assert call(legacy, "POST", "/archive", **how).status_code == 400


def test_start_is_404_for_unknown_session_and_409_for_relayed_or_encrypted_one(legacy: StandIn, busy: str) -> None:
    unknown = busy[:-4] + "AAAA"
    assert call(legacy, "POST", "/archive", {"sessionId": unknown}).status_code == 404
    for form in ({"p2p.preference": "enabled"}, {"e2ee": "true"}):
        session_id = new_session(legacy, **form)
        legacy.connect(session_id)
        answer = call(legacy, "POST", "/archive", {"sessionId": session_id})
        assert answer.status_code == 409
        assert (answer.json()["code"] == RELAYED) is ("p2p.preference" in form)


def test_second_archive_needs_a_tag_of_its_own(legacy: StandIn, busy: str) -> None:
    started(legacy, busy)
    assert call(legacy, "POST", "/archive", {"sessionId": busy}).status_code == 409
    started(legacy, busy, multiArchiveTag="a")
    assert call(legacy, "POST", "/archive", {"sessionId": busy, "multiArchiveTag": "a"}).status_code == 409


def test_archives_are_listed_by_pages_newest_first_with_total_count(legacy: StandIn, busy: str) -> None:
    ids = [started(legacy, busy, multiArchiveTag=str(number))["id"] for number in range(5)][::-1]
    assert [one["id"] for one in call(legacy, "GET", "/archive").json()["items"]] == ids
    page = call(legacy, "GET", "/archive?offset=1&count=2").json()
    assert (page["count"], [one["id"] for one in page["items"]]) == (5, ids[1:3])
    other = new_session(legacy)
    assert call(legacy, "GET", f"/archive?sessionId={other}").json() == {"count": 0, "items": []}
    for query in ("count=1001", "offset=-1", "offset=x", "session=1"):
        assert call(legacy, "GET", f"/archive?{query}").status_code == 400


def test_automatic_archive_starts_with_first_client_and_cant_be_stopped_by_call(legacy: StandIn) -> None:
    form = {"archiveMode": "always", "archiveName": "A", "archiveResolution": "1280x720"}
    session_id = new_session(legacy, **form)
    connection = legacy.connect(session_id)
    legacy.connect(session_id)
    (archive,) = legacy.archives.values()
    said = call(legacy, "GET", f"/archive/{archive.id}").json()
    assert (said["name"], said["resolution"], said["status"]) == ("A", "1280x720", "started")
    assert call(legacy, "POST", f"/archive/{archive.id}/stop").status_code == 409
    legacy.disconnect(connection)
    assert archive.status == "started"
    legacy.destroy_session(session_id)
    assert archive.status == "stopped"
    legacy.connect(session_id)
    assert len(legacy.archives) == 2


def test_archive_pauses_while_nobody_publishes_and_ends_after_all_have_left(legacy: StandIn, busy: str) -> None:
    (connection,) = legacy.sessions[busy].connections
    archive = legacy.archives[started(legacy, busy)["id"]]
    stream = legacy.publish(connection)
    assert archive.status == "started"
    legacy.unpublish(stream)
    assert archive.status == "paused"
    legacy.publish(connection)
    assert archive.status == "started"
    legacy.disconnect(connection)
    assert (archive.status, archive.reason) == ("stopped", "session ended")
    statuses = [callback.document["status"] for callback in legacy.callbacks_of("archive.*")]
    assert statuses == ["started", "paused", "started", "paused", "stopped"]


def test_streams_are_chosen_by_hand_in_manual_mode_alone(legacy: StandIn, busy: str) -> None:
    (connection,) = legacy.sessions[busy].connections
    stream = legacy.publish(connection)
    by_itself, by_hand = (
        started(legacy, busy)["id"],
        started(legacy, busy, streamMode="manual", multiArchiveTag="m")["id"],
    )
    assert call(legacy, "PATCH", f"/archive/{by_itself}/streams", {"addStream": stream}).status_code == 405
    path = f"/archive/{by_hand}/streams"
    assert call(legacy, "PATCH", path, {"addStream": "x"}).status_code == 404
    assert call(legacy, "PATCH", path, {}).status_code == 400
    assert call(legacy, "PATCH", path, {"addStream": stream, "hasVideo": False}).status_code == 204
    (said,) = call(legacy, "GET", f"/archive/{by_hand}").json()["streams"]
    assert said == {"streamId": stream, "hasAudio": True, "hasVideo": False}
    assert call(legacy, "PATCH", path, {"removeStream": stream}).status_code == 204
    (added,), (removed,) = legacy.callbacks_of("archive.streamAdded"), legacy.callbacks_of("archive.streamRemoved")
    assert added.document["stream"] == removed.document["stream"] == {"id": stream}


def test_layout_is_set_on_running_composed_archive(legacy: StandIn, busy: str) -> None:
    archive_id = started(legacy, busy)["id"]
    assert call(legacy, "PUT", f"/archive/{archive_id}/layout", {"type": "pip"}).status_code == 200
    assert legacy.archives[archive_id].asked["layout"] == {"type": "pip"}
    assert call(legacy, "PUT", f"/archive/{archive_id}/layout", {"type": "tiles"}).status_code == 400
    assert call(legacy, "PUT", "/archive/unknown/layout", {"type": "pip"}).status_code == 404


@pytest.mark.parametrize("target", [S3, AZURE])
def test_storage_target_is_put_and_deleted_and_archives_go_there(
    legacy: StandIn, busy: str, target: dict[str, Any]
) -> None:
    put = call(legacy, "PUT", "/archive/storage", target)
    assert (put.status_code, put.content, legacy.storage) == (200, b"", target)
    archive_id = started(legacy, busy)["id"]
    legacy.finish_archive(archive_id)
    assert legacy.archives[archive_id].status == "uploaded"
    assert call(legacy, "DELETE", "/archive/storage").status_code == 204
    assert legacy.storage is None
    assert call(legacy, "DELETE", "/archive/storage").status_code == 404


@pytest.mark.parametrize(
    "target",
    [
        {"accessKey": "AK", "secretKey": "SK", "bucket": "b"},
        S3 | {"type": "S3"},
        S3 | {"fallback": "all"},
        {"type": "s3", "config": S3["config"]},
        {"type": "s3", "config": "b", "fallback": "none"},
        [],
    ],
)
def test_storage_target_without_its_parts_is_400_in_vonages_words(legacy: StandIn, target: Any) -> None:
    answer = call(legacy, "PUT", "/archive/storage", target)
    assert answer.status_code == 400
    assert answer.json()["message"] == "Is not one of the valid setmay not be emptyInput parameter may not be null"


@pytest.mark.parametrize(
    "target",
    [
        S3 | {"more": 1},
        S3 | {"config": {"accessKey": "AK", "secretKey": "SK"}},
        S3 | {"config": {"accessKey": "AK", "secretKey": "SK", "bucket": "b", "region": "eu"}},
        S3 | {"config": {"accessKey": "AK", "secretKey": "SK", "bucket": "b", "endpoint": "s3.example.com"}},
        S3 | {"config": {"accessKey": "AK", "secretKey": "SK", "bucket": "b", "sse": "kms"}},
        AZURE | {"config": S3["config"]},
    ],
)
def test_storage_target_with_wrong_config_is_400(legacy: StandIn, target: Any) -> None:
    assert call(legacy, "PUT", "/archive/storage", target).status_code == 400
    assert legacy.storage is None


def test_storage_call_may_be_basic_if_the_application_has_a_secret() -> None:
    with StandIn(Application(APPLICATION_ID, new_private_key(), api_secret="hush")) as vonage:
        address = f"{vonage.url}/v2/project/{APPLICATION_ID}/archive"
        assert requests.put(f"{address}/storage", json=S3, auth=(APPLICATION_ID, "hush"), timeout=5).status_code == 200
        assert requests.put(f"{address}/storage", json=S3, auth=(APPLICATION_ID, "no"), timeout=5).status_code == 403
        assert requests.get(address, auth=(APPLICATION_ID, "hush"), timeout=5).status_code == 403


def test_archive_finishes_by_itself_if_told(legacy: StandIn, busy: str) -> None:
    legacy.state.recorder._finishes_after = 0.01
    archive_id = started(legacy, busy)["id"]
    call(legacy, "POST", f"/archive/{archive_id}/stop")
    for timer in list(legacy.state.recorder._timers):
        timer.join()
    assert legacy.archives[archive_id].status == "available"
