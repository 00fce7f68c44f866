"""How often a meeting is joined: each new seat makes rows that stay, and calls everyone who is there."""

from __future__ import annotations

import hashlib
import logging
from datetime import datetime

from django.core.cache import cache

from meetings.exceptions import JoinRefused

logger = logging.getLogger(__name__)

PER_PERSON = 30
"""Seats a minute of one identity; people who share a name without an id of their own share it."""
PER_PLACE = 20
"""Seats a minute for each place that the meeting has: everybody's reloads and reconnects, after a restart too."""
MINUTE = 60
TOO_MANY = "There were too many joins just now. Wait a minute, then join again."


def refuse_too_many(meeting_id: int, identity: str, *, limit: int, now: datetime) -> None:
    """Count a new seat in a meeting of `limit` places, and raise `JoinRefused` for one too many in this minute.

    Counts are in the default cache: of each process alone where that is in memory, of all where they share it. A cache
    that fails lets everyone in.
    """
    key = f"videoconf-joins-{meeting_id}-{int(now.timestamp()) // MINUTE}"
    person = hashlib.sha256(identity.encode()).hexdigest()[:32]
    # In this order: one who is refused for herself takes nothing from the others.
    if (identity and _count(f"{key}-{person}") > PER_PERSON) or _count(key) > PER_PLACE * limit:
        raise JoinRefused(TOO_MANY, code="too_many_joins", retry=True)


def _count(key: str) -> int:
    try:
        cache.add(key, 0, 2 * MINUTE)
        return int(cache.incr(key))
    except ValueError:  # a cache that keeps nothing
        return 0
    except Exception:
        logger.warning("The cache did not count a join", exc_info=True)
        return 0
