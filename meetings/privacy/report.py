"""What was done, in words."""

from __future__ import annotations

from collections.abc import Mapping


def in_words(counts: Mapping[str, int]) -> str:
    """Return counts by kind as `attendees 2, facts 7`; `nothing` for none."""
    return ", ".join(f"{kind} {count}" for kind, count in counts.items() if count) or "nothing"
