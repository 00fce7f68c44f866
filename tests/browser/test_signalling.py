"""What the page's own end of the socket and of a peer connection does, against a server that the test plays."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import WebSocketRoute, expect

from tests.browser.people import People, Person
from tests.browser.server import Server

pytestmark = pytest.mark.browser

ADDRESS = "/ws/meet/played"
UNAVAILABLE = "The meeting can't be joined at the moment."
REFUSAL = {"t": "refused", "code": "unavailable", "message": "No.", "retry": True}


def module(person: Person, name: str) -> str:
    """Return the address of a module of the provider that the page has loaded."""
    loaded: list[str] = person.page.evaluate("performance.getEntriesByType('resource').map(({ name }) => name)")
    return next(address for address in loaded if f"/webrtc/{name}." in address)


def has_left(person: Person, link: str) -> Person:
    """Let someone in and out again: the modules are loaded, and nothing goes on."""
    person.open(person.server.page(link)).join("Ada")
    person.press("Leave")
    person.reads("You left the meeting.")
    return person


@pytest.mark.parametrize("frame", [{"t": "remove", "id": "x"}, {"t": "mute", "id": "*"}, {"t": "end"}], ids=str)
def test_moderation_does_not_wait_behind_what_the_page_says_by_itself(
    people: People, link: str, frame: dict[str, str]
) -> None:
    came: list[dict[str, str]] = []

    def play(socket: WebSocketRoute) -> None:
        socket.on_message(lambda text: came.append(json.loads(text)))

    def has_come(count: int) -> bool:
        ada.page.wait_for_timeout(50)  # which is when `play` runs
        return len(came) >= count

    ada = people.new()
    ada.page.route_web_socket(f"**{ADDRESS}", play)
    has_left(ada, link)
    ada.page.evaluate(
        """async ([module, address, frame]) => {
            const { SignalingSocket } = await import(module);
            const socket = new SignalingSocket(address);
            socket.on("open", () => {
                socket.send({ t: "join" });
                for (let n = 0; n < 200; n++) socket.send({ t: "here", to: "x" });
                socket.send(frame);
            });
            socket.start();
        }""",
        [module(ada, "socket"), ADDRESS, frame],
    )
    ada.poll(lambda: has_come(202), "everything arrives")
    assert came[0]["t"] == "join"
    assert came.index(frame) < 100


def test_unanswered_offer_is_repeated_at_growing_intervals(people: People, link: str) -> None:
    ada = has_left(people.new(), link)
    address = module(ada, "peer")
    ada.page.clock.install()
    ada.page.evaluate(
        """async (module) => {
            const { Peer } = await import(module);
            const tracks = { microphone: null, camera: null, screen: null };
            const peer = new Peer({ polite: true, sends: false, configuration: {}, tracks, quality: null });
            window.offers = 0;
            peer.on("signal", ({ description }) => description && window.offers++);
            window.peer = peer;
            await peer.offer();
        }""",
        address,
    )

    for number, seconds in enumerate([8, 16, 32, 60, 60], start=1):
        ada.page.clock.run_for((seconds - 1) * 1000)
        assert ada.page.evaluate("window.offers") == number
        ada.page.clock.run_for(1000)
        ada.poll(lambda wanted=number + 1: ada.page.evaluate("window.offers") == wanted, f"offer {number + 1}")
    ada.page.evaluate("peer.close()")


class Door:
    """A server that is itself, or refuses because something that it needs is away."""

    def __init__(self, person: Person) -> None:
        self.is_broken = False
        self.tries = 0
        self.person = person
        self.inside: list[WebSocketRoute] = []
        person.page.route_web_socket("**/ws/meet/*", self.open)

    def open(self, page: WebSocketRoute) -> None:
        self.tries += 1
        if self.is_broken:
            page.send(json.dumps(REFUSAL))
            page.close(code=1013)
            return
        server = page.connect_to_server()
        page.on_message(server.send)
        server.on_message(page.send)
        self.inside += [server, page]

    def was_tried(self) -> bool:
        """Tell whether the page has come to a broken door."""
        self.person.page.wait_for_timeout(100)  # which is when `open` runs
        return self.is_broken and self.tries > 2

    def breaks(self) -> None:
        self.is_broken = True
        for side in self.inside:
            side.close(code=1013)


def test_server_that_is_not_able_to_is_said_to_have_a_problem(people: People, server: Server, link: str) -> None:
    ada = people.new()
    door = Door(ada)
    door.is_broken = True
    ada.open(server.page(link))
    ada.page.get_by_label("Your name").fill("Ada")
    ada.press("Join")

    ada.reads(UNAVAILABLE)
    expect(ada.page.get_by_text("your connection is fine")).to_be_visible()
    assert ada.barriers() == []
    assert door.tries > 2

    door.is_broken = False
    ada.press("Try again")
    ada.join()


def test_page_that_is_in_waits_until_the_server_is_able_again(people: People, server: Server, link: str) -> None:
    bea = people.join(link, "Bea")
    ada = people.new()
    door = Door(ada)
    ada.open(server.page(link)).join("Ada")
    ada.receives_from(1)

    door.breaks()
    expect(ada.page.get_by_text("Connection lost. Reconnecting…")).to_be_visible()
    ada.poll(door.was_tried, "it has tried and was refused")
    ada.receives_from(1)
    door.is_broken = False

    expect(ada.page.get_by_text("Connection lost. Reconnecting…")).not_to_be_visible()
    ada.receives_from(1)
    bea.sees("Ada")


def test_failure_of_the_token_operation_is_the_server_s_problem(people: People, server: Server, link: str) -> None:
    ada = people.new().open(server.page(link))
    ada.tolerate("503")
    ada.page.route("**/token", lambda route: route.fulfill(status=503, body="<h1>Bad gateway</h1>"))
    ada.page.get_by_label("Your name").fill("Ada")
    ada.press("Join")

    ada.reads(UNAVAILABLE)
