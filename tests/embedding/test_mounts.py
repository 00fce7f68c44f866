"""The apps under a prefix and under a script name, as a web server would hand the requests over."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from django.core.wsgi import get_wsgi_application
from django.urls import clear_url_caches, include, path, set_script_prefix

from meetings.models import Meeting
from tests.callers import mint

pytestmark = pytest.mark.django_db(transaction=True)  # a real request closes the connection behind it
urlpatterns = [path("video/", include("archives.urls")), path("video/", include("meetings.urls"))]
Get = Callable[..., httpx.Response]


@pytest.fixture
def get(settings: Any) -> Any:
    """`get("/video/session", "/portal")`: the answer under a script name that the server tells."""
    settings.ROOT_URLCONF = __name__

    def send(address: str, script_name: str = "") -> httpx.Response:
        transport = httpx.WSGITransport(app=get_wsgi_application(), script_name=script_name)
        with httpx.Client(transport=transport, base_url="http://testserver") as client:
            return client.get(address, headers={"Authorization": f"Bearer {mint('GetMeetings')}"})

    yield send
    set_script_prefix("/")
    clear_url_caches()


@pytest.mark.parametrize(
    ("script_name", "forced", "prefix"),
    [("", None, "/video"), ("/portal", None, "/portal/video"), ("", "/forced", "/forced/video")],
)
def test_addresses_carry_script_name_and_prefix(
    get: Get, settings: Any, meeting: Meeting, script_name: str, forced: str | None, prefix: str
) -> None:
    settings.FORCE_SCRIPT_NAME = forced
    link = meeting.meeting_link

    read = get(f"/video/session/{link}", script_name)
    assert read.json()["joinUrl"] == f"http://testserver{prefix}/meet/{link}"

    page = get(f"/video/meet/{link}", script_name)
    assert f'"tokenUrl": "{prefix}/meet/{link}/token"' in page.text


def test_next_page_carries_script_name_and_prefix(get: Get, new_meeting: Any) -> None:
    new_meeting()
    new_meeting()

    assert get("/video/session?count=1", "/portal").json()["next"].startswith("http://testserver/portal/video/session?")


def test_socket_of_the_page_is_where_the_setting_says(get: Get, settings: Any, meeting: Meeting) -> None:
    settings.VIDEOCONF = settings.VIDEOCONF | {"SIGNALING_PATH": "/portal/video/ws/meet/"}

    text = get(f"/video/meet/{meeting.meeting_link}", "/portal").text
    assert f'"socket": "/portal/video/ws/meet/{meeting.meeting_link}"' in text
