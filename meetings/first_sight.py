"""Someone whom nobody has seen yet comes in: stored by one statement. PostgreSQL only.

On a busy server most events say just that. Then nothing has to be merged, and the rows follow from the event alone:
delivery, fact, attendee and connection are inserted together, under the meeting's lock, by the database's own function
`videoconf_first_sight` (in the migrations), which it plans once. Wherever anything is known already nothing is stored,
and `intake` goes the way that merges. Both ways give the same rows.
"""

from __future__ import annotations

import json
from contextlib import nullcontext
from datetime import datetime
from functools import partial
from typing import Any

from django.db import DataError, IntegrityError, connections, router, transaction
from django.utils import timezone

from meetings import extensions, facts, signals
from meetings.facts import ConnectionView, Fact
from meetings.models import Attendee, Meeting
from meetings.prepared import Prepared
from meetings.providers.types import EventKind, ProviderEvent

ARGUMENTS = (
    *("provider", "session", "kind", "key", "body", "received", "now"),
    *("identity", "name", "joined", "at", "ext", "metadata"),
    *("connection", "role", "fact", "payload"),
)
CALL = Prepared(f"select * from videoconf_first_sight({', '.join(['%s'] * len(ARGUMENTS))})")  # noqa: S608


def store(alias: str, key: str, body: str, received_at: datetime, event: ProviderEvent) -> bool:
    """Store a first connection with all that follows from it; return whether this was one, else nothing is stored.

    `body` is what is kept of its delivery. Sends `attendee_joined` on commit.
    """
    database = connections[router.db_for_write(Meeting)]
    if database.vendor != "postgresql" or event.kind is not EventKind.CONNECTION_CREATED:
        return False
    fact = facts.of_event(event)
    assert fact is not None
    values = _values(alias, key, body, received_at, event, fact, facts.connection_view(fact.connection_id, [fact], []))
    try:
        # One statement is a transaction by itself, without a word more to the server.
        with transaction.atomic() if database.in_atomic_block else nullcontext(), database.cursor() as cursor:
            CALL.run(database, cursor, [values[name] for name in ARGUMENTS])
            meeting_id, attendee_id, is_first = cursor.fetchone()
    except (DataError, IntegrityError):  # what no column holds: the delivery is kept with the error; or a copy came
        return False
    if meeting_id is None:
        return False
    _announce(alias, meeting_id, attendee_id, is_first)
    return True


def _values(
    alias: str,
    key: str,
    body: str,
    received_at: datetime,
    event: ProviderEvent,
    fact: Fact,
    view: ConnectionView,
) -> dict[str, Any]:
    return {
        "provider": alias,
        "kind": event.name,
        "session": event.session_id,
        "key": key,
        "body": body,
        "received": received_at,
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


def _announce(alias: str, meeting_id: int, attendee_id: int, is_first: bool) -> None:
    is_heard = signals.attendee_joined.has_listeners(Attendee)
    followers = [extension for extension in extensions.registered() if extension.follows_presence(alias)]
    if not is_heard and not is_first and not followers:
        return
    meeting = Meeting.objects.get(pk=meeting_id)
    if is_heard:
        attendee = Attendee.objects.get(pk=attendee_id)
        signals.send_on_commit(signals.attendee_joined, meeting=meeting, attendee=attendee)
    for extension in followers:
        transaction.on_commit(partial(extension.presence_changed, meeting), robust=True)
    if is_first:
        for extension in extensions.registered():
            transaction.on_commit(partial(extension.first_join, meeting), robust=True)
