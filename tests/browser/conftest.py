"""One server and one browser for all; a browser context and a meeting of their own for each test."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Playwright, expect, sync_playwright

from tests.browser.people import People, gathering
from tests.browser.server import DEADLINE, Server, free_port

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-background-timer-throttling",
    "--disable-renderer-backgrounding",
    "--disable-backgrounding-occluded-windows",
    "--autoplay-policy=no-user-gesture-required",
    "--allow-loopback-in-peer-connection",
]
FAKE_DEVICES = "--use-fake-device-for-media-stream=fps=15"
FAKE_CONSENT = "--use-fake-ui-for-media-stream"

NewServer = Callable[..., Server]
NewBrowser = Callable[..., Browser]

expect.set_options(timeout=DEADLINE * 1000)


@pytest.fixture(scope="session", autouse=True)
def _only_loopback() -> None:
    """Pages must find each other over loopback and nothing else: their candidates are asserted."""
    interfaces = [name for _, name in socket.if_nameindex()]
    assert interfaces == ["lo"], f"run browser tests in a network namespace of their own, not with {interfaces}"


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as started:
        yield started


@pytest.fixture(scope="session")
def new_browser(playwright: Playwright) -> Iterator[NewBrowser]:
    """`new_browser(FLAG…)`: a Chromium whose pages reach each other over loopback."""
    program = next(filter(None, map(shutil.which, PROGRAMS)))
    started: list[Browser] = []

    def new(*flags: str) -> Browser:
        browser = playwright.chromium.launch(executable_path=program, args=[*FLAGS, *flags])
        started.append(browser)
        return browser

    yield new
    for browser in started:
        browser.close()


@pytest.fixture(scope="session")
def browser(new_browser: NewBrowser) -> Browser:
    """A browser with a fake camera and microphone, on a machine of someone who allows everything."""
    return new_browser(FAKE_DEVICES, FAKE_CONSENT)


@pytest.fixture(scope="session")
def shy_browser(new_browser: NewBrowser) -> Browser:
    """A browser of someone who allows neither camera nor microphone."""
    return new_browser(FAKE_DEVICES)


@pytest.fixture(scope="session")
def blind_browser(new_browser: NewBrowser) -> Browser:
    """A browser on a machine with a microphone and no camera."""
    return new_browser("--use-fake-device-for-media-stream=device-count=0", FAKE_CONSENT)


@pytest.fixture(scope="session")
def new_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NewServer]:
    """`new_server(GUEST_ROLE="")`: a server with this environment, and perhaps `more_settings`, running."""
    started: list[Server] = []

    def new(**env: str) -> Server:
        server = Server(tmp_path_factory.mktemp("project"), **env)
        started.append(server)
        server.start()
        return server

    yield new
    for server in started:
        server.stop()
        assert "Traceback" not in (log := server.log.read_text()), log


@pytest.fixture(scope="session")
def framing_port() -> int:
    """The port of a site that may show the meeting page in a frame."""
    return free_port()


@pytest.fixture(scope="session")
def server(new_server: NewServer, framing_port: int) -> Server:
    """The server of most tests: guests are publishers, one site may frame its pages."""
    return new_server(GUEST_ROLE="publisher", FRAME_ANCESTORS=f"http://localhost:{framing_port}")


@pytest.fixture(scope="session")
def strict_server(new_server: NewServer) -> Server:
    """A server as it is out of the box: no guests, no frames."""
    return new_server(GUEST_ROLE="")


@pytest.fixture
def people(browser: Browser, server: Server) -> Iterator[People]:
    with gathering(browser, server) as everyone:
        yield everyone


@pytest.fixture
def link(server: Server) -> str:
    """The link id of a meeting that anyone may join now."""
    return server.new_meeting(title="Weekly")
