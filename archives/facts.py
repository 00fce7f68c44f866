"""What a provider says of an archive, in our words. Pure: no database.

Vonage's archive object and its callbacks have one shape, which the embedded provider speaks too; `of_payload` reads it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from archives.querysets import RUNNING

RANKS: dict[str, int] = {
    "starting": 0,
    "started": 1,
    "paused": 1,
    "stopped": 2,
    "available": 3,
    "uploaded": 3,
    "failed": 3,
    "expired": 4,
    "deleted": 5,
}
"""Provider's status -> rank; a late lower one never overwrites. Other words are no state of an archive."""

LARGEST_SIZE, LONGEST = 2**63 - 1, 2**31 - 1
LAST_MS = 253402300799000
MAX_ID = 255
_LINK = re.compile(r"https?://[!-~]{1,8000}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveFacts:
    """One archive as its provider describes it: `size` in bytes, `duration` in seconds.

    `url` is a link that expires within minutes, where the provider itself has the file; it is never stored. Callbacks
    say less than answers do: an empty `output_mode` and a `None` mean that nothing was said.
    """

    archive_id: str
    status: str
    session_id: str = ""
    reason: str = ""
    name: str = ""
    created_at: datetime | None = None
    size: int = 0
    duration: int = 0
    resolution: str = ""
    output_mode: str = ""
    has_audio: bool | None = None
    has_video: bool | None = None
    url: str | None = None
    sha256: str = ""

    @property
    def is_state(self) -> bool:
        """Whether the status is one that an archive can be in (`streamAdded` is none)."""
        return self.status in RANKS

    @property
    def is_running(self) -> bool:
        """Whether it is not over."""
        return self.status in RUNNING


def of_payload(payload: Mapping[str, Any]) -> ArchiveFacts | None:
    """Read a provider's archive object; `None` without an id and a status. What is out of range counts as not said."""
    archive_id, status = _text(payload.get("id"), MAX_ID), _text(payload.get("status"), 32)
    if not archive_id or not status:
        return None
    return ArchiveFacts(
        archive_id=archive_id,
        status=status,
        session_id=_text(payload.get("sessionId"), MAX_ID),
        reason=_text(payload.get("reason"), 500),
        name=_text(payload.get("name"), 255),
        created_at=_moment(payload.get("createdAt")),
        size=_number(payload.get("size"), LARGEST_SIZE),
        duration=_number(payload.get("duration"), LONGEST),
        resolution=_text(payload.get("resolution"), 16),
        output_mode=_text(payload.get("outputMode"), 16),
        has_audio=_flag(payload.get("hasAudio")),
        has_video=_flag(payload.get("hasVideo")),
        url=_link(payload.get("url")),
        sha256=_text(payload.get("sha256sum"), 64),
    )


def _text(value: Any, most: int) -> str:
    return value.replace("\x00", "")[:most] if isinstance(value, str) else ""


def _link(value: Any) -> str | None:
    """Return an address that a browser may be sent to; it stands in a header as it is."""
    return value if isinstance(value, str) and _LINK.fullmatch(value) else None


def _number(value: Any, most: int) -> int:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return int(value) if is_number and 0 <= value <= most else 0


def _flag(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _moment(value: Any) -> datetime | None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return datetime.fromtimestamp(value / 1000, UTC) if is_number and 0 <= value < LAST_MS else None
