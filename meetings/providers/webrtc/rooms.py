"""Names of channel-layer groups and messages to the sockets of a room.

The database decides; these messages only make it quick. A socket that misses one finds out at its next heartbeat.
"""

from __future__ import annotations

import hashlib
import logging
from typing import Any

from asgiref.sync import async_to_sync
from channels.layers import get_channel_layer

logger = logging.getLogger(__name__)


def room_group(session_id: str) -> str:
    """Return the group of every socket of a room."""
    return "videoconf.room." + _short(session_id)


def peer_group(session_id: str, connection_id: str) -> str:
    """Return the group of one connection's socket."""
    return "videoconf.peer." + _short(f"{session_id} {connection_id}")


def bye(connection_id: str, reason: str) -> dict[str, Any]:
    """Return the message that tells a room that a connection is gone."""
    frame = {"t": "bye", "from": connection_id, "reason": reason}
    return {"type": "room.frame", "except": connection_id, "frame": frame}


def tell(group: str, message: dict[str, Any]) -> bool:
    """Send a message to a group from synchronous code; return whether the layer took it.

    A layer that is down is logged, not raised: the sockets read the database at their heartbeat.
    """
    layer = get_channel_layer()
    if layer is None:
        return False
    try:
        async_to_sync(layer.group_send)(group, message)
    except Exception:
        logger.warning("The channel layer did not take %s", message.get("type"), exc_info=True)
        return False
    return True


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:40]
