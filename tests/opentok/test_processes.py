"""Callbacks over four server processes that are killed in the middle of it, on the database that decides."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from archives.models import Archive
from meetings.models import AttendanceFact, Attendee, Connection, Meeting, WebhookDelivery
from tests.callers import ApiClient
from tests.opentok.conftest import stand_in
from tests.opentok.house import ARCHIVE_SECRET, KEY, SECRET, SESSION_SECRET, House, configure
from tests.opentok.truth import ACTIONS, Play, life_of
from tests.presence.lives import comparable, rows_of, truth_of
from tests.servers import Server, eventually
from tests.vonage import Manner

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def far(settings: Any, owner: ApiClient) -> Iterator[House]:
    """A house whose stand-in sends by itself, eight at a time, and repeats soon."""
    with stand_in("legacy", retry_scale=0.01, senders=8) as vonage:
        configure(settings, vonage)
        yield House(vonage, owner, settings)


@pytest.fixture
def server(far: House, tmp_path: Path) -> Iterator[Server]:
    """Four processes of the project in front of the same database and stand-in; callbacks go there."""
    env = {
        "VIDEOCONF_PROVIDER": "opentok",
        "VONAGE_API_KEY": KEY,
        "VONAGE_API_SECRET": SECRET,
        "VONAGE_API_URL": far.vonage.url,
        "VONAGE_SESSION_SECRETS": SESSION_SECRET,
        "VONAGE_ARCHIVE_SECRETS": ARCHIVE_SECRET,
    }
    found = Server(tmp_path / "log", ["videoconf.serve", "--port", "{port}", "--workers", "4"], **env)
    found.start()
    far.vonage.register("session", f"http://127.0.0.1:{found.port}/webhooks/session", SESSION_SECRET)
    far.vonage.register("archive", f"http://127.0.0.1:{found.port}/webhooks/session", ARCHIVE_SECRET)
    try:
        yield found
    finally:
        found.kill()


def wait_for(house: House, count: int) -> None:
    """Wait until so many callbacks were acknowledged."""
    sent = house.vonage.callbacks
    eventually(lambda: sum(one.is_delivered for one in sent) >= count, f"{count} were delivered", within=60)


@pytest.mark.parametrize("seed", [1, 2])
def test_nothing_that_was_acknowledged_is_missing(far: House, server: Server, seed: int) -> None:
    chance = random.Random(seed)
    far.vonage.state.empties_data = bool(seed % 2)
    far.vonage.hold()
    for event in ("connectionCreated", "streamDestroyed", "sessionDestroyed"):
        far.vonage.treat(event, Manner(copies=3), times=3)
    play = Play(far, far.create(enableArchiving=True))
    play.run((chance.choice(ACTIONS), chance.randrange(100)) for _ in range(90))
    sent = play.callbacks

    far.vonage.release("shuffled", seed=seed)
    for share in (0.25, 0.6):
        wait_for(far, round(share * len(sent)))
        server.kill()
        acknowledged = [one.body for one in sent if one.is_delivered]
        stored = {json.dumps(json.loads(body)) for body in WebhookDelivery.objects.values_list("body", flat=True)}
        assert {json.dumps(json.loads(body)) for body in acknowledged} <= stored
        time.sleep(0.3)
        server.start()
    far.vonage.settle(within=120)

    assert all(one.is_delivered for one in sent)
    assert any(attempt.status is None for one in sent for attempt in one.attempts), "no delivery met a dead server"
    documents = [one.document for one in sent if not one.name.startswith("archive.")]
    meeting = Meeting.objects.get()
    assert comparable(rows_of(meeting)) == truth_of(life_of(documents, play.people))
    assert set(WebhookDelivery.objects.values_list("verdict", flat=True)) <= {"applied", "unknown"}
    assert WebhookDelivery.objects.count() == len({one.body for one in sent})
    rows = dict(Archive.objects.values_list("archive_id", "status"))
    assert rows.keys() == far.vonage.archives.keys()
    over = {archive.id for archive in far.vonage.archives.values() if not archive.is_running}
    assert {rows[archive_id] for archive_id in over} <= {"stopped"}


def test_64_copies_at_once_are_one_delivery_one_attendee_one_connection(far: House, server: Server) -> None:
    far.vonage.outbox._senders = 64
    far.vonage.hold()
    far.vonage.treat("connectionCreated", Manner(copies=64))
    play = Play(far, far.create())
    play.run([("come", 3)])

    far.vonage.release("shuffled", seed=1)
    far.vonage.settle(within=60)

    copies = far.vonage.callbacks_of("connectionCreated")
    assert len(copies) == 64
    assert [[attempt.status for attempt in one.attempts] for one in copies] == [[204]] * 64
    delivery = WebhookDelivery.objects.get(kind="connectionCreated")
    assert (delivery.verdict, delivery.attempts) == ("applied", 1)
    assert Attendee.objects.count() == Connection.objects.count() == 1
    assert AttendanceFact.objects.filter(kind="joined").count() == 1
    assert far.here(play.link) == ["Cem"]


def test_64_copies_at_once_of_an_archive_s_start_are_one_archive(far: House, server: Server) -> None:
    far.vonage.outbox._senders = 64
    far.vonage.treat("archive.started", Manner(copies=64))
    play = Play(far, far.create(enableArchiving=True))

    play.run([("come", 0)])
    far.vonage.settle(within=60)

    (archive_id,) = far.vonage.archives
    assert list(Archive.objects.values_list("archive_id", "status", "is_ours")) == [(archive_id, "started", False)]
    assert WebhookDelivery.objects.filter(kind="archive.started").count() == 1
    assert far.meeting(play.link)["archiveId"] == archive_id
