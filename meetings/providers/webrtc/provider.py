"""`WebRTCProvider`: rooms are names, media is the browsers' own business."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec
from typing import Any, ClassVar

from django.apps import apps
from django.conf import settings
from django.core.checks import CheckMessage, Error
from django.core.checks import Warning as CheckWarning

from meetings.conf import conf
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
from meetings.providers.webrtc import ice, rooms, tokens

IN_MEMORY_LAYER = "channels.layers.InMemoryChannelLayer"
MEDIA_LIBRARIES = ("av", "numpy", "PIL")
"""What composes recordings, in a process of its own; never imported where requests are answered."""


class WebRTCProvider(Provider):
    """Full mesh between browsers, signalled over Django Channels; needs no account and no media server."""

    name = "Embedded WebRTC"
    browser_module = "videoconf_meetings/js/providers/webrtc.js"
    archive_backend = "archives.providers.webrtc.WebRTCArchives"
    options: ClassVar[dict[str, Any]] = {
        "STUN_URLS": (),
        "TURN_URLS": (),
        "TURN_SECRET": "",
        "TURN_TTL": 6 * 3600,
        "MAX_PARTICIPANTS": 6,
        "WEBHOOK_SECRETS": (),
        "TOKEN_LIFETIME": 24 * 3600,
        "ALLOW_IN_MEMORY_LAYER": False,
    }

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            archive=apps.is_installed("archives") and has_media_libraries(),
            end_to_end_encryption=True,
            max_participants=self.settings["MAX_PARTICIPANTS"],
            default_token_lifetime=self.settings["TOKEN_LIFETIME"],
            heartbeats=True,
        )

    def create_room(self, spec: RoomSpec) -> RoomRef:
        return RoomRef(
            session_id="rtc_" + secrets.token_urlsafe(24),
            meeting_link=spec.meeting_link,
            end_to_end_encryption=spec.end_to_end_encryption,
        )

    def issue_token(self, room: RoomRef, grant: TokenGrant) -> AccessToken:
        return tokens.mint(room, grant)

    def client_config(self, room: RoomRef) -> dict[str, Any]:
        return {
            "socket": f"{conf.SIGNALING_PATH.rstrip('/')}/{room.meeting_link}",
            "limit": self.limit(room),
            "encrypted": room.end_to_end_encryption,
        }

    def limit(self, room: RoomRef) -> int:
        """Return how many connections the room takes."""
        cap: int = self.settings["MAX_PARTICIPANTS"]
        return min(room.max_participants or cap, cap)

    def ice_servers(self, user: str) -> list[dict[str, Any]]:
        """Return the ICE servers for one join, with fresh TURN credentials."""
        return ice.ice_servers(
            stun_urls=self.settings["STUN_URLS"],
            turn_urls=self.settings["TURN_URLS"],
            secret=self.settings["TURN_SECRET"],
            ttl=self.settings["TURN_TTL"],
            user=user,
            now=time.time(),
        )

    def close_room(self, room: RoomRef, connection_ids: Sequence[str]) -> None:
        rooms.tell(rooms.room_group(room.session_id), {"type": "room.ended"})

    def remove_participant(self, room: RoomRef, connection_id: str) -> None:
        rooms.tell(rooms.peer_group(room.session_id, connection_id), {"type": "peer.removed"})

    def mute_participant(self, room: RoomRef, connection_id: str, stream_ids: Sequence[str]) -> None:
        rooms.tell(rooms.peer_group(room.session_id, connection_id), {"type": "peer.muted", "by": ""})

    def webhook_secrets(self, family: EventFamily) -> Sequence[str]:
        return [secret for secret in self.settings["WEBHOOK_SECRETS"] if secret]

    def verify(self, message: WebhookMessage) -> frozenset[EventFamily]:
        return signatures.verify(message, {family: self.webhook_secrets(family) for family in EventFamily})

    def parse(self, message: WebhookMessage) -> list[ProviderEvent]:
        return session_events.parse(message)

    def check(self) -> list[CheckMessage]:
        where = f'VIDEOCONF_PROVIDERS["{self.alias}"]["OPTIONS"]'
        found: list[CheckMessage] = [
            Error(f"{where}[{name!r}] must be at least 1.", id="videoconf.E013")
            for name in ("MAX_PARTICIPANTS", "TURN_TTL", "TOKEN_LIFETIME")
            if self.settings[name] < 1
        ]
        if self.settings["TURN_URLS"] and not self.settings["TURN_SECRET"]:
            found.append(
                Error(
                    f"{where} has TURN_URLS but no TURN_SECRET.",
                    hint="Set TURN_SECRET to the TURN server's static-auth-secret.",
                    id="videoconf.E010",
                )
            )
        layer = getattr(settings, "CHANNEL_LAYERS", {}).get("default", {}).get("BACKEND")
        if layer is None:
            found.append(
                Error(
                    "The embedded provider needs a channel layer.",
                    hint='Set CHANNEL_LAYERS["default"], for instance channels_redis.core.RedisChannelLayer.',
                    id="videoconf.E011",
                )
            )
        elif layer == IN_MEMORY_LAYER and not self.settings["ALLOW_IN_MEMORY_LAYER"]:
            # Where another provider is the default, this one may be there and never used.
            is_used = self.alias == conf.DEFAULT_PROVIDER
            kind = Error if is_used else CheckWarning
            found.append(
                kind(
                    "The embedded provider with the in-memory channel layer works in one process only.",
                    hint="Use Redis (REDIS_URL), or run the one process of `make run`, which sets "
                    "ALLOW_IN_MEMORY_LAYER.",
                    id="videoconf.E012" if is_used else "videoconf.W012",
                )
            )
        return found


@cache
def has_media_libraries() -> bool:
    """Whether what composes recordings is installed (the extra `recording` of the wheel); nothing is imported."""
    return all(find_spec(name) is not None for name in MEDIA_LIBRARIES)
