"""Who is in a session, and what callers can do about them."""

from __future__ import annotations

from typing import Any

import opentok
import pytest

from tests.vonage import Refused, StandIn, TokenRefused
from tests.vonage.callers import call, new_session


@pytest.fixture
def room(legacy: StandIn) -> dict[str, str]:
    """A session with two clients, one of whom publishes."""
    session_id = new_session(legacy)
    ann, bob = legacy.connect(session_id, data="Ann"), legacy.connect(session_id, data="Bob")
    return {"session": session_id, "ann": ann, "bob": bob, "stream": legacy.publish(ann, name="Ann's")}


def test_sdk_disconnects_signals_lists_and_mutes(vonage: StandIn, sdk: Any) -> None:
    session_id = sdk.create_session(media_mode=opentok.MediaModes.routed).session_id
    assert sdk.list_streams(session_id).count == 0
    token = sdk.generate_token(session_id, role=opentok.Roles.moderator, data="Ann")
    connection = vonage.connect(session_id, token=token)
    session = vonage.sessions[session_id]
    assert (session.connections[connection].data, session.connections[connection].role) == ("Ann", "moderator")
    first, second = vonage.publish(connection), vonage.publish(connection, video_type="screen")
    assert [stream.videoType for stream in sdk.list_streams(session_id).items] == ["camera", "screen"]
    assert sdk.get_stream(session_id, second).id == second
    sdk.send_signal(session_id, {"type": "hello", "data": "all"})
    sdk.send_signal(session_id, {"type": "hello", "data": "you"}, connection)
    assert [signal["connectionId"] for signal in session.signals] == [None, connection]
    assert sdk.mute_stream(session_id, first).status_code == 200
    assert session.streams[first].is_muted
    assert sdk.mute_all(session_id, [second]).status_code == 200
    assert (session.is_muted, session.streams[second].is_muted) == (True, False)
    assert sdk.disable_force_mute(session_id).status_code == 200
    assert not session.is_muted
    sdk.force_disconnect(session_id, connection)
    assert not session.connections
    with pytest.raises(opentok.ForceDisconnectError):
        sdk.force_disconnect(session_id, connection)


def test_session_muted_excludes_streams_under_either_name_and_mutes_those_to_come(
    legacy: StandIn, room: dict[str, str]
) -> None:
    session = legacy.sessions[room["session"]]
    for name in ("excludedStreamIds", "excludedStreams"):
        path = f"/session/{session.id}/mute"
        assert call(legacy, "POST", path, {"active": True, name: [room["stream"]]}).status_code == 200
        assert not session.streams[room["stream"]].is_muted
    assert session.streams[legacy.publish(room["bob"])].is_muted
    both = {"active": True, "excludedStreamIds": [], "excludedStreams": []}
    for wrong in ({}, {"active": "yes"}, {"active": True, "x": 1}, {"active": True, "excludedStreamIds": [1]}, both):
        assert call(legacy, "POST", path, wrong).status_code == 400


def test_nobody_there_is_404_and_no_session_id_400(legacy: StandIn, room: dict[str, str]) -> None:
    idle, unknown = new_session(legacy), room["session"][:-4] + "AAAA"
    for session_id in (idle, unknown):
        for method, path, document in (
            ("DELETE", "/connection/x", None),
            ("POST", "/signal", {"data": "x"}),
            ("POST", "/mute", {"active": True}),
            ("POST", "/stream/x/mute", None),
            ("GET", "/stream", None),
        ):
            assert call(legacy, method, f"/session/{session_id}{path}", document).status_code == 404
    assert call(legacy, "DELETE", "/session/nonsense/connection/x").status_code == 400
    assert call(legacy, "POST", f"/session/{room['session']}/stream/x/mute").status_code == 404
    assert call(legacy, "GET", f"/session/{room['session']}/stream/x").status_code == 404


def test_signal_that_is_too_large_or_none_is_refused(legacy: StandIn, room: dict[str, str]) -> None:
    path = f"/session/{room['session']}/signal"
    assert call(legacy, "POST", path, {"data": "x" * 8192, "type": "t" * 128}).status_code == 204
    assert call(legacy, "POST", path, {"data": "x" * 8193}).status_code == 413
    assert call(legacy, "POST", path, {"data": "x", "type": "ü" * 65}).status_code == 413
    assert call(legacy, "POST", path, {"type": "t"}).status_code == 400
    assert call(legacy, "POST", path, {"data": "x", "to": "y"}).status_code == 400
    lost = f"/session/{room['session']}/connection/x/signal"
    assert call(legacy, "POST", lost, {"data": "x"}).status_code == 404


def test_layout_classes_are_set(legacy: StandIn, room: dict[str, str]) -> None:
    path = f"/session/{room['session']}/stream"
    document = {"items": [{"id": room["stream"], "layoutClassList": ["full"]}]}
    assert call(legacy, "PUT", path, document).json()["items"][0]["layoutClassList"] == ["full"]


def test_client_connects_only_with_a_token_of_the_session_and_subscriber_cant_publish(
    vonage: StandIn, sdk: Any
) -> None:
    here, there = (sdk.create_session().session_id for _ in range(2))
    with pytest.raises(TokenRefused, match="another session"):
        vonage.connect(here, token=sdk.generate_token(there))
    with pytest.raises(TokenRefused):
        vonage.connect(here, token="nonsense")
    connection = vonage.connect(here, token=sdk.generate_token(here, role=opentok.Roles.subscriber))
    with pytest.raises(Refused, match="subscriber"):
        vonage.publish(connection)


def test_what_is_gone_is_refused(legacy: StandIn, room: dict[str, str]) -> None:
    legacy.destroy_session(room["session"])
    for act, name in ((legacy.disconnect, "ann"), (legacy.publish, "ann"), (legacy.unpublish, "stream")):
        with pytest.raises(Refused):
            act(room[name])
