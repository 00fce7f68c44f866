"""The embedded provider: its contract, tokens, TURN credentials, groups and checks."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest

from meetings.conf import conf
from meetings.exceptions import JoinRefused
from meetings.providers.types import Role, RoomRef, RoomSpec
from meetings.providers.webrtc import WebRTCProvider, rooms, tokens
from meetings.providers.webrtc.ice import ice_servers
from tests.providers.session_contract import SessionEventsContract

LOCAL = {"ALLOW_IN_MEMORY_LAYER": True}
ROOM = RoomRef(session_id="rtc_a", meeting_link="link")


class TestContract(SessionEventsContract):
    def build(self, **options: Any) -> WebRTCProvider:
        return WebRTCProvider("x", LOCAL | options)


grant = TestContract().grant


class TestTokens:
    def test_say_what_was_granted(self) -> None:
        issued = datetime.now(UTC)
        value = tokens.mint(ROOM, grant(role=Role.MODERATOR, issued_at=issued, ext_id="ann-7")).value
        claims = tokens.read(value, "rtc_a")
        assert (claims.identity, claims.role, claims.data, claims.ext_id) == ("ext:ann", Role.MODERATOR, "Ann", "ann-7")
        assert abs(claims.issued_at - issued) < timedelta(microseconds=2)
        assert claims.token_id

    def test_hold_no_key(self) -> None:
        value = tokens.mint(ROOM, grant()).value
        payload = jwt.decode(value, options={"verify_signature": False})
        assert set(payload) == {"iss", "aud", "sub", "room", "link", "role", "iat", "issued", "exp", "jti", "data"}
        assert conf.JOIN_TOKEN_KEY not in str(payload)

    def code(self, value: str, session_id: str = "rtc_a", **how: bool) -> str:
        with pytest.raises(JoinRefused) as refused:
            tokens.read(value, session_id, **how)
        return refused.value.code

    def forged(self, key: str | None = None, algorithm: str = "HS256", **changes: Any) -> str:
        payload = jwt.decode(tokens.mint(ROOM, grant()).value, options={"verify_signature": False}) | changes
        payload = {name: value for name, value in payload.items() if value is not None}
        return jwt.encode(payload, conf.JOIN_TOKEN_KEY if key is None else key, algorithm=algorithm)

    def test_are_good_for_their_room_only(self) -> None:
        assert self.code(tokens.mint(ROOM, grant()).value, "rtc_b") == "token_invalid"

    def test_expire(self) -> None:
        past = datetime.now(UTC) - timedelta(minutes=1)
        value = tokens.mint(ROOM, grant(issued_at=past, expires_at=past)).value
        assert self.code(value) == "token_expired"
        assert tokens.read(value, "rtc_a", ignore_expiry=True).data == "Ann"

    @pytest.mark.parametrize(
        "changes",
        [
            {"iss": "videoconf"},
            {"aud": "videoconf-users"},
            {"role": "king"},
            {"role": None},
            {"sub": None},
            {"room": None},
            {"room": 7},
            {"exp": None},
            {"exp": "soon"},
            {"iat": None},
        ],
        ids=str,
    )
    def test_with_a_wrong_claim_are_refused(self, changes: dict[str, Any]) -> None:
        assert self.code(self.forged(**changes)) == "token_invalid"

    def test_of_another_key_or_algorithm_are_refused(self) -> None:
        tokens.read(self.forged(), "rtc_a")
        assert self.code(self.forged(key="another-key-0123456789-0123456789-01")) == "token_invalid"
        assert self.code(self.forged(algorithm="HS512")) == "token_invalid"
        assert self.code(self.forged(key="", algorithm="none")) == "token_invalid"
        assert self.code(self.forged(key="", algorithm="none"), ignore_expiry=True) == "token_invalid"

    def test_keys_of_other_purposes_are_other_keys(self) -> None:
        assert tokens.is_resume_key("rtc_a", "c1", tokens.resume_key("rtc_a", "c1"))
        for session_id, connection_id in (("rtc_b", "c1"), ("rtc_a", "c2"), ("rtc_a c1", "")):
            assert not tokens.is_resume_key(session_id, connection_id, tokens.resume_key("rtc_a", "c1"))
        assert tokens.attendee_key("rtc_a", "ext:ann") != tokens.attendee_key("rtc_b", "ext:ann")


class TestTurn:
    def test_credentials_follow_coturn_s_rest_scheme(self) -> None:
        (server,) = ice_servers(
            stun_urls=[], turn_urls=["turn:t:3478"], secret="north", ttl=600, user="c1", now=1_700_000_000.9
        )
        # printf '1700000600:c1' | openssl dgst -sha1 -hmac north -binary | base64
        credential = "rlH08aPEeLGwgIQl8HqpRgrq4dw="
        assert server == {"urls": ["turn:t:3478"], "username": "1700000600:c1", "credential": credential}

    def test_without_addresses_there_is_none(self) -> None:
        assert WebRTCProvider("x", LOCAL).ice_servers("c1") == []
        only = WebRTCProvider("x", LOCAL | {"STUN_URLS": ["stun:s"]}).ice_servers("c1")
        assert only == [{"urls": ["stun:s"]}]

    def test_lifetime_is_the_option_s(self) -> None:
        options = {"TURN_URLS": ["turn:t"], "TURN_SECRET": "north", "TURN_TTL": 60}
        (server,) = WebRTCProvider("x", LOCAL | options).ice_servers("c1")
        assert 55 <= int(server["username"].split(":")[0]) - time.time() <= 60

    def test_the_secret_is_on_no_page(self) -> None:
        options = {"TURN_URLS": ["turn:t"], "TURN_SECRET": "north-star"}
        assert "north-star" not in str(WebRTCProvider("x", LOCAL | options).client_config(ROOM))


@pytest.mark.parametrize(("cap", "own", "limit"), [(6, None, 6), (6, 2, 2), (6, 9, 6), (4, None, 4)])
def test_the_limit_is_the_smaller_of_cap_and_meeting(cap: int, own: int | None, limit: int) -> None:
    provider = WebRTCProvider("x", LOCAL | {"MAX_PARTICIPANTS": cap})
    room = RoomRef(session_id="s", meeting_link="l", max_participants=own)
    assert provider.limit(room) == provider.client_config(room)["limit"] == limit


def test_the_socket_s_path_is_the_host_s(settings: Any) -> None:
    settings.VIDEOCONF = settings.VIDEOCONF | {"SIGNALING_PATH": "/video/ws/"}
    assert WebRTCProvider("x", LOCAL).client_config(ROOM)["socket"] == "/video/ws/link"


def test_session_ids_can_not_be_guessed() -> None:
    ids = {WebRTCProvider("x", LOCAL).create_room(RoomSpec(meeting_link="l")).session_id for _ in range(50)}
    assert len(ids) == 50
    assert min(len(session_id) for session_id in ids) >= 32


def test_group_names_fit_every_layer_and_tell_rooms_apart() -> None:
    names = [rooms.room_group(name) for name in ("rtc_a", "é" * 255)]
    names += [rooms.peer_group("rtc_a", "c"), rooms.peer_group("rtc_a", "d")]
    assert len(set(names)) == 4
    assert all(len(name) < 100 and name.isascii() for name in names)


class TestALayerThatIsDown:
    @pytest.fixture(autouse=True)
    def down(self, settings: Any) -> None:
        config = {"hosts": [{"address": "redis://127.0.0.1:1", "socket_timeout": None}]}
        layer = {"BACKEND": "channels_redis.core.RedisChannelLayer", "CONFIG": config}
        settings.CHANNEL_LAYERS = {"default": layer}

    def test_is_logged_and_not_raised(self, caplog: pytest.LogCaptureFixture) -> None:
        assert rooms.tell("group", {"type": "room.ended"}) is False
        assert "room.ended" in caplog.text
        WebRTCProvider("x", LOCAL).close_room(ROOM, [])


class TestChecks:
    def ids(self, **options: Any) -> list[str | None]:
        return [found.id for found in WebRTCProvider("x", options).check()]

    def test_turn_without_a_secret(self) -> None:
        assert self.ids(TURN_URLS=["turn:t"], **LOCAL) == ["videoconf.E010"]

    def test_no_layer(self, settings: Any) -> None:
        settings.CHANNEL_LAYERS = {}
        assert self.ids() == ["videoconf.E011"]

    def test_the_in_memory_layer_is_for_one_process(self, settings: Any) -> None:
        settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
        assert self.ids() == ["videoconf.W012"]
        settings.VIDEOCONF = settings.VIDEOCONF | {"DEFAULT_PROVIDER": "x"}
        assert self.ids() == ["videoconf.E012"]
        assert self.ids(**LOCAL) == []

    def test_redis_is_good(self, settings: Any) -> None:
        settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels_redis.core.RedisChannelLayer"}}
        assert self.ids() == []
