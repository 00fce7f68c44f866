"""The provider of docs/adding-a-provider.md, as it stands on the page, with a meeting run through it."""

from __future__ import annotations

import hashlib
import hmac
import importlib
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs

import pytest
from django.test import Client

from meetings import services
from meetings.checks import check_providers
from meetings.models import AttendanceFact, Attendee, Meeting, WebhookDelivery
from meetings.providers.base import Provider
from meetings.providers.registry import get_provider
from meetings.providers.types import EventFamily, EventKind, Role, WebhookMessage
from tests.callers import ApiClient
from tests.conftest import NewMeeting
from tests.docs.pages import DOCS, blocks_of
from tests.providers.contract import ProviderContract

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def bridge_package(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The files of the page, importable."""
    folder = tmp_path_factory.mktemp("bridge")
    for block in blocks_of(DOCS / "adding-a-provider.md"):
        if block.file is not None:
            path = folder / block.file
            path.parent.mkdir(exist_ok=True)
            path.write_text(block.text)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        yield


@pytest.fixture(autouse=True)
def _configured(bridge_package: None, settings: Any) -> None:
    documented = importlib.import_module("bridge.configuration").VIDEOCONF_PROVIDERS
    settings.VIDEOCONF_PROVIDERS = settings.VIDEOCONF_PROVIDERS | documented


@pytest.fixture
def meeting(new_meeting: NewMeeting) -> Meeting:
    return new_meeting(provider="bridge")


def send(body: bytes, key: str = "the newest") -> int:
    signature = hmac.new(key.encode(), body, hashlib.sha256).hexdigest()
    return ApiClient().post("/webhooks/bridge", body, x_bridge_signature=signature).status_code


def event(meeting: Meeting, what: str, at: int) -> bytes:
    said = {"event": what, "room": meeting.session_id, "line": "line-1", "who": "ext:ada", "name": "Ada", "at": at}
    return json.dumps(said).encode()


class TestContract(ProviderContract):
    def build(self, **options: Any) -> Provider:
        provider: Provider = importlib.import_module("bridge.provider").BridgeProvider("x", {"KEY": "k"} | options)
        return provider

    def secrets(self, family: EventFamily, *known: str) -> dict[str, Any]:
        return {"WEBHOOK_SECRETS": known}

    def event(self, kind: EventKind, session_id: str, at: datetime) -> dict[str, Any]:
        word = "came" if kind is EventKind.CONNECTION_CREATED else "went"
        return {"event": word, "room": session_id, "line": "c1", "name": "Ann", "at": int(at.timestamp())}

    def sign(self, body: bytes, secret: str) -> dict[str, str]:
        return {"x-bridge-signature": hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}

    @pytest.mark.parametrize("kind", [EventKind.CONNECTION_CREATED, EventKind.CONNECTION_DESTROYED])
    def test_reads_its_events_in_our_words(self, provider: Provider, kind: EventKind) -> None:
        super().test_reads_its_events_in_our_words(provider, kind)


def test_meeting_of_the_bridge_gets_a_room_and_a_token(owner: ApiClient) -> None:
    link = owner.post("/session", {"provider": "bridge"}).json()["code"]
    answer = owner.post(f"/session/{link}/token", {"data": "Ada", "extId": "ada"}).json()
    said = parse_qs(answer["token"])

    assert answer["sessionId"].startswith("bridge_")
    assert (said["room"], said["who"], said["role"]) == ([answer["sessionId"]], ["ext:ada"], ["publisher"])


@pytest.mark.parametrize("key", ["the newest", "the one before"])
def test_joins_and_leaves_of_the_bridge_become_attendance(meeting: Meeting, key: str) -> None:
    assert send(event(meeting, "came", 1_800_000_000), key) == 200
    attendee = Attendee.objects.get(meeting=meeting)
    assert (attendee.attendee, attendee.identity, attendee.is_deleted) == ("Ada", "ext:ada", False)

    assert send(event(meeting, "went", 1_800_000_060), key) == 200
    attendee.refresh_from_db()
    assert attendee.is_deleted


def test_webhook_that_does_not_verify_or_parse_is_refused(meeting: Meeting) -> None:
    assert send(event(meeting, "came", 1_800_000_000), "of somebody else") == 401
    assert ApiClient().post("/webhooks/bridge", event(meeting, "came", 1)).status_code == 503
    assert send(b'{"event": "came"}') == 400
    assert not Attendee.objects.exists()

    assert send(b'{"event": "hummed"}') == 200
    assert WebhookDelivery.objects.get(kind="hummed").verdict == WebhookDelivery.Verdict.UNKNOWN


def test_key_of_a_webhook_is_not_stored(meeting: Meeting) -> None:
    body = json.loads(event(meeting, "came", 1_800_000_000)) | {"listen": "https://bridge.example/in?key=very-own"}
    refused = b'{"listen": "https://bridge.example/in?key=very-own'

    assert send(json.dumps(body).encode()) == 200
    assert send(refused) == 400
    applied, rejected = WebhookDelivery.objects.order_by("id")
    assert json.loads(applied.body) == body | {"listen": None}
    assert rejected.body == '{"listen": null'
    assert "very-own" not in str(AttendanceFact.objects.get().payload)


def test_name_that_does_not_fit_into_a_token_is_refused(owner: ApiClient, meeting: Meeting) -> None:
    answer = owner.post(f"/session/{meeting.meeting_link}/token", {"data": "Ž" * 60, "extId": "ada"})

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "data_too_long")


def test_event_without_a_time_reads_the_same_again(meeting: Meeting) -> None:
    body = json.dumps({"event": "came", "room": meeting.session_id, "line": "line-1"}).encode()
    message = WebhookMessage(body=body)
    provider = get_provider("bridge")

    assert provider.parse(message) == provider.parse(message)


def test_feature_that_the_bridge_lacks_is_refused_in_the_document_s_words(owner: ApiClient, meeting: Meeting) -> None:
    services.issue_token(meeting, data="Ada")
    answer = owner.post(f"/session/{meeting.meeting_link}/mute")

    assert answer.status_code == 400
    assert answer.json()["error"]["message"] == (
        "Cannot mute attendees, this feature is not available for this provider"
    )


def test_meeting_of_the_bridge_ends(owner: ApiClient, meeting: Meeting) -> None:
    assert owner.patch(f"/session/{meeting.meeting_link}/end").status_code == 204
    meeting.refresh_from_db()
    assert meeting.disconnect_due_at is None


def test_page_of_the_bridge_acts_by_its_token(owner: ApiClient, client: Client, meeting: Meeting) -> None:
    token, other = (
        services.issue_token(meeting, role=role, data="Ada", ext_id="ada").value
        for role in (Role.MODERATOR, Role.PUBLISHER)
    )
    address = f"/meet/{meeting.meeting_link}"

    def ask(what: str, **body: str) -> Any:
        return client.post(f"{address}/{what}", json.dumps(body), content_type="application/json")

    assert "wss://bridge.example" in client.get(address)["Content-Security-Policy"]
    assert ask("state", token=token, purpose="enter").json()["name"] == "Ada"
    assert ask("state", token=token + "0").json()["refusal"]["code"] == "token_invalid"
    assert ask("act", token=other, action="end").status_code == 403
    assert ask("act", token=token, action="mute_all").json()["error"]["code"] == "feature_not_available"
    assert ask("act", token=token, action="end").status_code == 204
    assert ask("state", token=other).json()["refusal"]["code"] == "meeting_ended"


def test_check_of_the_bridge_names_what_is_missing(settings: Any) -> None:
    assert [found.id for found in check_providers(None)] == []

    bare = {"BACKEND": "bridge.provider.BridgeProvider"}
    settings.VIDEOCONF_PROVIDERS = settings.VIDEOCONF_PROVIDERS | {"bridge": bare}
    assert [found.id for found in check_providers(None)] == ["bridge.E001"]
