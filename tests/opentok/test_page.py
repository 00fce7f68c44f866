"""The meeting page of a meeting at Vonage, as the server gives it: who may go in, who may act, what is opened."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from django.utils import timezone

from archives.models import Archive
from meetings.exceptions import JoinRefused, UnsupportedFeature
from meetings.models import Attendee, Meeting
from meetings.providers.base import Provider
from meetings.providers.opentok import OpenTokProvider
from meetings.providers.registry import get_provider
from meetings.providers.types import Role, RoomRef
from tests.opentok.house import APPLICATION_ID, KEY, PEM, SECRET, House, good
from tests.vonage import faults, new_private_key

pytestmark = pytest.mark.django_db

LEGACY = {"API_KEY": KEY, "API_SECRET": SECRET}
APPLICATION = {"APPLICATION_ID": APPLICATION_ID, "PRIVATE_KEY": PEM}
REFUSED = "This invitation is not valid. Ask for a new one."


def ask(link: str, what: str, **body: Any) -> Any:
    return Client(enforce_csrf_checks=True).post(f"/meet/{link}/{what}", json.dumps(body), "application/json")


def state(link: str, token: str, *, purpose: str = "enter") -> dict[str, Any]:
    answer = ask(link, "state", token=token, purpose=purpose)
    assert answer.status_code == 200, answer.content
    assert answer["Cache-Control"] == "no-store"
    found: dict[str, Any] = answer.json()
    return found


def refusal(link: str, token: str, *, purpose: str = "enter") -> str:
    return str(state(link, token, purpose=purpose)["refusal"]["code"])


def act(link: str, token: str, action: str, connection: str = "") -> tuple[int, str]:
    """Return status and code (nothing where it was done)."""
    answer = ask(link, "act", token=token, action=action, connection=connection)
    return answer.status_code, "" if answer.status_code == 204 else answer.json()["error"]["code"]


def changed(house: House, token: str, **claims: Any) -> str:
    """Return a token of the same key that says something else."""
    said = jwt.decode(token, options={"verify_signature": False}) | claims
    is_legacy = "application_id" not in said
    return jwt.encode(said, SECRET if is_legacy else PEM, algorithm="HS256" if is_legacy else "RS256")


def moderator(house: House, link: str) -> str:
    return house.token(link, role="moderator", data="Mod", extId="mod")


def test_page_asks_who_it_is_and_what_goes_on(house: House) -> None:
    link = house.create(title="Weekly")
    said = state(link, house.token(link, role="subscriber", data="Ann\u202e", extId="ann"))
    assert said == {
        "refusal": None,
        "name": "Ann",
        "role": "subscriber",
        "title": "Weekly",
        "encrypted": False,
        "recording": False,
    }


def test_config_names_the_addresses_of_the_page(house: House) -> None:
    link = house.create()
    page = Client().get(f"/meet/{link}").content.decode()
    found = re.search(r'<script id="meeting-config" type="application/json">(.*?)</script>', page)
    assert found is not None
    config = json.loads(found.group(1))
    assert config["module"].endswith("videoconf_meetings/js/providers/opentok.js")
    assert (config["stateUrl"], config["actUrl"]) == (f"/meet/{link}/state", f"/meet/{link}/act")


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"exp": 1_700_000_000}, "token_expired"),
        ({"session_id": "1_other"}, "token_invalid"),
        ({"role": "publisheronly"}, "token_invalid"),
        ({"role": ["moderator"]}, "token_invalid"),
        ({"scope": "session.create"}, "token_invalid"),
        ({"iss": "46999999", "application_id": "00000000-323d-0114-9c3d-d6f0d48968cf"}, "token_invalid"),
        ({"iat": 10**15, "nbf": 0}, "token_invalid"),
    ],
)
def test_token_that_says_something_else_opens_nothing(house: House, claims: dict[str, Any], code: str) -> None:
    link = house.create()
    token = changed(house, moderator(house, link), **claims)
    assert refusal(link, token) == code
    assert act(link, token, "end") == (403, code)


def test_tokens_of_other_keys_open_nothing(house: House) -> None:
    link = house.create()
    token = moderator(house, link)
    said = jwt.decode(token, options={"verify_signature": False})
    head, body, _ = token.split(".")
    forged = [
        jwt.encode(said, "another-secret-0123456789-0123456789abcdef", algorithm="HS256"),
        jwt.encode(said, new_private_key(), algorithm="RS256"),
        jwt.encode(said, "", algorithm="none"),
        f"{head}.{body}.",
        "T1==" + body,
        "x",
    ]
    for value in forged:
        assert refusal(link, value) == "token_invalid"
        assert act(link, value, "end") == (403, "token_invalid")
    assert house.meeting(link)["endTime"] is None


def test_token_of_another_meeting_opens_nothing(house: House) -> None:
    link, other = house.create(), house.create()
    token = moderator(house, other)
    assert refusal(link, token) == "token_invalid"
    assert act(link, token, "end") == (403, "token_invalid")


def test_calls_to_vonage_are_signed_with_the_same_key_and_open_nothing(house: House) -> None:
    provider = get_provider("opentok")
    assert isinstance(provider, OpenTokProvider)
    (header,) = provider.project.headers().values()
    assert refusal(house.create(), header.removeprefix("Bearer ")) == "token_invalid"


@pytest.mark.parametrize("role", ["subscriber", "publisher"])
def test_only_moderators_act(legacy: House, role: str) -> None:
    link = legacy.create()
    token = legacy.token(link, role=role, data="Ann")
    for action in ("end", "remove", "mute", "mute_all", "record", "stop"):
        assert act(link, token, action, "c1") == (403, "forbidden")
    assert legacy.meeting(link)["endTime"] is None


def test_moderator_ends_the_meeting_and_pages_learn_why_they_are_out(house: House) -> None:
    link = house.create()
    token, ann = moderator(house, link), house.token(link, data="Ann")
    house.join(link, "Ann")
    assert act(link, token, "end") == (204, "")
    house.deliver()
    assert house.here(link) == []
    assert Meeting.objects.get().modified_by == "ext:mod"
    assert refusal(link, ann, purpose="") == "meeting_ended"
    assert state(link, ann)["refusal"]["message"] == "This meeting has ended."
    assert act(link, token, "end") == (403, "meeting_ended")


def test_expired_token_is_still_told_why_it_is_out(legacy: House) -> None:
    link = legacy.create()
    old = changed(legacy, moderator(legacy, link), exp=1_700_000_000)
    assert state(link, old, purpose="")["refusal"] is None
    assert refusal(link, old) == "token_expired"
    assert act(link, old, "end") == (403, "token_expired")
    good(legacy.api.patch(f"/session/{link}/end"))
    assert refusal(link, old, purpose="") == "meeting_ended"


def test_moderator_removes_an_attendee_whose_token_then_opens_nothing(house: House) -> None:
    link = house.create()
    token = house.token(link, data="Ann", extId="ann")
    connection = house.vonage.connect(house.session_id(link), token=token)
    house.deliver()
    assert act(link, moderator(house, link), "remove", connection) == (204, "")
    house.deliver()
    assert house.here(link) == []
    assert Attendee.objects.get(ext_id="ann").removed_by == "ext:mod"
    for purpose in ("enter", ""):
        assert refusal(link, token, purpose=purpose) == "token_revoked"
    late = changed(house, token, iat=int(datetime.now(UTC).timestamp()) + 2)
    assert state(link, late)["refusal"] is None


def test_moderator_removes_whom_no_webhook_told_of(legacy: House) -> None:
    link = legacy.create()
    connection = legacy.vonage.connect(legacy.session_id(link), token=legacy.token(link, data="Ann"))
    assert act(link, moderator(legacy, link), "remove", connection) == (204, "")
    assert legacy.vonage.sessions[legacy.session_id(link)].connections == {}
    assert act(link, moderator(legacy, link), "mute", connection) == (409, "attendee_unknown")


def test_moderator_mutes_one_and_everyone_but_herself(house: House) -> None:
    link = house.create()
    mod, ann, ben = (house.join(link, name) for name in ("Mod", "Ann", "Ben"))
    streams = {one: house.vonage.publish(one) for one in (mod, ann, ben)}
    house.deliver()
    known = house.vonage.sessions[house.session_id(link)].streams

    def are_muted() -> list[str]:
        return [one for one in (mod, ann, ben) if known[streams[one]].is_muted]

    assert act(link, moderator(house, link), "mute", ann) == (204, "")
    assert are_muted() == [ann]
    assert act(link, moderator(house, link), "mute_all", mod) == (204, "")
    assert are_muted() == [ann, ben]


def test_moderator_records(house: House) -> None:
    link = house.create()
    token = moderator(house, link)
    assert act(link, token, "record") == (409, "archive_conflict")  # nobody is there
    assert act(link, token, "stop") == (409, "archive_not_running")
    house.join(link, "Ann")
    assert act(link, token, "record") == (204, "")
    assert state(link, token)["recording"] is True
    assert Archive.objects.get().created_by == "ext:mod"
    assert act(link, token, "record") == (409, "archive_running")
    assert act(link, token, "stop") == (204, "")
    assert state(link, token)["recording"] is False


def test_what_vonage_refuses_is_told_in_our_words(legacy: House) -> None:
    link = legacy.create()
    legacy.join(link, "Ann")
    legacy.vonage.fail("POST /v2/project/*/archive", faults.status(429, retry_after=7))
    answer = ask(link, "act", token=moderator(legacy, link), action="record")
    assert answer.status_code == 503
    assert answer["Retry-After"] == "7"
    assert answer.json()["error"]["message"].startswith("The media provider can't be reached")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"action": "dance"}, 400, "action_unknown"),
        ({"action": ""}, 400, "action_unknown"),
        ({"action": "remove"}, 400, "connection_missing"),
        ({"action": "mute"}, 400, "connection_missing"),
        ({"action": 5}, 400, "invalid_value"),
        ({"action": "end", "token": ""}, 400, "invalid_value"),
        ({"action": "end", "token": ["x"]}, 400, "invalid_value"),
        ({"action": "end", "token": "x" * 9000}, 400, "invalid_value"),
    ],
)
def test_what_a_page_would_not_send_is_refused(legacy: House, body: dict[str, Any], status: int, code: str) -> None:
    link = legacy.create()
    answer = ask(link, "act", **({"token": moderator(legacy, link)} | body))
    assert (answer.status_code, answer.json()["error"]["code"]) == (status, code)


def test_unknown_links_other_methods_and_no_json_are_refused(legacy: House) -> None:
    link = legacy.create()
    for what in ("state", "act"):
        assert ask("nope", what, token="x").status_code == 404
        assert Client().get(f"/meet/{link}/{what}").status_code == 405
        assert Client().post(f"/meet/{link}/{what}", "token", "application/json").status_code == 400
        answer = Client(headers={"origin": "https://elsewhere.example"}).post(
            f"/meet/{link}/{what}", "{}", "text/plain"
        )
        assert "Access-Control-Allow-Origin" not in answer


def test_too_early_and_full_meetings_let_nobody_in(legacy: House) -> None:
    link = legacy.create(maxParticipants=1)
    ann = legacy.token(link, data="Ann")
    legacy.join(link, "Ann")
    assert state(link, ann)["refusal"] is None  # her own page, loaded again
    assert refusal(link, legacy.token(link, data="Ben")) == "meeting_full"
    assert state(link, legacy.token(link, data="Ben"), purpose="")["refusal"] is None
    later = timezone.now() + timedelta(days=1)
    Meeting.objects.update(is_scheduled=True, schedule_time=later, start_time=None)
    said = state(link, ann)["refusal"]
    assert said["code"] == "meeting_not_started"
    assert said["opensAt"] == (later - timedelta(minutes=10)).isoformat()


def test_the_longest_name_in_the_widest_script_still_fits(house: House) -> None:
    link = house.create()
    name = "Я" * 470
    token = house.token(link, data=name, extId="я")
    assert state(link, token)["name"] == name[:100]


def test_meetings_of_the_embedded_provider_have_another_door(legacy: House) -> None:
    link = legacy.create(provider="webrtc")
    token = legacy.token(link, role="moderator", data="Mod")
    for what in ("state", "act"):
        answer = ask(link, what, token=token, action="end")
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "feature_not_available")


def policy(link: str) -> dict[str, list[str]]:
    said = Client().get(f"/meet/{link}")["Content-Security-Policy"]
    return {part.split()[0]: part.split()[1:] for part in said.split("; ")}


def test_page_is_opened_for_vonage_s_script_and_hosts_alone(house: House) -> None:
    plain, opened = policy(house.create(provider="webrtc")), policy(house.create())
    is_legacy = get_provider("opentok").client_config(RoomRef(session_id="1_x"))["apiKey"] is not None
    script = (
        "https://static.opentok.com/v2/js/opentok.min.js"
        if is_legacy
        else "https://unpkg.com/@vonage/client-sdk-video@2/dist/js/opentok.min.js"
    )
    hosts = [f"{scheme}://*.{host}.com" for host in ("opentok", "tokbox", "vonage") for scheme in ("https", "wss")]
    assert opened.pop("worker-src") == ["'self'", "blob:"]
    assert opened.pop("script-src") == [*plain.pop("script-src"), script]
    assert opened.pop("connect-src") == [*plain.pop("connect-src"), *hosts]
    assert opened == plain
    assert "worker-src" not in plain


def test_sources_and_script_can_be_the_host_s_own(legacy: House) -> None:
    script = "https://cdn.example.com/vonage/opentok.js"
    legacy.configure(SCRIPT_URL=script, PAGE_SOURCES={"img-src": ["https://cdn.example.com"], "worker-src": []})
    opened = policy(legacy.create())
    assert opened["script-src"][-1] == script
    assert opened["connect-src"][-1] == "https://cdn.example.com"
    assert opened["img-src"][-1] == "https://cdn.example.com"
    assert "worker-src" not in opened


@pytest.mark.parametrize(
    "options",
    [
        {"PAGE_SOURCES": {"connect-src": "https://cdn.example.com"}},
        {"PAGE_SOURCES": {"connect-src": ["https://a.example; script-src *"]}},
        {"PAGE_SOURCES": {"connect-src": ["https://a.example https://b.example"]}},
        {"PAGE_SOURCES": {"connect-src *; img-src": ["https://a.example"]}},
        {"PAGE_SOURCES": ["connect-src https://a.example"]},
        {"SCRIPT_URL": "opentok.js"},
        {"SCRIPT_INTEGRITY": "md5-abc"},
        {"SCRIPT_INTEGRITY": 'sha384-abc" onload="x'},
        {"SCRIPT_URL": "https://cdn.example.com/opentok.js; img-src *"},
    ],
)
def test_sources_that_are_none_are_refused_with_the_option_s_name(options: dict[str, Any]) -> None:
    with pytest.raises(ImproperlyConfigured, match=next(iter(options))):
        OpenTokProvider("x", LEGACY | options)


@pytest.mark.parametrize("options", [LEGACY, APPLICATION], ids=["legacy", "application"])
def test_a_token_reads_back_as_it_was_granted(options: dict[str, Any], house: House) -> None:
    link = house.create()
    token = house.token(link, role="moderator", data="Ann", extId="ann-7")
    claims = get_provider("opentok").read_token(RoomRef(session_id=house.session_id(link)), token)
    assert (claims.role, claims.data, claims.identity) == (Role.MODERATOR, "Ann", "ext:ann-7")
    with pytest.raises(JoinRefused, match=REFUSED):
        get_provider("opentok").read_token(RoomRef(session_id=house.session_id(link)), token + "x")


def test_providers_with_a_door_of_their_own_read_no_tokens() -> None:
    provider: Provider = get_provider("webrtc")
    with pytest.raises(UnsupportedFeature, match="act from the meeting page"):
        provider.read_token(RoomRef(session_id="rtc_x"), "x")
    assert provider.page_sources() == {}
