"""Several processes with one Redis: pages on different servers are in one room."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from meetings import moderation, services
from meetings.models import Attendee, Meeting
from meetings.providers.webrtc import rooms
from tests.servers import Server, asgi
from tests.signaling.conftest import Open
from tests.signaling.pages import Page, token

pytestmark = [pytest.mark.redis, pytest.mark.django_db(transaction=True)]


@pytest.fixture(scope="module")
def servers(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Server]]:
    folder: Path = tmp_path_factory.mktemp("redis")
    running = [asgi(folder / f"log-{number}") for number in range(2)]
    try:
        for server in running:
            server.start()
        yield running
    finally:
        for server in running:
            server.kill()


@pytest.fixture
def pair(meeting: Meeting, page: Open, servers: list[Server]) -> list[Page]:
    """A moderator on the one server and a publisher on the other."""
    ann, bea = page(meeting, on=servers[0]), page(meeting, on=servers[1])
    ann.join(token(meeting, "moderator", "Ann"))
    bea.join(token(meeting, "publisher", "Bea"))
    return [ann, bea]


def test_pages_on_two_servers_meet(pair: list[Page]) -> None:
    ann, bea = pair
    assert ann.expect("hello")["from"] == bea.id
    ann.send("here", to=bea.id)
    assert bea.expect("here")["from"] == ann.id
    bea.send("sig", to=ann.id, data={"candidate": None})
    assert ann.expect("sig")["from"] == bea.id


def test_a_socket_that_idles_for_longer_than_redis_clients_wait_lives_on(pair: list[Page]) -> None:
    ann, bea = pair
    for one in pair:
        one.send("ping", n=1)
        one.expect("pong")
    time.sleep(7)
    ann.send("sig", to=bea.id, data={"candidate": None})
    bea.expect("sig")
    bea.send("leave")
    assert ann.expect("bye", within=3)["reason"] == "left"


def test_moderation_crosses_at_once(pair: list[Page]) -> None:
    ann, bea = pair
    ann.send("mute", id=bea.id)
    assert bea.expect("muted", within=3)["by"] == "Ann"
    ann.send("remove", id=bea.id)
    bea.expect("removed", within=3)
    assert ann.expect("bye", within=3)["reason"] == "removed"


def test_what_the_api_decides_is_there_before_the_heartbeat(meeting: Meeting, pair: list[Page]) -> None:
    ann, bea = pair
    moderation.mute_everyone(meeting)
    bea.expect("muted", within=2.5)
    moderation.remove_attendee(Attendee.objects.get(attendee="Bea"), actor="owner")
    bea.expect("removed", within=2.5)
    services.end_meeting(meeting, actor="owner")
    ann.expect("ended", within=2.5)


def test_a_socket_taken_up_on_the_other_server_is_taken_from_the_first(
    meeting: Meeting, page: Open, servers: list[Server], pair: list[Page]
) -> None:
    _, bea = pair
    moved = page(meeting, on=servers[0])
    assert moved.join(token(meeting, "publisher", "Bea"), resume=bea.again())["resumed"]
    bea.expect("replaced", within=3)
    assert bea.closed() == 4409


def test_a_socket_that_ends_with_an_error_of_ours_leaves_nobody_in_the_room(meeting: Meeting, pair: list[Page]) -> None:
    ann, bea = pair
    ann.expect("hello")
    group = rooms.peer_group(meeting.session_id, bea.id)
    assert rooms.tell(group, {"type": "a.message.that.no.version.knows"})

    bea.closed()
    assert ann.expect("bye", within=9, sender=bea.id)["reason"] == "lost"
