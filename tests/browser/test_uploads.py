"""The queue in which recorded chunks wait until the server has them, against a server that fails on purpose."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from tests.browser.server import eventually
from tests.browser.taker import Failure, Taker

pytestmark = pytest.mark.browser


@pytest.fixture
def taker() -> Iterator[Taker]:
    taker = Taker()
    yield taker
    taker.stop()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context()
    yield context
    context.close()


def opened(context: BrowserContext, address: str, script: str = "") -> Page:
    page = context.new_page()
    if script:
        page.add_init_script(script)
    page.goto(address)
    page.wait_for_function("document.title === 'ready'")
    return page


def record(page: Page, count: int, *, size: int = 1000, end: bool = True) -> str:
    track: str = page.evaluate("([sizes, end]) => record(sizes, { end })", [[size] * count, end])
    return track


def events(page: Page) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = page.evaluate("events")
    return found


def rows(page: Page) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = page.evaluate("rows()")
    return found


def is_closed(taker: Taker, track: str, count: int) -> None:
    eventually(lambda: taker.closed.get(track) == count, f"{track} is closed with {count}, not {taker.closed}")


def test_chunks_come_once_in_order_and_then_the_end(taker: Taker, context: BrowserContext) -> None:
    page = opened(context, taker.page())
    tracks = [record(page, 20), record(page, 5)]

    for track, count in zip(tracks, (20, 5), strict=True):
        is_closed(taker, track, count)
        assert taker.taken(track) == list(range(count))
    eventually(lambda: rows(page) == [], "nothing is left on the device")
    page.evaluate("uploads.settled()")
    assert [event["type"] for event in events(page)] == ["sent", "sent"]
    # The moment of a track is told by the server's clock.
    now = page.evaluate("Date.now()")
    assert all(0 <= now + 250 - frame["startedAt"] < 5000 for frame in taker.asked)


def test_outage_delays_and_loses_nothing(taker: Taker, context: BrowserContext) -> None:
    taker.failures += [Failure(0), Failure(503), Failure(404), Failure(400, "invalid_value")]
    page = opened(context, taker.page())
    track = record(page, 4)

    is_closed(taker, track, 4)
    assert taker.taken(track) == [0, 1, 2, 3]
    failed = [one for one in taker.came if one.status != 200]
    assert [one.sequence for one in failed] == [0, 0, 0, 0]
    pauses = [later.at - one.at for one, later in zip(failed, taker.came[1:], strict=False)]
    assert pauses[3] > pauses[0] > 0.3, "the pauses grow"


@pytest.mark.parametrize("status", [429, 503])
def test_server_that_asks_for_a_pause_gets_it(taker: Taker, context: BrowserContext, status: int) -> None:
    taker.failures.append(Failure(status, "busy", {"Retry-After": "3"}))
    page = opened(context, taker.page())
    track = record(page, 2)

    eventually(lambda: len(taker.came) == 1, "the first one came")
    page.evaluate("line.opened()")  # what ends other pauses
    is_closed(taker, track, 2)
    assert taker.came[1].at - taker.came[0].at >= 3


def test_expired_ticket_is_replaced(taker: Taker, context: BrowserContext) -> None:
    page = opened(context, taker.page())
    track = record(page, 2, end=False)
    eventually(lambda: taker.taken(track) == [0, 1], "it is on its way")
    taker.tickets.clear()
    page.evaluate("track => uploads.add(track, { sequence: 2, bytes: new ArrayBuffer(9) })", track)
    page.evaluate("track => uploads.end(track, 3)", track)

    is_closed(taker, track, 3)
    assert [frame["track"] for frame in taker.asked] == [track, track]
    assert taker.asked[0]["startedAt"] == taker.asked[1]["startedAt"]


def test_ticket_that_comes_with_an_answer_is_used(taker: Taker, context: BrowserContext) -> None:
    taker.renewed = "newer"
    page = opened(context, taker.page())
    track = record(page, 3)

    is_closed(taker, track, 3)
    assert [one.ticket for one in taker.came] == ["ticket-1", "newer", "newer", "newer"]
    assert len(taker.asked) == 1


def test_ticket_that_is_never_good_ends_the_track(taker: Taker, context: BrowserContext) -> None:
    taker.failures += [Failure(401, "ticket_invalid")] * 20
    page = opened(context, taker.page())
    record(page, 3)

    eventually(lambda: [event["type"] for event in events(page)] == ["over"], "it gives up")
    assert len(taker.came) < 6
    assert rows(page) == []


@pytest.mark.parametrize(
    "failure",
    [Failure(409, "recording_over"), Failure(404, "track_not_found"), Failure(413, "recording_full")],
    ids=str,
)
def test_track_that_is_no_longer_taken_is_dropped(taker: Taker, context: BrowserContext, failure: Failure) -> None:
    page = opened(context, taker.page())
    taker.failures += [failure]
    track = record(page, 5)

    eventually(lambda: len(events(page)) == 1, "it is told")
    told = [(event["type"], event["track"], event["code"]) for event in events(page)]
    assert told == [("over", track, failure.code)]
    assert rows(page) == []
    assert len(taker.came) == 1
    other = record(page, 1)
    is_closed(taker, other, 1)


@pytest.mark.parametrize("failure", [Failure(409, "chunk_mismatch"), Failure(413, "chunk_too_large")], ids=str)
def test_chunk_that_is_not_taken_does_not_hold_up_the_others(
    taker: Taker, context: BrowserContext, failure: Failure
) -> None:
    page = opened(context, taker.page())
    taker.failures += [failure]
    track = record(page, 3)

    is_closed(taker, track, 3)
    assert taker.taken(track) == [1, 2]


def test_refused_track_sends_nothing(taker: Taker, context: BrowserContext) -> None:
    taker.refusal = {"code": "consent_required", "message": "Agree first."}
    page = opened(context, taker.page())
    record(page, 3)

    eventually(lambda: len(events(page)) == 1, "it is told")
    assert events(page)[0]["message"] == "Agree first."
    assert taker.came == []
    assert rows(page) == []


def test_line_that_is_away_delays_only_what_has_no_ticket(taker: Taker, context: BrowserContext) -> None:
    page = opened(context, taker.page())
    first = record(page, 1, end=False)
    eventually(lambda: taker.taken(first) == [0], "it has its ticket")
    page.evaluate("line.lost()")
    second = record(page, 2)
    page.evaluate("track => uploads.add(track, { sequence: 1, bytes: new ArrayBuffer(9) })", first)

    eventually(lambda: taker.taken(first) == [0, 1], "a ticket outlives the line")
    assert taker.taken(second) == []
    page.evaluate("line.opened()")
    is_closed(taker, second, 2)


def test_what_a_page_leaves_the_next_one_sends(taker: Taker, context: BrowserContext) -> None:
    page = opened(context, taker.page())
    track = record(page, 1, end=False)
    eventually(lambda: taker.taken(track) == [0], "it has its ticket")
    taker.is_down = True
    page.evaluate("track => uploads.add(track, { sequence: 1, bytes: new ArrayBuffer(9) })", track)
    page.evaluate("track => uploads.add(track, { sequence: 2, bytes: new ArrayBuffer(9) })", track)
    eventually(lambda: [row["recorded"] for row in rows(page)] == [3], "it is stored")
    page.close()
    taker.is_down = False

    # It stands before another meeting, without a line to it: the stored ticket is enough.
    later = opened(context, taker.page(meeting="two", offline=1, adopt=1))
    is_closed(taker, track, 3)
    assert taker.taken(track) == [0, 1, 2]
    eventually(lambda: events(later) == [{"type": "sent", "isOwn": False}], "the page says so")


def test_what_has_no_ticket_waits_for_a_line_to_its_meeting(taker: Taker, context: BrowserContext) -> None:
    page = opened(context, taker.page(offline=1))
    track = record(page, 2)
    eventually(lambda: [row["recorded"] for row in rows(page)] == [2], "it is stored")
    page.close()

    other = opened(context, taker.page(meeting="two", adopt=1))
    other.wait_for_timeout(300)
    assert taker.came == []
    other.close()
    same = opened(context, taker.page(adopt=1, offline=1))
    same.wait_for_timeout(300)
    assert taker.came == []
    same.evaluate("line.opened()")
    is_closed(taker, track, 2)


@pytest.mark.parametrize("locks", ["", "Object.defineProperty(navigator, 'locks', { value: undefined })"], ids=bool)
def test_two_pages_send_nothing_twice_and_steal_nothing(taker: Taker, context: BrowserContext, locks: str) -> None:
    taker.is_down = True
    first = opened(context, taker.page(), locks)
    track = record(first, 6, end=False)
    eventually(lambda: len(taker.came) > 0, "it is being sent")
    second = opened(context, taker.page(adopt=1), locks)
    own = record(second, 2)
    second.wait_for_timeout(500)
    taker.is_down = False

    eventually(lambda: taker.taken(track) == list(range(6)), "all is there")
    is_closed(taker, own, 2)
    second.wait_for_timeout(500)
    assert taker.taken(track) == list(range(6))
    assert track not in taker.closed, "it goes on in the first page"
    first.evaluate("track => uploads.end(track, 6)", track)
    is_closed(taker, track, 6)


def test_full_queue_says_so_and_keeps_the_rest(taker: Taker, context: BrowserContext) -> None:
    taker.is_down = True
    page = opened(context, taker.page(limit=5000))
    track = record(page, 8)
    eventually(lambda: {"type": "full"} in events(page), "it is told")
    eventually(lambda: [row["count"] for row in rows(page)] == [8], "all that fits is stored")
    assert rows(page)[0]["bytes"] == 5000
    taker.is_down = False

    is_closed(taker, track, 8)
    assert taker.taken(track) == [0, 1, 2, 3, 4]


def test_old_leftovers_are_dropped(taker: Taker, context: BrowserContext) -> None:
    page = opened(context, taker.page(offline=1))
    track = record(page, 2)
    eventually(lambda: len(rows(page)) == 1, "it is stored")
    page.evaluate("async track => (await queue).change(track, { since: Date.now() - 25 * 3600e3 })", track)
    page.close()

    later = opened(context, taker.page(adopt=1))
    eventually(lambda: rows(later) == [], "it is dropped")
    assert taker.came == []


def test_browser_without_a_database_keeps_it_in_memory(taker: Taker, context: BrowserContext) -> None:
    taker.failures += [Failure(503)]
    forbidden = "IDBFactory.prototype.open = () => { throw new DOMException('No.', 'SecurityError'); };"
    page = opened(context, taker.page(), forbidden)
    track = record(page, 4)

    is_closed(taker, track, 4)
    assert taker.taken(track) == [0, 1, 2, 3]
    assert page.evaluate("indexedDB.databases()") == []


def test_data_that_is_cleared_under_the_page_ends_no_later_track(taker: Taker, context: BrowserContext) -> None:
    page = opened(context, taker.page())
    is_closed(taker, record(page, 1), 1)
    page.evaluate("indexedDB.deleteDatabase('videoconf-recording')")

    is_closed(taker, record(page, 3), 3)
