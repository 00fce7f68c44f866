"""Someone whom nobody has seen yet comes in: stored in one statement. PostgreSQL only.

On a busy server most events say just that. Then nothing has to be merged, and the rows follow from the event alone:
delivery, fact, attendee and connection are inserted together, under the meeting's lock. Wherever anything is known
already nothing is stored, and `intake` goes the way that merges. Both ways give the same rows.
"""

from __future__ import annotations

import json
from contextlib import nullcontext
from functools import cache, partial
from typing import Any

from django.db import DataError, connections, router, transaction
from django.utils import timezone

from meetings import extensions, facts, signals
from meetings.facts import ConnectionView, Fact
from meetings.models import AttendanceFact, Attendee, Connection, Meeting, WebhookDelivery
from meetings.providers.types import EventKind, ProviderEvent, WebhookMessage

APPLIED = WebhookDelivery.Verdict.APPLIED.value


def store(alias: str, key: str, message: WebhookMessage, event: ProviderEvent) -> bool:
    """Store a first connection with all that follows from it; return whether this was one, else nothing is stored.

    Sends `attendee_joined` on commit.
    """
    database = connections[router.db_for_write(Meeting)]
    if database.vendor != "postgresql" or event.kind is not EventKind.CONNECTION_CREATED:
        return False
    fact = facts.of_event(event)
    assert fact is not None
    values = _values(alias, key, message, event, fact, facts.connection_view(fact.connection_id, [fact], []))
    try:
        # Both statements of one call are one transaction, without a word more to the server.
        with transaction.atomic() if database.in_atomic_block else nullcontext(), database.cursor() as cursor:
            cursor.execute(_statements(), values)
            stored = cursor.fetchone()
    except DataError:  # our own division by zero: half of it was known
        return False
    if stored is None:
        return False
    _announce(*stored)
    return True


def _values(
    alias: str, key: str, message: WebhookMessage, event: ProviderEvent, fact: Fact, view: ConnectionView
) -> dict[str, Any]:
    return {
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
def _statements() -> str:
    """The meeting's lock, then everything at once: each statement sees what was stored before it began.

    Under the lock nobody else writes presence, so what is looked for and not found stays unknown. A delivery can be
    stored without the lock: if that happens meanwhile, the division by zero takes everything back.
    """
    tables = {
        "meetings": Meeting._meta.db_table,
        "attendees": Attendee._meta.db_table,
        "connections": Connection._meta.db_table,
        "deliveries": WebhookDelivery._meta.db_table,
        "facts": AttendanceFact._meta.db_table,
    }
    return """
select 1 from {meetings} where provider = %(provider)s and session_id = %(session)s for update;
with meeting as (
  select id from {meetings} as m where provider = %(provider)s and session_id = %(session)s and end_time is null
    and not exists (select 1 from {connections} where meeting_id = m.id and connection_id = %(connection)s)
    and not exists (select 1 from {facts} where meeting_id = m.id and kind = '{ended}' and at > %(joined)s)
    and not exists (select 1 from {deliveries} where dedupe_key = %(key)s)
), attendee as (
  insert into {attendees} (meeting_id, identity, attendee, is_deleted, created_on, modified_on, ext_id, ext_metadata,
                           removed_by)
  select id, %(identity)s, %(name)s, false, %(joined)s, %(at)s, %(ext)s, %(metadata)s::jsonb, '' from meeting
  on conflict do nothing returning id, meeting_id
), connection as (
  insert into {connections} (meeting_id, connection_id, attendee_id, joined_at, reason, name, role, socket, is_mute_due)
  select meeting_id, %(connection)s, id, %(joined)s, '', %(name)s, %(role)s, '', false from attendee
  returning meeting_id
), delivery as (
  insert into {deliveries} (provider, kind, session_id, verdict, dedupe_key, body, error, attempts, received_at,
                            applied_at, meeting_id)
  select %(provider)s, %(kind)s, %(session)s, '{applied}', %(key)s, %(body)s, '', 1, %(received)s, %(now)s, meeting_id
  from connection
  on conflict do nothing returning id, meeting_id
), fact as (
  insert into {facts} (meeting_id, kind, at, source, fact_key, connection_id, stream_id, payload, delivery_id,
                       created_on)
  select meeting_id, '{joined}', %(at)s, 'webhook', %(fact)s, %(connection)s, '', %(payload)s::jsonb, id, %(now)s
  from delivery
  returning id
)
select attendee.meeting_id, attendee.id / (select count(*) from fact),
       not exists (select 1 from {connections} as c where c.meeting_id = attendee.meeting_id)
from attendee
""".format(  # noqa: S608  (names of our own tables)
        **tables, applied=APPLIED, joined=facts.JOINED, ended=facts.SESSION_ENDED
    )
