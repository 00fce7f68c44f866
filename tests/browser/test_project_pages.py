"""The project's own pages under its content security policy: nothing is refused, nothing is missing."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.people import Person
from tests.browser.server import ADMIN, PASSWORD, Server

pytestmark = pytest.mark.browser


@pytest.fixture
def visitor(browser: Browser, strict_server: Server) -> Person:
    return Person(browser.new_context(base_url=strict_server.base).new_page(), strict_server)


def test_first_page_leads_to_admin_and_docs_without_a_complaint(visitor: Person) -> None:
    visitor.open("/")
    expect(visitor.page.get_by_role("link", name="Admin")).to_be_visible()

    visitor.page.get_by_role("link", name="API documentation").click()

    expect(visitor.page.get_by_text("Video Conferencing Service")).to_be_visible()
    visitor.page.locator(".opblock-summary-control").first.click()
    expect(visitor.page.get_by_role("button", name="Try it out")).to_be_visible()
    assert visitor.complaints() == []


def test_admin_works_without_a_complaint(visitor: Person) -> None:
    page = visitor.open("/admin/").page
    page.get_by_label("Username").fill(ADMIN)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="Site administration")).to_be_visible()

    addresses = page.locator("#content-main a.addlink, #content-main th a").evaluate_all(
        "links => links.map(link => link.getAttribute('href'))"
    )
    assert len(addresses) > 5
    for address in addresses:
        answer = page.goto(address)
        assert answer is not None
        assert answer.status == 200, address

    assert visitor.complaints() == []
