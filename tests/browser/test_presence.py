"""Who is there is true within seconds: after a reload, with two tabs, when a tab or the server is killed."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Error, expect

from tests.browser.conftest import NewServer
from tests.browser.people import People, Person, gathering
from tests.browser.server import Server, eventually

pytestmark = pytest.mark.browser

GRACE = 4.0  # seconds for which the server keeps the place of a page that reloads
ATTEMPTS = 5
RECONNECTING = "Connection lost. Reconnecting…"
UNREACHABLE = r"WebSocket connection to \S+ failed"  # what the browser says while there is no server


@pytest.fixture(scope="module")
def mortal(new_server: NewServer) -> Server:
    """A server that may be killed; the test that does starts it again."""
    return new_server(GUEST_ROLE="publisher")


@pytest.fixture
def survivors(browser: Browser, mortal: Server) -> Iterator[People]:
    with gathering(browser, mortal) as everyone:
        yield everyone


def ids(server: Server, link: str, *, active: bool = True) -> dict[str, str]:
    return {row["id"]: row["attendee"] for row in server.attendees(link, active=active)}


def reload_within_grace(person: Person) -> bool:
    """Reload and join again; tell whether that took less than the time for which the place is kept."""
    started = time.monotonic()
    person.reload()
    person.join()
    return time.monotonic() - started < GRACE - 0.5


def test_reload_keeps_the_attendee_and_her_tile(people: People, server: Server, link: str) -> None:
    ada, bea = people.join(link, "Ada"), people.join(link, "Bea")
    people.join(link, "Cid")
    ada.sees("Bea", "Cid")
    before = ids(server, link)

    for _ in range(ATTEMPTS):
        ada.tile("Bea").evaluate("tile => { tile.dataset.marked = 'before'; }")
        if reload_within_grace(bea):
            break

    expect(ada.tile("Bea")).to_have_attribute("data-marked", "before")
    ada.sees("Bea", "Cid")
    ada.receives_from(2)
    bea.receives_from(2)
    assert ids(server, link) == before
    assert ids(server, link, active=False) == before


def test_reload_moves_nobody_and_shows_no_ghost(people: People, server: Server, link: str) -> None:
    ada, bea = people.join(link, "Ada"), people.join(link, "Bea")
    people.join(link, "Cid")
    ada.sees("Bea", "Cid")
    ada.receives_from(2)

    for _ in range(ATTEMPTS):
        ada.sees("Bea", "Cid")
        ada.page.evaluate("watched.layouts = []")
        ada.page.evaluate("watched.follow()")
        if reload_within_grace(bea):
            break

    ada.receives_from(2)
    assert ada.watched("layouts.length") == 1, ada.watched("layouts")


def test_two_tabs_of_one_person_are_one_attendee(people: People, server: Server, link: str) -> None:
    ada, bea = people.join(link, "Ada"), people.join(link, "Bea")
    before = ids(server, link)

    second = people.tab(bea.page.context).open(server.page(link)).join("Bea")
    ada.receives_from(2)
    assert ids(server, link) == before

    second.close()
    ada.sees("Bea")
    ada.receives_from(1)
    assert ids(server, link) == before


def test_crashed_tab_is_gone_within_seconds(people: People, server: Server, link: str) -> None:
    ada, bea = people.join(link, "Ada"), people.join(link, "Bea")
    ada.receives_from(1)

    with pytest.raises(Error):
        bea.page.goto("chrome://crash")
    bea.page.close()

    eventually(lambda: server.present(link) == ["Ada"], "only Ada is there")
    ada.sees()
    assert [row["isDeleted"] for row in server.attendees(link, active=False)] == [False, True]


def test_closed_window_is_gone_within_seconds(people: People, server: Server, link: str) -> None:
    ada, bea = people.join(link, "Ada"), people.join(link, "Bea")
    ada.sees("Bea")

    bea.page.context.close()

    eventually(lambda: server.present(link) == ["Ada"], "only Ada is there")
    ada.sees()


def test_killed_server_leaves_media_running_and_no_ghosts(survivors: People, mortal: Server) -> None:
    link = mortal.new_meeting()
    ada, bea = survivors.join(link, "Ada"), survivors.join(link, "Bea")
    before = ids(mortal, link)
    for person in (ada, bea):
        person.receives_from(1)
        person.tolerate(UNREACHABLE)

    mortal.kill()
    for person in (ada, bea):
        expect(person.page.get_by_role("alert").filter(has_text=RECONNECTING)).to_be_visible()
        person.receives_from(1)
    mortal.start()

    for person, other in ((ada, "Bea"), (bea, "Ada")):
        expect(person.page.get_by_text(RECONNECTING)).not_to_be_visible()
        person.sees(other)
        person.receives_from(1)
        person.watches(other)
    assert ids(mortal, link) == before
    assert ids(mortal, link, active=False) == before


def test_who_went_while_the_server_was_down_is_gone_afterwards(survivors: People, mortal: Server) -> None:
    link, empty_link = mortal.new_meeting(), mortal.new_meeting()
    ada, bea = survivors.join(link, "Ada"), survivors.join(link, "Bea")
    cid = survivors.join(empty_link, "Cid")
    ada.tolerate(UNREACHABLE)
    ada.receives_from(1)

    mortal.kill()
    bea.close()
    cid.close()
    mortal.start()

    eventually(lambda: mortal.present(link) == ["Ada"], "only Ada is there")
    eventually(lambda: mortal.present(empty_link) == [], "nobody is there")
    ada.sees()
    expect(ada.page.get_by_text("Only you are here")).to_be_visible()
