"""What every media provider must do: subclass `ProviderContract` in the tests of each (docs/adding-a-provider.md)."""

from __future__ import annotations

import contextlib
import json
from abc import ABC, abstractmethod
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import pytest
from django.core.exceptions import ImproperlyConfigured

from meetings.exceptions import UnsupportedFeature, WebhookForged, WebhookMalformed, WebhookUnsigned
from meetings.providers.base import Provider
from meetings.providers.types import (
    AccessToken,
    Capabilities,
    EventFamily,
    EventKind,
    Role,
    RoomRef,
    RoomSpec,
    TokenGrant,
    WebhookMessage,
)

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


class ProviderContract(ABC):
    """The contract, test by test. A provider that talks to a network gives it a real server that speaks its format."""

    unknown_name: ClassVar[str] = "somethingNew"

    @abstractmethod
    def build(self, **options: Any) -> Provider:
        """Return a provider of the alias `x` with these options beside those that it needs to work."""

    @abstractmethod
    def secrets(self, family: EventFamily, *known: str) -> dict[str, Any]:
        """Return the options that make these the signature secrets of a kind."""

    @abstractmethod
    def event(self, kind: EventKind, session_id: str, at: datetime) -> dict[str, Any]:
        """Return the vendor's event: connection `c1` with the data `Ann`, stream `s1`, archive `a1`."""

    @abstractmethod
    def sign(self, body: bytes, secret: str) -> dict[str, str]:
        """Return the headers that the vendor puts on a callback; names in lower case."""

    @pytest.fixture
    def provider(self) -> Provider:
        return self.build()

    @pytest.fixture
    def room(self, provider: Provider) -> RoomRef:
        return provider.create_room(RoomSpec(meeting_link="link-00001"))

    def grant(self, **changes: Any) -> TokenGrant:
        given: dict[str, Any] = {
            "role": Role.PUBLISHER,
            "identity": "ext:ann",
            "issued_at": datetime.now(UTC),
            "expires_at": datetime.now(UTC) + timedelta(hours=1),
            "data": "Ann",
        }
        return TokenGrant(**(given | changes))

    def message(self, event: dict[str, Any] | bytes, secret: str = "") -> WebhookMessage:
        body = event if isinstance(event, bytes) else json.dumps(event).encode()
        return WebhookMessage(body=body, headers=self.sign(body, secret) if secret else {}, received_at=NOW)

    # What it is.

    def test_names_itself_and_its_browser_module(self, provider: Provider) -> None:
        assert provider.name
        assert provider.browser_module.endswith(".js")
        assert provider.alias == "x"
        assert isinstance(provider.capabilities, Capabilities)

    def test_refuses_unknown_options_by_name(self) -> None:
        with pytest.raises(ImproperlyConfigured, match="NO_SUCH_OPTION"):
            self.build(NO_SUCH_OPTION=1)

    def test_is_content_with_its_own_settings(self, provider: Provider) -> None:
        assert provider.check() == []

    def test_sentences_are_the_original_s(self, provider: Provider) -> None:
        assert provider.refusal("dance") == "Cannot dance, this feature is not available for this provider"

    # Rooms and tokens.

    def test_each_room_is_a_new_one(self, provider: Provider) -> None:
        rooms = [provider.create_room(RoomSpec(meeting_link=f"link-{number}")) for number in range(3)]
        assert len({room.session_id for room in rooms}) == 3
        assert [room.meeting_link for room in rooms] == ["link-0", "link-1", "link-2"]
        assert all(0 < len(room.session_id) <= 255 for room in rooms)

    def test_encryption_is_kept_where_it_can_be_had(self, provider: Provider) -> None:
        spec = RoomSpec(meeting_link="l", end_to_end_encryption=provider.capabilities.end_to_end_encryption)
        room = provider.create_room(spec)
        assert room.end_to_end_encryption is provider.capabilities.end_to_end_encryption

    @pytest.mark.parametrize("role", list(Role))
    def test_tokens_are_opaque_and_expire_when_asked(self, provider: Provider, room: RoomRef, role: Role) -> None:
        expires_at = datetime.now(UTC).replace(microsecond=0) + timedelta(minutes=7)
        tokens = [provider.issue_token(room, self.grant(role=role, expires_at=expires_at)) for _ in range(2)]
        assert all(isinstance(token, AccessToken) and token.value for token in tokens)
        assert {token.expires_at for token in tokens} == {expires_at}
        assert tokens[0].value != tokens[1].value

    def test_what_the_page_may_know_is_json_without_a_secret(self, room: RoomRef) -> None:
        secret = "only-the-two-of-us-know-0123456789"
        text = json.dumps(self.build(**self.secrets(EventFamily.SESSION, secret)).client_config(room))
        assert secret not in text

    # Putting people out.

    def test_closing_may_be_repeated(self, provider: Provider, room: RoomRef) -> None:
        for _ in range(2):
            provider.close_room(room, ["c1", "c2"])

    def test_moderation_may_be_repeated_or_is_refused(self, provider: Provider, room: RoomRef) -> None:
        can = provider.capabilities.moderation
        refusal = pytest.raises(UnsupportedFeature, match="this feature is not available")
        for _ in range(2):
            with contextlib.nullcontext() if can else refusal:
                provider.remove_participant(room, "c1")
            with contextlib.nullcontext() if can else refusal:
                provider.mute_participant(room, "c1", ["s1"])

    # Callbacks.

    @pytest.mark.parametrize("family", list(EventFamily))
    def test_a_signature_is_good_for_its_kind(self, family: EventFamily) -> None:
        newest, older = "secret-new-0123456789abcdef-0123", "secret-old-0123456789abcdef-0123"
        provider = self.build(**self.secrets(family, newest, older))
        assert list(provider.webhook_secrets(family)) == [newest, older]
        for secret in provider.webhook_secrets(family):
            assert family in provider.verify(self.message(b'{"a": 1}', secret))

    @pytest.mark.parametrize("family", list(EventFamily))
    def test_a_wrong_or_missing_signature_is_told_apart(self, family: EventFamily) -> None:
        provider = self.build(**self.secrets(family, "secret-one-0123456789abcdef-0123"))
        with pytest.raises(WebhookUnsigned):
            provider.verify(self.message(b'{"a": 1}'))
        with pytest.raises(WebhookForged):
            provider.verify(self.message(b'{"a": 1}', "secret-two-0123456789abcdef-0123"))
        tampered = WebhookMessage(body=b'{"a": 2}', headers=self.sign(b'{"a": 1}', "secret-one-0123456789abcdef-0123"))
        with pytest.raises(WebhookForged):
            provider.verify(tampered)

    def test_without_a_secret_nothing_could_be_checked(self, provider: Provider) -> None:
        assert provider.verify(self.message(b'{"a": 1}')) == frozenset()
        assert provider.verify(self.message(b'{"a": 1}', "whatever-0123456789abcdef-01234567")) == frozenset()
        assert not any(provider.webhook_secrets(family) for family in EventFamily)

    @pytest.mark.parametrize("kind", [kind for kind in EventKind if kind is not EventKind.UNKNOWN])
    def test_reads_its_events_in_our_words(self, provider: Provider, kind: EventKind) -> None:
        event = self.event(kind, "session-1", NOW)
        (read,) = provider.parse(self.message(event))

        assert (read.kind, read.session_id, read.at) == (kind, "session-1", NOW)
        assert read.family is (EventFamily.ARCHIVE if kind is EventKind.ARCHIVE_STATUS else EventFamily.SESSION)
        assert read.payload == event
        assert read.name
        about_connection = kind not in {
            EventKind.SESSION_CREATED,
            EventKind.SESSION_DESTROYED,
            EventKind.ARCHIVE_STATUS,
        }
        assert (read.connection_id, read.data) == (("c1", "Ann") if about_connection else ("", ""))
        assert read.stream_id == ("s1" if kind in {EventKind.STREAM_CREATED, EventKind.STREAM_DESTROYED} else "")

    def test_reads_the_same_event_twice_alike(self, provider: Provider) -> None:
        message = self.message(self.event(EventKind.CONNECTION_CREATED, "session-1", NOW))
        assert provider.parse(message) == provider.parse(message)

    def test_an_unknown_kind_is_no_error(self, provider: Provider) -> None:
        event = self.event(EventKind.SESSION_CREATED, "session-1", NOW) | {"event": self.unknown_name}
        (read,) = provider.parse(self.message(event))
        assert (read.kind, read.name) == (EventKind.UNKNOWN, self.unknown_name)

    @pytest.mark.parametrize("body", [b"", b"x", b"[]", b"7", b"null", b'"x"', b"\xff", b'{"event": null}'])
    def test_what_is_no_event_is_refused(self, provider: Provider, body: bytes) -> None:
        with pytest.raises(WebhookMalformed):
            provider.parse(self.message(body))
