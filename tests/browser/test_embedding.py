"""The meeting page in a frame of another site."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from playwright.sync_api import expect

from tests.browser.people import People
from tests.browser.server import ROOT, Server

pytestmark = pytest.mark.browser

LEAST = "camera; microphone"
documented = re.search(r'allow="([^"]+)"', (ROOT / "docs" / "embedding.md").read_text())
assert documented
DOCUMENTED = documented[1]


class HostPage(BaseHTTPRequestHandler):
    """A page of somebody's own site with a meeting in it."""

    def do_GET(self) -> None:
        asked = parse_qs(urlsplit(self.path).query)
        source, allow = (escape(asked.get(name, [""])[0]) for name in ("frame", "allow"))
        frame = f'<iframe title="Meeting" allow="{allow}" width="900" height="600" src="{source}"></iframe>'
        body = f'<!doctype html><html lang="en"><link rel="icon" href="data:,"><title>Host</title>{frame}'.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def host_site(framing_port: int) -> Iterator[str]:
    """A site of another origin, and of another site in the browser's eyes, that the server allows to frame it."""
    site = ThreadingHTTPServer(("127.0.0.1", framing_port), HostPage)
    thread = threading.Thread(target=site.serve_forever)
    thread.start()
    yield f"http://localhost:{framing_port}/"
    site.shutdown()
    thread.join()
    site.server_close()


def framing(host_site: str, address: str, allow: str = DOCUMENTED) -> str:
    return f"{host_site}?{urlencode({'frame': address, 'allow': allow})}"


def test_page_in_a_frame_joins_with_the_token_of_its_fragment(
    people: People, server: Server, link: str, host_site: str
) -> None:
    bea = people.join(link, "Bea")
    ada = people.new()
    ada.page.goto(framing(host_site, server.invitation(link, role="publisher", data="Ada")))
    frame = ada.page.frame_locator("iframe")

    expect(frame.get_by_label("Your name")).to_have_value("Ada")
    frame.get_by_role("button", name="Join", exact=True).click()

    expect(frame.get_by_role("button", name="Leave", exact=True)).to_be_visible()
    bea.receives_from(1)
    bea.watches("Ada")
    expect(frame.get_by_label("Picture of Bea")).to_be_visible()
    assert server.present(link) == ["Ada", "Bea"]


def test_guest_joins_in_a_frame_that_allows_the_least(
    people: People, server: Server, link: str, host_site: str
) -> None:
    ada = people.new()
    ada.page.goto(framing(host_site, server.page(link), LEAST))
    frame = ada.page.frame_locator("iframe")

    frame.get_by_label("Your name").fill("Ada")
    frame.get_by_role("button", name="Join", exact=True).click()

    expect(frame.get_by_role("button", name="Leave", exact=True)).to_be_visible()
    assert server.present(link) == ["Ada"]


def test_site_that_is_not_listed_can_not_frame_the_page(people: People, strict_server: Server, host_site: str) -> None:
    link = strict_server.new_meeting()
    ada = people.new()
    ada.tolerate("frame-ancestors")

    ada.page.goto(framing(host_site, strict_server.invitation(link, data="Ada")))

    ada.poll(lambda: any("frame-ancestors" in line for line in ada.console), "the frame is refused")
    expect(ada.page.frame_locator("iframe").get_by_label("Your name")).to_have_count(0)
