"""Presence that nobody took back: people who are still shown as here, of whom nothing has been heard.

A provider's good-byes can be lost. Here the provider is asked, where it can answer, and what is stale is closed with a
fact that says that it is an assumption; an event that comes late corrects it. A second run finds nothing to do.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from meetings import attendance, facts, services
from meetings.exceptions import VideoconfError
from meetings.facts import Fact
from meetings.models import AttendanceFact, Connection, Meeting, Stream
from meetings.providers.registry import get_provider, is_configured

logger = logging.getLogger(__name__)

GRACE = timedelta(minutes=5)
"""How long after the end of a meeting its good-byes are waited for."""
STALE_AFTER = timedelta(hours=24)
"""How long a connection can be silent while its meeting goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciled:
    """How many connections were closed in meetings that are over, closed because nothing was heard of them, seen at the
    provider, and left alone because the provider could not be asked."""

    over: int = 0
    stale: int = 0
    seen: int = 0
    unasked: int = 0

    def __add__(self, other: Reconciled) -> Reconciled:
        return Reconciled(
            over=self.over + other.over,
            stale=self.stale + other.stale,
            seen=self.seen + other.seen,
            unasked=self.unasked + other.unasked,
        )


def reconcile(*, now: datetime | None = None, stale_after: timedelta = STALE_AFTER, is_dry: bool = False) -> Reconciled:
    """Close what is stale in all meetings; `is_dry` only counts. Connections with a heartbeat are the sweep's."""
    moment = now or timezone.now()
    done = Reconciled()
    for meeting in _meetings_with_open_connections():
        done += _reconcile(meeting, moment, stale_after, is_dry=is_dry)
    return done


def _meetings_with_open_connections() -> Iterator[Meeting]:
    rows = Connection.objects.filter(left_at__isnull=True, last_seen_at__isnull=True)
    for pk in rows.order_by("meeting_id").values_list("meeting_id", flat=True).distinct():
        yield Meeting.objects.get(pk=pk)


def _reconcile(meeting: Meeting, now: datetime, stale_after: timedelta, *, is_dry: bool) -> Reconciled:
    is_over = meeting.end_time is not None and now - meeting.end_time > GRACE
    if not is_over and not _silent(meeting, now - stale_after):
        return Reconciled()
    try:
        listed = frozenset() if is_over else _streams_now(meeting)
    except VideoconfError as error:
        logger.warning("The provider of meeting %s could not be asked who is there: %s", meeting.pk, error.code)
        return Reconciled(unasked=len(_silent(meeting, now - stale_after)))
    with transaction.atomic():
        meeting = attendance.lock(meeting)
        closed, seen = _facts_of(meeting, listed, now, stale_after)
        if not is_dry:
            attendance.record(meeting, closed, source="reconcile")
            attendance.record(meeting, seen, source="poll")
    return Reconciled(over=len(closed) if is_over else 0, stale=0 if is_over else len(closed), seen=len(seen))


def _streams_now(meeting: Meeting) -> frozenset[str]:
    if not is_configured(meeting.provider):
        return frozenset()
    return get_provider(meeting.provider).streams_now(services.room_of(meeting)) or frozenset()


def _open(meeting: Meeting) -> dict[str, Connection]:
    rows = Connection.objects.filter(meeting=meeting, left_at__isnull=True, last_seen_at__isnull=True)
    return {row.connection_id: row for row in rows}


def _silent(meeting: Meeting, since: datetime) -> dict[str, datetime]:
    """Return when the last was heard of each open connection of which nothing was heard since."""
    heard = AttendanceFact.objects.filter(meeting=meeting, connection_id__in=list(_open(meeting)))
    latest = heard.values("connection_id").annotate(latest=Max("at")).values_list("connection_id", "latest")
    return {connection_id: moment for connection_id, moment in latest if moment <= since}


def _facts_of(
    meeting: Meeting, listed: frozenset[str], now: datetime, stale_after: timedelta
) -> tuple[list[Fact], list[Fact]]:
    """Return the ends that are assumed, and who was seen."""
    if meeting.end_time is not None and now - meeting.end_time > GRACE:
        ends = {row.connection_id: max(meeting.end_time, row.joined_at or now) for row in _open(meeting).values()}
        return [_assumed(connection_id, moment) for connection_id, moment in ends.items()], []
    silent = _silent(meeting, now - stale_after)
    streams = Stream.objects.filter(connection__meeting=meeting, connection__connection_id__in=list(silent))
    shown = set(streams.filter(stream_id__in=listed).values_list("connection__connection_id", flat=True))
    closed = [_assumed(connection_id, moment) for connection_id, moment in silent.items() if connection_id not in shown]
    return closed, [Fact(kind=facts.SEEN, at=now, connection_id=connection_id) for connection_id in sorted(shown)]


def _assumed(connection_id: str, moment: datetime) -> Fact:
    about = {"reason": facts.ASSUMED_REASON}
    return Fact(kind=facts.ASSUMED_LEFT, at=moment, connection_id=connection_id, about=about)
