"""Axe finds nothing, a keyboard is enough, a telephone's width is enough, and the policy is strict."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.people import SETTLED, People, Person
from tests.browser.server import Server

pytestmark = pytest.mark.browser

MOST_TABS = 40


def tab_to(person: Person, name: str) -> None:
    """Press Tab until the button of that name has the focus."""
    for _ in range(MOST_TABS):
        person.page.keyboard.press("Tab")
        if person.button(name).evaluate_all("found => found.includes(document.activeElement)"):
            return
    pytest.fail(f"Tab never reaches {name}")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_have_no_barriers(people: People, server: Server, link: str, scheme: str) -> None:
    ada = people.new(color_scheme=scheme).open(server.invitation(link, role="moderator", data="Ada"))
    expect(ada.button("Join")).to_be_enabled()
    expect(ada.page.get_by_label("Your camera")).to_be_visible()
    assert ada.barriers() == []

    ada.join()
    assert ada.barriers() == []

    bea = people.join(link, "Bea")
    ada.receives_from(1)
    assert ada.barriers() == []

    bea.press("Stop camera")
    bea.press("Mute microphone")
    expect(ada.tile("Bea")).to_contain_text("camera off")
    assert ada.barriers() == []

    for name, way_back in (("People", "Close"), ("Settings", "Close"), ("End meeting for everyone", "Cancel")):
        ada.press(name)
        expect(ada.page.get_by_role("dialog")).to_be_visible()
        assert ada.barriers() == []
        ada.press(way_back)
        expect(ada.page.get_by_role("dialog")).to_have_count(0)


@pytest.mark.parametrize(("width", "height"), [(390, 844), (844, 390), (1920, 1080)])
def test_room_fits_any_window(people: People, server: Server, link: str, width: int, height: int) -> None:
    ada = people.new(viewport={"width": width, "height": height})
    ada.open(server.invitation(link, role="moderator", data="Ada Augusta King, Countess of Lovelace " * 2))
    ada.fits()

    ada.join()
    ada.fits()
    bea = people.join(link, "Bea")
    ada.sees("Bea")
    ada.fits()
    for name, way_back in (("People", "Close"), ("Settings", "Close"), ("End meeting for everyone", "Cancel")):
        ada.press(name)
        ada.fits()
        ada.press(way_back)
    bea.press("Share screen")
    expect(ada.page.get_by_label("Screen of Bea")).to_be_visible()
    ada.fits()
    assert ada.barriers() == []
    for button in ("Mute microphone", "Stop camera", "Share screen", "People", "Settings", "Leave"):
        box = ada.button(button).bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= width
        assert box["y"] + box["height"] <= height


def test_keyboard_alone_is_enough(people: People, server: Server, link: str) -> None:
    bea = people.join(link, "Bea")
    ada = people.new().open(server.page(link))
    keyboard = ada.page.keyboard
    name = ada.page.get_by_label("Your name")
    for _ in range(MOST_TABS):
        keyboard.press("Tab")
        if name.evaluate("box => box === document.activeElement"):
            break
    keyboard.type("Ada")
    keyboard.press("Enter")
    ada.is_in()

    tab_to(ada, "Mute microphone")
    keyboard.press("Enter")
    expect(ada.button("Unmute microphone")).to_be_focused()
    expect(bea.tile("Ada")).to_contain_text("muted")
    keyboard.press("Space")
    expect(ada.button("Mute microphone")).to_be_focused()

    tab_to(ada, "People")
    keyboard.press("Enter")
    expect(ada.page.get_by_role("dialog")).to_be_visible()
    keyboard.press("Escape")
    expect(ada.page.get_by_role("dialog")).to_have_count(0)
    expect(ada.button("People")).to_be_focused()

    tab_to(ada, "Leave")
    keyboard.press("Enter")
    ada.reads("You left the meeting.")
    expect(ada.page.get_by_role("heading", name="You left the meeting.")).to_be_focused()
    tab_to(ada, "Join again")
    keyboard.press("Enter")
    ada.is_in()


def test_keyboard_removes_someone_and_the_focus_is_not_lost(people: People, link: str) -> None:
    ada = people.join(link, "Ada", role="moderator")
    bea = people.join(link, "Bea")
    ada.sees("Bea")

    tab_to(ada, "Remove Bea")
    ada.page.keyboard.press("Enter")
    expect(ada.button("Cancel")).to_be_focused()
    tab_to(ada, "Remove Bea")
    ada.page.keyboard.press("Enter")

    bea.reads("You were removed from this meeting.")
    ada.sees()
    assert ada.page.evaluate("document.activeElement !== document.body")


def test_policy_is_strict(people: People, server: Server, link: str) -> None:
    ada = people.new()
    answer = ada.page.goto(server.page(link))
    assert answer is not None
    headers = answer.headers

    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["base-uri"] == policy["form-action"] == "'none'"
    assert "unsafe" not in headers["content-security-policy"]
    assert "*" not in headers["content-security-policy"]
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    ada.join("Ada")
    assert ada.watched("violations") == []


def test_names_and_states_are_announced(people: People, link: str) -> None:
    ada = people.join(link, "Ada")
    log = ada.page.get_by_role("log")
    bea = people.join(link, "Bea")

    expect(log).to_contain_text("Bea is in the meeting.")
    bea.press("Leave")
    expect(log).to_contain_text("Bea left.")


LONG = "Wolfeschlegelstein" * 5 + " Max"
TOOLTIPS = """[...document.querySelectorAll("button.round, button.control")]
    .filter((button) => button.checkVisibility() && !button.title).map((button) => button.outerHTML)"""


def inside(person: Person, inner: Locator, outer: Locator) -> None:
    """Nothing of the one is outside the other."""
    person.page.evaluate(SETTLED)
    box, frame = inner.bounding_box(), outer.bounding_box()
    assert box is not None
    assert frame is not None
    assert frame["x"] <= box["x"]
    assert box["x"] + box["width"] <= frame["x"] + frame["width"]


def test_buttons_that_are_only_an_icon_have_a_tooltip(people: People, server: Server, link: str) -> None:
    ada = people.new(viewport={"width": 390, "height": 844})
    ada.open(server.invitation(link, role="moderator", data="Ada"))
    expect(ada.button("Mute microphone")).to_be_visible()
    assert ada.page.evaluate(TOOLTIPS) == []
    ada.join()
    people.join(link, "Bea")
    ada.sees("Bea")
    for name in ("People", "Settings"):
        ada.press(name)
        assert ada.page.evaluate(TOOLTIPS) == []
        ada.press("Close")


@pytest.mark.parametrize("width", [390, 1280])
def test_long_names_leave_everything_in_its_place(people: People, server: Server, width: int) -> None:
    link = server.new_meeting(endToEndEncryption=True)
    ada = people.new(viewport={"width": width, "height": 844})
    ada.open(server.invitation(link, role="moderator", data="Ada")).join()
    people.join(link, LONG, role="publisher")
    expect(ada.tile(LONG).locator(".tile__digits")).to_be_visible()
    code, name = (
        ada.tile(LONG).locator(".tile__code").bounding_box(),
        ada.tile(LONG).locator(".tile__bar").bounding_box(),
    )
    assert code is not None
    assert name is not None
    assert name["x"] + name["width"] <= code["x"]

    ada.press("People")
    dialog = ada.page.get_by_role("dialog")
    row = dialog.get_by_role("listitem").filter(has_text=LONG)
    expect(row.locator("strong")).to_have_attribute("title", LONG)
    for part in ("strong", "code"):
        inside(ada, row.locator(part), dialog)
    inside(ada, ada.button("Mute everyone else"), dialog)
    height = row.evaluate("row => row.clientHeight")
    assert height < 80
    ada.press("Close")

    ada.press(f"Remove {LONG}")
    inside(ada, dialog.get_by_role("button", name=f"Remove {LONG}"), dialog)


def test_presenter_is_whole_beside_her_screen(people: People, server: Server, link: str) -> None:
    ada = people.new(viewport={"width": 390, "height": 844})
    ada.open(server.page(link)).join("Ada")
    for name in ("Bea", "Cid"):
        people.join(link, name)
    ada.sees("Bea", "Cid")
    people.everyone[-1].press("Share screen")
    expect(ada.page.get_by_label("Screen of Cid")).to_be_visible()

    inside(ada, ada.tile("Cid"), ada.page.get_by_role("list", name="People in this meeting"))
    inside(ada, ada.tile("Ada (you)"), ada.page.get_by_role("list", name="People in this meeting"))
