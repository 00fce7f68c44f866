"""All that is known of a person, as JSON that she can be given."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from django.utils import timezone

from meetings import extensions
from meetings.models import AttendanceFact, Attendee, Connection, Stream
from meetings.privacy import people
from meetings.privacy.people import Person


def export(person: Person) -> dict[str, Any]:
    """Return what is known of a person: `meetings` (one entry for each that she was in) and `tokens` beside them.

    Times are ISO 8601. Nothing is changed.
    """
    found = people.find(person)
    known = {attendee.meeting_id for attendee in found}
    return {
        "exportedOn": timezone.now().isoformat(),
        "meetings": [_meeting(attendee) for attendee in found],
        "tokens": [
            {"meeting": fact.meeting.meeting_link, **_fact(fact)}
            for fact in people.tokens_alone(person)
            if fact.meeting_id not in known
        ],
    }


def _meeting(attendee: Attendee) -> dict[str, Any]:
    meeting = attendee.meeting
    connections = list(Connection.objects.filter(attendee=attendee).order_by("pk"))
    ids = [connection.connection_id for connection in connections]
    seen = people.facts_of(attendee, ids)
    own = {
        "meeting": {
            "meetingLink": meeting.meeting_link,
            "sessionId": meeting.session_id,
            "title": meeting.title,
            "scheduleTime": meeting.schedule_time,
            "startTime": meeting.start_time,
            "endTime": meeting.end_time,
        },
        "attendee": {
            "id": attendee.pk,
            "name": attendee.attendee,
            "extId": attendee.ext_id,
            "identity": attendee.identity,
            "firstJoined": attendee.created_on,
            "lastChange": attendee.modified_on,
            "removedOn": attendee.removed_on,
            "extMetadata": attendee.ext_metadata,
        },
        "connections": list(_connections(connections)),
        "facts": [_fact(fact) for fact in seen],
        "webhooks": [
            {"kind": delivery.kind, "receivedAt": delivery.received_at, "body": delivery.body}
            for delivery, is_hers in people.deliveries_of(attendee, ids, seen)
            if is_hers
        ],
    }
    for extension in extensions.registered():
        own |= extension.personal_data(attendee)
    return own


def _connections(connections: list[Connection]) -> Iterator[dict[str, Any]]:
    for connection in connections:
        yield {
            "id": connection.connection_id,
            "name": connection.name,
            "role": connection.role,
            "joinedAt": connection.joined_at,
            "leftAt": connection.left_at,
            "reason": connection.reason,
            "streams": [
                {"id": stream.stream_id, "type": stream.type, "from": stream.started_at, "to": stream.ended_at}
                for stream in Stream.objects.filter(connection=connection).order_by("pk")
            ],
        }


def _fact(fact: AttendanceFact) -> dict[str, Any]:
    return {"kind": fact.kind, "at": fact.at, "source": fact.source, "payload": fact.payload}


def as_text(value: dict[str, Any]) -> str:
    """Return an export as JSON text."""
    return json.dumps(value, indent=2, ensure_ascii=False, default=lambda moment: moment.isoformat())
