"""The server answers, but what it needs is away: the page is told so, and may come again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from meetings.models import Connection, Meeting
from tests.servers import Server, asgi, free_port
from tests.signaling.conftest import Open

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(scope="module")
def stranded(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose Redis is not there."""
    folder: Path = tmp_path_factory.mktemp("stranded")
    running = asgi(folder / "log", REDIS_URL=f"redis://127.0.0.1:{free_port()}/0")
    try:
        running.start()
        yield running
    finally:
        running.kill()


def test_without_a_channel_layer_the_page_is_told_to_come_again(meeting: Meeting, page: Open, stranded: Server) -> None:
    ann = page(meeting, on=stranded)

    refusal = ann.expect("refused")

    assert (refusal["code"], refusal["retry"]) == ("unavailable", True)
    assert refusal["message"] == "The server can't let anyone in at the moment."
    assert ann.closed() == 1013
    assert not Connection.objects.exists()


def test_without_a_channel_layer_the_log_says_why(meeting: Meeting, page: Open, stranded: Server) -> None:
    page(meeting, on=stranded).closed()

    log = stranded.log.read_text()
    assert "A signalling socket failed" in log
    assert "Exception in ASGI application" not in log
