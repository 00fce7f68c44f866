"""Someone whom nobody has seen yet comes in: stored in one statement. PostgreSQL only.

On a busy server most events say just that. Then nothing has to be merged, and the rows follow from the event alone:
delivery, fact, attendee and connection are inserted together, under the meeting's lock. Wherever anything is known
already nothing is stored, and `intake` goes the way that merges. Both ways give the same rows.
"""

from __future__ import annotations

import json
from functools import cache, partial
from typing import Any

from django.db import connections, router, transaction
from django.utils import timezone

from meetings import extensions, facts, signals
from meetings.facts import ConnectionView, Fact
from meetings.lookups import Compiled, Slot
from meetings.models import AttendanceFact, Attendee, Connection, Meeting, WebhookDelivery
from meetings.providers.types import EventKind, ProviderEvent, WebhookMessage

APPLIED = WebhookDelivery.Verdict.APPLIED.value


def _locked(provider: Slot, session_id: Slot) -> Any:
    rows = Meeting.objects.select_for_update().filter(provider=provider, session_id=session_id)
    return rows.only("end_time").order_by()


_locked_meeting = Compiled(Meeting, _locked, "provider", "session_id")


class _KnownError(Exception):
    """Somebody or something is known already."""


def store(alias: str, key: str, message: WebhookMessage, event: ProviderEvent) -> bool:
    """Store a first connection with all that follows from it; return whether this was one, else nothing is stored.

    Sends `attendee_joined` on commit.
    """
    database = connections[router.db_for_write(Meeting)]
    if database.vendor != "postgresql" or event.kind is not EventKind.CONNECTION_CREATED:
        return False
    fact = facts.of_event(event)
    assert fact is not None
    view = facts.connection_view(fact.connection_id, [fact], [])
    try:
        with transaction.atomic():
            meeting = _locked_meeting.first(provider=alias, session_id=event.session_id)
            if meeting is None or meeting.end_time is not None:
                raise _KnownError
            values = _values(meeting.pk, alias, key, message, event, fact, view)
            with database.cursor() as cursor:
                cursor.execute(_statement(), values)
                stored = cursor.fetchone()
            if stored is None:
                raise _KnownError
            _announce(meeting.pk, *stored)
    except _KnownError:
        return False
    return True


def _values(
    meeting: int, alias: str, key: str, message: WebhookMessage, event: ProviderEvent, fact: Fact, view: ConnectionView
) -> dict[str, Any]:
    return {
        "meeting": meeting,
        "provider": alias,
        "kind": event.name,
        "session": event.session_id,
        "key": key,
        "body": message.body.decode("utf-8-sig"),
        "received": message.received_at,
        "now": timezone.now(),
        "identity": view.identity,
        "name": view.name[:1000],
        "joined": view.joined_at,
        "at": fact.at,
        "ext": view.ext_id,
        "metadata": json.dumps({"webhookPayload": fact.about["webhookPayload"]}),
        "connection": fact.connection_id,
        "role": view.role[:32],
        "fact": fact.key,
        "payload": json.dumps(dict(fact.about)),
    }


def _announce(meeting_id: int, attendee_id: int, is_first: bool) -> None:
    is_heard = signals.attendee_joined.has_listeners(Attendee)
    if not is_heard and not is_first:
        return
    meeting = Meeting.objects.get(pk=meeting_id)
    if is_heard:
        attendee = Attendee.objects.get(pk=attendee_id)
        signals.send_on_commit(signals.attendee_joined, meeting=meeting, attendee=attendee)
    if is_first:
        for extension in extensions.registered():
            transaction.on_commit(partial(extension.first_join, meeting), robust=True)


@cache
def _statement() -> str:
    """Each insert feeds the next, so that one that meets something known stops those after it.

    The attendee comes first: who waits for a copy of the delivery that is not committed yet must not hold up the copy,
    which waits for the meeting's lock.
    """
    tables = {
        "attendees": Attendee._meta.db_table,
        "connections": Connection._meta.db_table,
        "deliveries": WebhookDelivery._meta.db_table,
        "facts": AttendanceFact._meta.db_table,
    }
    return """
with attendee as (
  insert into {attendees} (meeting_id, identity, attendee, is_deleted, created_on, modified_on, ext_id, ext_metadata,
                           removed_by)
  select %(meeting)s, %(identity)s, %(name)s, false, %(joined)s, %(at)s, %(ext)s, %(metadata)s::jsonb, ''
  where not exists (
    select 1 from {facts} where meeting_id = %(meeting)s and kind = 'session_ended' and at > %(joined)s
  )
  on conflict do nothing returning id
), connection as (
  insert into {connections} (meeting_id, connection_id, attendee_id, joined_at, reason, name, role, socket, is_mute_due)
  select %(meeting)s, %(connection)s, attendee.id, %(joined)s, '', %(name)s, %(role)s, '', false from attendee
  on conflict do nothing returning id
), delivery as (
  insert into {deliveries} (provider, kind, session_id, verdict, dedupe_key, body, error, attempts, received_at,
                            applied_at, meeting_id)
  select %(provider)s, %(kind)s, %(session)s, '{applied}', %(key)s, %(body)s, '', 1, %(received)s, %(now)s, %(meeting)s
  from connection
  on conflict do nothing returning id
), fact as (
  insert into {facts} (meeting_id, kind, at, source, fact_key, connection_id, stream_id, payload, delivery_id,
                       created_on)
  select %(meeting)s, '{joined}', %(at)s, 'webhook', %(fact)s, %(connection)s, '', %(payload)s::jsonb, delivery.id,
         %(now)s
  from delivery
  on conflict do nothing returning id
)
select attendee.id, not exists (select 1 from {connections} where meeting_id = %(meeting)s)
from attendee, connection, delivery, fact
""".format(  # noqa: S608  (names of our own tables)
        **tables, applied=APPLIED, joined=facts.JOINED
    )
