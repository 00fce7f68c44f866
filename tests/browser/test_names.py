"""Whose name is shown, and that it is never more than text."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.people import People, Person, gathering
from tests.browser.server import ADMIN, PASSWORD, Server

pytestmark = pytest.mark.browser

HTML = "<img src=x onerror=alert(1)> & <b>Bea</b>"


@pytest.fixture
def members(browser: Browser, strict_server: Server) -> Iterator[People]:
    with gathering(browser, strict_server) as everyone:
        yield everyone


def sign_in(person: Person, username: str, password: str) -> None:
    person.open(f"{person.server.base}/admin/login/?next=/")
    person.page.get_by_label("Username").fill(username)
    person.page.get_by_label("Password").fill(password)
    person.press("Log in")
    person.page.wait_for_url(f"{person.server.base}/")


def test_name_of_the_token_can_not_be_changed(people: People, server: Server, link: str) -> None:
    ada = people.new().open(server.invitation(link, data="Ada Lovelace"))
    box = ada.page.get_by_label("Your name")

    expect(box).to_have_value("Ada Lovelace")
    expect(box).not_to_be_editable()
    box.evaluate("box => { box.readOnly = false; box.value = 'Mallory'; }")
    ada.join()

    expect(ada.tile("Ada Lovelace (you)")).to_be_visible()
    assert server.present(link) == ["Ada Lovelace"]


def test_token_without_a_name_takes_the_one_that_is_typed(people: People, server: Server, link: str) -> None:
    ada = people.new().open(server.invitation(link, extId="user-1")).join("Ada")

    expect(ada.tile("Ada (you)")).to_be_visible()
    assert server.present(link) == ["Ada"]


def test_guest_without_a_name_is_a_guest(people: People, server: Server, link: str) -> None:
    ada = people.new().open(server.page(link)).join()

    expect(ada.tile("Guest (you)")).to_be_visible()
    assert server.present(link) == ["Guest"]


def test_guest_finds_her_name_again(people: People, server: Server, link: str) -> None:
    ada = people.join(link, "Ada")
    ada.reload()

    expect(ada.page.get_by_label("Your name")).to_have_value("Ada")


def test_html_in_names_and_titles_is_text(people: People, server: Server) -> None:
    link = server.new_meeting(title=HTML)
    ada = people.join(link, "Ada", role="moderator")
    bea = people.join(link, HTML)

    expect(ada.tile(HTML)).to_be_visible()
    expect(bea.page.get_by_role("heading", name=HTML, exact=True)).to_be_visible()
    ada.press("People")
    expect(ada.page.get_by_role("dialog").get_by_text(HTML, exact=True)).to_be_visible()
    ada.press("Close")
    ada.press(f"Remove {HTML}")
    expect(ada.page.get_by_role("dialog").get_by_role("heading")).to_contain_text(HTML)
    for person in (ada, bea):
        expect(person.page.locator("img, b")).to_have_count(0)


def test_signed_in_moderator_joins_under_her_name(members: People, strict_server: Server) -> None:
    link = strict_server.new_meeting()
    ada = members.new()
    sign_in(ada, ADMIN, PASSWORD)

    ada.open(strict_server.page(link))
    expect(ada.page.get_by_label("Your name")).to_have_value(ADMIN)
    expect(ada.page.get_by_label("Your name")).not_to_be_editable()
    ada.join()

    expect(ada.button("End meeting for everyone")).to_be_visible()
    assert strict_server.present(link) == [ADMIN]
    ada.reload()
    ada.join()
    assert len(strict_server.attendees(link, active=False)) == 1


def test_signed_in_user_with_the_permission_is_a_publisher(members: People, strict_server: Server) -> None:
    strict_server.manage(
        "from django.contrib.auth.models import Permission, User; "
        f"bea = User.objects.create_user('bea', password='{PASSWORD}', first_name='Bea', last_name='Blum', "
        "is_staff=True); "
        "bea.user_permissions.add(Permission.objects.get(codename='GenerateMeetingToken')); "
        f"User.objects.create_user('cid', password='{PASSWORD}', is_staff=True)"
    )
    link = strict_server.new_meeting()
    bea, cid = members.new(), members.new()
    sign_in(bea, "bea", PASSWORD)
    sign_in(cid, "cid", PASSWORD)

    bea.open(strict_server.page(link)).join()
    cid.open(strict_server.page(link))

    expect(bea.tile("Bea Blum (you)")).to_be_visible()
    expect(bea.button("End meeting for everyone")).to_have_count(0)
    cid.reads("You need an invitation to join this meeting.")
    assert strict_server.present(link) == ["Bea Blum"]
