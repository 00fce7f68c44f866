"""The meeting page in the documented host."""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.contrib.staticfiles import finders
from django.test import TestCase
from django.urls import reverse

from .callers import caller, config_of, new_meeting, page_of


class PageTests(TestCase):
    def test_addresses_carry_the_prefix(self) -> None:
        meeting = new_meeting()
        config = config_of(page_of(self.client, meeting).content.decode())

        assert reverse("videoconf:meet", args=[meeting.meeting_link]) == f"/video/meet/{meeting.meeting_link}"
        assert config["tokenUrl"] == f"/video/meet/{meeting.meeting_link}/token"
        assert config["client"]["socket"] == f"/video/ws/meet/{meeting.meeting_link}"
        assert finders.find(config["module"].removeprefix("/static/")) is not None

    def test_join_url_and_next_carry_the_prefix(self) -> None:
        meeting = new_meeting()
        new_meeting()

        read = self.client.get(f"/video/session/{meeting.meeting_link}", headers=caller("GetMeetings"))
        assert read.json()["joinUrl"] == f"http://testserver/video/meet/{meeting.meeting_link}"

        listed = self.client.get("/video/session?count=1", headers=caller("GetMeetings"))
        assert listed.json()["next"].startswith("http://testserver/video/session?")

    def test_page_is_in_the_host_s_clothes(self) -> None:
        text = page_of(self.client, new_meeting(title="Ward round")).content.decode()

        assert "<title>Ward round – The clinic</title>" in text
        assert '<link rel="stylesheet" href="/static/visits/site.css">' in text
        assert '<footer class="imprint">The clinic</footer>' in text
        assert 'id="meet"' in text

    def test_unknown_link_is_in_the_host_s_clothes_too(self) -> None:
        answer = self.client.get("/video/meet/nobody")

        assert answer.status_code == 404
        assert "There is no meeting at this address." in answer.content.decode()
        assert '<footer class="imprint">The clinic</footer>' in answer.content.decode()

    def test_only_the_listed_sites_may_frame_the_page(self) -> None:
        answer = page_of(self.client, new_meeting())
        policy = answer["Content-Security-Policy"]

        assert "frame-ancestors https://portal.clinic.example" in policy
        assert "unsafe-inline" not in policy
        assert "X-Frame-Options" not in answer
        assert self.client.get("/admin/login/")["X-Frame-Options"] == "DENY"

    def test_framed_page_gives_guests_a_token_without_a_cookie(self) -> None:
        meeting = new_meeting()
        with self.settings(VIDEOCONF=settings.VIDEOCONF | {"GUEST_ROLE": "subscriber"}):
            config = config_of(page_of(self.client, meeting).content.decode())
            body = {"ticket": config["ticket"], "browserId": "0123456789abcdef", "name": "Bo"}
            answer = self.client.post(config["tokenUrl"], body, content_type="application/json")

        assert (answer.status_code, answer.json()["role"]) == (200, "subscriber")
        assert not answer.cookies

    def test_user_with_the_permissions_joins_as_moderator(self) -> None:
        user = get_user_model().objects.create_user("ada", first_name="Ada", last_name="Byron")
        wanted = ("GenerateMeetingToken", "ModerateMeeting")
        user.user_permissions.set(Permission.objects.filter(codename__in=wanted))
        self.client.force_login(user)
        config = config_of(page_of(self.client, new_meeting()).content.decode())
        body = {"ticket": config["ticket"], "browserId": "", "name": ""}
        answer = self.client.post(config["tokenUrl"], body, content_type="application/json")

        assert (config["admission"], config["name"]) == ("user", "Ada Byron")
        assert answer.json()["role"] == "moderator"

    def test_user_without_the_permission_is_offered_nothing(self) -> None:
        self.client.force_login(get_user_model().objects.create_user("bo"))
        config = config_of(page_of(self.client, new_meeting()).content.decode())

        assert (config["admission"], config["ticket"]) == ("none", None)
