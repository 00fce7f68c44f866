"""Seats of the embedded provider: who gets in at the socket, who is still there, who left.

The database decides: the meeting's row lock makes the last seat go to one of two racing joins, and the `socket` column
says which socket holds a connection now, so that a dropped one can't end what another has taken up.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from django.db import transaction
from django.utils import timezone

from meetings import attendance, facts
from meetings.conf import conf
from meetings.exceptions import JoinRefused
from meetings.models import Attendee, Connection, Meeting
from meetings.providers.webrtc.tokens import JoinClaims

LEFT_REASON = "clientDisconnected"
FORCED_REASON = "forceDisconnected"
MEETING_ENDED = "This meeting has ended."
REMOVED = "You were removed from this meeting."
FULL = "This meeting is full."
NOT_STARTED = "This meeting has not started yet."


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """A place at the table: the connection, and the one it takes over after a page reload."""

    connection_id: str
    identity: str
    resumed: bool = False
    replaces: str = ""


class Pulse(StrEnum):
    """What a heartbeat finds."""

    ALIVE = "alive"
    ENDED = "ended"
    REMOVED = "removed"
    TAKEN_OVER = "taken_over"


def admit(
    meeting: Meeting,
    claims: JoinClaims,
    *,
    socket: str,
    name: str,
    limit: int,
    known_id: str = "",
    is_reload: bool = False,
    now: datetime | None = None,
) -> Seat:
    """Give a verified token's bearer a seat, or raise `JoinRefused`.

    `known_id` is a connection whose resume key the page presented: after a dropped socket it is taken up again, after a
    page reload (`is_reload`) it is ended and replaced. `limit` counts open connections.
    """
    moment = now or timezone.now()
    with transaction.atomic():
        meeting = attendance.lock(meeting)
        _refuse_closed(meeting, moment)
        _refuse_removed(meeting, claims)
        known = _open_connection(meeting, known_id) if known_id else None
        if known is not None and not is_reload:
            Connection.objects.filter(pk=known.pk).update(socket=socket, last_seen_at=moment)
            identity = known.attendee.identity if known.attendee else ""
            return Seat(connection_id=known.connection_id, identity=identity, resumed=True)
        if known is not None:
            attendance.record(
                meeting, [attendance.end_of(meeting, known, moment, facts.REPLACED_REASON)], source="socket"
            )
        attendance.close_silent(meeting, now=moment)
        if Connection.objects.filter(meeting=meeting).present().count() >= limit:
            raise JoinRefused(FULL, code="meeting_full", retry=True)
        connection_id = secrets.token_urlsafe(16)
        identity = claims.identity or f"conn:{connection_id}"
        about = {
            "identity": identity,
            "data": name,
            "extId": claims.ext_id or "",
            "role": claims.role.value,
        }
        joined = attendance.join_of(
            meeting,
            connection_id=connection_id,
            at=moment,
            about={key: value for key, value in about.items() if value},
        )
        attendance.record(meeting, [joined], source="socket")
        Connection.objects.filter(meeting=meeting, connection_id=connection_id).update(
            socket=socket, last_seen_at=moment
        )
        replaces = known.connection_id if known is not None else ""
        return Seat(connection_id=connection_id, identity=identity, replaces=replaces)


def leave(meeting: Meeting, connection_id: str, *, socket: str, reason: str = LEFT_REASON) -> bool:
    """End a connection if this socket still holds it; return whether it did. Safe to repeat."""
    with transaction.atomic():
        attendance.lock(meeting)
        row = Connection.objects.filter(
            meeting=meeting, connection_id=connection_id, socket=socket, left_at__isnull=True
        ).first()
        if row is None:
            return False
        attendance.record(meeting, [attendance.end_of(meeting, row, timezone.now(), reason)], source="socket")
        return True


def beat(meeting: Meeting, connection_id: str, *, socket: str, now: datetime | None = None) -> Pulse:
    """Note that a connection is alive and read what became of its meeting meanwhile (two indexed statements)."""
    moment = now or timezone.now()
    alive = Connection.objects.filter(
        meeting=meeting, connection_id=connection_id, socket=socket, left_at__isnull=True
    ).update(last_seen_at=moment)
    row = (
        Connection.objects.filter(meeting=meeting, connection_id=connection_id)
        .select_related("meeting", "attendee")
        .get()
    )
    if row.meeting.is_over(moment) or row.meeting.deleted:
        return Pulse.ENDED
    if row.attendee and row.attendee.removed_on and row.joined_at and row.attendee.removed_on >= row.joined_at:
        return Pulse.REMOVED
    return Pulse.ALIVE if alive else Pulse.TAKEN_OVER


def _open_connection(meeting: Meeting, connection_id: str) -> Connection | None:
    found: Connection | None = (
        Connection.objects.filter(meeting=meeting, connection_id=connection_id, left_at__isnull=True)
        .select_related("attendee")
        .first()
    )
    return found


def _refuse_closed(meeting: Meeting, now: datetime) -> None:
    if meeting.deleted:
        raise JoinRefused("There is no meeting at this address.", code="meeting_unknown")
    if meeting.is_over(now):
        raise JoinRefused(MEETING_ENDED, code="meeting_ended")
    if meeting.start_time is None and meeting.is_early(now, timedelta(minutes=conf.TIME_TO_START)):
        raise JoinRefused(NOT_STARTED, code="meeting_not_started", retry=True)


def _refuse_removed(meeting: Meeting, claims: JoinClaims) -> None:
    if not claims.identity:
        return
    removed_on = (
        Attendee.objects.filter(meeting=meeting, identity=claims.identity).values_list("removed_on", flat=True).first()
    )
    if removed_on is not None and claims.issued_at <= removed_on:
        raise JoinRefused(REMOVED, code="token_revoked")
