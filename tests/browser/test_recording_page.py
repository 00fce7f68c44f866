"""What the pages of a recorded meeting say and ask, and how they are left."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Locator, Route, WebSocketRoute, expect

from tests.browser.conftest import NewServer
from tests.browser.people import People, Person, gathering
from tests.browser.server import Server
from tests.browser.test_recording import Recording, come, is_silent, speaks

pytestmark = pytest.mark.browser

CHUNKS = "**/recordings/tracks/**"
SAVING = "Saving the recording…"
TOLD = "This meeting is being recorded"
QUESTION = "Do you want to be in the recording?"


@pytest.fixture(scope="module")
def asking_server(new_server: NewServer) -> Server:
    """A server on which people are recorded only if they agree."""
    return new_server(GUEST_ROLE="publisher", more_settings='VIDEOCONF["RECORDING_CONSENT"] = "required"')


@pytest.fixture
def asked(people: People, asking_server: Server) -> Iterator[People]:
    with gathering(people.browser, asking_server) as everyone:
        yield everyone


def question(person: Person) -> Locator:
    return person.page.get_by_role("dialog", name=QUESTION)


def part(person: Person) -> Locator:
    return person.page.locator("#recording-part")


class Way:
    """The way of one page's chunks to the server, which can be shut."""

    def __init__(self, person: Person) -> None:
        self.person = person
        self.is_shut = False
        person.page.route(CHUNKS, self._go)

    def _go(self, route: Route) -> None:
        if self.is_shut:
            route.fulfill(status=503, headers={"Retry-After": "1"}, json={"error": {"code": "busy", "message": "No."}})
        else:
            route.continue_()

    def shuts(self) -> None:
        self.is_shut = True
        self.person.tolerate("status of 503")


def test_everyone_is_told_before_and_inside(people: People, server: Server, link: str) -> None:
    ada = come(people, link, "Ada", "moderator")
    bea = come(people, link, "Bea")
    cid = people.new().open(server.page(link))
    expect(cid.button("Join")).to_be_enabled()
    expect(cid.page.locator("#prejoin-recording")).not_to_be_visible()
    expect(bea.button("Start recording")).to_have_count(0)

    recording = Recording(ada, link)

    notice = bea.page.locator("#recording-note")
    expect(notice).to_contain_text(TOLD)
    assert bea.barriers() == []
    bea.press("Understood")
    expect(notice).not_to_be_visible()
    expect(bea.page.locator("#recording-badge")).to_be_visible()
    # Who stands before the meeting is told without a reload.
    expect(cid.page.locator("#prejoin-recording")).to_contain_text(TOLD)
    assert cid.barriers() == []
    cid.join("Cid")
    expect(cid.page.locator("#recording-note")).to_contain_text(TOLD)
    recording.stop()
    for person in (bea, cid):
        expect(person.page.locator("#recording-badge")).not_to_be_visible()
        expect(person.page.locator("#recording-note")).not_to_be_visible()


def test_who_declines_is_in_the_meeting_and_not_in_the_recording(asked: People, asking_server: Server) -> None:
    link = asking_server.new_meeting(title="Weekly")
    ada, bea = come(asked, link, "Ada", "moderator"), come(asked, link, "Bea")
    sue = asked.join(link, "Sue", role="subscriber")
    ada.sees("Bea", "Sue")
    recording = Recording(ada, link)

    expect(question(ada)).to_be_visible()
    assert ada.barriers() == []
    ada.press("Agree")
    agreed = recording.now
    expect(question(bea)).to_be_visible()
    bea.page.keyboard.press("Escape")
    expect(question(bea)).not_to_be_visible()
    expect(sue.page.locator("#recording-badge")).to_be_visible()
    expect(question(sue)).not_to_be_visible()
    recording.goes_on(2)

    bea.reload()
    expect(bea.page.locator("#prejoin-recording")).to_contain_text("Inside you are asked")
    bea.join()
    expect(bea.page.locator("#recording-badge")).to_be_visible()
    expect(question(bea)).not_to_be_visible()
    bea.press("People")
    expect(part(bea)).to_contain_text("You are not in the recording.")
    assert bea.barriers() == []
    changed = recording.now
    bea.press("Agree to be recorded")
    expect(part(bea)).to_contain_text("You are in the recording.")
    bea.press("Close")
    recording.goes_on(3)
    length = recording.stop()

    film = recording.film()
    speaks(film, "Ada", agreed + 0.8, length - 0.3)
    is_silent(film, "Bea", 0, changed)
    speaks(film, "Bea", changed + 1, length - 0.3)


@pytest.mark.parametrize("anyway", [False, True])
def test_leaving_waits_for_what_is_on_its_way(people: People, link: str, anyway: bool) -> None:
    ada, bea = come(people, link, "Ada", "moderator"), come(people, link, "Bea")
    way = Way(bea)
    ada.sees("Bea")
    recording = Recording(ada, link)
    recording.goes_on(2)
    way.shuts()
    bea.press("Leave")

    bea.reads(SAVING)
    ada.sees()
    assert bea.barriers() == []
    if anyway:
        bea.press("Leave anyway")
        bea.reads("You left the meeting.")
        expect(bea.page.get_by_text("Sending what is left of a recording.")).to_be_visible()
        assert bea.barriers() == []
    way.is_shut = False
    bea.reads("You left the meeting.")
    if anyway:
        expect(bea.page.get_by_text("The recording is saved.")).to_be_visible()
    assert bea.page.evaluate(LEFT) == 0


LEFT = """async () => {
    const request = indexedDB.open("videoconf-recording");
    await new Promise((resolve) => (request.onsuccess = resolve));
    const count = request.result.transaction("tracks").objectStore("tracks").count();
    await new Promise((resolve) => (count.onsuccess = resolve));
    return count.result;
}"""


@pytest.mark.parametrize("how", ["removed", "ended"])
def test_who_is_put_out_leaves_nothing_unsent(people: People, server: Server, link: str, how: str) -> None:
    ada, bea = come(people, link, "Ada", "moderator"), come(people, link, "Bea")
    way = Way(bea)
    ada.sees("Bea")
    recording = Recording(ada, link)
    recording.goes_on(2)
    way.shuts()
    if how == "removed":  # nothing more of hers is taken
        bea.tolerate("status of 409")
    attendee = next(row["id"] for row in server.attendees(link) if row["attendee"] == "Bea")
    paths = {
        "removed": ("POST", f"/session/{link}/attendees/{attendee}/remove"),
        "ended": ("PATCH", f"/session/{link}/end"),
    }
    assert server.ask(*paths[how]).status_code == 204

    bea.reads(SAVING)
    way.is_shut = False
    bea.reads("You were removed from this meeting." if how == "removed" else "This meeting has ended.")
    assert bea.page.evaluate(LEFT) == 0


class Wire:
    """What one page and the server say to each other, and more that the page hears."""

    def __init__(self, person: Person, **welcome: Any) -> None:
        self.said: list[dict[str, Any]] = []
        self.archive: dict[str, Any] = {}
        self._welcome = welcome
        person.page.route_web_socket("**/ws/meet/*", self._open)

    def _open(self, page: WebSocketRoute) -> None:
        self._page, inside = page, page.connect_to_server()

        def hear(text: str | bytes) -> None:
            self.said.append(json.loads(text))
            inside.send(text)

        def pass_on(text: str | bytes) -> None:
            frame = json.loads(text)
            if frame["t"] == "welcome":
                frame |= self._welcome
            self.archive = frame.get("archive") or self.archive
            page.send(json.dumps(frame))

        page.on_message(hear)
        inside.on_message(pass_on)

    def tells(self, **changes: Any) -> None:
        """Tell the page of the recording that runs, changed."""
        self.archive |= changes
        self._page.send(json.dumps({"t": "recording", "active": True, "archive": self.archive}))

    def decisions(self) -> list[tuple[str, str]]:
        return [(frame["version"], frame["decision"]) for frame in self.said if frame["t"] == "consent"]


def test_changed_words_are_asked_and_told_anew(asked: People, asking_server: Server) -> None:
    link = asking_server.new_meeting(title="Weekly")
    ada = asked.new()
    wire = Wire(ada)
    ada.open(asking_server.invitation(link, role="moderator", data="Ada")).join()
    Recording(ada, link)
    ada.press("Agree")
    ada.poll(lambda: wire.decisions() == [("1", "agreed")], "she agrees")

    wire.tells(version="2", notice="And kept for a year.")
    expect(question(ada)).to_contain_text("And kept for a year.")
    assert wire.decisions() == [("1", "agreed")]
    ada.press("Agree")
    ada.poll(lambda: wire.decisions() == [("1", "agreed"), ("2", "agreed")], "she agrees to the new words")

    note = ada.page.locator("#recording-note-text")
    wire.tells(consent="told")
    expect(note).to_have_text(f"{TOLD}. And kept for a year.")
    ada.press("Understood")
    wire.tells(version="3", notice="Note that this meeting is being recorded.")
    expect(note).to_have_text("Note that this meeting is being recorded.")
    expect(note).to_be_visible()
    assert len(wire.decisions()) == 2


def test_nothing_is_recorded_before_the_server_says_how(people: People, server: Server, link: str) -> None:
    ada = people.new()
    wire = Wire(ada, recording=True, archive=None)
    ada.open(server.invitation(link, data="Ada")).join()
    expect(ada.page.locator("#recording-badge")).to_be_visible()
    ada.page.wait_for_timeout(1500)
    assert [frame["t"] for frame in wire.said if frame["t"] in ("track", "consent")] == []

    wire.tells(id="a", consent="required", notice="", version="1")
    expect(question(ada)).to_be_visible()


def test_refused_start_is_told_to_the_moderator(people: People, server: Server, link: str) -> None:
    ada = people.new()

    def withhold(page: WebSocketRoute) -> None:
        inside = page.connect_to_server()

        def pass_on(text: str | bytes) -> None:
            if json.loads(text)["t"] != "recording":
                page.send(text)

        page.on_message(inside.send)
        inside.on_message(pass_on)

    ada.page.route_web_socket("**/ws/meet/*", withhold)
    ada.open(server.invitation(link, role="moderator", data="Ada")).join()
    for _ in range(2):
        ada.press("Start recording")
    expect(ada.page.get_by_text("The meeting is being recorded already.")).to_be_visible()


def test_browser_that_can_not_record_says_so(people: People, server: Server, link: str) -> None:
    ada = people.new()
    ada.page.add_init_script("delete window.MediaRecorder;")
    ada.open(server.invitation(link, role="moderator", data="Ada")).join()
    Recording(ada, link)

    expect(ada.page.get_by_text("This browser can't record")).to_be_visible()
