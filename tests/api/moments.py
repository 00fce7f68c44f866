"""Moments as the wire has them."""

from __future__ import annotations

from datetime import UTC, datetime


def wire(moment: datetime) -> str:
    """Return a moment as the API prints it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def in_milliseconds(moment: datetime) -> datetime:
    """Return a moment without what is finer than a millisecond."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
