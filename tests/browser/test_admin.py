"""Staff in the admin: find a meeting, hand out its link, end it; on a desk and on a telephone, light and dark."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.people import Person
from tests.browser.server import ADMIN, PASSWORD, Server

pytestmark = pytest.mark.browser

DJANGOS_OWN = 'label-title-only: <input type="text" size="40" name="q"'
"""The search box has a label, a picture with `Search` as its text; axe wants letters there."""


@pytest.fixture(params=["light", "dark"])
def scheme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=[1280, 390])
def clerk(request: pytest.FixtureRequest, browser: Browser, strict_server: Server, scheme: str) -> Iterator[Person]:
    """Someone of the staff, not signed in yet; at the end her console must be empty."""
    context = browser.new_context(
        base_url=strict_server.base,
        viewport={"width": request.param, "height": 844},
        color_scheme="dark" if scheme == "dark" else "light",
        locale="en-GB",
        permissions=["clipboard-read", "clipboard-write"],
    )
    person = Person(context.new_page(), strict_server)
    yield person
    assert person.complaints() == []
    context.close()


def is_well(person: Person) -> None:
    """The page has said nothing, is as wide as the window and has no barriers."""
    assert person.complaints() == []
    assert [found for found in person.barriers() if not found.startswith(DJANGOS_OWN)] == []
    person.console.clear()  # axe tries styles, which the policy refuses
    person.fits()


def sign_in(page: Page) -> None:
    page.goto("/admin/")
    page.get_by_label("Username").fill(ADMIN)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("heading", name="Site administration")).to_be_visible()


def test_staff_find_a_meeting_hand_out_its_link_and_end_it(clerk: Person, strict_server: Server) -> None:
    page = clerk.page
    link = strict_server.new_meeting(title="Weekly of the board", endToEndEncryption=True)
    page.goto("/admin/")
    is_well(clerk)
    sign_in(page)
    is_well(clerk)

    page.get_by_role("link", name="Meetings", exact=True).first.click()
    expect(page.get_by_role("heading", name="Select meeting to change")).to_be_visible()
    is_well(clerk)
    page.locator("#searchbar").fill(link)
    page.keyboard.press("Enter")
    page.wait_for_url("**/?q=*")
    page.get_by_role("link", name="Weekly of the board").click()
    expect(page.get_by_role("link", name="End meeting", exact=True)).to_be_visible()
    is_well(clerk)

    page.get_by_role("link", name="Copy join link").click()
    is_well(clerk)
    page.get_by_label("Name").fill("Ada Byron")
    page.get_by_role("button", name="Make link").click()
    address = page.get_by_role("textbox", name="Link", exact=True).input_value()
    is_well(clerk)
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("status")).to_have_text("Copied.")
    assert page.evaluate("navigator.clipboard.readText()") == address
    assert address.startswith(f"{strict_server.page(link)}#token=")

    page.get_by_role("link", name="Back to the meeting").click()
    page.get_by_role("link", name="Who may join?").click()
    page.get_by_label("Name").fill("Ada Byron")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Ada Byron may join")).to_be_visible()
    is_well(clerk)
    page.get_by_role("link", name="Back to the meeting").click()
    page.get_by_role("link", name="Attendance", exact=True).click()
    expect(page.get_by_text("Nobody has been in this meeting yet.")).to_be_visible()
    is_well(clerk)

    page.get_by_role("link", name="Back to the meeting").click()
    page.get_by_role("link", name="End meeting", exact=True).click()
    expect(page.get_by_text("End the meeting for everyone?")).to_be_visible()
    is_well(clerk)
    page.get_by_role("button", name="End meeting").dblclick()
    expect(page.locator(".messagelist")).to_contain_text("nded")
    expect(page.locator(".messagelist .error, .messagelist .warning")).to_have_count(0)
    is_well(clerk)
    expect(page.locator(".field-state .readonly")).to_have_text("Ended")
    expect(page.get_by_role("link", name="End meeting", exact=True)).to_have_count(0)
    assert strict_server.ask("GET", f"/session/{link}").json()["state"] == "ended"
