"""What a run did, counted: per table, and per reason with a few ids."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

MOST_EXAMPLES = 20

REASONS: dict[str, str] = {
    "session_id_missing": "no session id",
    "meeting_link_missing": "no meeting link, so no address",
    "meeting_link_not_servable": "a link id is 1 to 32 of A-Z, a-z, 0-9, - and _; no address here leads to another",
    "text_too_long": "a text is longer than its column here (255 characters)",
    "text_unstorable": "a text holds what PostgreSQL can't store",
    "time_missing": "no created_on",
    "time_unreadable": "a time is infinite, before the year 1 or after the year 9999",
    "ext_metadata_not_an_object": "ext_metadata is no JSON object",
    "ext_metadata_unstorable": "ext_metadata is no JSON that can be stored: NUL characters, endless numbers or nesting",
    "session_id_taken": "the session id belongs to a meeting of another tenant, provider or link",
    "meeting_link_taken": "the link id belongs to another meeting",
    "already_here": "a meeting of this session is here and was not imported",
    "changed_here": "changed in the original and here since the last run; what was changed here stays",
    "no_such_session": "the original has no session of this id",
    "session_skipped": "its session was skipped",
    "refused_by_database": "the database refused the row",
}
"""Reason -> what it means. `changed_here` is also noted of rows that were updated in part."""


@dataclass(slots=True)
class Named:
    """How many rows, and the ids (in the original) of the first few."""

    count: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, other: Named) -> None:
        self.count += other.count
        self.examples += other.examples[: MOST_EXAMPLES - len(self.examples)]


@dataclass(slots=True)
class Tally:
    """What became of the rows of one table, or of one batch of it. `read` is the sum of the rest but `kept`."""

    read: int = 0
    created: int = 0
    updated: int = 0
    unchanged: int = 0
    skipped: dict[str, Named] = field(default_factory=dict)
    kept: Named = field(default_factory=Named)

    def skip(self, reason: str, original_id: str) -> None:
        """Count a row that was left out."""
        self.skipped.setdefault(reason, Named()).add(Named(1, [original_id]))

    def keep(self, original_id: str) -> None:
        """Note an updated row of which a part stays as it was changed here."""
        self.kept.add(Named(1, [original_id]))

    def count(self, outcome: str, original_id: str) -> None:
        """Count a row by what became of it: `created`, `updated`, `unchanged`, or the reason why it was skipped."""
        if outcome in REASONS:
            self.skip(outcome, original_id)
        else:
            setattr(self, outcome, getattr(self, outcome) + 1)

    def add(self, other: Tally) -> None:
        """Add another tally to this one."""
        self.read += other.read
        self.created += other.created
        self.updated += other.updated
        self.unchanged += other.unchanged
        for reason, named in other.skipped.items():
            self.skipped.setdefault(reason, Named()).add(named)
        self.kept.add(other.kept)

    @property
    def skips(self) -> int:
        """How many rows were left out."""
        return sum(named.count for named in self.skipped.values())

    def as_json(self) -> dict[str, Any]:
        """Return `{"read", "created", "updated", "unchanged", "skipped": {reason: {"count", "examples"}}, "kept"}`."""
        return {
            "read": self.read,
            "created": self.created,
            "updated": self.updated,
            "unchanged": self.unchanged,
            "skipped": {reason: _named(named) for reason, named in sorted(self.skipped.items())},
            "kept": _named(self.kept),
        }


def _named(named: Named) -> dict[str, Any]:
    return {"count": named.count, "examples": named.examples}


COLUMNS = ("read", "created", "updated", "unchanged")


def table_of(tallies: dict[str, Tally]) -> Iterator[str]:
    """Yield the lines of the report for people."""
    width = max(map(len, tallies))
    yield " ".join([" " * width, *(f"{name:>11}" for name in (*COLUMNS, "skipped"))])
    for table, tally in tallies.items():
        counts = [*(getattr(tally, name) for name in COLUMNS), tally.skips]
        yield " ".join([f"{table:{width}}", *(f"{count:>11,}" for count in counts)])
    for table, tally in tallies.items():
        for reason, named in sorted(tally.skipped.items()):
            yield f"{table}: {named.count:,} skipped, {reason}: {REASONS[reason]}"
            yield f"    id {_listed(named)}"
        if tally.kept.count:
            yield f"{table}: {tally.kept.count:,} updated in part, changed_here: {REASONS['changed_here']}"
            yield f"    id {_listed(tally.kept)}"


def _listed(named: Named) -> str:
    more = named.count - len(named.examples)
    return ", ".join(named.examples) + (f" and {more:,} more" if more else "")
