"""A signalling server of its own for each module, and pages on it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed

from meetings.models import Connection, Meeting
from tests.servers import Server, asgi, eventually
from tests.signaling.pages import Page

Open = Callable[..., Page]


@pytest.fixture(scope="module")
def server(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One process with the in-memory layer: this process, where services are called, shares no layer with it."""
    folder = tmp_path_factory.mktemp("signaling")
    running = asgi(folder / "log", REDIS_URL="", MEDIA_ROOT=str(folder / "media"))
    try:
        running.start()
        yield running
    finally:
        running.kill()


@pytest.fixture
def log(server: Server) -> Path:
    return server.log


@pytest.fixture
def page(transactional_db: None, server: Server) -> Iterator[Open]:
    """`page(meeting)`: a page that has opened its socket and not joined. `on` is another server than the module's."""
    pages: list[Page] = []

    def new(meeting: Meeting | str, *, on: Server = server, origin: str | None = None) -> Page:
        link = meeting if isinstance(meeting, str) else meeting.meeting_link
        pages.append(Page(on.port, link, origin))
        return pages[-1]

    yield new
    for one in pages:
        with contextlib.suppress(ConnectionClosed, OSError):
            one.send("leave")
        with contextlib.suppress(ConnectionClosed, OSError):
            one.socket.close()
    # The tables are emptied next, and the server still writes what the pages' leaving means.
    with contextlib.suppress(AssertionError):
        eventually(lambda: not Connection.objects.present().exists(), "everyone has left", within=2)
