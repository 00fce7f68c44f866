"""`MemoryProvider`: keeps what it was asked in lists. For the tests of host projects; it makes no media."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Any, ClassVar

from meetings.exceptions import ProviderError, UnsupportedFeature
from meetings.providers import session_events, signatures
from meetings.providers.base import Provider
from meetings.providers.types import (
    AccessToken,
    Capabilities,
    EventFamily,
    ProviderEvent,
    RoomRef,
    RoomSpec,
    TokenGrant,
    WebhookMessage,
)


class MemoryProvider(Provider):
    """A provider without a network.

    `rooms`, `grants`, `closed`, `removed`, `muted`, `archives` and `upload_target` record the calls; `fail_with` is
    raised by the next calls that a real provider would make over a network, until it is set to `None` again.
    """

    name = "In memory"
    browser_module = "videoconf_meetings/js/providers/webrtc.js"
    archive_backend = "archives.providers.memory.MemoryArchives"
    options: ClassVar[dict[str, Any]] = {
        "WEBHOOK_SECRETS": (),
        "SCHEDULE": True,
        "MODERATION": True,
        "END_TO_END_ENCRYPTION": True,
        "FIXES_ARCHIVING": False,
        "ARCHIVE": False,
        "MAX_PARTICIPANTS": None,
    }

    def __init__(self, alias: str, options: Any) -> None:
        super().__init__(alias, options)
        self.rooms: list[RoomRef] = []
        self.grants: list[tuple[RoomRef, TokenGrant]] = []
        self.closed: list[tuple[RoomRef, tuple[str, ...]]] = []
        self.removed: list[str] = []
        self.muted: list[str] = []
        self.archives: dict[str, Any] = {}
        self.upload_target: Any = None
        self.fail_with: ProviderError | None = None

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            schedule=self.settings["SCHEDULE"],
            archive=self.settings["ARCHIVE"],
            moderation=self.settings["MODERATION"],
            end_to_end_encryption=self.settings["END_TO_END_ENCRYPTION"],
            fixes_archiving=self.settings["FIXES_ARCHIVING"],
            max_participants=self.settings["MAX_PARTICIPANTS"],
        )

    def create_room(self, spec: RoomSpec) -> RoomRef:
        self.maybe_fail()
        room = RoomRef(
            session_id="mem_" + secrets.token_urlsafe(12),
            meeting_link=spec.meeting_link,
            end_to_end_encryption=spec.end_to_end_encryption,
        )
        self.rooms.append(room)
        return room

    def issue_token(self, room: RoomRef, grant: TokenGrant) -> AccessToken:
        self.maybe_fail()
        self.grants.append((room, grant))
        return AccessToken(value="memory." + secrets.token_urlsafe(12), expires_at=grant.expires_at)

    def client_config(self, room: RoomRef) -> dict[str, Any]:
        return {"session": room.session_id}

    def close_room(self, room: RoomRef, connection_ids: Sequence[str]) -> None:
        self.maybe_fail()
        self.closed.append((room, tuple(connection_ids)))

    def remove_participant(self, room: RoomRef, connection_id: str) -> None:
        self._refuse_moderation("remove attendees")
        self.maybe_fail()
        self.removed.append(connection_id)

    def mute_participant(self, room: RoomRef, connection_id: str, stream_ids: Sequence[str]) -> None:
        self._refuse_moderation("mute attendees")
        self.maybe_fail()
        self.muted.append(connection_id)

    def webhook_secrets(self, family: EventFamily) -> Sequence[str]:
        return [secret for secret in self.settings["WEBHOOK_SECRETS"] if secret]

    def verify(self, message: WebhookMessage) -> frozenset[EventFamily]:
        return signatures.verify(message, {family: self.webhook_secrets(family) for family in EventFamily})

    def parse(self, message: WebhookMessage) -> list[ProviderEvent]:
        return session_events.parse(message)

    def _refuse_moderation(self, what: str) -> None:
        if not self.settings["MODERATION"]:
            raise UnsupportedFeature(self.refusal(what))

    def maybe_fail(self) -> None:
        """Raise what `fail_with` holds."""
        if self.fail_with is not None:
            raise self.fail_with
