"""What subscribers, publishers and moderators get to see, and what a moderator's buttons do to the others."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Locator, expect

from tests.browser.people import People, Person
from tests.browser.server import Server, eventually

pytestmark = pytest.mark.browser

END = "End meeting for everyone"


def dialog(person: Person) -> Locator:
    return person.page.get_by_role("dialog")


def confirm(person: Person, action: str) -> None:
    """Press the button of that name, then the one that repeats it in the dialog."""
    person.press(action)
    dialog(person).get_by_role("button", name=action, exact=True).click()


def test_subscriber_watches_and_is_asked_for_nothing(people: People, link: str) -> None:
    ada = people.join(link, "Ada", role="publisher")
    sue = people.join(link, "Sue", role="subscriber")
    tom = people.join(link, "Tom", role="subscriber")

    sue.sees("Ada", "Tom")
    sue.receives_from(1)
    sue.watches("Ada")

    for person in (sue, tom):
        assert person.watched("asked") == []
        for name in ("Mute microphone", "Unmute microphone", "Start camera", "Stop camera", "Share screen"):
            expect(person.button(name)).to_have_count(0)
    ada.sees("Sue", "Tom")
    assert all(flow["camera"] == flow["voice"] == 0 for flow in ada.arrived())


def test_subscriber_who_came_first_sees_who_comes_later(people: People, link: str) -> None:
    sue = people.join(link, "Sue", role="subscriber")
    people.join(link, "Ada", role="publisher")

    sue.receives_from(1)
    sue.watches("Ada")


def test_publisher_has_no_moderator_buttons(people: People, link: str) -> None:
    people.join(link, "Ada", role="publisher")
    bea = people.join(link, "Bea", role="publisher")

    bea.sees("Ada")
    expect(bea.button("Mute microphone")).to_be_visible()
    expect(bea.page.get_by_role("button", name=re.compile("^(Remove|End|Mute Ada|Start recording)"))).to_have_count(0)
    bea.press("People")
    expect(dialog(bea)).to_be_visible()
    expect(bea.button("Mute everyone else")).to_have_count(0)


def test_moderator_removes_someone_for_good(people: People, server: Server, link: str) -> None:
    ada = people.join(link, "Ada", role="moderator")
    bea = people.join(link, "Bea", role="publisher")
    cid = people.join(link, "Cid", role="publisher")
    ada.sees("Bea", "Cid")

    ada.press("Remove Bea")
    expect(dialog(ada)).to_be_visible()
    assert ada.barriers() == []
    ada.press("Cancel")
    expect(dialog(ada)).to_have_count(0)
    assert server.present(link) == ["Ada", "Bea", "Cid"]
    confirm(ada, "Remove Bea")

    bea.reads("You were removed from this meeting.")
    assert bea.barriers() == []
    ada.sees("Cid")
    cid.sees("Ada")
    assert server.present(link) == ["Ada", "Cid"]

    bea.reload()
    bea.press("Join")
    bea.reads("You were removed from this meeting.")
    assert server.present(link) == ["Ada", "Cid"]


def test_moderator_mutes_someone(people: People, link: str) -> None:
    ada = people.join(link, "Ada", role="moderator")
    bea = people.join(link, "Bea", role="publisher")
    cid = people.join(link, "Cid", role="publisher")
    ada.sees("Bea", "Cid")

    ada.press("Mute Bea")

    expect(bea.button("Unmute microphone")).to_be_visible()
    expect(bea.page.get_by_text("Ada muted your microphone.")).to_be_visible()
    for person in (ada, cid):
        expect(person.tile("Bea")).to_contain_text("muted")
    expect(cid.button("Mute microphone")).to_be_visible()


def test_moderator_mutes_everyone_else(people: People, link: str) -> None:
    ada = people.join(link, "Ada", role="moderator")
    bea = people.join(link, "Bea", role="publisher")
    ada.sees("Bea")

    ada.press("People")
    assert ada.barriers() == []
    ada.press("Mute everyone else")

    expect(bea.button("Unmute microphone")).to_be_visible()
    expect(ada.button("Mute microphone")).to_be_visible()


def test_moderator_ends_the_meeting_for_everyone(people: People, server: Server, link: str) -> None:
    ada = people.join(link, "Ada", role="moderator")
    bea = people.join(link, "Bea", role="publisher")
    ada.sees("Bea")

    ada.press(END)
    assert ada.barriers() == []
    dialog(ada).get_by_role("button", name=END, exact=True).click()

    for person in (ada, bea):
        person.reads("This meeting has ended.")
    eventually(lambda: server.present(link) == [], "nobody is there")
    assert server.ask("POST", f"/session/{link}/token", {}).json()["error"]["code"] == "meeting_ended"
    bea.reload()
    bea.reads("This meeting has ended.")
    expect(bea.button("Join")).to_have_count(0)


def test_removal_by_api_reaches_the_page(people: People, server: Server, link: str) -> None:
    ada, bea = people.join(link, "Ada"), people.join(link, "Bea")
    ada.sees("Bea")
    attendee = next(row["id"] for row in server.attendees(link) if row["attendee"] == "Bea")

    assert server.ask("POST", f"/session/{link}/attendees/{attendee}/remove").status_code == 204

    bea.reads("You were removed from this meeting.")
    ada.sees()
    bea.reload()
    bea.press("Join")
    bea.tolerate("403")
    bea.reads("You were removed from this meeting.")


def test_mute_by_api_reaches_the_page(people: People, server: Server, link: str) -> None:
    ada, bea = people.join(link, "Ada"), people.join(link, "Bea")
    ada.sees("Bea")
    attendee = next(row["id"] for row in server.attendees(link) if row["attendee"] == "Bea")

    assert server.ask("POST", f"/session/{link}/attendees/{attendee}/mute").status_code == 204

    expect(bea.button("Unmute microphone")).to_be_visible()
    expect(ada.tile("Bea")).to_contain_text("muted")
    expect(ada.button("Mute microphone")).to_be_visible()

    assert server.ask("POST", f"/session/{link}/mute").status_code == 204
    expect(ada.button("Unmute microphone")).to_be_visible()


def test_end_by_api_puts_everyone_out(people: People, server: Server, link: str) -> None:
    ada, bea = people.join(link, "Ada"), people.join(link, "Bea")
    ada.sees("Bea")

    assert server.ask("PATCH", f"/session/{link}/end").status_code == 204

    for person in (ada, bea):
        person.reads("This meeting has ended.")
    eventually(lambda: server.present(link) == [], "nobody is there")
