"""People of a meeting that is recorded, as their pages act: they open tracks, send chunks, leave."""

from __future__ import annotations

import json
import uuid
from datetime import datetime
from typing import Any

from django.test import Client
from django.utils import timezone

from meetings import attendance, extensions
from meetings.models import Connection, Meeting
from meetings.providers.session_events import milliseconds
from meetings.seats import LEFT_REASON
from tests.callers import Answer


def join(meeting: Meeting, name: str, *, role: str = "publisher", connection_id: str = "") -> Person:
    """Bring somebody in, as a socket does."""
    identity = f"ext:{name.lower()}"
    about = {"identity": identity, "data": name, "role": role, "extId": name.lower()}
    connection_id = connection_id or f"c-{uuid.uuid4()}"
    fact = attendance.join_of(meeting, connection_id=connection_id, at=timezone.now(), about=about)
    attendance.record(meeting, [fact], source="socket")
    return Person(meeting, connection_id)


class Person:
    """A connection, and what its page does."""

    def __init__(self, meeting: Meeting, connection_id: str) -> None:
        self.meeting, self.connection_id = meeting, connection_id

    @property
    def connection(self) -> Connection:
        rows = Connection.objects.select_related("attendee")
        found: Connection = rows.get(meeting=self.meeting, connection_id=self.connection_id)
        return found

    def leave(self, *, reason: str = LEFT_REASON) -> None:
        end = attendance.end_of(self.meeting, self.connection, timezone.now(), reason)
        attendance.record(self.meeting, [end], source="socket")

    def consent(self, decision: str, *, version: str = "1") -> None:
        notice = extensions.recording_notice(self.meeting)
        assert notice is not None
        said = {"archive": notice["id"], "version": version, "decision": decision}
        extensions.recording_consent(self.meeting, self.connection_id, said)

    def track(self, kind: str = "camera", *, at: datetime | None = None, track_id: str = "") -> Upload:
        """Announce a track; raises what refuses it."""
        asked = {
            "track": track_id or str(uuid.uuid4()),
            "kind": kind,
            "startedAt": milliseconds(at or timezone.now()),
        }
        return Upload(dict(extensions.open_track(self.meeting, self.connection_id, asked)))


class Upload:
    """One track on its way in, over the test client."""

    def __init__(self, ticket: dict[str, Any]) -> None:
        self.id, self.address, self.ticket = ticket["track"], ticket["address"], ticket["ticket"]
        self.client = Client()
        self.sent = 0

    def put(self, sequence: int | str, body: bytes, *, ticket: str | None = None, **headers: str) -> Answer:
        """Send a chunk; `headers` are named like `content_length`."""
        shown = self.ticket if ticket is None else ticket
        sent = {"authorization": f"Bearer {shown}"} | {name.replace("_", "-"): value for name, value in headers.items()}
        kind = sent.pop("content-type", "video/webm")
        return self.client.generic("PUT", f"{self.address}/chunks/{sequence}", body, content_type=kind, headers=sent)

    def send(self, *bodies: bytes) -> None:
        """Send the next chunks."""
        for body in bodies:
            answer = self.put(self.sent, body)
            assert answer.status_code == 200, answer.content
            assert answer.json()["received"] == self.sent
            self.sent += 1

    def close(self, count: int | None = None) -> Answer:
        body = json.dumps({"count": self.sent if count is None else count})
        headers = {"authorization": f"Bearer {self.ticket}"}
        return self.client.post(f"{self.address}/close", body, content_type="application/json", headers=headers)
