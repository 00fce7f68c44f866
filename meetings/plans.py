"""What a new meeting shall be."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class MeetingPlan:
    """A meeting to be made; the names are the API's, in snake case. `duration` is in minutes."""

    is_scheduled: bool = False
    schedule_time: datetime | None = None
    enable_archiving: bool = False
    end_to_end_encryption: bool = False
    title: str | None = None
    ext_id: str | None = None
    ext_metadata: dict[str, Any] | None = None
    duration: int | None = None
    max_participants: int | None = None
    provider: str | None = None
