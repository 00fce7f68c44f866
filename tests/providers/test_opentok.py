"""Vonage as a provider: the contract in both of its environments, credentials, identities, and every way to fail."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from hypothesis import given
from hypothesis import strategies as st

from meetings.exceptions import (
    ProviderConflict,
    ProviderCredentialsRefused,
    ProviderError,
    ProviderNotFound,
    ProviderRefused,
    ProviderUnavailable,
)
from meetings.facts import identity_of
from meetings.providers.opentok import OpenTokProvider, names, projects
from meetings.providers.registry import get_provider
from meetings.providers.types import EventFamily, EventKind, Role, RoomRef, RoomSpec
from tests.providers.session_contract import SessionEventsContract
from tests.vonage import Application, LegacyProject, StandIn, faults, new_private_key

KEY, SECRET = "46000001", "0123456789abcdef0123456789abcdef01234567"
APPLICATION_ID = "78d335fa-323d-0114-9c3d-d6f0d48968cf"
PEM = new_private_key()
LEGACY = {"API_KEY": KEY, "API_SECRET": SECRET}
APPLICATION = {"APPLICATION_ID": APPLICATION_ID, "PRIVATE_KEY": PEM}


class VonageContract(SessionEventsContract):
    """The contract against the stand-in; a secret of its own for each kind of callback."""

    credentials: dict[str, str]
    vonage: StandIn

    def build(self, **options: Any) -> OpenTokProvider:
        return OpenTokProvider("x", self.credentials | {"API_URL": self.vonage.url, "TIMEOUT": 2} | options)

    def secrets(self, family: EventFamily, *known: str) -> dict[str, Any]:
        return {"ARCHIVE_SECRETS" if family is EventFamily.ARCHIVE else "SESSION_SECRETS": list(known)}

    def claims(self, provider: OpenTokProvider, room: RoomRef, **changes: Any) -> dict[str, Any]:
        """What Vonage reads from a token that we mint; it would refuse a bad one."""
        return self.vonage.token_claims(provider.issue_token(room, self.grant(**changes)).value)

    @pytest.mark.parametrize(
        ("role", "word"),
        [(Role.SUBSCRIBER, "subscriber"), (Role.PUBLISHER, "publisher"), (Role.MODERATOR, "moderator")],
    )
    def test_tokens_are_what_vonage_takes(self, room: RoomRef, role: Role, word: str) -> None:
        until = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=9)
        claims = self.claims(self.build(), room, role=role, expires_at=until, identity="data:x")
        assert (claims["session_id"], claims["role"], claims["connection_data"]) == (room.session_id, word, "Ann")
        assert claims["exp"] == until.timestamp()

    @pytest.mark.parametrize(
        ("options", "spec", "form"),
        [
            ({}, {}, ("disabled", "manual", "false")),
            ({}, {"archive_always": True}, ("disabled", "always", "false")),
            ({}, {"end_to_end_encryption": True}, ("enabled", "manual", "false")),
            ({"ENCRYPTION": "e2ee"}, {"end_to_end_encryption": True}, ("disabled", "manual", "true")),
            ({"ENCRYPTION": "e2ee"}, {}, ("disabled", "manual", "false")),
        ],
    )
    def test_a_room_is_the_session_that_was_asked_for(
        self, options: dict[str, Any], spec: dict[str, bool], form: tuple[str, str, str]
    ) -> None:
        self.build(**options).create_room(RoomSpec(meeting_link="l", **spec))
        sent = dict(pair.split("=") for pair in self.vonage.requests[-1].body.decode().split("&"))
        assert (sent["p2p.preference"], sent["archiveMode"], sent["e2ee"]) == form

    def test_a_session_of_another_project_gets_no_token(self) -> None:
        with pytest.raises(ProviderRefused, match="does not belong"):
            self.build().issue_token(RoomRef(session_id="1_MX45OTl-fjE3MDAwMDAwMDAwMDB-eH4geX5-"), self.grant())

    def test_is_content_with_its_own_settings(self, provider: Any) -> None:
        secret = "whatever-0123456789abcdef-01234567"
        both = self.build(SESSION_SECRETS=[secret], ARCHIVE_SECRETS=[secret])
        assert both.check() == []

    def test_says_which_secret_is_missing(self, settings: Any) -> None:
        settings.VIDEOCONF = settings.VIDEOCONF | {"ALLOW_UNSIGNED_WEBHOOKS": False}
        (warning,) = self.build(SESSION_SECRETS=["whatever-0123456789abcdef-01234567"]).check()
        assert "ARCHIVE_SECRETS" in warning.msg

    def test_calls_are_signed_and_no_signature_is_logged(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        self.build().create_room(RoomSpec(meeting_link="l"))
        self.vonage.fail("POST /session/create", faults.status(403))
        with pytest.raises(ProviderCredentialsRefused):
            self.build().create_room(RoomSpec(meeting_link="l"))
        sent = self.vonage.requests[-1].headers
        signature = sent.get("x-opentok-auth") or sent["authorization"].removeprefix("Bearer ")
        assert signature not in caplog.text
        assert "Invalid signature" in caplog.text

    def test_everybody_is_put_out_though_one_has_left(self, room: RoomRef) -> None:
        self.build().close_room(room, [f"c{number}" for number in range(20)])
        deleted = [request.path for request in self.vonage.requests if request.method == "DELETE"]
        assert len(deleted) == len(set(deleted)) == 20

    def test_nobody_is_asked_for_in_vain_when_vonage_is_down(self, room: RoomRef) -> None:
        provider = self.build()
        self.vonage.fail("DELETE **", faults.status(429, retry_after=7), None)
        with pytest.raises(ProviderUnavailable) as raised:
            provider.close_room(room, [f"c{number}" for number in range(100)])
        assert raised.value.retry_after == 7
        assert sum(request.method == "DELETE" for request in self.vonage.requests) < 50

    def test_one_failure_puts_the_others_out_all_the_same(self, room: RoomRef) -> None:
        self.vonage.fail("DELETE **/connection/c3", faults.status(400))
        with pytest.raises(ProviderRefused):
            self.build().close_room(room, [f"c{number}" for number in range(6)])
        assert sum(request.method == "DELETE" for request in self.vonage.requests) == 6

    def test_muting_everyone_is_not_for_those_to_come(self, room: RoomRef) -> None:
        self.build().mute_everyone(room, {"c1": ["s1"]})
        sent = [json.loads(request.body) for request in self.vonage.requests if request.path.endswith("/mute")]
        assert [document["active"] for document in sent] in ([True, False], [True])


class TestLegacy(VonageContract):
    credentials = LEGACY

    @pytest.fixture(autouse=True)
    def stand_in(self) -> Iterator[None]:
        with StandIn(LegacyProject(KEY, SECRET)) as self.vonage:
            yield


class TestApplication(VonageContract):
    credentials = APPLICATION

    @pytest.fixture(autouse=True)
    def stand_in(self) -> Iterator[None]:
        with StandIn(Application(APPLICATION_ID, PEM)) as self.vonage:
            yield

    def test_a_key_file_needs_no_extension(self, tmp_path: Path, room: RoomRef) -> None:
        path = tmp_path / "vonage_key"
        path.write_text(PEM)
        assert self.claims(self.build(PRIVATE_KEY=str(path)), room)["application_id"] == APPLICATION_ID

    def test_a_key_may_be_on_one_line(self, room: RoomRef) -> None:
        one_line = PEM.replace("\n", "\\n")
        assert self.claims(self.build(PRIVATE_KEY=one_line), room)["role"] == "publisher"


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({}, "needs a pair of credentials"),
        ({"API_KEY": KEY}, "needs a pair of credentials"),
        ({"APPLICATION_ID": APPLICATION_ID}, "needs a pair of credentials"),
        (LEGACY | APPLICATION, "credentials of both kinds"),
        ({"API_KEY": KEY, "PRIVATE_KEY": PEM}, "credentials of both kinds"),
        ({"API_KEY": APPLICATION_ID, "API_SECRET": SECRET}, "APPLICATION_ID and PRIVATE_KEY"),
        ({"API_KEY": KEY, "API_SECRET": PEM}, "API_SECRET is a private key"),
        ({"APPLICATION_ID": KEY, "PRIVATE_KEY": PEM}, "API_KEY and API_SECRET"),
        ({"APPLICATION_ID": APPLICATION_ID, "PRIVATE_KEY": "/nowhere/key"}, "path of a readable PEM file"),
        ({"APPLICATION_ID": APPLICATION_ID, "PRIVATE_KEY": "-----BEGIN PRIVATE KEY-----\nx"}, "no PEM private key"),
        (LEGACY | {"API_URL": "api.opentok.com"}, "no address of a REST API"),
        (LEGACY | {"ENCRYPTION": "yes"}, "'relayed' or 'e2ee'"),
        (LEGACY | {"TIMEOUT": 0}, "number of seconds over 0"),
    ],
)
def test_settings_that_can_not_be_used_say_so(options: dict[str, Any], says: str) -> None:
    with pytest.raises(ImproperlyConfigured, match=says) as raised:
        OpenTokProvider("x", options)
    assert SECRET not in str(raised.value)
    assert "PRIVATE KEY-----" not in str(raised.value)


def test_a_secret_with_a_dot_is_no_path() -> None:
    provider = OpenTokProvider("x", {"API_KEY": KEY, "API_SECRET": "0123456789abcdef0123456789abcdef.pem"})
    assert isinstance(provider.project, projects.LegacyProject)


@given(name=st.text(max_size=40), ext_id=st.text(min_size=1, max_size=40))
def test_an_external_id_travels_in_connection_data(name: str, ext_id: str) -> None:
    bearer = names.unpack(names.pack(name, identity_of(ext_id=ext_id)))
    assert (bearer.name, bearer.ext_id, bearer.identity) == (name, ext_id, f"ext:{ext_id}")


@given(name=st.text(max_size=40))
def test_a_name_alone_travels_as_it_is(name: str) -> None:
    assert names.pack(name, identity_of(data=name)) == name
    assert names.unpack(name) == names.Bearer(name=name)


def test_a_name_can_not_pose_as_an_identity() -> None:
    forged = names.pack("Eve", "ext:ann")
    packed = names.pack(forged, identity_of(data=forged))
    assert names.unpack(packed) == names.Bearer(name=forged)


def test_an_identity_that_no_token_of_ours_can_have_is_none() -> None:
    longest = names.pack("Ann", "ext:" + "x" * 255)
    assert names.unpack(longest).ext_id == "x" * 255
    assert names.unpack(longest.replace("ext:", "ext:x")) == names.Bearer(name="Ann")


def test_data_and_external_id_share_one_limit(settings: Any, db: None) -> None:
    from meetings.exceptions import Refused
    from meetings.rules import refuse_grant

    provider = OpenTokProvider("x", LEGACY)
    now = datetime.now(UTC)
    refuse_grant(provider, data="x" * 1000, identity="data:x", expires_at=None, now=now)
    with pytest.raises(Refused, match="data and extId together can have at most 1000 bytes"):
        refuse_grant(provider, data="x" * 900, identity="ext:" + "y" * 200, expires_at=None, now=now)


def test_events_say_who_it_was() -> None:
    provider = OpenTokProvider("x", LEGACY)
    contract = TestLegacy()
    event = contract.event(EventKind.STREAM_CREATED, "s", datetime.now(UTC))
    event["stream"]["connection"]["data"] = names.pack("Ann", "ext:ann-7")
    (read,) = provider.parse(contract.message(event))
    assert (read.data, read.ext_id, read.identity) == ("Ann", "ann-7", "ext:ann-7")


FAULTS: dict[str, tuple[faults.Fault, type[ProviderError]]] = {
    "400": (faults.status(400), ProviderRefused),
    "401": (faults.status(401), ProviderCredentialsRefused),
    "403": (faults.status(403), ProviderCredentialsRefused),
    "404": (faults.status(404), ProviderNotFound),
    "409": (faults.status(409), ProviderConflict),
    "429": (faults.status(429, retry_after=3), ProviderUnavailable),
    "500": (faults.status(500), ProviderError),
    "HTML 502": (faults.html(), ProviderError),
    "empty": (faults.empty(), ProviderError),
    "garbage": (faults.garbage(), ProviderError),
    "cut": (faults.cut(), ProviderUnavailable),
    "huge": (faults.huge(), ProviderError),
    "reset before": (faults.reset("before"), ProviderUnavailable),
    "reset after": (faults.reset("after"), ProviderUnavailable),
    "silent": (faults.silent(5), ProviderUnavailable),
    "dripping": (faults.dripping(0.05), ProviderUnavailable),
    "moved": (faults.status(302), ProviderError),
}


class TestFaults:
    @pytest.fixture
    def vonage(self) -> Iterator[StandIn]:
        with StandIn(LegacyProject(KEY, SECRET)) as stand_in:
            yield stand_in

    @pytest.fixture
    def build(self, vonage: StandIn) -> Callable[..., OpenTokProvider]:
        return lambda **options: OpenTokProvider("x", LEGACY | {"API_URL": vonage.url, "TIMEOUT": 1} | options)

    @pytest.mark.parametrize("name", FAULTS)
    def test_has_its_error_and_the_next_call_works(
        self, vonage: StandIn, build: Callable[..., OpenTokProvider], name: str
    ) -> None:
        fault, kind = FAULTS[name]
        provider = build()
        vonage.fail("POST /session/create", fault)
        with pytest.raises(ProviderError) as raised:
            provider.create_room(RoomSpec(meeting_link="l"))
        assert type(raised.value) is kind
        assert provider.create_room(RoomSpec(meeting_link="l")).session_id

    def test_another_content_type_is_no_failure(self, vonage: StandIn, build: Callable[..., OpenTokProvider]) -> None:
        vonage.fail("POST /session/create", faults.labelled("application/json; charset=utf-8"))
        assert build().create_room(RoomSpec(meeting_link="l")).session_id

    def test_retry_after_is_handed_on(self, vonage: StandIn, build: Callable[..., OpenTokProvider]) -> None:
        for said, heard in ((7, 7), (10**6, 3600), ("soon", None), ("-1", None)):
            vonage.fail("POST **", faults.status(429, retry_after=said))
            with pytest.raises(ProviderUnavailable) as raised:
                build().create_room(RoomSpec(meeting_link="l"))
            assert raised.value.retry_after == heard

    def test_a_clock_that_is_off_is_said(self, vonage: StandIn, build: Callable[..., OpenTokProvider]) -> None:
        vonage.fail("POST **", faults.status(403, "issued time cannot be great"))
        with pytest.raises(ProviderCredentialsRefused, match="clock"):
            build().create_room(RoomSpec(meeting_link="l"))

    def test_connecting_does_not_wait_for_ever(self, build: Callable[..., OpenTokProvider]) -> None:
        with faults.unanswering_address() as address, pytest.raises(ProviderUnavailable, match="in time"):
            build(API_URL=address).create_room(RoomSpec(meeting_link="l"))

    def test_nobody_listening_is_said(self, vonage: StandIn, build: Callable[..., OpenTokProvider]) -> None:
        provider = build()
        vonage.stop()
        with pytest.raises(ProviderUnavailable, match="no connection"):
            provider.create_room(RoomSpec(meeting_link="l"))

    @pytest.mark.parametrize("name", ["HTML 502", "reset after", "cut"])
    def test_what_may_be_repeated_is(self, vonage: StandIn, build: Callable[..., OpenTokProvider], name: str) -> None:
        provider = build(TIMEOUT=5)
        room = provider.create_room(RoomSpec(meeting_link="l"))
        vonage.fail("DELETE **", FAULTS[name][0])
        provider.remove_participant(room, "c1")
        assert sum(request.method == "DELETE" for request in vonage.requests) == 2

    @pytest.mark.parametrize("name", [".", "..", ""])
    def test_an_id_leads_to_no_other_address(
        self, vonage: StandIn, build: Callable[..., OpenTokProvider], name: str
    ) -> None:
        provider = build()
        room = provider.create_room(RoomSpec(meeting_link="l"))
        provider.remove_participant(room, name)
        provider.mute_participant(room, "c1", [name])
        assert [request.path for request in vonage.requests] == ["/session/create"]

    def test_a_new_session_is_never_asked_for_twice(
        self, vonage: StandIn, build: Callable[..., OpenTokProvider]
    ) -> None:
        vonage.fail("POST /session/create", faults.reset("after"), None)
        with pytest.raises(ProviderUnavailable):
            build(TIMEOUT=5).create_room(RoomSpec(meeting_link="l"))
        assert len(vonage.requests) == 1


def test_is_found_by_its_alias(settings: Any) -> None:
    settings.VIDEOCONF_PROVIDERS = {
        "opentok": {"BACKEND": "meetings.providers.opentok.OpenTokProvider", "OPTIONS": LEGACY}
    }
    assert isinstance(get_provider("opentok"), OpenTokProvider)
