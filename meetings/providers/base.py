"""The face that every media provider shows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from django.core.checks import CheckMessage
from django.core.exceptions import ImproperlyConfigured

from meetings.exceptions import UnsupportedFeature
from meetings.providers.types import (
    AccessToken,
    Capabilities,
    EventFamily,
    ProviderEvent,
    RoomRef,
    RoomSpec,
    TokenClaims,
    TokenGrant,
    WebhookMessage,
)


class Provider(ABC):
    """A media provider, built once per alias from `VIDEOCONF_PROVIDERS[alias]["OPTIONS"]`.

    Methods raise `ProviderError` and its kinds for what the provider did, `UnsupportedFeature` for what it can't do;
    a time-out bounds every one that talks to a network. None of them touches the database.
    """

    name: ClassVar[str]
    """What a person reads: `Embedded WebRTC`."""
    browser_module: ClassVar[str]
    """Static path of the ES module that the meeting page loads for this provider."""
    archive_backend: ClassVar[str] = ""
    """Dotted path of the `archives.providers.base.ArchiveProvider` that records its rooms; empty: nothing does."""
    options: ClassVar[Mapping[str, Any]] = {}
    """Name -> default of every option; others are refused by name."""

    def __init__(self, alias: str, options: Mapping[str, Any]) -> None:
        unknown = sorted(set(options) - set(self.options))
        if unknown:
            raise ImproperlyConfigured(
                f'VIDEOCONF_PROVIDERS["{alias}"]["OPTIONS"] has no option {unknown[0]!r}; '
                f"it takes {', '.join(sorted(self.options)) or 'none'}."
            )
        self.alias = alias
        self.settings = {**self.options, **options}
        for name, value in options.items():
            self._refuse_kind(name, value)

    def _refuse_kind(self, name: str, value: Any) -> None:
        """Refuse a value of another kind than its default; a text is no list, or each letter would be a secret."""
        default = self.options[name]
        if default is None:
            return
        kinds: tuple[type, ...] = (list, tuple) if isinstance(default, (list, tuple)) else (type(default),)
        kinds = (int, float) if kinds == (float,) else kinds
        is_flag_for_number = isinstance(value, bool) and bool not in kinds
        are_texts = not isinstance(value, (list, tuple)) or all(isinstance(item, str) for item in value)
        if not isinstance(value, kinds) or is_flag_for_number or not are_texts:
            wanted = "a list of texts" if list in kinds else f"of type {' or '.join(kind.__name__ for kind in kinds)}"
            raise ImproperlyConfigured(f'VIDEOCONF_PROVIDERS["{self.alias}"]["OPTIONS"]["{name}"] must be {wanted}.')

    @property
    @abstractmethod
    def capabilities(self) -> Capabilities:
        """What this provider can do with the options it has."""

    @abstractmethod
    def create_room(self, spec: RoomSpec) -> RoomRef:
        """Make a room for a new meeting. Not repeatable: each call makes another room."""

    @abstractmethod
    def issue_token(self, room: RoomRef, grant: TokenGrant) -> AccessToken:
        """Mint a join token; no side effects."""

    def owns(self, session_id: str) -> bool:
        """Whether a session is of these credentials; that others' are not known to the provider means nothing."""
        return True

    def read_token(self, room: RoomRef, value: str, *, ignore_expiry: bool = False) -> TokenClaims:
        """Verify a join token for this room; no side effects.

        For a page that acts through our server, because its provider's own way in asks us nothing. Raises
        `JoinRefused` (`token_invalid`, `token_expired`).
        """
        raise UnsupportedFeature(self.refusal("act from the meeting page"))

    def data_bytes(self, *, data: str, identity: str) -> int:
        """Return how much of `capabilities.max_data_bytes` a token's data takes, with what else travels in it."""
        return len(data.encode())

    @abstractmethod
    def client_config(self, room: RoomRef) -> dict[str, Any]:
        """Return what the meeting page may know about the room (JSON, no secrets)."""

    def page_sources(self) -> Mapping[str, Sequence[str]]:
        """Return what the page of this provider's meetings needs beyond its own server, by directive of its
        Content-Security-Policy: `{"script-src": ["https://bridge.example/client.js"]}`."""
        return {}

    @abstractmethod
    def close_room(self, room: RoomRef, connection_ids: Sequence[str]) -> None:
        """Put everyone out; `connection_ids` are those we believe open. May be repeated."""

    def streams_now(self, room: RoomRef) -> frozenset[str] | None:
        """Return the ids of the streams that are published at this moment; `None`: this provider can't be asked."""
        return None

    def remove_participant(self, room: RoomRef, connection_id: str) -> None:
        """Put one connection out. May be repeated."""
        raise UnsupportedFeature(self.refusal("remove attendees"))

    def mute_participant(self, room: RoomRef, connection_id: str, stream_ids: Sequence[str]) -> None:
        """Mute one connection's microphone. May be repeated."""
        raise UnsupportedFeature(self.refusal("mute attendees"))

    def mute_everyone(self, room: RoomRef, streams: Mapping[str, Sequence[str]], *, spared: str = "") -> None:
        """Mute everybody who is there but one connection; `streams` maps connection ids to stream ids, as far as they
        are known."""
        for connection_id, stream_ids in streams.items():
            if connection_id != spared:
                self.mute_participant(room, connection_id, stream_ids)

    def lift_mute(self, room: RoomRef) -> None:  # noqa: B027  (most mute nobody who comes later)
        """Let those who come be heard, should a `mute_everyone` have broken off half way. May be repeated."""

    def refusal(self, what: str) -> str:
        """Return the sentence that refuses a feature (original wording)."""
        return f"Cannot {what}, this feature is not available for this provider"

    @abstractmethod
    def webhook_secrets(self, family: EventFamily) -> Sequence[str]:
        """Return the signature secrets in force for one kind of callback, newest first; empty: none."""

    @abstractmethod
    def verify(self, message: WebhookMessage) -> frozenset[EventFamily]:
        """Check the signature over the raw body; return the kinds that it is good for.

        Empty: no secret is configured at all, so nothing could be checked. Raises `WebhookUnsigned` or `WebhookForged`.
        """

    def kept_text(self, text: str) -> str:
        """Return a webhook's body as it may be stored: without what opens anything."""
        return text

    @abstractmethod
    def parse(self, message: WebhookMessage) -> list[ProviderEvent]:
        """Read the events of a verified message; raise `WebhookMalformed`. Unknown kinds become `EventKind.UNKNOWN`."""

    def check(self) -> list[CheckMessage]:
        """Return what is wrong with this provider's settings."""
        return []
