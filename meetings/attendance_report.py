"""Who was there and for how long: the ledger of a meeting, person by person, against its schedule."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from meetings import ledger
from meetings.conf import conf
from meetings.facts import moment_of
from meetings.ledger import Bounds, Seen, Stay
from meetings.models import AttendanceFact, Attendee, Connection, Meeting


@dataclass(frozen=True, slots=True, kw_only=True)
class AttendeeReport:
    """One attendee's stays: the union of her connections, so two devices count once.

    `share` is how much of `length`, the meeting's, she was there. `late` and `early` are how long after the scheduled
    beginning she came first, and before the scheduled end she left last; `None` without a schedule, and `early` while
    she is there.
    """

    attendee: Attendee
    stays: tuple[Stay, ...]
    devices: int
    total: timedelta
    share: float
    late: timedelta | None
    early: timedelta | None

    @property
    def first_join(self) -> datetime:
        return self.stays[0].joined_at

    @property
    def last_leave(self) -> datetime | None:
        return self.stays[-1].left_at


def attendance_of(meeting: Meeting, *, now: datetime) -> list[AttendeeReport]:
    """Return every attendee's stays, in the order of first joining (three queries)."""
    people_of = {attendee.pk: attendee for attendee in Attendee.objects.filter(meeting=meeting)}
    rows = Connection.objects.filter(meeting=meeting, attendee__isnull=False)
    owners = dict(rows.values_list("connection_id", "attendee_id"))
    return _reports(meeting, people_of, owners, _seen(meeting), now)


def attendance_of_some(meeting: Meeting, attendees: Sequence[Attendee], *, now: datetime) -> list[AttendeeReport]:
    """Return the stays of some attendees of a meeting, however many others there are (two queries)."""
    people_of = {attendee.pk: attendee for attendee in attendees}
    rows = Connection.objects.filter(meeting=meeting, attendee__in=people_of)
    owners = dict(rows.values_list("connection_id", "attendee_id"))
    return _reports(meeting, people_of, owners, _seen(meeting, ["", *owners]), now)


def _reports(
    meeting: Meeting, people_of: Mapping[int, Attendee], owners: Mapping[str, int], seen: list[Seen], now: datetime
) -> list[AttendeeReport]:
    by_person: dict[int, list[Stay]] = {}
    identities = {connection_id: people_of[pk].identity for connection_id, pk in owners.items()}
    stays = ledger.stays_of(seen, Bounds(start=meeting.start_time, end=meeting.end_time), identities)
    for connection_id, attendee_id in owners.items():
        if connection_id in stays:
            by_person.setdefault(attendee_id, []).append(stays[connection_id])
    gap = timedelta(seconds=conf.MERGE_GAP)
    people = {pk: ledger.merged(theirs, gap) for pk, theirs in by_person.items()}
    length = _length(meeting, people.values(), now)
    reports = [
        _report(meeting, attendee, people[attendee.pk], len(by_person[attendee.pk]), length, now)
        for attendee in people_of.values()
        if attendee.pk in people
    ]
    return sorted(reports, key=lambda report: (report.first_join, report.attendee.pk))


def _seen(meeting: Meeting, connection_ids: Sequence[str] | None = None) -> list[Seen]:
    about = ("payload__since", "payload__reason", "payload__identity")
    chosen = AttendanceFact.objects.filter(meeting=meeting)
    if connection_ids is not None:
        chosen = chosen.filter(connection_id__in=connection_ids)
    rows = chosen.values_list("kind", "at", "source", "connection_id", "created_on", *about)
    return [
        Seen(
            kind=kind,
            at=at,
            source=source,
            connection_id=connection_id,
            since=moment_of(since),
            reason=reason or "",
            identity=identity or "",
            noted_at=noted_at,
        )
        for kind, at, source, connection_id, noted_at, since, reason, identity in rows
    ]


def _length(meeting: Meeting, people: Iterable[tuple[Stay, ...]], now: datetime) -> timedelta:
    """Return how long the meeting was: as scheduled, else from the first joining to its end, or the last leaving."""
    if meeting.schedule_time is not None and meeting.is_scheduled and meeting.duration:
        return timedelta(minutes=meeting.duration)
    everyone = [stay for stays in people for stay in stays]
    if not everyone:
        return timedelta()
    start = min(stay.joined_at for stay in everyone)
    return max((meeting.end_time or max(stay.left_at or now for stay in everyone)) - start, timedelta())


def _report(
    meeting: Meeting, attendee: Attendee, stays: tuple[Stay, ...], devices: int, length: timedelta, now: datetime
) -> AttendeeReport:
    total = ledger.total(stays, now)
    late = early = None
    if meeting.is_scheduled and meeting.schedule_time is not None:
        late = max(stays[0].joined_at - meeting.schedule_time, timedelta())
        left_at = stays[-1].left_at
        if meeting.duration and left_at is not None:
            early = max(meeting.schedule_time + timedelta(minutes=meeting.duration) - left_at, timedelta())
    return AttendeeReport(
        attendee=attendee,
        stays=stays,
        devices=devices,
        total=total,
        share=min(total / length, 1.0) if length else 0.0,
        late=late,
        early=early,
    )
