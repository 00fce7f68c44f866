"""Meetings that are recorded by their pages, from the button to the film."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Error, expect

from tests.browser.film import WINDOW, Film, boxes
from tests.browser.people import People, Person, gathering
from tests.browser.server import ADMIN, PASSWORD, Server, eventually
from tests.callers import mint

pytestmark = pytest.mark.browser

TONE = Path(__file__).with_name("tone.js").read_text()
VOICES = {"Ada": 440.0, "Bea": 610.0, "Cid": 830.0, "Dan": 1130.0}
SMALL_PICTURE = {"width": 160, "height": 120, "frameRate": 15}
COMPOSED_WITHIN = 90.0
BEGINS_WITHIN = 0.8  # seconds until a page that is told to records
OUTAGE = 25.0  # seconds: long enough for the server to count everybody out
OFFLINE = r"ERR_CONNECTION_(REFUSED|RESET)|ERR_EMPTY_RESPONSE|ERR_SOCKET|WebSocket connection|status of 50[023]"


@pytest.fixture
def few(browser: Browser, server: Server) -> Iterator[People]:
    with gathering(browser, server, picture=SMALL_PICTURE) as everyone:
        yield everyone


def come(people: People, link: str, name: str, role: str = "publisher") -> Person:
    """Let someone in who has a voice of her own."""
    person = people.new()
    person.page.add_init_script(f"({TONE})({VOICES[name]})")
    return person.open(people.server.invitation(link, role=role, data=name)).join()


class Recording:
    """What a moderator has begun; times are seconds since then."""

    def __init__(self, moderator: Person, link: str) -> None:
        self.moderator = moderator
        self.server = moderator.server
        moderator.press("Start recording")
        self.begun = time.time()
        expect(moderator.button("Stop recording")).to_be_visible()
        self.session: str = self.server.ask("GET", f"/session/{link}").json()["sessionId"]

    @property
    def now(self) -> float:
        return time.time() - self.begun

    def goes_on(self, seconds: float) -> float:
        """Let it run; return when that was over."""
        self.moderator.page.wait_for_timeout(seconds * 1000)
        return self.now

    def stop(self) -> float:
        self.moderator.press("Stop recording")
        length = self.now
        expect(self.moderator.button("Start recording")).to_be_visible()
        return length

    @property
    def facts(self) -> dict[str, Any]:
        """What the API says of it."""
        items = self.server.ask("GET", f"/archives?sessionId={self.session}").json()["items"]
        assert len(items) == 1
        found: dict[str, Any] = items[0]["metaData"]
        return found

    def film(self) -> Film:
        """Wait until it is composed, and return it."""
        eventually(lambda: self.facts["status"] in ("available", "failed"), "it is composed", within=COMPOSED_WITHIN)
        assert self.facts["status"] == "available", self.facts
        headers = {"Authorization": f"Bearer {mint('GetMeetingArchives')}"}
        path = f"/archives/{self.facts['id']}/download"
        answer = self.server.client.get(path, headers=headers, follow_redirects=True)
        assert answer.status_code == 200
        return Film(answer.content)


def speaks(film: Film, name: str, start: float, end: float) -> None:
    """Her voice is there all that time, without a gap."""
    heard = [moment for moment in film.heard(VOICES[name]) if start <= moment <= end - WINDOW]
    edges = [start, *heard, end - WINDOW]
    gaps = [(one, other) for one, other in pairwise(edges) if other - one > WINDOW * 1.5]
    assert gaps == [], f"{name} is not heard"


def is_silent(film: Film, name: str, start: float, end: float) -> None:
    heard = [moment for moment in film.heard(VOICES[name]) if start <= moment <= end - WINDOW]
    assert heard == [], f"{name} is heard"


def test_two_people_are_recorded_over_a_reload_and_watched(people: People, server: Server, link: str) -> None:
    ada, bea = come(people, link, "Ada", "moderator"), come(people, link, "Bea")
    ada.sees("Bea")
    recording = Recording(ada, link)
    for person in (ada, bea):
        expect(person.page.locator("#recording-badge")).to_be_visible()
    gone = recording.goes_on(5)
    bea.reload()
    bea.join()
    back = recording.now
    recording.goes_on(5)
    length = recording.stop()
    for person in (ada, bea):
        expect(person.page.locator("#recording-badge")).not_to_be_visible()
        expect(person.page.get_by_text("The recording has stopped.")).to_be_visible()

    film = recording.film()
    assert film.streams == ["audio/aac", "video/h264"]
    assert film.duration == pytest.approx(length, abs=0.5)
    assert film.most_cameras(1, gone, 2) == film.most_cameras(back + 1, length, 2) == 2
    for start, end in ((1.0, gone - 0.3), (back + 1.0, length - 0.5)):
        assert abs(film.lag(boxes(2)[0], boxes(2)[1], start, end)) <= 0.1
    speaks(film, "Ada", BEGINS_WITHIN, length - 0.3)
    speaks(film, "Bea", BEGINS_WITHIN, gone - 1.0)
    speaks(film, "Bea", back + 1.0, length - 0.3)

    watch(people, server, recording, length)


def watch(people: People, server: Server, recording: Recording, length: float) -> None:
    """Open the page of the recording with a token, and play it."""
    address = f"{server.base}/recordings/{recording.facts['id']}"
    eve = people.new().open(f"{address}#token={mint('GetMeetingArchives')}")
    video = eve.page.locator("video")
    expect(video).to_be_visible()
    eve.poll(lambda: video.evaluate("video => video.readyState") >= 1, "its length is known")
    assert video.evaluate("video => video.duration") == pytest.approx(length, abs=0.5)
    for part in (0.9, 0.1, 0.5):
        video.evaluate("(video, time) => { video.currentTime = time; }", length * part)
        eve.poll(lambda: video.evaluate("video => !video.seeking && video.readyState >= 2"), f"{part} is shown")
    before = video.evaluate("async video => { video.muted = true; await video.play(); return video.currentTime; }")
    eve.poll(lambda: video.evaluate("video => video.currentTime") > before + 1, "it plays")
    for name in ("Ada", "Bea"):
        expect(eve.page.get_by_role("list").get_by_text(name, exact=True)).to_be_visible()
    expect(eve.page.get_by_role("link", name="Download")).to_be_visible()
    assert eve.barriers() == []
    eve.fits()

    clerk = people.new().open(address)
    clerk.reads("You need to sign in to see this recording.")
    assert clerk.barriers() == []
    clerk.page.get_by_role("link", name="Sign in").click()
    clerk.page.get_by_label("Username").fill(ADMIN)
    clerk.page.get_by_label("Password").fill(PASSWORD)
    clerk.press("Log in")
    expect(clerk.page.locator("video")).to_be_visible()
    clerk.poll(lambda: clerk.page.evaluate("document.querySelector('video').duration > 1"), "the film has a length")


def test_four_people_come_and_go_and_one_shows_her_screen(few: People, server: Server, link: str) -> None:
    ada, bea = come(few, link, "Ada", "moderator"), come(few, link, "Bea")
    dan = come(few, link, "Dan")
    ada.sees("Bea", "Dan")
    recording = Recording(ada, link)
    came = recording.goes_on(3)
    come(few, link, "Cid")
    ada.sees("Bea", "Cid", "Dan")
    all_here = recording.now
    shared = recording.goes_on(3)
    bea.press("Share screen")
    expect(ada.page.get_by_label("Screen of Bea")).to_be_visible()
    left = recording.goes_on(4)
    dan.press("Leave")
    dan.reads("You left the meeting.")
    gone = recording.now
    recording.goes_on(4)
    length = recording.stop()

    film = recording.film()
    assert film.duration == pytest.approx(length, abs=0.5)
    assert film.most_cameras(0.5, came, 3) == 3
    assert film.most_cameras(all_here, shared, 4) == 4
    assert film.most_cameras(shared + 1, left, 5, has_stage=True) == 5
    assert film.most_cameras(gone + 1, length, 4, has_stage=True) == 4
    for other in boxes(3)[1:]:
        assert abs(film.lag(boxes(3)[0], other, 0.8, came)) <= 0.1
    for name in ("Ada", "Bea"):
        speaks(film, name, BEGINS_WITHIN, length - 0.3)
    speaks(film, "Dan", BEGINS_WITHIN, left - 0.3)
    is_silent(film, "Dan", gone + 0.5, length)
    is_silent(film, "Cid", 0, came)
    speaks(film, "Cid", all_here + 1, length - 0.3)


def test_killed_tab_loses_at_most_two_seconds(people: People, server: Server, link: str) -> None:
    ada, bea = come(people, link, "Ada", "moderator"), come(people, link, "Bea")
    ada.sees("Bea")
    recording = Recording(ada, link)
    killed = recording.goes_on(6)
    with pytest.raises(Error):
        bea.page.goto("chrome://crash")
    context = bea.page.context
    bea.page.close()
    recording.goes_on(1)
    folders = list(server.folder.glob(f"**/chunks/{recording.facts['id']}/*"))
    assert len(folders) == 2
    assert all(len(list(folder.iterdir())) >= int(killed - 2) for folder in folders), "a second is a chunk"
    recording.goes_on(1)
    length = recording.stop()
    # Without it, the film would wait for a minute whether she comes back with the rest.
    people.tab(context).open(server.page(link))

    film = recording.film()
    speaks(film, "Bea", BEGINS_WITHIN, killed - 2.0)
    assert film.most_cameras(killed - 3, killed - 2, 2) == 2
    speaks(film, "Ada", BEGINS_WITHIN, length - 0.3)


def test_server_that_was_killed_loses_nothing(few: People, server: Server, link: str) -> None:
    ada, bea = come(few, link, "Ada", "moderator"), come(few, link, "Bea")
    for person in (ada, bea):
        person.tolerate(OFFLINE)
    ada.sees("Bea")
    recording = Recording(ada, link)
    recording.goes_on(5)
    server.kill()
    recording.goes_on(OUTAGE)
    server.start()
    for person in (ada, bea):
        expect(person.page.get_by_text("Connection lost. Reconnecting…")).not_to_be_visible()
        expect(person.page.locator("#recording-badge")).to_be_visible()
    recording.goes_on(3)
    length = recording.stop()

    film = recording.film()
    assert film.duration == pytest.approx(length, abs=0.5)
    for name in ("Ada", "Bea"):
        speaks(film, name, BEGINS_WITHIN, length - 0.3)
    for second in range(2, int(length) - 2):  # nor are they out of the picture, though the server had lost them
        assert film.most_cameras(second, second + 2, 2) == 2, second


def test_camera_that_goes_off_and_on_takes_no_word_away(people: People, server: Server, link: str) -> None:
    ada = come(people, link, "Ada", "moderator")
    recording = Recording(ada, link)
    recording.goes_on(2)
    ada.press("Stop camera")
    off = recording.goes_on(2.5)
    assert recording.facts["status"] == "started"
    ada.press("Start camera")
    recording.goes_on(2)
    ada.press("Settings")
    ada.page.get_by_role("dialog").get_by_role("combobox", name="Camera").select_option(index=0)
    ada.press("Close")
    ada.press("Mute microphone")
    muted = recording.now
    recording.goes_on(2)
    length = recording.stop()

    film = recording.film()
    assert film.duration == pytest.approx(length, abs=0.5)
    assert film.most_cameras(0.5, 2, 1) == film.most_cameras(off + 0.5, length, 1) == 1
    assert film.most_cameras(off - 0.6, off - 0.1, 1) == 0
    speaks(film, "Ada", BEGINS_WITHIN, muted - 0.2)
    is_silent(film, "Ada", muted + 0.5, length)
