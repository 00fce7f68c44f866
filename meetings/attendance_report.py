"""Who was there and for how long: intervals and totals per attendee."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from meetings.models import Attendee, Connection, Meeting


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A stay; `left_at` is `None` while it goes on."""

    joined_at: datetime
    left_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttendeeReport:
    """One attendee's stays: the union of her connections, so two devices count once."""

    attendee: Attendee
    intervals: tuple[Interval, ...]
    total: timedelta

    @property
    def first_join(self) -> datetime:
        return self.intervals[0].joined_at

    @property
    def last_leave(self) -> datetime | None:
        return self.intervals[-1].left_at


def attendance_of(meeting: Meeting, *, now: datetime) -> list[AttendeeReport]:
    """Return every attendee's intervals, in the order of first joining (two queries)."""
    stays: dict[int, list[Interval]] = {}
    rows = Connection.objects.filter(meeting=meeting, attendee__isnull=False, joined_at__isnull=False)
    for attendee_id, joined_at, left_at in rows.values_list("attendee_id", "joined_at", "left_at"):
        stays.setdefault(attendee_id, []).append(Interval(joined_at=joined_at, left_at=left_at))
    reports = []
    for attendee in Attendee.objects.filter(meeting=meeting):
        intervals = union(stays.get(attendee.pk, []))
        if intervals:
            total = sum(((stay.left_at or now) - stay.joined_at for stay in intervals), timedelta())
            reports.append(AttendeeReport(attendee=attendee, intervals=intervals, total=max(total, timedelta())))
    return sorted(reports, key=lambda report: (report.first_join, report.attendee.pk))


def union(stays: Iterable[Interval]) -> tuple[Interval, ...]:
    """Merge overlapping and touching stays; an open one swallows everything after it."""
    merged: list[Interval] = []
    for stay in sorted(stays, key=lambda stay: stay.joined_at):
        last = merged[-1] if merged else None
        if last is None or (last.left_at is not None and stay.joined_at > last.left_at):
            merged.append(stay)
        elif last.left_at is not None:
            is_open = stay.left_at is None
            merged[-1] = Interval(
                joined_at=last.joined_at,
                left_at=None if is_open else max(last.left_at, stay.left_at or last.left_at),
            )
    return tuple(merged)
