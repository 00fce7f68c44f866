"""The page of one recording: what it says while there is no film, and when there is."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Route, expect

from tests.browser.people import People, Person
from tests.browser.server import Server

pytestmark = pytest.mark.browser

ID = "0b8f6a52-6f0e-4a4e-9a9b-1f3c5f0d7a10"
MADE: dict[str, Any] = {"id": ID, "createdAt": 1795874014719, "outputMode": "composed", "url": None}
FILM = {"status": "available", "url": "/recordings/none.mp4", "duration": 3725, "size": 734003200}


class Api:
    """What the server says of the recording, as a test has it."""

    def __init__(self, person: Person, server: Server, **facts: Any) -> None:
        self.facts: dict[str, Any] = facts
        self.status = 200
        self.asked: list[str] = []
        person.page.route(f"**/archives/{ID}", self._answer)
        person.page.route("**/recordings/none.mp4", lambda route: route.abort())
        person.open(f"{server.base}/recordings/{ID}#token=abc")

    def _answer(self, route: Route) -> None:
        self.asked.append(route.request.headers["authorization"])
        body = {"name": "Board meeting", "sessionId": "s", "metaData": MADE | self.facts}
        route.fulfill(status=self.status, json=body)


def test_page_follows_a_recording_that_is_being_made(people: People, server: Server) -> None:
    ada = people.new()
    api = Api(ada, server, status="started", progress={"phase": "recording", "percent": None})
    ada.reads("This recording is still being made.")
    expect(ada.page.get_by_text("The meeting is still being recorded.")).to_be_visible()
    assert api.asked == ["Bearer abc"]

    api.facts = {"status": "stopped", "progress": {"phase": "composing", "percent": 41.6}}
    expect(ada.page.get_by_role("progressbar")).to_have_attribute("aria-valuenow", "42")
    assert ada.barriers() == []

    api.facts = FILM | {
        "people": ["Ada", "Bea"],
        "missing": [{"person": "Bea", "kind": "camera", "from": 61000, "to": 75500, "why": "the connection broke"}],
    }
    ada.tolerate("ERR_FAILED")
    ada.reads("Board meeting")
    expect(ada.page.locator("#watch-facts")).to_contain_text("1:02:05 · 734 MB")
    expect(ada.page.get_by_role("list")).to_contain_text(["AdaBea", "Bea: 1:01–1:16: the connection broke"])
    expect(ada.page.get_by_role("link", name="Download")).to_have_attribute("href", "/recordings/none.mp4")
    expect(ada.page.get_by_role("alert")).to_contain_text("The video can't be played.")
    assert ada.barriers() == []
    assert ada.page.title() == "Board meeting"


def test_tracks_of_their_own_are_only_downloaded(people: People, server: Server) -> None:
    ada = people.new(viewport={"width": 390, "height": 844})
    Api(ada, server, **FILM | {"outputMode": "individual"})
    expect(ada.page.get_by_text("together in one ZIP archive")).to_be_visible()
    expect(ada.page.locator("video")).not_to_be_visible()
    assert ada.barriers() == []
    ada.fits()


@pytest.mark.parametrize(
    ("status", "facts", "sentence"),
    [
        (200, {"status": "failed", "reason": "Nothing was recorded."}, "This recording could not be made."),
        (200, {"status": "expired"}, "The file of this recording is no longer there."),
        (404, {}, "There is no recording at this address."),
        (403, {}, "You may not see this recording."),
        (401, {}, "You may not see this recording."),
        (502, {}, "The recording can't be reached at the moment."),
    ],
)
def test_what_can_not_be_seen_has_its_sentence(
    people: People, server: Server, status: int, facts: dict[str, Any], sentence: str
) -> None:
    ada = people.new()
    ada.tolerate(f"status of {status}")
    ada.page.route(f"**/archives/{ID}", lambda route: route.fulfill(status=status, json=answer(facts)))
    ada.open(f"{server.base}/recordings/{ID}#token=abc")

    ada.reads(sentence)
    if "reason" in facts:
        expect(ada.page.get_by_text(facts["reason"])).to_be_visible()
    assert ada.barriers() == []


def answer(facts: dict[str, Any]) -> dict[str, Any]:
    return {"name": "", "sessionId": "s", "metaData": MADE | {"status": "available"} | facts}
