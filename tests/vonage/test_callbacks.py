"""Callbacks of the stand-in: their shapes, their signatures, and how they go astray."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import jwt
import pytest
import requests

from tests.vonage import Application, Kind, Manner, StandIn
from tests.vonage.callers import KEY, call, new_session
from tests.vonage.receivers import Receiver

SECRET = "signature-secret-of-the-session-kind-0123456789"
ARCHIVE_SECRET = "signature-secret-of-the-archive-kind-0123456789"


@pytest.fixture
def wired(legacy: StandIn, receiver: Receiver) -> StandIn:
    """A stand-in that calls back."""
    legacy.register("session", f"{receiver.url}/session", SECRET)
    legacy.register(Kind.ARCHIVE, f"{receiver.url}/archive", ARCHIVE_SECRET)
    return legacy


def claims(headers: dict[str, str], secret: str = SECRET) -> dict[str, Any]:
    token = headers["authorization"].removeprefix("Bearer ")
    return jwt.decode(token, secret, algorithms=["HS256"], issuer="Vonage")


def test_whole_life_of_a_session_is_told_in_order(wired: StandIn, receiver: Receiver) -> None:
    session_id = new_session(wired)
    ann = wired.connect(session_id, data="Ann")
    stream = wired.publish(ann, name="Ann's")
    wired.disconnect(ann, "networkDisconnected")
    wired.settle()
    created, connected, published, unpublished, gone, ended = receiver.documents
    assert [said["event"] for said in receiver.documents] == [
        "sessionCreated",
        "connectionCreated",
        "streamCreated",
        "streamDestroyed",
        "connectionDestroyed",
        "sessionDestroyed",
    ]
    assert all((said["sessionId"], said["projectId"]) == (session_id, KEY) for said in receiver.documents)
    assert all(isinstance(said["timestamp"], int) for said in receiver.documents)
    assert set(created) == {"sessionId", "projectId", "event", "timestamp"}
    assert connected["connection"] | {"createdAt": 0} == {"id": ann, "createdAt": 0, "data": "Ann"}
    assert "reason" not in connected
    assert set(published["stream"]) == {"id", "connection", "createdAt", "name", "videoType"}
    assert (published["stream"]["id"], published["stream"]["connection"]) == (stream, connected["connection"])
    assert "connection" not in published
    assert "connection" not in unpublished
    assert {unpublished["reason"], gone["reason"], ended["reason"]} == {"networkDisconnected"}
    assert gone["connection"] == connected["connection"]


def test_data_may_be_empty_after_creation_and_sound_alone_has_no_video_type(wired: StandIn, receiver: Receiver) -> None:
    wired.state.empties_data = True
    ann = wired.connect(new_session(wired), data="Ann")
    wired.publish(ann, video_type=None)
    wired.disconnect(ann)
    wired.settle()
    _, connected, published, unpublished, gone, _ = receiver.documents
    assert connected["connection"]["data"] == "Ann"
    assert published["stream"]["connection"]["data"] == unpublished["stream"]["connection"]["data"] == ""
    assert gone["connection"]["data"] == ""
    assert "videoType" not in published["stream"]


def test_forced_disconnect_by_call_is_told(wired: StandIn, receiver: Receiver) -> None:
    session_id = new_session(wired)
    ann, _ = wired.connect(session_id), wired.connect(session_id)
    wired.publish(ann)
    assert call(wired, "DELETE", f"/session/{session_id}/connection/{ann}").status_code == 204
    wired.settle()
    unpublished, gone = receiver.documents[-2:]
    assert (unpublished["event"], unpublished["reason"]) == ("streamDestroyed", "forceDisconnected")
    assert (gone["event"], gone["reason"], gone["connection"]["id"]) == (
        "connectionDestroyed",
        "forceDisconnected",
        ann,
    )


def test_rotation_notifies_stops_archives_and_destroys(wired: StandIn, receiver: Receiver) -> None:
    session_id = new_session(wired, archiveMode="always")
    wired.connect(session_id)
    wired.rotate_server(session_id)
    wired.connect(session_id)
    wired.settle()
    assert receiver.events == [
        "sessionCreated",
        "connectionCreated",
        "started",
        "sessionNotification",
        "stopped",
        "sessionDestroyed",
        "sessionCreated",
        "connectionCreated",
        "started",
    ]
    assert receiver.documents[5]["reason"] == "serverRotation"


def test_archive_callback_has_shape_and_time_of_its_own(wired: StandIn, receiver: Receiver) -> None:
    session_id = new_session(wired)
    wired.connect(session_id)
    started = call(wired, "POST", "/archive", {"sessionId": session_id, "name": "Talk"}).json()
    wired.finish_archive(started["id"])
    wired.settle()
    archive = [document for path, _, body in receiver.taken if path == "/archive" for document in [json.loads(body)]]
    assert [said["status"] for said in archive] == ["started", "stopped", "available"]
    last = archive[-1]
    assert set(last) >= {"id", "event", "status", "name", "reason", "sessionId", "partnerId", "createdAt", "duration"}
    assert (last["event"], last["partnerId"], last["name"]) == ("archive", int(KEY), "Talk")
    assert last["createdAt"] % 1000 == 0
    assert last["createdAt"] < started["createdAt"]
    assert requests.get(last["url"], timeout=5).status_code == 200
    assert {archive[0]["url"], archive[1]["url"]} == {None}


def test_each_kind_is_signed_with_its_own_secret(wired: StandIn, receiver: Receiver) -> None:
    wired.connect(new_session(wired, archiveMode="always"))
    wired.settle()
    for path, headers, body in receiver.taken:
        said = claims(headers, ARCHIVE_SECRET if path == "/archive" else SECRET)
        assert said["payload_hash"] == hashlib.sha256(body).hexdigest()
        assert said["api_key"] == KEY
        assert {"iat", "jti", "iss"} <= said.keys()
        assert "exp" not in said
        assert headers["content-type"] == "application/json"


def test_application_is_named_in_the_signature(vonage: StandIn, sdk: Any) -> None:
    vonage.register("session", secret=SECRET)
    vonage.connect(sdk.create_session().session_id)
    callback = vonage.callbacks[0]
    said = claims({"authorization": callback.headers["Authorization"]})
    is_application = isinstance(vonage.project, Application)
    assert said.get("application_id") == (vonage.project.identifier if is_application else None)
    assert callback.attempts == []


@pytest.mark.parametrize(
    ("manner", "is_signed", "is_by_us", "is_true"),
    [
        (Manner(), True, True, True),
        (Manner(signature="none"), False, False, False),
        (Manner(signature="wrong"), True, False, False),
        (Manner(signature="tampered"), True, True, False),
        (Manner(is_spaced=True), True, True, True),
        (Manner(is_spaced=True, hashes_compact=True), True, True, False),
    ],
)
def test_signature_can_be_wrong_in_every_way(
    wired: StandIn, receiver: Receiver, manner: Manner, *, is_signed: bool, is_by_us: bool, is_true: bool
) -> None:
    wired.treat("connectionCreated", manner)
    wired.connect(new_session(wired))
    wired.settle()
    _, headers, body = receiver.taken[1]
    assert ("authorization" in headers) is is_signed
    if not is_signed:
        return
    if not is_by_us:
        with pytest.raises(jwt.InvalidSignatureError):
            claims(headers)
        return
    assert (claims(headers)["payload_hash"] == hashlib.sha256(body).hexdigest()) is is_true
    assert (b": " in body) is manner.is_spaced


def test_callback_can_be_old_doubled_delayed_or_dropped(wired: StandIn, receiver: Receiver) -> None:
    wired.treat("sessionCreated", Manner(delay=0.1, age=3600))
    wired.treat("connectionCreated", Manner(copies=2))
    wired.treat("connectionCreated", Manner(is_dropped=True), times=None)
    session_id = new_session(wired)
    wired.connect(session_id)
    wired.connect(session_id)
    wired.settle()
    assert receiver.events == ["connectionCreated", "connectionCreated", "sessionCreated"]
    assert receiver.taken[0][2] == receiver.taken[1][2]
    assert claims(receiver.taken[2][1])["iat"] < wired.callbacks[0].attempts[0].at - 3000
    assert [callback.is_dropped for callback in wired.callbacks] == [False, False, False, True]


def test_callbacks_held_back_are_released_in_another_order_and_sent_again(wired: StandIn, receiver: Receiver) -> None:
    wired.hold()
    session_id = new_session(wired)
    wired.disconnect(wired.connect(session_id))
    wired.settle()
    assert not receiver.taken
    assert wired.release("backwards") == 4
    wired.settle()
    assert receiver.events == ["sessionDestroyed", "connectionDestroyed", "connectionCreated", "sessionCreated"]
    assert wired.resend("connection*") == 2
    wired.settle()
    assert receiver.events[4:] == ["connectionCreated", "connectionDestroyed"]
    assert receiver.taken[4] == receiver.taken[2]
    wired.hold()
    wired.disconnect(wired.connect(session_id))
    assert wired.release("shuffled", seed=1) == 4


def test_callback_is_repeated_until_taken_then_never_again(wired: StandIn, receiver: Receiver) -> None:
    receiver.statuses = [500, 401, 302]
    wired.treat("connectionCreated", Manner(is_dropped=True))
    wired.connect(new_session(wired))
    wired.settle()
    callback = wired.callbacks[0]
    assert [attempt.status for attempt in callback.attempts] == [500, 401, 302, 200]
    assert callback.is_delivered
    pauses = [later.at - earlier.at for earlier, later in zip(callback.attempts, callback.attempts[1:], strict=False)]
    assert pauses[2] > pauses[0] >= 0.004
    assert len({body for _, _, body in receiver.taken}) == 1
    assert len({headers["authorization"] for _, headers, _ in receiver.taken}) == 1


def test_receiver_that_is_away_is_tried_again(legacy: StandIn, receiver: Receiver) -> None:
    legacy.register("session", "http://127.0.0.1:1/nowhere")
    legacy.connect(new_session(legacy))
    with pytest.raises(TimeoutError, match="sessionCreated"):
        legacy.settle(within=0.1)
    assert legacy.callbacks[0].attempts[0].status is None
    assert "refused" in legacy.callbacks[0].attempts[0].error.lower()
