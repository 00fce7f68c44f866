"""What does not work has its sentence and the way on."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import jwt
import pytest
from playwright.sync_api import Browser, expect

from meetings.conf import conf
from tests.browser.people import People, Person, gathering
from tests.browser.server import Server

pytestmark = pytest.mark.browser

INVITATION = "You need an invitation to join this meeting."


@pytest.fixture
def strangers(browser: Browser, strict_server: Server) -> Iterator[People]:
    with gathering(browser, strict_server) as everyone:
        yield everyone


def assert_calm(person: Person) -> None:
    """A sentence has no barriers, in either colour scheme, and fits a telephone."""
    for scheme in ("dark", "light"):
        person.page.emulate_media(color_scheme=scheme)
        assert person.barriers() == []
    person.page.set_viewport_size({"width": 390, "height": 844})
    person.fits()


def with_claims(token: str, **claims: Any) -> str:
    said = jwt.decode(token, options={"verify_signature": False}) | claims
    return jwt.encode(said, conf.JOIN_TOKEN_KEY, algorithm="HS256")


def test_unknown_link_is_a_page_that_says_so(people: People, server: Server) -> None:
    ada = people.new()
    ada.tolerate("404")

    answer = ada.page.goto(server.page("nosuchlink"))

    assert answer is not None
    assert answer.status == 404
    ada.reads("There is no meeting at this address.")
    assert_calm(ada)


def test_ended_meeting_says_so_without_asking_for_a_camera(people: People, server: Server, link: str) -> None:
    server.ask("PATCH", f"/session/{link}/end")
    ada = people.new()

    answer = ada.page.goto(server.page(link))

    assert answer is not None
    assert answer.status == 200
    ada.reads("This meeting has ended.")
    assert ada.watched("asked") == []
    assert_calm(ada)


def test_early_page_says_from_when_in_local_time(people: People, server: Server) -> None:
    opens_at = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(days=2)
    starts_at = opens_at + timedelta(minutes=10)  # TIME_TO_START
    link = server.new_meeting(isScheduled=True, scheduleTime=starts_at.isoformat())
    ada = people.new(timezone_id="Asia/Tokyo").open(server.page(link))

    ada.reads("This meeting has not started yet.")

    local = opens_at.astimezone(ZoneInfo("Asia/Tokyo"))
    expect(ada.page.locator("time")).to_contain_text(f"{local:%A}")
    expect(ada.page.locator("time")).to_contain_text(f"{local:%H:%M}")
    assert ada.watched("asked") == []
    assert_calm(ada)


def test_early_page_goes_on_by_itself_when_the_meeting_opens(people: People, server: Server) -> None:
    starts_at = datetime.now(UTC) + timedelta(minutes=10, seconds=15)
    link = server.new_meeting(isScheduled=True, scheduleTime=starts_at.isoformat())
    ada = people.new().open(server.page(link))
    ada.reads("This meeting has not started yet.")

    expect(ada.page.get_by_label("Your name")).to_be_visible()
    ada.join("Ada")


def test_full_meeting_says_so_and_try_again_works(people: People, server: Server) -> None:
    link = server.new_meeting(maxParticipants=1)
    ada = people.join(link, "Ada")
    bea = people.new().open(server.page(link))
    bea.page.get_by_label("Your name").fill("Bea")
    bea.press("Join")
    bea.reads("This meeting is full.")
    assert_calm(bea)

    ada.press("Leave")
    ada.reads("You left the meeting.")
    bea.press("Try again")

    bea.join()
    assert server.present(link) == ["Bea"]


def test_who_left_can_join_again(people: People, server: Server, link: str) -> None:
    ada, bea = people.join(link, "Ada"), people.join(link, "Bea")
    bea.press("Leave")
    bea.reads("You left the meeting.")
    ada.sees()
    assert server.present(link) == ["Ada"]
    assert_calm(bea)

    bea.press("Join again")

    bea.is_in()
    ada.sees("Bea")
    bea.receives_from(1, within=90)  # two busy cores keep a picture waiting
    assert len(server.attendees(link, active=False)) == 2


def test_without_guests_an_invitation_is_needed(strangers: People, strict_server: Server) -> None:
    ada = strangers.new().open(strict_server.page(strict_server.new_meeting()))

    ada.reads(INVITATION)

    expect(ada.button("Join")).to_have_count(0)
    assert ada.watched("asked") == []
    assert_calm(ada)


def test_invitation_lets_in_where_there_are_no_guests(strangers: People, strict_server: Server) -> None:
    link = strict_server.new_meeting()

    strangers.join(link, "Ada", role="publisher")

    assert strict_server.present(link) == ["Ada"]


@pytest.mark.parametrize(
    ("claims", "detail"),
    [
        ({"exp": 1_700_000_000}, "Your invitation has expired. Ask the organiser for a new one."),
        ({"room": "another"}, "Your invitation is not valid for this meeting. Ask the organiser for a new one."),
    ],
    ids=["expired", "of another room"],
)
def test_bad_invitation_is_refused(
    people: People, server: Server, link: str, claims: dict[str, Any], detail: str
) -> None:
    token = with_claims(server.token(link, data="Ada"), **claims)
    ada = people.new().open(server.page(link, token))
    ada.press("Join")

    ada.reads(INVITATION)

    expect(ada.page.get_by_text(detail)).to_be_visible()
    assert server.attendees(link, active=False) == []


def test_invitation_to_another_meeting_is_refused(people: People, server: Server, link: str) -> None:
    other = server.token(server.new_meeting(), data="Ada")
    ada = people.new().open(server.page(link, other))
    ada.press("Join")

    ada.reads(INVITATION)

    assert server.attendees(link, active=False) == []


def test_blocked_devices_are_explained_and_join_without_works(shy_browser: Browser, server: Server, link: str) -> None:
    with gathering(shy_browser, server) as people:
        ada = people.new().open(server.page(link))
        expect(ada.page.get_by_role("alert")).to_contain_text("Camera and microphone are blocked.")
        assert_calm(ada)

        ada.join("Ada", button="Join without")
        bea = people.new().open(server.page(link)).join("Bea", button="Join without")

        expect(bea.tile("Ada")).to_contain_text("camera off")
        expect(bea.tile("Ada")).to_contain_text("muted")
        assert server.present(link) == ["Ada", "Bea"]


def test_person_without_devices_sees_and_hears_the_others(
    people: People, shy_browser: Browser, server: Server, link: str
) -> None:
    people.join(link, "Bea")
    with gathering(shy_browser, server) as shy:
        ada = shy.new().open(server.page(link))
        expect(ada.page.get_by_role("alert")).to_contain_text("blocked")
        # Without the permission Chromium hides addresses behind mDNS names, which nobody resolves in a namespace.
        ada.page.context.grant_permissions(["camera", "microphone"])
        ada.join("Ada", button="Join without")

        assert len(ada.watched("asked")) == 3
        ada.receives_from(1)
        ada.watches("Bea")


def test_missing_camera_is_explained_and_the_voice_is_heard(
    people: People, blind_browser: Browser, server: Server, link: str
) -> None:
    bea = people.join(link, "Bea")
    with gathering(blind_browser, server) as blind:
        ada = blind.new().open(server.page(link))
        expect(ada.page.get_by_role("alert")).to_contain_text("No camera found.")
        assert_calm(ada)

        ada.join("Ada", button="Join without")

        bea.receives_from(1, camera=False)
        expect(bea.tile("Ada")).to_contain_text("camera off")
        expect(bea.tile("Ada").get_by_text(re.compile("^muted$"))).not_to_be_visible()
