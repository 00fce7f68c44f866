"""Nothing that was acknowledged is lost: servers are killed in the middle of it, and the sender repeats what failed."""

from __future__ import annotations

import http.client
import random
import threading
import time
from pathlib import Path

import pytest

from meetings.models import Meeting, WebhookDelivery
from meetings.providers import signatures
from tests.presence.lives import ConnectionLife, Event, Life, body_of, comparable, rows_of, truth_of
from tests.servers import Server, wsgi
from tests.webhooks.senders import SECRET

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]

LIFE = Life(
    connections=tuple(
        ConnectionLife(
            connection_id=f"c{number}",
            data=f"Person {number % 20}",
            joined=500 * number,
            left=None if number % 5 == 0 else 60_000 + number,
        )
        for number in range(70)
    ),
    session_ends=(90_000,),
)


def deliver(server: Server, event: Event) -> bool:
    """Send one event; return whether it was acknowledged."""
    body = body_of(event)
    client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    try:
        headers = {"Authorization": signatures.sign(body, SECRET), "Content-Type": "application/json"}
        client.request("POST", "/webhooks/session", body, headers)
        return 200 <= client.getresponse().status < 300
    except (OSError, http.client.HTTPException):
        return False
    finally:
        client.close()


class Sender(threading.Thread):
    """A vendor: sends its events one after another, repeating each until it is acknowledged."""

    def __init__(self, server: Server, events: list[Event]) -> None:
        super().__init__(daemon=True)
        self.server, self.events, self.acknowledged, self.failed = server, events, 0, 0

    def run(self) -> None:
        for event in self.events:
            while not deliver(self.server, event):
                self.failed += 1
                time.sleep(0.05)
            self.acknowledged += 1


def test_events_delivered_while_servers_are_killed_give_what_really_happened(meeting: Meeting, tmp_path: Path) -> None:
    chance = random.Random(7)  # the order in which a vendor's events come
    events = LIFE.events(meeting.session_id)
    chance.shuffle(events)
    server = wsgi(tmp_path / "log", WEBHOOK_SECRETS=SECRET)
    server.start()
    senders = [Sender(server, events[number::4]) for number in range(4)]
    try:
        for sender in senders:
            sender.start()
        for share in (0.3, 0.7):
            while sum(sender.acknowledged for sender in senders) < share * len(events):
                time.sleep(0.01)
            server.kill()
            server.start()
        for sender in senders:
            sender.join(120)
    finally:
        server.kill()

    assert sum(sender.acknowledged for sender in senders) == len(events)
    assert sum(sender.failed for sender in senders) > 0, "no delivery met a dead server: nothing was shown"
    assert comparable(rows_of(meeting)) == truth_of(LIFE)
    assert set(WebhookDelivery.objects.values_list("verdict", flat=True)) == {"applied"}
    assert WebhookDelivery.objects.count() == len(events)
