"""The buttons of the room: what they do here and what the others notice."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.people import People, Person
from tests.browser.server import Server

pytestmark = pytest.mark.browser

CODE = re.compile(r"^[0-9a-f]{8}$")


def is_off(person: Person, name: str, word: str) -> Locator:
    """Return what says, for a screen reader too, that someone is `muted` or her `camera off`."""
    return person.tile(name).locator(".tile__flag:not([hidden])").filter(has_text=word)


def test_muting_is_seen_and_heard_by_the_others(people: People, link: str) -> None:
    ada, bea = people.join(link, "Ada"), people.join(link, "Bea")
    bea.receives_from(1)
    loud = "watched.connections[0].getReceivers()[0].getSynchronizationSources()[0]?.audioLevel > 0.01"
    bea.poll(lambda: bea.page.evaluate(loud), "a voice is heard")

    ada.press("Mute microphone")

    expect(ada.button("Unmute microphone")).to_be_visible()
    expect(is_off(bea, "Ada", "muted")).to_have_count(1)
    bea.poll(lambda: bea.page.evaluate(f"!({loud})"), "nothing is heard")
    expect(bea.button("Mute microphone")).to_be_visible()

    ada.press("Unmute microphone")

    expect(ada.button("Mute microphone")).to_be_visible()
    expect(is_off(bea, "Ada", "muted")).to_have_count(0)
    bea.poll(lambda: bea.page.evaluate(loud), "a voice is heard again")


def test_stopped_camera_shows_the_name_and_can_start_again(people: People, link: str) -> None:
    ada, bea = people.join(link, "Ada"), people.join(link, "Bea")
    bea.receives_from(1)

    ada.press("Stop camera")

    expect(is_off(bea, "Ada", "camera off")).to_have_count(1)
    expect(bea.tile("Ada").locator(".tile__name")).to_be_visible()
    expect(bea.tile("Ada").locator(".tile__avatar")).to_be_visible()
    expect(bea.video("Ada")).to_have_css("opacity", "0")
    bea.receives_from(1, camera=False)

    ada.press("Start camera")

    expect(is_off(bea, "Ada", "camera off")).to_have_count(0)
    bea.receives_from(1)
    bea.watches("Ada")


def test_who_joins_muted_and_dark_is_shown_so_and_can_start(people: People, server: Server, link: str) -> None:
    bea = people.join(link, "Bea")
    ada = people.new().open(server.page(link))
    ada.press("Mute microphone")
    ada.press("Stop camera")
    ada.join("Ada")

    expect(is_off(bea, "Ada", "muted")).to_have_count(1)
    expect(is_off(bea, "Ada", "camera off")).to_have_count(1)

    ada.press("Start camera")
    ada.press("Unmute microphone")

    bea.receives_from(1)
    bea.watches("Ada")


def test_shared_screen_takes_the_stage_of_the_others(people: People, link: str) -> None:
    ada, bea = people.join(link, "Ada"), people.join(link, "Bea")
    bea.receives_from(1)
    screen = bea.page.get_by_label("Screen of Ada")

    ada.press("Share screen")

    expect(ada.button("Stop sharing")).to_be_visible()
    expect(screen).to_be_visible()
    bea.poll(lambda: bea.frames_of(screen) > 0, "the screen is shown")
    stage, tile = screen.bounding_box(), bea.video("Ada").bounding_box()
    assert stage is not None
    assert tile is not None
    assert stage["width"] * stage["height"] > 2 * tile["width"] * tile["height"]
    assert bea.barriers() == []
    late = people.join(link, "Cid")
    expect(late.page.get_by_label("Screen of Ada")).to_be_visible()

    ada.press("Stop sharing")

    expect(ada.button("Share screen")).to_be_visible()
    for person in (bea, late):
        expect(person.page.get_by_label("Screen of Ada")).to_have_count(0)
    bea.watches("Ada")


def test_encrypted_meeting_shows_the_same_code_on_both_pages(people: People, server: Server) -> None:
    link = server.new_meeting(endToEndEncryption=True)
    ada, bea = people.join(link, "Ada"), people.join(link, "Bea")

    expect(ada.page.get_by_text("End-to-end encrypted")).to_be_visible()
    codes = []
    for person, other in ((ada, "Bea"), (bea, "Ada")):
        person.receives_from(1)
        digits = person.tile(other).locator(".tile__digits")
        expect(digits).to_have_text(CODE)
        codes.append(digits.text_content())
    assert codes[0] == codes[1]
    assert ada.barriers() == []


def test_meeting_that_is_not_encrypted_shows_no_code(people: People, link: str) -> None:
    ada = people.join(link, "Ada")
    people.join(link, "Bea")
    ada.receives_from(1)

    expect(ada.tile("Bea").locator(".tile__digits")).not_to_be_visible()
    expect(ada.page.get_by_text("End-to-end encrypted")).not_to_be_visible()


def test_devices_can_be_chosen_before_and_inside(people: People, server: Server, link: str) -> None:
    bea = people.join(link, "Bea")
    ada = people.new().open(server.page(link))
    chosen = ada.page.get_by_role("combobox", name="Microphone")
    expect(chosen).to_contain_text("Fake Audio Input 2")
    chosen.select_option("Fake Audio Input 2")
    ada.join("Ada")
    bea.receives_from(1)

    ada.press("Settings")
    settings = ada.page.get_by_role("dialog")
    inside = settings.get_by_role("combobox", name="Microphone")
    expect(inside.locator("option:checked")).to_have_text("Fake Audio Input 2")
    assert ada.barriers() == []
    inside.select_option("Fake Audio Input 1")

    bea.receives_from(1)
