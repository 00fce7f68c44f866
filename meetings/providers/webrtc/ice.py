"""ICE servers for a joining page; TURN credentials are minted per join and expire (TURN REST scheme of coturn)."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Sequence
from typing import Any


def ice_servers(
    *, stun_urls: Sequence[str], turn_urls: Sequence[str], secret: str, ttl: int, user: str, now: float
) -> list[dict[str, Any]]:
    """Return `RTCConfiguration.iceServers`; `ttl` in seconds, `now` as seconds since the epoch."""
    servers: list[dict[str, Any]] = []
    if stun_urls:
        servers.append({"urls": list(stun_urls)})
    if turn_urls:
        username = f"{int(now) + ttl}:{user}"
        digest = hmac.new(secret.encode(), username.encode(), hashlib.sha1).digest()
        servers.append({"urls": list(turn_urls), "username": username, "credential": base64.b64encode(digest).decode()})
    return servers
