"""Who is and was in a meeting: facts go in, connections and attendees follow.

`record` is the only writer of presence. Webhooks, the embedded provider's sockets and the sweep all come through it;
the meeting's row lock serialises them, and the same facts give the same rows in any order and number of copies.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import uuid4

from django.db import transaction
from django.db.models import Count, Max, Min, Q
from django.utils import timezone

from meetings import extensions, facts, signals
from meetings.facts import ConnectionView, Fact
from meetings.models import AttendanceFact, Attendee, Connection, Meeting, Stream, WebhookDelivery
from meetings.prepared import insert
from meetings.providers.session_events import milliseconds
from meetings.redaction import NAMELESS

SILENCE = timedelta(seconds=15)
"""A connection with heartbeats that was silent for so long is gone."""
SWEEP_BATCH = 500


def record(
    meeting: Meeting, seen: Sequence[Fact], *, source: str, delivery: WebhookDelivery | None = None
) -> list[str]:
    """Store facts and bring connections, streams and attendees up to date; return the touched connection ids.

    Safe to repeat. Takes the meeting's row lock for the rest of the transaction, and reads its `end_time` anew. Sends
    `attendee_joined` and `attendee_left` on commit.
    """
    with transaction.atomic():
        meeting.end_time = lock(meeting).end_time
        seen = _without_the_erased(meeting, seen, delivery)
        AttendanceFact.objects.bulk_create(
            [row_of(meeting, fact, source=source, delivery=delivery) for fact in seen], ignore_conflicts=True
        )
        touched = sorted({fact.connection_id for fact in seen if fact.connection_id})
        if any(fact.kind == facts.SESSION_ENDED for fact in seen):
            touched = sorted({*touched, *_ids_that_a_session_end_moves(meeting)})
        if touched:
            _project(meeting, touched)
        return touched


def lock(meeting: Meeting) -> Meeting:
    """Take the meeting's row lock (inside a transaction) and return the row as it is now.

    Rows that refer to it can be stored meanwhile: who stores one holds up nobody who has locked what else it refers to.
    """
    locked: Meeting = Meeting.objects.select_for_update(no_key=True).get(pk=meeting.pk)
    return locked


def close_silent(meeting: Meeting | None = None, *, now: datetime | None = None) -> list[Connection]:
    """End connections whose heartbeat stopped (their process was killed); return them. Safe to repeat.

    With a meeting only its connections are looked at. Each ends at the moment it was last seen; those who are still in
    its room are told on commit.
    """
    limit = (now or timezone.now()) - SILENCE
    silent = Connection.objects.silent_since(limit)
    if meeting is not None:
        silent = silent.filter(meeting=meeting)
    by_meeting: dict[int, list[int]] = {}
    for pk, meeting_id in silent.values_list("pk", "meeting_id")[:SWEEP_BATCH]:
        by_meeting.setdefault(meeting_id, []).append(pk)
    return [row for meeting_id, pks in by_meeting.items() for row in _close_silent_of(meeting_id, pks, limit)]


def _close_silent_of(meeting_id: int, pks: list[int], limit: datetime) -> list[Connection]:
    with transaction.atomic():
        meeting = lock(Meeting(pk=meeting_id))
        still = list(Connection.objects.silent_since(limit).filter(pk__in=pks).select_related("meeting"))
        ends = [end_of(meeting, connection, connection.last_seen_at, facts.LOST_REASON) for connection in still]
        if ends:
            record(meeting, ends, source="sweep")
        transaction.on_commit(partial(_say_bye, meeting, still), robust=True)
        return still


def _say_bye(meeting: Meeting, lost: Sequence[Connection]) -> None:
    from meetings.providers.webrtc import rooms  # needs Channels, which only the embedded provider does

    for connection in lost:
        rooms.tell(rooms.room_group(meeting.session_id), rooms.bye(connection.connection_id, "lost"))


def note_token(meeting: Meeting, *, identity: str, role: str, at: datetime, expires_at: datetime) -> None:
    """Store that a join token was issued: nobody can have come in by it before. No lock, no projection.

    It isn't waited for: where such a fact is missing, a joining is known less closely, and not wrongly.
    """
    about = {"identity": identity, "role": role, "expires": milliseconds(expires_at), "id": uuid4().hex}
    insert(row_of(meeting, Fact(kind=facts.TOKEN_ISSUED, at=at, about=about), source="api"), may_be_lost=True)


def join_of(meeting: Meeting, *, connection_id: str, at: datetime, about: Mapping[str, str]) -> Fact:
    """Return the fact that a connection of the embedded provider began, in the shape that a webhook would give it."""
    return Fact(
        kind=facts.JOINED,
        at=at,
        connection_id=connection_id,
        about={
            **about,
            "webhookPayload": {
                "event": "connectionCreated",
                "sessionId": meeting.session_id,
                "timestamp": milliseconds(at),
                "connection": {
                    "id": connection_id,
                    "createdAt": milliseconds(at),
                    "data": about.get("data", ""),
                },
            },
        },
    )


def end_of(meeting: Meeting, connection: Connection, at: datetime | None, reason: str) -> Fact:
    """Return the fact that a connection of the embedded provider ended."""
    moment = at or timezone.now()
    since = connection.joined_at or moment
    return Fact(
        kind=facts.LEFT,
        at=moment,
        connection_id=connection.connection_id,
        about={
            "reason": reason,
            "webhookPayload": {
                "event": "connectionDestroyed",
                "sessionId": meeting.session_id,
                "timestamp": milliseconds(moment),
                "reason": reason,
                "connection": {
                    "id": connection.connection_id,
                    "createdAt": milliseconds(since),
                    "data": connection.name,
                },
            },
        },
    )


def row_of(meeting: Meeting, fact: Fact, *, source: str, delivery: WebhookDelivery | None = None) -> AttendanceFact:
    """Return a fact as a row, not stored."""
    return AttendanceFact(
        meeting=meeting,
        kind=fact.kind,
        at=fact.at,
        source=source,
        fact_key=fact.key,
        connection_id=fact.connection_id,
        stream_id=fact.stream_id,
        payload=dict(fact.about),
        delivery=delivery,
    )


def _without_the_erased(meeting: Meeting, seen: Sequence[Fact], delivery: WebhookDelivery | None) -> Sequence[Fact]:
    """Of somebody who was erased nothing is learnt anew, from an event that comes late: neither its fact nor what is
    kept of its delivery says who she was."""
    ids = {fact.connection_id for fact in seen if fact.connection_id}
    hers = Connection.objects.filter(
        meeting=meeting, connection_id__in=ids, attendee__identity__startswith=facts.ERASED
    ).values_list("connection_id", "attendee__identity")
    erased = dict(hers) if ids else {}
    if not erased:
        return seen
    if delivery is not None:
        delivery.body = NAMELESS.document(delivery.body)
        delivery.save(update_fields=["body"])
    return [
        replace(fact, about=_nameless(fact.about, erased[fact.connection_id])) if fact.connection_id in erased else fact
        for fact in seen
    ]


def _nameless(about: Mapping[str, Any], identity: str) -> dict[str, Any]:
    kept = {name: value for name, value in NAMELESS.json(dict(about)).items() if value not in ("", None)}
    return {**kept, "identity": identity}


def _ids_that_a_session_end_moves(meeting: Meeting) -> Iterable[str]:
    rows = Connection.objects.filter(meeting=meeting)
    movable = rows.filter(left_at__isnull=True) | rows.filter(reason=facts.SESSION_END_REASON)
    return list(movable.values_list("connection_id", flat=True))


def _project(meeting: Meeting, connection_ids: Sequence[str]) -> None:
    known: dict[str, list[Fact]] = {connection_id: [] for connection_id in connection_ids}
    for stored in AttendanceFact.objects.filter(meeting=meeting, connection_id__in=connection_ids):
        known[stored.connection_id].append(_fact(stored))
    ends = list(AttendanceFact.objects.filter(meeting=meeting, kind=facts.SESSION_ENDED).values_list("at", flat=True))
    rows = {
        row.connection_id: row for row in Connection.objects.filter(meeting=meeting, connection_id__in=connection_ids)
    }
    is_first = not rows and not Connection.objects.filter(meeting=meeting).exists()
    people: set[int] = set()
    for connection_id, seen in known.items():
        if not seen:
            continue
        view = facts.connection_view(connection_id, seen, ends)
        row = rows.get(connection_id) or Connection(meeting=meeting, connection_id=connection_id)
        people |= _project_connection(row, view)
        _project_streams(row, seen)
    for pk in sorted(people):
        _project_attendee(meeting, pk)
    for extension in extensions.registered():
        transaction.on_commit(partial(extension.presence_changed, meeting), robust=True)
        if is_first:
            transaction.on_commit(partial(extension.first_join, meeting), robust=True)


def _fact(row: AttendanceFact) -> Fact:
    return Fact(kind=row.kind, at=row.at, connection_id=row.connection_id, stream_id=row.stream_id, about=row.payload)


def _project_connection(row: Connection, view: ConnectionView) -> set[int]:
    before = row.attendee_id
    attendee = _attendee_for(row, view)
    row.attendee = attendee
    row.joined_at, row.left_at, row.reason = view.joined_at, view.left_at, view.reason[:64]
    row.name, row.role = view.name[:1000], view.role[:32]
    row.save()
    return {pk for pk in (before, attendee.pk) if pk is not None}


def _attendee_for(row: Connection, view: ConnectionView) -> Attendee:
    found: Attendee | None = Attendee.objects.filter(meeting_id=row.meeting_id, identity=view.identity).first()
    if found is not None:
        return found
    unnamed = f"conn:{row.connection_id}"
    if row.attendee is not None and row.attendee.identity == unnamed:
        row.attendee.identity = view.identity
        row.attendee.ext_id = view.ext_id
        row.attendee.save(update_fields=["identity", "ext_id"])
        return row.attendee
    made: Attendee = Attendee.objects.create(
        meeting_id=row.meeting_id, identity=view.identity, ext_id=view.ext_id, is_deleted=True
    )
    return made


def _project_streams(row: Connection, seen: Sequence[Fact]) -> None:
    for view in facts.stream_views(seen, row.left_at):
        Stream.objects.update_or_create(
            connection=row,
            stream_id=view.stream_id,
            defaults={"type": view.type, "started_at": view.started_at, "ended_at": view.ended_at},
        )


def _project_attendee(meeting: Meeting, pk: int) -> None:
    attendee = Attendee.objects.get(pk=pk)
    stays = Connection.objects.filter(attendee=attendee)
    known = stays.aggregate(
        total=Count("pk"),
        open=Count("pk", filter=Q(left_at__isnull=True)),
        first_join=Min("joined_at"),
        last_leave=Max("left_at"),
    )
    if not known["total"]:
        attendee.delete()
        return
    was_here = not attendee.is_deleted
    named = stays.exclude(name="").order_by("-joined_at", "-connection_id").values_list("name", flat=True).first()
    latest = (
        AttendanceFact.objects.filter(meeting=meeting, connection_id__in=stays.values("connection_id"))
        .exclude(kind__in=(facts.SEEN, facts.ASSUMED_LEFT))  # which say nothing of her
        .order_by("-at", "-fact_key")
        .first()
    )
    attendee.attendee = named or ""
    attendee.is_deleted = not known["open"]
    attendee.created_on = known["first_join"] or attendee.created_on
    if latest is not None:
        attendee.modified_on = max(latest.at, known["last_leave"] or latest.at)
        payload = latest.payload.get("webhookPayload")
        attendee.ext_metadata = latest.payload.get("extMetadata") or ({"webhookPayload": payload} if payload else None)
    attendee.save(update_fields=["attendee", "is_deleted", "created_on", "modified_on", "ext_metadata"])
    is_here = not attendee.is_deleted
    if is_here != was_here:
        signal = signals.attendee_joined if is_here else signals.attendee_left
        signals.send_on_commit(signal, meeting=meeting, attendee=attendee)
