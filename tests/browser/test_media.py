"""Everybody sees and hears everybody, over loopback and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.people import LOOPBACK, SMALL_PICTURE, People, Person, gathering
from tests.browser.server import Server

pytestmark = pytest.mark.browser

PATIENCE = 90.0  # seconds; thirty streams of six people are much for two busy cores
NAMES = ["Ada", "Bea", "Cid", "Dan", "Eva", "Fay"]

Everyone = dict[str, Person]
Scheme = Literal["light", "dark"]


@pytest.fixture(scope="module")
def full_link(server: Server) -> str:
    return server.new_meeting(title="Six")


@pytest.fixture(scope="module")
def crowd(browser: Browser, server: Server) -> Iterator[People]:
    with gathering(browser, server, picture=SMALL_PICTURE) as everyone:
        yield everyone


@pytest.fixture(scope="module")
def six(crowd: People, full_link: str) -> Everyone:
    return {name: crowd.join(full_link, name) for name in NAMES}


def assert_everybody_meets(everyone: Everyone) -> None:
    for name, person in everyone.items():
        others = [other for other in everyone if other != name]
        person.sees(*others)
        person.receives_from(len(others), within=PATIENCE)
        person.watches(*others)


def assert_only_loopback(everyone: Everyone) -> None:
    for person in everyone.values():
        candidates = person.watched("candidates")
        assert candidates
        assert [candidate for candidate in candidates if not LOOPBACK.search(candidate)] == []


@pytest.mark.parametrize("count", [2, 3])
def test_few_people_see_and_hear_each_other(people: People, server: Server, link: str, count: int) -> None:
    everyone = {name: people.join(link, name) for name in NAMES[:count]}

    assert_everybody_meets(everyone)

    assert_only_loopback(everyone)
    assert server.present(link) == NAMES[:count]


def test_six_people_see_and_hear_each_other(six: Everyone, full_link: str, server: Server) -> None:
    assert_everybody_meets(six)

    assert_only_loopback(six)
    assert server.present(full_link) == NAMES


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_six_people_are_shown_without_barriers(six: Everyone, scheme: Scheme) -> None:
    ada = six["Ada"]
    ada.page.emulate_media(color_scheme=scheme)

    assert ada.barriers() == []


def all_inside(person: Person, width: int) -> bool:
    places = [tile.bounding_box() for tile in person.tiles.all()]
    return all(place is not None and place["x"] >= 0 and place["x"] + place["width"] <= width for place in places)


@pytest.mark.parametrize("width", [390, 768, 1920])
def test_six_people_fit_without_scrolling_sideways(six: Everyone, width: int) -> None:
    ada = six["Ada"]
    ada.page.set_viewport_size({"width": width, "height": 844})

    # They are laid out anew with the window's next picture, which two busy cores can keep waiting.
    ada.poll(lambda: all_inside(ada, width), "every tile is inside the window")
    ada.fits()


def test_seventh_is_told_that_it_is_full_and_gets_the_next_free_place(
    six: Everyone, full_link: str, crowd: People, server: Server
) -> None:
    gus = crowd.new().open(server.page(full_link))
    gus.page.get_by_label("Your name").fill("Gus")
    gus.press("Join")
    gus.reads("This meeting is full.")
    assert gus.barriers() == []
    assert server.present(full_link) == NAMES

    six["Fay"].press("Leave")
    six["Ada"].sees(*NAMES[1:-1])
    gus.press("Try again")
    gus.join()

    gus.sees(*NAMES[:-1])
    expect(six["Ada"].tile("Gus")).to_be_visible()
