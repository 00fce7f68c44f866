"""The meeting page as the server gives it: who is offered what, headers, and the join tokens minted for it."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone

from meetings import services
from meetings.facts import identity_of
from meetings.models import Attendee, Meeting
from meetings.providers.types import Role
from meetings.providers.webrtc import tokens
from tests.conftest import NewMeeting

pytestmark = pytest.mark.django_db


def page(client: Client, meeting: Meeting) -> dict[str, Any]:
    """Return the config that the page hands to its script."""
    answer = client.get(f"/meet/{meeting.meeting_link}")
    assert answer.status_code == 200
    found = re.search(r'<script id="meeting-config" type="application/json">(.*?)</script>', answer.content.decode())
    assert found is not None
    config: dict[str, Any] = json.loads(found.group(1))
    return config


def ask(client: Client, config: dict[str, Any], **body: Any) -> Any:
    """Ask for a join token as the page does."""
    said = {"ticket": config["ticket"], "browserId": "browser-0123456789", "name": "Gus"} | body
    return client.post(config["tokenUrl"], json.dumps(said), content_type="application/json")


def guests(settings: Any, role: str | None) -> None:
    settings.VIDEOCONF = settings.VIDEOCONF | {"GUEST_ROLE": role}


def user_with(*codenames: str, **names: str) -> User:
    user = User.objects.create_user("ann", password="long enough to be one", **names)
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    return user


def claims_of(token: str, meeting: Meeting) -> tokens.JoinClaims:
    return tokens.read(token, meeting.session_id)


def test_page_of_an_unknown_link_is_a_404_page(client: Client) -> None:
    answer = client.get("/meet/nope")
    assert answer.status_code == 404
    assert "There is no meeting at this address." in answer.content.decode()


def test_page_of_a_deleted_meeting_is_a_404_page(client: Client, meeting: Meeting) -> None:
    services.delete_meeting(meeting, actor="t")
    assert client.get(f"/meet/{meeting.meeting_link}").status_code == 404


def test_page_without_guest_role_offers_nothing(client: Client, meeting: Meeting, settings: Any) -> None:
    guests(settings, None)
    config = page(client, meeting)
    assert config["admission"] == "none"
    assert config["ticket"] is None
    assert config["role"] is None


def test_page_for_guests_mints_a_token_of_the_guest_role(client: Client, meeting: Meeting, settings: Any) -> None:
    guests(settings, "subscriber")
    config = page(client, meeting)
    answer = ask(client, config)
    assert (config["admission"], config["role"]) == ("guest", "subscriber")
    assert answer.status_code == 200
    claims = claims_of(answer.json()["token"], meeting)
    assert (claims.role, claims.data, claims.identity) == (
        Role.SUBSCRIBER,
        "Gus",
        identity_of(guest_id="browser-0123456789"),
    )
    assert "browser-0123456789" not in claims.identity  # whoever reads it must not be able to come as that guest


def test_guest_s_name_is_clean_in_the_token_already(client: Client, meeting: Meeting, settings: Any) -> None:
    guests(settings, "publisher")
    answer = ask(client, page(client, meeting), name="Gus\u202e\u200b\u0007 e" + "\u0301" * 9)
    assert claims_of(answer.json()["token"], meeting).data == "Gus e" + "\u0301" * 4


def test_page_starts_the_meeting_with_its_first_token_only(client: Client, meeting: Meeting, settings: Any) -> None:
    guests(settings, "publisher")
    config = page(client, meeting)
    ask(client, config)
    meeting.refresh_from_db()
    first = meeting.start_time
    ask(client, config)
    meeting.refresh_from_db()
    assert first is not None
    assert meeting.start_time == first


def test_signed_in_user_with_permission_joins_under_her_name(client: Client, meeting: Meeting) -> None:
    client.force_login(user_with("GenerateMeetingToken", first_name="Ann", last_name="Lee"))
    config = page(client, meeting)
    answer = ask(client, config, name="Somebody Else")
    assert (config["admission"], config["name"]) == ("user", "Ann Lee")
    claims = claims_of(answer.json()["token"], meeting)
    assert (claims.data, claims.role) == ("Ann Lee", Role.PUBLISHER)


def test_signed_in_moderator_gets_the_moderator_role(client: Client, meeting: Meeting) -> None:
    client.force_login(user_with("GenerateMeetingToken", "ModerateMeeting"))
    answer = ask(client, page(client, meeting))
    assert claims_of(answer.json()["token"], meeting).role is Role.MODERATOR


def test_signed_in_user_without_permission_is_offered_nothing(client: Client, meeting: Meeting, settings: Any) -> None:
    guests(settings, None)
    client.force_login(user_with("EditMeeting"))
    assert page(client, meeting)["admission"] == "none"


def test_permission_taken_away_after_the_page_was_loaded_counts(client: Client, meeting: Meeting) -> None:
    user = user_with("GenerateMeetingToken")
    client.force_login(user)
    config = page(client, meeting)
    user.user_permissions.clear()
    assert ask(client, config).status_code == 403


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"ticket": ""}, 403),
        ({"ticket": "forged.guest:1:x"}, 403),
        ({"ticket": 5}, 400),
        ({"browserId": "short"}, 403),
        ({"browserId": "x" * 65}, 403),
        ({"browserId": None}, 400),
        ({"name": ["Gus"]}, 400),
        ({"name": "x" * 5000}, 400),
    ],
)
def test_token_for_the_page_refuses_what_the_page_would_not_send(
    client: Client, meeting: Meeting, settings: Any, change: dict[str, Any], status: int
) -> None:
    guests(settings, "publisher")
    answer = ask(client, page(client, meeting), **change)
    assert answer.status_code == status
    assert answer.json()["error"]["message"]


def test_ticket_of_another_meeting_opens_nothing(client: Client, new_meeting: NewMeeting, settings: Any) -> None:
    guests(settings, "publisher")
    ours, other = page(client, new_meeting()), page(client, new_meeting())
    answer = ask(client, ours, ticket=other["ticket"])
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "ticket_invalid")


def test_ended_meeting_says_so_on_the_page_and_gives_no_token(client: Client, meeting: Meeting, settings: Any) -> None:
    guests(settings, "publisher")
    config = page(client, meeting)
    services.end_meeting(meeting, actor="t")
    answer = ask(client, config)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"] == "This meeting has ended."
    assert page(client, meeting)["state"] == "ended"
    assert "This meeting has ended." in client.get(f"/meet/{meeting.meeting_link}").content.decode()


def test_early_meeting_tells_when_it_opens(client: Client, new_meeting: NewMeeting, settings: Any) -> None:
    guests(settings, "publisher")
    at = timezone.now() + timedelta(hours=2)
    config = page(client, new_meeting(is_scheduled=True, schedule_time=at))
    assert config["state"] == "scheduled"
    assert config["opensAt"] == (at - timedelta(minutes=10)).isoformat()
    answer = ask(client, config)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "meeting_not_started")


def test_removed_guest_gets_no_new_token(client: Client, meeting: Meeting, settings: Any) -> None:
    guests(settings, "publisher")
    config = page(client, meeting)
    Attendee.objects.create(
        meeting=meeting, identity=identity_of(guest_id="browser-0123456789"), removed_on=timezone.now()
    )
    answer = ask(client, config)
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "attendee_removed")
    assert ask(client, config, browserId="another-browser").status_code == 200


def test_page_headers_are_strict_and_name_who_may_frame_it(client: Client, meeting: Meeting, settings: Any) -> None:
    address = f"/meet/{meeting.meeting_link}"
    closed = client.get(address).headers["Content-Security-Policy"]
    settings.VIDEOCONF = settings.VIDEOCONF | {"FRAME_ANCESTORS": ["https://host.example"]}
    answer = client.get(address)
    policy = answer.headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in closed
    assert "frame-ancestors https://host.example" in policy
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "X-Frame-Options" not in answer.headers
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Cache-Control"] == "no-store"


def test_title_can_not_break_out_of_the_page(client: Client, new_meeting: NewMeeting) -> None:
    meeting = new_meeting(title="</script><script>alert(1)</script><b>x")
    text = client.get(f"/meet/{meeting.meeting_link}").content.decode()
    assert "<script>alert" not in text
    assert "<b>x" not in text
    assert page(client, meeting)["title"] == meeting.title


def test_page_says_so_if_its_script_does_not_start(client: Client, meeting: Meeting) -> None:
    text = client.get(f"/meet/{meeting.meeting_link}").content.decode()
    assert "The page could not start." in text


def test_token_needs_no_cookie_and_no_csrf_token(meeting: Meeting, settings: Any) -> None:
    guests(settings, "publisher")
    strict = Client(enforce_csrf_checks=True)
    assert ask(strict, page(strict, meeting)).status_code == 200


def test_meeting_of_a_provider_that_is_gone_is_a_404_page(client: Client, meeting: Meeting) -> None:
    Meeting.objects.filter(pk=meeting.pk).update(provider="gone")
    assert client.get(f"/meet/{meeting.meeting_link}").status_code == 404


def test_signed_in_user_of_another_tenant_is_a_stranger(client: Client, new_meeting: NewMeeting, settings: Any) -> None:
    guests(settings, None)
    settings.VIDEOCONF = settings.VIDEOCONF | {"TENANT_OF": lambda user: "a"}
    client.force_login(user_with("GenerateMeetingToken", "ModerateMeeting"))
    ours, theirs = new_meeting(tenant="a"), new_meeting(tenant="b")
    config = page(client, ours)
    assert config["admission"] == "user"
    assert page(client, theirs)["admission"] == "none"
    Meeting.objects.filter(pk=ours.pk).update(tenant="b")
    assert ask(client, config).status_code == 403


def test_meeting_that_was_put_off_says_when_it_opens(client: Client, meeting: Meeting, settings: Any) -> None:
    guests(settings, "publisher")
    config = page(client, meeting)
    at = timezone.now() + timedelta(hours=2)
    services.edit_meeting(meeting, {"is_scheduled": True, "schedule_time": at}, actor="t")
    error = ask(client, config).json()["error"]
    assert error["message"] == "This meeting has not started yet."
    assert error["opensAt"] == (at - timedelta(minutes=10)).isoformat()


def test_plain_http_at_the_socket_s_address_is_asked_to_upgrade(client: Client) -> None:
    answer = client.get("/ws/meet/any")

    assert answer.status_code == 426
    assert answer.json()["error"]["name"] == "UpgradeRequiredError"
    assert "Upgrade" not in answer.headers  # a WSGI server would refuse it
