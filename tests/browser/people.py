"""People in front of the meeting page: what they do there, and what reaches them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, expect

from tests.browser.server import DEADLINE, Server, eventually

INSTRUMENTS = Path(__file__).with_name("instruments.js").read_text()
PICTURE = {"width": 320, "height": 240, "frameRate": 15}
SMALL_PICTURE = {"width": 160, "height": 120, "frameRate": 5}  # thirty streams are much for two cores
AXE = resources.files("axe_playwright_python") / "axe.min.js"
FRAMES, BYTES = 8, 1500  # as many more than before: about half a second of picture and of voice
SETTLED = """() => Promise.allSettled(document.getAnimations()
    .filter((animation) => Number.isFinite(animation.effect.getComputedTiming().endTime))
    .map((animation) => animation.finished))"""
LOOPBACK = re.compile(r" 127\.0\.0\.1 \d+ typ host ")

Flow = dict[str, Any]


class Person:
    """One page of someone, and all that its console said."""

    def __init__(self, page: Page, server: Server) -> None:
        self.page = page
        self.server = server
        self.console: list[str] = []
        self.tolerated: list[str] = []
        page.on("console", self._note)
        page.on("pageerror", lambda error: self.console.append(f"uncaught: {error}"))

    def _note(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self.console.append(f"{message.type}: {message.text} ({message.location.get('url', '')})")

    def tolerate(self, pattern: str) -> None:
        """Expect such lines on the console: what the browser itself writes about a refusal that is meant."""
        self.tolerated.append(pattern)

    def complaints(self) -> list[str]:
        """Return what a developer would be alarmed by."""
        return [line for line in self.console if not any(re.search(known, line) for known in self.tolerated)]

    # What she does.

    def open(self, address: str) -> Person:
        self.page.goto(address)
        return self

    def join(self, name: str | None = None, *, button: str = "Join") -> Person:
        """Fill in the name, if one is given, press `Join`, and wait until she is in."""
        if name is not None:
            self.page.get_by_label("Your name").fill(name)
        self.press(button)
        self.is_in()
        return self

    def press(self, name: str) -> None:
        self.button(name).click()

    def reload(self) -> None:
        self.page.reload()

    def close(self) -> None:
        self.page.close()

    # What she sees.

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def is_in(self) -> None:
        expect(self.button("Leave")).to_be_visible()

    def reads(self, sentence: str) -> None:
        """Wait until the sentence is the page's heading."""
        expect(self.page.get_by_role("heading", name=sentence, exact=True)).to_be_visible()

    @property
    def tiles(self) -> Locator:
        return self.page.get_by_role("list", name="People in this meeting").get_by_role("listitem")

    def tile(self, name: str) -> Locator:
        """Return the place of someone; her own has ` (you)` behind the name."""
        return self.tiles.filter(has=self.page.locator(".tile__name", has_text=re.compile(f"^{re.escape(name)}$")))

    def video(self, name: str) -> Locator:
        return self.page.get_by_label(f"Picture of {name}", exact=True)

    def names(self) -> list[str]:
        """Return the names of those whom the page shows, its own person left out, sorted."""
        shown: list[str] = self.page.locator(".tile:not(.tile--screen) .tile__name").all_text_contents()
        return sorted(name for name in shown if not name.endswith(" (you)"))

    def sees(self, *names: str, within: float = DEADLINE) -> None:
        """Wait until the page shows these other people and nobody else."""
        self.poll(lambda: self.names() == sorted(names), f"{sorted(names)} are shown, not {self.names}", within)

    def barriers(self) -> list[str]:
        """Return what axe finds on the page as it is: rule, element, reason."""
        self.page.evaluate(AXE.read_text())
        self.page.evaluate(SETTLED)
        found = self.page.evaluate("axe.run(document, { resultTypes: ['violations'] })")
        return [
            f"{rule['id']}: {node['html'][:200]}: {node['failureSummary']}"
            for rule in found["violations"]
            for node in rule["nodes"]
        ]

    def fits(self) -> None:
        """Nothing is wider than the window."""
        widths = "[document.scrollingElement.scrollWidth, window.innerWidth]"
        scrolled, window = self.page.evaluate(widths)
        assert scrolled <= window

    # What reaches her.

    def arrived(self) -> list[Flow]:
        flows: list[Flow] = self.page.evaluate("watched.arrived()")
        return flows

    def receives_from(self, others: int, *, camera: bool = True, voice: bool = True, within: float = DEADLINE) -> None:
        """Wait until pictures and voices of so many others arrive, and go on arriving."""
        before: list[Flow] = []

        def is_more() -> bool:
            nonlocal before
            now = self.arrived()
            if len(now) != len(before):  # someone came or went meanwhile
                before = now
            return len(now) == others and all(
                new["state"] == "connected"
                and (new["camera"] >= old["camera"] + FRAMES or not camera)
                and (new["voice"] >= old["voice"] + BYTES or not voice)
                for old, new in zip(before, now, strict=True)
            )

        self.poll(is_more, f"more from {others} others", within)

    def frames_of(self, video: Locator) -> int:
        """Return how many frames a `<video>` has shown."""
        count: int = video.evaluate("video => video.getVideoPlaybackQuality().totalVideoFrames")
        return count

    def watches(self, *names: str) -> None:
        """Wait until the picture of each is running in her tile."""
        videos = [self.video(name) for name in names]
        before = [self.frames_of(video) for video in videos]

        def move() -> bool:
            return all(self.frames_of(video) >= old + 3 for video, old in zip(videos, before, strict=True))

        self.poll(move, f"the pictures of {names} move")

    def watched(self, what: str) -> Any:
        """Return what the page was seen to do: `candidates`, `asked`, `violations`."""
        return self.page.evaluate(f"watched.{what}")

    def poll(self, condition: Any, what: str, within: float = DEADLINE) -> None:
        eventually(condition, what, within=within)


class People:
    """Everybody of one test; a browser context each, as if on machines of their own."""

    def __init__(self, browser: Browser, server: Server, picture: dict[str, int]) -> None:
        self.browser = browser
        self.server = server
        self.script = f"({INSTRUMENTS})({json.dumps(picture)})"
        self.everyone: list[Person] = []
        self.contexts: list[BrowserContext] = []

    def new(self, **context: Any) -> Person:
        """Return someone with a browser of her own and an empty page."""
        options: dict[str, Any] = {"viewport": {"width": 1000, "height": 700}, "locale": "en-GB"} | context
        made = self.browser.new_context(**options)
        made.add_init_script(self.script)
        self.contexts.append(made)
        return self.tab(made)

    def tab(self, context: BrowserContext) -> Person:
        """Return another page in a browser that is open already."""
        person = Person(context.new_page(), self.server)
        self.everyone.append(person)
        return person

    def join(self, link: str, name: str, *, role: str = "", **token: Any) -> Person:
        """Let someone join: as a guest, or with an invitation if a role is given."""
        if not role:
            return self.new().open(self.server.page(link)).join(name)
        return self.new().open(self.server.invitation(link, role=role, data=name, **token)).join()

    def close(self) -> None:
        for context in self.contexts:
            context.close()

    def complaints(self) -> list[str]:
        found = [line for person in self.everyone for line in person.complaints()]
        for person in self.everyone:
            if not person.page.is_closed():
                found += person.watched("violations")
        return found


@contextmanager
def gathering(browser: Browser, server: Server, *, picture: dict[str, int] = PICTURE) -> Iterator[People]:
    """People for a while. At the end nothing may have been written on any console that a test did not expect."""
    people = People(browser, server, picture)
    try:
        yield people
        assert people.complaints() == []
    finally:
        people.close()
