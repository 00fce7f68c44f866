"""Seats of the embedded provider: who gets in at the socket, who is still there, who left.

The database decides: the meeting's row lock makes the last seat go to one of two racing joins, and the `socket` column
says which socket holds a connection now, so that a dropped one can't end what another has taken up.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from meetings import attendance, facts, join_rate
from meetings.conf import conf
from meetings.exceptions import JoinRefused
from meetings.models import AttendanceFact, Attendee, Connection, Meeting

if TYPE_CHECKING:  # the embedded provider needs Channels, which a host without it need not have
    from meetings.providers.webrtc.tokens import JoinClaims

COME_BACK_WITHIN = timedelta(minutes=10)
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
    """What a heartbeat finds. `LOST`: the connection was counted out meanwhile; its page may join anew."""

    ALIVE = "alive"
    MUTED = "muted"
    ENDED = "ended"
    REMOVED = "removed"
    TAKEN_OVER = "taken_over"
    LOST = "lost"


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
    with transaction.atomic():
        meeting = attendance.lock(meeting)
        moment = now or timezone.now()
        refuse_closed(meeting, moment)
        _refuse_removed(meeting, claims)
        known = _connection(meeting, known_id) if known_id else None
        is_open = known is not None and known.left_at is None
        if known is not None and is_open and not is_reload and not was_removed(known):
            Connection.objects.filter(pk=known.pk).update(socket=socket, last_seen_at=moment)
            return Seat(connection_id=known.connection_id, identity=_identity(known), resumed=True)
        replaced = known if known is not None and is_open else None
        attendance.close_silent(meeting, now=moment)
        others = Connection.objects.filter(meeting=meeting).present()
        if replaced is not None:
            others = others.exclude(pk=replaced.pk)
        if others.count() >= limit:
            raise JoinRefused(FULL, code="meeting_full", retry=True)
        join_rate.refuse_too_many(meeting.pk, claims.identity, limit=limit, now=moment)
        return _seat(meeting, claims, socket=socket, name=name, at=moment, known=known, replaced=replaced)


def _seat(
    meeting: Meeting,
    claims: JoinClaims,
    *,
    socket: str,
    name: str,
    at: datetime,
    known: Connection | None,
    replaced: Connection | None,
) -> Seat:
    connection_id = secrets.token_urlsafe(16)
    # Without a name of her own she is her connection; the resume key says that it was hers.
    identity = claims.identity or (known is not None and _identity(known)) or f"conn:{connection_id}"
    about = {
        "identity": identity,
        "data": name,
        "extId": claims.ext_id or "",
        "role": claims.role.value,
        "token": claims.token_id,
    }
    seen = [
        attendance.join_of(
            meeting,
            connection_id=connection_id,
            at=at,
            about={key: value for key, value in about.items() if value},
        )
    ]
    if replaced is not None:
        seen.append(attendance.end_of(meeting, replaced, at, facts.REPLACED_REASON))
    attendance.record(meeting, seen, source="socket")
    rows = Connection.objects.filter(meeting=meeting, connection_id=connection_id)
    rows.update(socket=socket, last_seen_at=at)
    return Seat(
        connection_id=connection_id,
        identity=identity,
        replaces=replaced.connection_id if replaced is not None else "",
    )


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
    rows = Connection.objects.filter(meeting=meeting, connection_id=connection_id)
    is_held = rows.filter(socket=socket, left_at__isnull=True).update(last_seen_at=moment)
    row = rows.select_related("meeting", "attendee").get()
    if row.meeting.is_over(moment) or row.meeting.deleted:
        return Pulse.ENDED
    if was_removed(row):
        return Pulse.REMOVED
    if is_held:
        return Pulse.MUTED if row.is_mute_due else Pulse.ALIVE
    return Pulse.LOST if row.socket == socket and row.reason != facts.REPLACED_REASON else Pulse.TAKEN_OVER


def mute_told(meeting: Meeting, connection_id: str) -> None:
    """Note that a page was told to mute its microphone, which it owed (`Connection.is_mute_due`)."""
    rows = Connection.objects.filter(meeting=meeting, connection_id=connection_id, is_mute_due=True)
    rows.update(is_mute_due=False)


def may_come_back(meeting: Meeting, connection_id: str, *, now: datetime | None = None) -> bool:
    """Whether a connection is open or was lost a short while ago: its page need not show a token of today."""
    row = _connection(meeting, connection_id)
    if row is None or row.left_at is None:
        return row is not None
    is_recent = row.left_at > (now or timezone.now()) - COME_BACK_WITHIN
    return row.reason == facts.LOST_REASON and is_recent


def is_theirs(meeting: Meeting, connection_id: str, claims: JoinClaims) -> bool:
    """Whether a token is of the person and the role that a connection was opened with, whenever it was issued."""
    row = _connection(meeting, connection_id)
    if row is None or row.role != claims.role.value:
        return False
    identity = _identity(row)
    return identity == claims.identity or (not claims.identity and identity.startswith("conn:"))


def was_removed(connection: Connection) -> bool:
    """Whether a moderator has put out the person of this connection since it began."""
    removed_on = connection.attendee.removed_on if connection.attendee else None
    return removed_on is not None and connection.joined_at is not None and removed_on >= connection.joined_at


def _identity(connection: Connection) -> str:
    return connection.attendee.identity if connection.attendee else ""


def _connection(meeting: Meeting, connection_id: str) -> Connection | None:
    rows = Connection.objects.filter(meeting=meeting, connection_id=connection_id)
    found: Connection | None = rows.select_related("attendee").first()
    return found


def refuse_closed(meeting: Meeting, now: datetime) -> None:
    """Raise `JoinRefused` for a meeting that is deleted, over, or not open yet."""
    if meeting.deleted:
        raise JoinRefused("There is no meeting at this address.", code="meeting_unknown")
    if meeting.is_over(now):
        raise JoinRefused(MEETING_ENDED, code="meeting_ended")
    time_to_start = timedelta(minutes=conf.TIME_TO_START)
    if meeting.start_time is None and meeting.is_early(now, time_to_start):
        raise JoinRefused(NOT_STARTED, code="meeting_not_started", retry=True, opens_at=meeting.opens_at(time_to_start))


def _refuse_removed(meeting: Meeting, claims: JoinClaims) -> None:
    """Refuse a token that was issued before its bearer was removed."""
    removed = Attendee.objects.filter(meeting=meeting, removed_on__gte=claims.issued_at)
    if claims.identity:
        is_removed = removed.filter(identity=claims.identity).exists()
    else:
        is_removed = bool(claims.token_id) and _came_with(meeting, removed, claims.token_id)
    if is_removed:
        raise JoinRefused(REMOVED, code="token_revoked")


def _came_with(meeting: Meeting, attendees: QuerySet[Attendee], token_id: str) -> bool:
    """Whether one of these people joined with this very token (one that names nobody)."""
    theirs = Connection.objects.filter(meeting=meeting, attendee__in=attendees).values("connection_id")
    joins = AttendanceFact.objects.filter(meeting=meeting, kind=facts.JOINED, connection_id__in=theirs)
    return joins.filter(payload__token=token_id).exists()
