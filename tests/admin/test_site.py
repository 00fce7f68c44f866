"""The admin on a host's own site, under a strict policy, and what its pages carry."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.admin import AdminSite
from django.urls import include, path

from archives.admin import ArchiveAdmin
from archives.models import Archive, StorageTarget
from meetings.admin import AttendeeAdmin, ConnectionAdmin, MeetingAdmin
from meetings.models import AttendanceFact, Attendee, Connection, Meeting, WebhookDelivery
from tests.admin.pages import AdminClient, address, messages_of
from tests.factories import ArchiveFactory, AttendeeFactory, ConnectionFactory, MeetingFactory, WebhookDeliveryFactory

backoffice = AdminSite(name="backoffice")
backoffice.register(Meeting, MeetingAdmin)
backoffice.register(Attendee, AttendeeAdmin)
backoffice.register(Connection, ConnectionAdmin)
backoffice.register(Archive, ArchiveAdmin)

lean = AdminSite(name="lean")
lean.register(Meeting, MeetingAdmin)

urlpatterns = [
    path("office/", backoffice.urls),
    path("lean/", lean.urls),
    path("video/", include("meetings.urls")),
]


@pytest.fixture
def host(settings: Any) -> None:
    """A project with sites of its own, none of them Django's default one."""
    settings.ROOT_URLCONF = __name__


def links(page: str) -> set[str]:
    return {link for link in re.findall(r'(?:href|action|src)="(/[^"]*)"', page) if not link.startswith("/static/")}


@pytest.mark.usefixtures("host")
def test_every_link_stays_on_the_site_of_the_host(chief: AdminClient) -> None:
    meeting = MeetingFactory.create(active=True)
    attendee = AttendeeFactory.create(meeting=meeting)
    ConnectionFactory.create(attendee=attendee)
    archive = ArchiveFactory.create(meeting=meeting)
    rows: list[Any] = [meeting, attendee, archive]
    paths = [address(type(row), site="backoffice") for row in rows]
    paths += [address(row, "change", site="backoffice") for row in rows]
    paths += [address(meeting, page, site="backoffice") for page in ("end", "soft-delete", "join-link", "history")]
    paths += [address(attendee, "remove", site="backoffice"), address(Meeting, "add", site="backoffice")]

    for each in paths:
        assert each.startswith("/office/")
        strays = {link for link in links(chief.page(each)) if not link.startswith(("/office/", "/video/meet/"))}
        assert strays <= {"/"}, each  # "View site"


@pytest.mark.usefixtures("host")
def test_operations_and_links_work_on_the_site_of_the_host(chief: AdminClient) -> None:
    chief.get("/office/password_change/")  # for the CSRF token
    meeting = MeetingFactory.create()

    link = chief.submit(address(meeting, "join-link", site="backoffice"), {"name": "Ada", "role": "publisher"})
    assert f"http://testserver/video/meet/{meeting.meeting_link}#token=" in link.content.decode()
    ended = chief.submit(address(meeting, "end", site="backoffice"))
    assert ended.redirect_chain == [(address(meeting, "change", site="backoffice"), 302)]
    made = chief.submit(address(Meeting, "add", site="backoffice"), {"provider": "webrtc", "title": "Made"})
    assert made.redirect_chain[-1][0] == address(Meeting.objects.get(title="Made"), "change", site="backoffice")


@pytest.mark.usefixtures("host")
def test_meetings_alone_can_be_registered(chief: AdminClient) -> None:
    connected = ConnectionFactory.create(attendee__attendee="Ada Lovelace")

    page = chief.page(address(connected.meeting, "change", site="lean"))

    assert "Ada Lovelace" in page
    assert not {link for link in links(page) if "attendee" in link or "archive" in link}


def test_meeting_page_that_is_not_mounted_leaves_the_token(chief: AdminClient, settings: Any) -> None:
    settings.ROOT_URLCONF = "tests.admin.admin_only_urls"
    meeting = MeetingFactory.create()

    assert meeting.meeting_link in chief.page(address(meeting, "change"))
    page = chief.submit(address(meeting, "join-link"), {"name": "Ada", "role": "publisher"}).content.decode()

    assert "this is the token alone" in page
    assert re.search(r'id="join-link" readonly value="eyJ[^"#]*"', page)


def test_pages_carry_nothing_that_a_strict_policy_forbids(chief: AdminClient) -> None:
    meeting = MeetingFactory.create(active=True)
    ConnectionFactory.create(attendee=AttendeeFactory.create(meeting=meeting))
    delivery = WebhookDeliveryFactory.create(meeting=meeting)
    paths = [address(model) for model in (Meeting, Attendee, Connection, WebhookDelivery, AttendanceFact, Archive)]
    paths += [address(StorageTarget), address(StorageTarget, "add"), address(Meeting, "add")]
    paths += [address(meeting, page) for page in ("change", "end", "soft-delete", "join-link", "attendance")]
    paths += [address(Meeting, "now")]
    paths += [address(delivery, "change"), address(delivery, "replay")]

    for each in paths:
        response = chief.get(each)
        page = response.content.decode()
        assert "default-src 'self'" in response["Content-Security-Policy"]
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:", page), each
        assert all("src=" in tag for tag in re.findall(r"<script[^>]*>", page) if "json" not in tag), each


def test_every_field_of_a_page_has_a_label(chief: AdminClient) -> None:
    meeting = MeetingFactory.create(active=True)
    ConnectionFactory.create(attendee=AttendeeFactory.create(meeting=meeting))

    for page in (chief.page(address(meeting, "change")), chief.page(address(meeting, "join-link"))):
        fields = re.findall(r'<(?:input|select|textarea)(?![^>]*type="(?:hidden|submit)")[^>]*>', page)
        for field in fields:
            name = re.search(r'id="([^"]*)"', field)
            assert "aria-label" in field or (name and f'for="{name.group(1)}"' in page), field


def test_messages_of_an_operation_name_the_row(chief: AdminClient) -> None:
    meeting = MeetingFactory.create(title="Ward & <b>round</b>", active=True)

    assert messages_of(chief.submit(address(meeting, "end"))) == ["“Ward & <b>round</b>”: Ended."]
