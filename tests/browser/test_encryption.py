"""The code that two people compare: equal where nobody meddled, and none where somebody did."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Locator, WebSocketRoute, expect

from tests.browser.people import People, Person
from tests.browser.server import Server
from tests.browser.test_signalling import has_left, module

pytestmark = pytest.mark.browser

CODE = re.compile(r"^[0-9a-f]{8}$")
NO_CODE = "The code could not be made."

Frame = dict[str, Any]
Meddle = Callable[[Frame], bool]
"""Changes a frame that a page sends or gets; returns whether the socket breaks before it goes on."""

# Two ends of one connection in one page. MEDDLE may change what one says to the other; `false` drops it.
PAIR = """async ([module, offers]) => {
    const { Peer } = await import(module);
    const tracks = { microphone: null, camera: null, screen: null };
    const ends = ["ann", "bea"].map((name, index) => {
        const peer = new Peer({ polite: index === 0, sends: true, configuration: {}, tracks, quality: null });
        return { name, peer, codes: [], sent: [], work: Promise.resolve() };
    });
    const change = MEDDLE;
    ends.forEach((end, index) => {
        const other = ends[1 - index];
        end.peer.on("code", (code) => code !== end.codes.at(-1) && end.codes.push(code));
        end.peer.on("signal", (sig) => {
            const copy = structuredClone(sig);
            end.sent.push(sig);
            if (change(copy) !== false) other.work = other.work.then(() => other.peer.receive(copy));
        });
    });
    window.ends = ends;
    await Promise.all(offers.map((index) => ends[index].peer.offer()));
}"""


OTHER_KEY = """sig.description.sdp = sig.description.sdp.replace(
    /(a=fingerprint:\\S+ )(..)/g, (_, start, byte) => start + (byte === "00" ? "11" : "00"));"""


class Pair:
    """Two ends of one peer connection in one page."""

    def __init__(self, person: Person) -> None:
        self.person = person
        self.module = module(person, "peer")

    def meet(self, *, offers: tuple[int, ...] = (1,), meddle: str = "() => true") -> Pair:
        self.person.page.evaluate("window.ends?.forEach(({ peer }) => peer.close())")
        self.person.page.evaluate(PAIR.replace("MEDDLE", meddle), [self.module, list(offers)])
        return self

    def codes(self) -> list[list[str | bool | None]]:
        """Return what each end has shown, one thing after the other."""
        found: list[list[str | bool | None]] = self.person.page.evaluate("ends.map(({ codes }) => codes)")
        return found

    def show(self, ann: str, bea: str) -> None:
        """Wait until both show this: `code`, `none` or `waits`."""
        words = {True: "code", False: "waits"}

        def shown() -> list[str]:
            last = [codes[-1] if codes else None for codes in self.codes()]
            return ["none" if code is False else words[bool(code)] for code in last]

        self.person.poll(lambda: shown() == [ann, bea], f"Ann shows {ann} and Bea {bea}, not {shown}")

    def same(self) -> str:
        """Wait until both show a code; return it."""
        self.show("code", "code")
        ann, bea = (codes[-1] for codes in self.codes())
        assert ann == bea
        assert CODE.match(str(ann))
        return str(ann)

    def sent(self, field: str) -> int:
        """Return how many frames with this field both have sent."""
        count: int = self.person.page.evaluate(f"ends.flatMap(({{ sent }}) => sent).filter((s) => s.{field}).length")
        return count


@pytest.fixture
def pair(people: People, link: str) -> Pair:
    return Pair(has_left(people.new(), link))


def test_both_ends_show_one_code_and_another_at_each_meeting(pair: Pair) -> None:
    assert len({pair.meet().same() for _ in range(3)}) == 3
    assert [len(codes) for codes in pair.codes()] == [2, 2]


def test_crossing_offers_end_with_one_code(pair: Pair) -> None:
    pair.meet(offers=(0, 1)).same()


def test_restart_of_the_connection_keeps_the_code(pair: Pair) -> None:
    code = pair.meet(meddle="(sig) => !('candidate' in sig)").same()

    pair.person.page.evaluate("ends[0].peer.revive()")

    pair.person.poll(lambda: pair.sent("restart") == 1, "a restart is offered")
    pair.person.poll(lambda: pair.sent("description?.type === 'answer'") == 2, "and answered")
    assert pair.same() == code
    assert pair.sent("commit") == 1


@pytest.mark.parametrize(
    ("meddle", "ann", "bea"),
    [
        ("(sig) => { delete sig.commit; }", "none", "none"),
        ("(sig) => { if (sig.commit) sig.commit = sig.commit.replaceAll('a', 'b'); }", "none", "code"),
        ("(sig) => { delete sig.nonce; }", "none", "none"),
        ("(sig) => { if (sig.nonce) sig.nonce = 'x'.repeat(32); }", "none", "none"),
        ("(sig) => { if (sig.reveal) sig.reveal = sig.reveal.split('').reverse().join(''); }", "none", "code"),
        ("(sig) => !sig.reveal", "none", "code"),
        (f"(sig) => {{ if (sig.commit) {OTHER_KEY} }}", "none", "code"),
    ],
    ids=["no commit", "wrong commit", "no nonce", "bad nonce", "wrong reveal", "no reveal", "wrong key"],
)
def test_meddling_leaves_who_answers_without_a_code(pair: Pair, meddle: str, ann: str, bea: str) -> None:
    pair.meet(meddle=meddle)

    pair.show(ann, bea)

    if bea == "none":
        assert pair.sent("reveal") == 0


def test_another_nonce_on_the_way_makes_different_codes(pair: Pair) -> None:
    pair.meet(meddle="(sig) => { if (sig.nonce) sig.nonce = 'f'.repeat(32); }")

    pair.show("code", "code")

    assert pair.codes()[0][-1] != pair.codes()[1][-1]


def test_key_that_changes_afterwards_takes_the_code_away(pair: Pair) -> None:
    swap = f"(sig) => {{ if ('candidate' in sig) return false; if (sig.restart) {OTHER_KEY} }}"
    pair.meet(meddle=swap).same()

    pair.person.page.evaluate("ends[1].peer.revive()")

    pair.show("none", "code")


def test_late_reveal_still_makes_the_code(pair: Pair) -> None:
    pair.meet(meddle="(sig) => { window.lost ??= 0; return !sig.reveal || window.lost++ > 0; }")

    code = pair.same()

    assert pair.codes()[0] == [None, False, code]


def digits(person: Person, other: str) -> Locator:
    return person.tile(other).locator(".tile__digits")


def meddler(person: Person, *, sends: Meddle = lambda _: False, gets: Meddle = lambda _: False) -> Person:
    """Let every frame of someone's page pass through the hands of a test."""

    def stand_between(page: WebSocketRoute) -> None:
        server = page.connect_to_server()

        def carry(text: str | bytes, meddle: Meddle, onward: WebSocketRoute) -> None:
            frame = json.loads(text)
            if meddle(frame):
                server.close(code=4000)
                page.close(code=4000)
            else:
                onward.send(json.dumps(frame))

        page.on_message(lambda text: carry(text, sends, server))
        server.on_message(lambda text: carry(text, gets, page))

    person.page.route_web_socket("**/ws/meet/*", stand_between)
    return person


@pytest.mark.parametrize("whose", ["sends", "gets"])
def test_code_survives_a_socket_that_breaks_before_the_last_word(people: People, server: Server, whose: str) -> None:
    link = server.new_meeting(endToEndEncryption=True)
    broken: list[Frame] = []

    def breaks(frame: Frame) -> bool:
        if "reveal" not in frame.get("data", {}) or broken:
            return False
        broken.append(frame)
        return True

    ada, bea = people.new(), people.new()
    if whose == "gets":
        meddler(ada, gets=breaks)
    else:
        meddler(bea, sends=breaks)
    ada.open(server.page(link)).join("Ada")
    bea.open(server.page(link)).join("Bea")

    ada.receives_from(1)
    for person, other in ((ada, "Bea"), (bea, "Ada")):
        expect(digits(person, other)).to_have_text(CODE)
    assert broken
    assert digits(ada, "Bea").text_content() == digits(bea, "Ada").text_content()


def test_meddling_server_is_told_in_a_sentence(people: People, server: Server) -> None:
    link = server.new_meeting(endToEndEncryption=True)

    def forge(frame: Frame) -> bool:
        if "commit" in frame.get("data", {}):
            frame["data"]["commit"] = "0" * 64
        return False

    ada = meddler(people.new(), gets=forge).open(server.page(link)).join("Ada")
    people.join(link, "Bea")

    expect(digits(ada, "Bea")).to_have_text(NO_CODE)
    ada.press("People")
    expect(ada.page.get_by_role("dialog")).to_contain_text(NO_CODE)
    expect(ada.page.get_by_role("dialog").locator("code")).to_have_count(0)
    assert ada.barriers() == []


def test_reload_makes_a_new_code(people: People, server: Server) -> None:
    link = server.new_meeting(endToEndEncryption=True)
    ada, bea = people.join(link, "Ada"), people.join(link, "Bea")
    expect(digits(ada, "Bea")).to_have_text(CODE)
    before = digits(ada, "Bea").text_content() or ""

    bea.reload()
    bea.join()

    expect(digits(ada, "Bea")).not_to_have_text(before)
    expect(digits(ada, "Bea")).to_have_text(CODE)
    expect(digits(bea, "Ada")).to_have_text(digits(ada, "Bea").text_content() or "")
