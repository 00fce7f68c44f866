"""The meeting page on Vonage's client script: a stand-in for Vonage serves the script and sends signed webhooks."""

from __future__ import annotations

import base64
import hashlib
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.browser.people import People, Person, gathering
from tests.browser.server import Server, eventually
from tests.vonage import LegacyProject, StandIn, faults
from tests.vonage.clients import SCRIPT

pytestmark = pytest.mark.browser

KEY, SECRET = "46000001", "0123456789abcdef0123456789abcdef01234567"
SESSION_SECRET = "session-secret-of-the-tests-0123456789abcdef"
ARCHIVE_SECRET = "archive-secret-of-the-tests-0123456789abcdef"
SETTINGS = """
from videoconf.settings import *

OPTIONS = VIDEOCONF_PROVIDERS["opentok"]["OPTIONS"]
OPTIONS["SCRIPT_URL"] = "{url}/client/opentok.js"
OPTIONS["SCRIPT_INTEGRITY"] = "{integrity}"
ALTERED = OPTIONS | {{"SCRIPT_INTEGRITY": "sha256-" + 43 * "A" + "="}}
VIDEOCONF_PROVIDERS["altered"] = VIDEOCONF_PROVIDERS["opentok"] | {{"OPTIONS": ALTERED}}
VIDEOCONF_PROVIDERS["sealed"] = VIDEOCONF_PROVIDERS["opentok"] | {{"OPTIONS": OPTIONS | {{"ENCRYPTION": "e2ee"}}}}
"""


def integrity() -> str:
    return f"sha384-{base64.b64encode(hashlib.sha384(SCRIPT.read_bytes()).digest()).decode()}"


@pytest.fixture(scope="module")
def vonage() -> Iterator[StandIn]:
    with StandIn(LegacyProject(KEY, SECRET), retry_scale=0.01, lingers=0) as stand_in:
        yield stand_in


@pytest.fixture(scope="module")
def vonage_server(vonage: StandIn, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose meetings are at Vonage; guests are publishers."""
    server = Server(
        tmp_path_factory.mktemp("vonage"),
        GUEST_ROLE="publisher",
        VIDEOCONF_PROVIDER="opentok",
        VONAGE_API_KEY=KEY,
        VONAGE_API_SECRET=SECRET,
        VONAGE_API_URL=vonage.url,
        VONAGE_SESSION_SECRETS=SESSION_SECRET,
        VONAGE_ARCHIVE_SECRETS=ARCHIVE_SECRET,
        DJANGO_SETTINGS_MODULE="with_stand_in",
    )
    (server.folder / "with_stand_in.py").write_text(SETTINGS.format(url=vonage.url, integrity=integrity()))
    vonage.register("session", f"{server.base}/webhooks/opentok", SESSION_SECRET)
    vonage.register("archive", f"{server.base}/webhooks/opentok", ARCHIVE_SECRET)
    server.start()
    yield server
    server.stop()
    assert "Traceback" not in (log := server.log.read_text()), log


@pytest.fixture
def people(browser: Browser, vonage_server: Server, vonage: StandIn) -> Iterator[People]:
    with gathering(browser, vonage_server) as everyone:
        yield everyone
        for person in everyone.everyone:
            if not person.page.is_closed():
                assert person.watched("connections.length") == 0, "the stand-in opens no peer connection"
    vonage.heal()


@pytest.fixture
def link(vonage_server: Server) -> str:
    return vonage_server.new_meeting(title="Weekly")


def is_off(person: Person, name: str, word: str) -> Locator:
    return person.tile(name).locator(".tile__flag:not([hidden])").filter(has_text=word)


def are_present(server: Server, link: str, *names: str) -> None:
    """Wait until the signed webhooks have told who is here."""
    eventually(lambda: server.present(link) == sorted(names), f"{sorted(names)} are present")


def confirm(person: Person, button: str) -> None:
    """Press a button that asks once, and repeat it in the dialog."""
    person.press(button)
    person.page.get_by_role("dialog").get_by_role("button", name=button, exact=True).click()


def test_two_people_see_each_other(people: People, vonage_server: Server, link: str) -> None:
    ada, bea = people.join(link, "Ada"), people.join(link, "Bea")

    ada.sees("Bea")
    bea.sees("Ada")
    ada.watches("Bea")
    bea.watches("Ada")
    are_present(vonage_server, link, "Ada", "Bea")
    expect(is_off(bea, "Ada", "muted")).to_have_count(0)
    expect(is_off(bea, "Ada", "camera off")).to_have_count(0)
    expect(ada.page).to_have_title("Weekly")
    assert ada.barriers() == []

    ada.close()
    bea.sees()
    are_present(vonage_server, link, "Bea")


def test_muting_and_a_stopped_camera_are_seen_by_the_others(people: People, link: str) -> None:
    ada, bea = people.join(link, "Ada"), people.join(link, "Bea")
    bea.watches("Ada")

    ada.press("Mute microphone")
    expect(is_off(bea, "Ada", "muted")).to_have_count(1)
    ada.press("Unmute microphone")
    expect(is_off(bea, "Ada", "muted")).to_have_count(0)

    ada.press("Stop camera")
    expect(is_off(bea, "Ada", "camera off")).to_have_count(1)
    expect(is_off(bea, "Ada", "muted")).to_have_count(0)
    ada.press("Start camera")
    expect(is_off(bea, "Ada", "camera off")).to_have_count(0)
    bea.watches("Ada")


def test_shared_screen_is_a_picture_of_its_own(people: People, link: str) -> None:
    ada, bea = people.join(link, "Ada"), people.join(link, "Bea")
    bea.watches("Ada")
    screen = bea.page.get_by_label("Screen of Ada")

    ada.press("Share screen")

    expect(screen).to_be_visible()
    bea.poll(lambda: bea.frames_of(screen) > 0, "the screen is shown")
    bea.watches("Ada")
    assert bea.barriers() == []

    ada.press("Stop sharing")
    expect(screen).to_have_count(0)
    bea.watches("Ada")


def test_who_left_can_join_again(people: People, vonage_server: Server, link: str) -> None:
    ada, bea = people.join(link, "Ada"), people.join(link, "Bea")
    ada.sees("Bea")

    bea.press("Leave")

    bea.reads("You left the meeting.")
    ada.sees()
    are_present(vonage_server, link, "Ada")
    bea.press("Join again")
    bea.is_in()
    ada.sees("Bea")
    ada.watches("Bea")
    are_present(vonage_server, link, "Ada", "Bea")
    assert len(vonage_server.attendees(link, active=False)) == 2


def test_removed_person_reads_so_and_her_invitation_is_no_longer_valid(
    people: People, vonage_server: Server, link: str
) -> None:
    mod = people.join(link, "Mod", role="moderator")
    bea = people.join(link, "Bea", role="publisher", extId="bea")
    mod.sees("Bea")
    are_present(vonage_server, link, "Bea", "Mod")

    confirm(mod, "Remove Bea")

    bea.reads("You were removed from this meeting.")
    mod.sees()
    are_present(vonage_server, link, "Mod")
    bea.reload()
    bea.press("Join")
    bea.reads("You were removed from this meeting.")

    time.sleep(1.1)  # tokens tell seconds
    again = people.join(link, "Bea", role="publisher", extId="bea")
    mod.sees("Bea")
    again.sees("Mod")


def test_removing_somebody_of_whom_no_webhook_told_puts_her_out(people: People, vonage: StandIn, link: str) -> None:
    mod = people.join(link, "Mod", role="moderator")
    vonage.hold()
    bea = people.join(link, "Bea")
    mod.sees("Bea")

    confirm(mod, "Remove Bea")

    bea.reads("You were removed from this meeting.")
    mod.sees()
    vonage.release()


def test_end_is_the_end_for_everyone(people: People, vonage_server: Server, link: str) -> None:
    mod = people.join(link, "Mod", role="moderator")
    bea = people.join(link, "Bea")
    are_present(vonage_server, link, "Bea", "Mod")

    confirm(mod, "End meeting for everyone")

    for person in (mod, bea):
        person.reads("This meeting has ended.")
        assert person.barriers() == []
    are_present(vonage_server, link)


def test_moderator_mutes_one_and_everyone_else(people: People, vonage_server: Server, link: str) -> None:
    mod = people.join(link, "Mod", role="moderator")
    bea, cid = people.join(link, "Bea"), people.join(link, "Cid")
    are_present(vonage_server, link, "Bea", "Cid", "Mod")
    mod.sees("Bea", "Cid")
    expect(is_off(mod, "Bea", "muted")).to_have_count(0)

    mod.tile("Bea").hover()
    mod.press("Mute Bea")

    expect(bea.button("Unmute microphone")).to_be_visible()
    expect(bea.page.get_by_text("A moderator muted your microphone.")).to_be_visible()
    expect(is_off(mod, "Bea", "muted")).to_have_count(1)
    expect(cid.button("Mute microphone")).to_be_visible()
    bea.press("Unmute microphone")
    expect(is_off(mod, "Bea", "muted")).to_have_count(0)

    mod.press("People")
    mod.press("Mute everyone else")

    for person in (bea, cid):
        expect(person.button("Unmute microphone")).to_be_visible()
    expect(mod.button("Mute microphone")).to_be_visible()


def test_others_have_no_moderator_s_buttons(people: People, link: str) -> None:
    ada, bea = people.join(link, "Ada"), people.join(link, "Bea")
    ada.sees("Bea")

    for name in ("Remove Bea", "Mute Bea", "End meeting for everyone", "Start recording"):
        expect(ada.button(name)).not_to_be_visible()
    bea.sees("Ada")


def test_recording_is_announced_to_everyone(people: People, vonage_server: Server, link: str) -> None:
    mod = people.join(link, "Mod", role="moderator")
    bea = people.join(link, "Bea")
    mod.sees("Bea")
    are_present(vonage_server, link, "Bea", "Mod")

    mod.press("Start recording")

    for person in (mod, bea):
        expect(person.page.get_by_text("Recording", exact=True)).to_be_visible()
    cid = people.new().open(vonage_server.page(link))
    expect(cid.page.locator("#prejoin-recording")).to_be_visible()
    mod.press("Stop recording")
    for person in (mod, bea):
        expect(person.page.locator("#recording-badge")).not_to_be_visible()
    (archive,) = vonage_server.ask("GET", "/archives").json()["items"]
    assert archive["metaData"]["status"] in ("stopped", "available")


def test_what_a_moderator_can_not_do_now_has_its_sentence(people: People, vonage: StandIn, link: str) -> None:
    mod = people.join(link, "Mod", role="moderator")
    mod.tolerate("502")
    vonage.fail("POST /v2/project/*/archive", faults.status(503), times=None)

    mod.press("Start recording")

    expect(mod.page.get_by_text("The media provider")).to_be_visible()
    expect(mod.button("Start recording")).to_be_visible()


def test_subscriber_is_asked_for_no_camera(people: People, vonage_server: Server, link: str) -> None:
    ada = people.join(link, "Ada")
    sub = people.join(link, "Sub", role="subscriber")

    sub.sees("Ada")
    sub.watches("Ada")
    ada.sees("Sub")
    are_present(vonage_server, link, "Ada", "Sub")
    assert sub.watched("asked") == []
    for name in ("Mute microphone", "Stop camera", "Share screen"):
        expect(sub.button(name)).not_to_be_visible()
    assert sub.barriers() == []


def test_reload_and_second_tab_are_the_same_attendee(people: People, vonage_server: Server, link: str) -> None:
    bea = people.join(link, "Bea")
    ada = people.join(link, "Ada", role="publisher", extId="ada")
    bea.sees("Ada")
    are_present(vonage_server, link, "Ada", "Bea")

    ada.reload()
    ada.join()
    bea.sees("Ada")
    tab = people.tab(ada.page.context).open(vonage_server.invitation(link, role="publisher", data="Ada", extId="ada"))
    tab.join()
    bea.sees("Ada", "Ada")

    are_present(vonage_server, link, "Ada", "Bea")
    assert len(vonage_server.attendees(link, active=False)) == 2
    tab.close()
    bea.sees("Ada")
    are_present(vonage_server, link, "Ada", "Bea")


def test_who_types_her_name_is_called_so(people: People, vonage_server: Server, link: str) -> None:
    bea = people.join(link, "Bea")
    ada = people.new().open(vonage_server.invitation(link, role="publisher"))
    ada.join("Ada")

    bea.sees("Ada")
    ada.sees("Bea")


def test_name_of_an_invitation_can_not_be_changed(people: People, vonage_server: Server, link: str) -> None:
    ada = people.new().open(vonage_server.invitation(link, role="publisher", data="Ada", extId="ada"))

    expect(ada.page.get_by_label("Your name")).to_have_value("Ada")
    expect(ada.page.get_by_label("Your name")).not_to_be_editable()


def test_encrypted_meeting_says_so_and_has_no_codes(people: People, vonage_server: Server) -> None:
    link = vonage_server.new_meeting(endToEndEncryption=True)
    ada, bea = people.join(link, "Ada"), people.join(link, "Bea")
    ada.sees("Bea")
    bea.watches("Ada")

    expect(ada.page.get_by_text("End-to-end encrypted")).to_be_visible()
    ada.press("People")
    expect(ada.page.locator("#code-hint")).not_to_be_visible()


def test_vonage_s_own_encryption_takes_the_key_from_the_link(people: People, vonage_server: Server) -> None:
    link = vonage_server.new_meeting(endToEndEncryption=True, provider="sealed")
    bare = people.new().open(vonage_server.page(link))
    bare.press("Join")
    bare.reads("You need an invitation to join this meeting.")
    expect(bare.page.get_by_text("your link lacks its key")).to_be_visible()

    ada, bea = (people.new().open(vonage_server.page(link) + "#secret=only-ours-0123") for _ in range(2))
    ada.join("Ada")
    bea.join("Bea")
    ada.watches("Bea")
    bea.watches("Ada")


def test_early_and_ended_meetings_say_so(people: People, vonage_server: Server, link: str) -> None:
    starts_at = datetime.now(UTC) + timedelta(days=2)
    early = vonage_server.new_meeting(isScheduled=True, scheduleTime=starts_at.isoformat())
    people.new().open(vonage_server.page(early)).reads("This meeting has not started yet.")
    late = people.new().open(vonage_server.invitation(link, role="publisher", data="Late"))
    expect(late.button("Join")).to_be_visible()

    vonage_server.ask("PATCH", f"/session/{link}/end")

    late.press("Join")
    late.reads("This meeting has ended.")
    people.new().open(vonage_server.page(link)).reads("This meeting has ended.")


def test_full_meeting_says_so(people: People, vonage_server: Server) -> None:
    link = vonage_server.new_meeting(maxParticipants=1)
    ada = people.join(link, "Ada")
    are_present(vonage_server, link, "Ada")
    bea = people.new().open(vonage_server.page(link))
    bea.page.get_by_label("Your name").fill("Bea")
    bea.press("Join")

    bea.reads("This meeting is full.")

    ada.press("Leave")
    are_present(vonage_server, link)
    bea.press("Try again")
    bea.join()


def test_forged_invitation_is_refused(people: People, vonage_server: Server, link: str) -> None:
    other = vonage_server.token(vonage_server.new_meeting(), data="Ada")
    ada = people.new().open(vonage_server.page(link, other))
    ada.press("Join")

    ada.reads("You need an invitation to join this meeting.")


def test_unreachable_script_has_its_sentence_and_the_way_on(people: People, vonage: StandIn, link: str) -> None:
    vonage.fail("GET /client/opentok.js", faults.status(503), times=None)
    ada = people.new().open(people.server.page(link))
    ada.tolerate("503|ERR_ABORTED|ERR_FAILED|CORS")
    ada.page.get_by_label("Your name").fill("Ada")
    ada.press("Join")

    ada.reads("The meeting can't be reached.")
    expect(ada.page.get_by_text("The video service can't be loaded.")).to_be_visible()
    assert ada.barriers() == []

    vonage.heal()
    ada.press("Try again")
    ada.join()


def test_script_that_is_another_than_its_hash_says_is_not_run(people: People, vonage_server: Server) -> None:
    ada = people.new().open(people.server.page(vonage_server.new_meeting(provider="altered")))
    ada.tolerate("integrity")
    ada.page.get_by_label("Your name").fill("Ada")
    ada.press("Join")

    ada.reads("The meeting can't be reached.")
    assert ada.page.evaluate("typeof OT") == "undefined"


def test_browser_that_can_not_has_its_sentence(people: People, link: str) -> None:
    ada = people.new()
    ada.page.add_init_script("delete window.RTCPeerConnection")
    ada.open(people.server.page(link))
    ada.page.get_by_label("Your name").fill("Ada")
    ada.press("Join")

    ada.reads("This browser can't join the meeting.")


def test_lost_connection_comes_back(people: People, vonage: StandIn, link: str) -> None:
    ada, bea = people.join(link, "Ada"), people.join(link, "Bea")
    ada.sees("Bea")
    for person in (ada, bea):
        person.tolerate("500|CORS|ERR_FAILED")
    vonage.fail("POST /client/poll", faults.status(500), times=None)

    expect(ada.page.get_by_text("Connection lost. Reconnecting…")).to_be_visible()

    vonage.heal()
    expect(ada.page.get_by_text("Connection lost. Reconnecting…")).not_to_be_visible()
    ada.watches("Bea")


def test_only_vonage_s_hosts_are_opened(people: People, vonage: StandIn, link: str) -> None:
    answer = people.new().page.goto(people.server.page(link))

    assert answer is not None
    policy = {part.split()[0]: part.split()[1:] for part in answer.headers["content-security-policy"].split("; ")}
    assert policy["script-src"] == ["'self'", f"{vonage.url}/client/opentok.js"]
    assert policy["worker-src"] == ["'self'", "blob:"]
    foreign = [source for source in policy["connect-src"] if not re.search(r"^'self'$|127\.0\.0\.1", source)]
    assert {source.partition("*.")[2] for source in foreign} == {"opentok.com", "tokbox.com", "vonage.com"}
