"""Staff in the admin: find a meeting, hand out its link, end it; on a desk and on a telephone, light and dark."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.people import People, Person
from tests.browser.server import ADMIN, PASSWORD, Server, eventually

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


def sign_in(page: Page, *, at: Server | None = None) -> None:
    page.goto(f"{at.base}/admin/" if at else "/admin/")
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


def keyboard_to(page: Page, name: str) -> None:
    """Go to a link or button with the Tab key, from where the focus is."""
    for _ in range(150):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement?.textContent?.trim() ?? ''") == name:
            return
    raise AssertionError(f"no Tab leads to {name!r}")


def test_staff_see_what_is_going_on_record_it_and_watch_the_film(clerk: Person, people: People) -> None:
    page, server = clerk.page, people.server
    soon = (datetime.now(UTC) + timedelta(seconds=2)).isoformat()
    server.new_meeting(title="Later today", isScheduled=True, scheduleTime=soon)
    sign_in(page, at=server)
    page.get_by_role("link", name="Meetings", exact=True).first.click()
    keyboard_to(page, "What is going on")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Running now")).to_be_visible()
    expect(page.get_by_role("row", name="Later today").first).to_be_visible()
    is_well(clerk)

    title = f"Board {uuid.uuid4()}"
    link = server.new_meeting(title=title)
    ada = people.join(link, "Ada Byron")
    people.join(link, "Bea")
    running = page.get_by_role("row", name=title)
    expect(running).to_contain_text("2", timeout=30_000)  # without a reload
    expect(page.get_by_role("status")).to_be_empty()
    is_well(clerk)
    running.get_by_role("link").click()
    expect(page.get_by_role("row", name="Ada Byron")).to_be_visible()
    expect(page.get_by_text("It has not been recorded.")).to_be_visible()
    keyboard_to(page, "Start recording")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Record this meeting from now on?")).to_be_visible()
    is_well(clerk)
    page.get_by_role("button", name="Start recording").click()
    expect(page.get_by_role("row", name="Start recording")).to_have_count(0)
    expect(page.locator(".messagelist")).to_contain_text("Recording.")
    expect(ada.page.get_by_text("recorded").first).to_be_visible()
    is_well(clerk)
    page.wait_for_timeout(4000)
    page.get_by_role("link", name="Stop recording", exact=True).click()
    page.get_by_role("button", name="Stop recording").click()
    expect(page.locator(".messagelist")).to_contain_text("stopped")
    is_well(clerk)

    def is_there() -> bool:
        page.reload()
        return page.locator("video").count() == 1

    eventually(is_there, "the film is on the meeting's page", within=90)
    expect(page.get_by_role("row", name="staff").or_(page.get_by_role("row", name=ADMIN)).first).to_be_visible()
    page.locator("video").evaluate("film => film.play()")
    clerk.poll(lambda: page.locator("video").evaluate("film => film.currentTime > 1"), "the film is played")
    is_well(clerk)

    page.get_by_role("link", name="Attendance", exact=True).click()
    expect(page.locator(".videoconf-attendance").get_by_role("row")).to_have_count(3)
    expect(page.get_by_role("row", name="Ada Byron")).to_contain_text("here now")
    is_well(clerk)


def test_a_page_that_refreshes_itself_says_when_it_can_not(clerk: Person, strict_server: Server) -> None:
    page = clerk.page
    sign_in(page)
    page.goto("/admin/videoconf_meetings/meeting/now/")
    page.clock.install()
    page.reload()
    expect(page.get_by_role("heading", name="Running now")).to_be_visible()
    page.route("**/now/?part=1", lambda route: route.abort())
    clerk.tolerate("ERR_FAILED")
    page.clock.run_for(11_000)
    expect(page.get_by_role("status")).to_have_text("The server does not answer; what you see may be old.")
    page.unroute("**/now/?part=1")
    page.clock.run_for(11_000)
    expect(page.get_by_role("status")).to_be_empty()
    page.get_by_label("Refresh by itself").uncheck()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.clock.run_for(60_000)
    assert asked == []
    page.get_by_label("Refresh by itself").check()
    page.context.clear_cookies()
    page.clock.run_for(11_000)
    expect(page.get_by_role("status")).to_have_text("You are signed out. Load the page anew to sign in.")
    expect(page.get_by_label("Refresh by itself")).not_to_be_checked()
