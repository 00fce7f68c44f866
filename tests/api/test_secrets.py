"""No key, token or password is in the log, in the rows or in an error, whatever a caller does with them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings as django_settings
from django.contrib.auth.models import User
from django.test import Client

from meetings.exceptions import ProviderError
from meetings.models import Meeting, WebhookDelivery
from meetings.providers import signatures
from meetings.providers.memory import MemoryProvider
from tests.api.errors import error_of
from tests.callers import PERMISSIONS, ApiClient, mint
from tests.conftest import NewMeeting
from tests.listening import Log, database_dump, listening

WEBHOOK_SECRET = "a-webhook-secret-that-nobody-may-see-0123456789"
AWS, AZURE = "an-aws-secret-that-nobody-may-see", "an-azure-key-that-nobody-may-see"
PATH_TOKEN = "an-unguessable-path-token-0123456789"
TURN = "a-turn-secret-that-nobody-may-see"
PASSWORD = "correct-horse-battery-staple"
WRONG_PASSWORD = "a-password-that-is-wrong-but-nearly-right"
VENDOR_WORDS = "vendor says: key 4711 of tenant acme is over quota"


@pytest.fixture
def log() -> Iterator[Log]:
    """Everything that is logged while the test runs, from DEBUG on."""
    with listening([PATH_TOKEN]) as written:
        yield written


@pytest.fixture
def _secrets(settings: Any) -> None:
    settings.VIDEOCONF = settings.VIDEOCONF | {
        "AWS_ACCESS_KEY": "AKIAEXAMPLE",
        "AWS_SECRET_KEY": AWS,
        "AZURE_ACCOUNT_KEY": AZURE,
        "AZURE_CONTAINER": "meetings",
        "WEBHOOK_PATH_TOKEN": PATH_TOKEN,
    }
    options = {"WEBHOOK_SECRETS": [WEBHOOK_SECRET], "TURN_URLS": ["turn:turn.example.org"], "TURN_SECRET": TURN}
    webrtc = settings.VIDEOCONF_PROVIDERS["webrtc"]
    settings.VIDEOCONF_PROVIDERS = {
        "webrtc": {"BACKEND": webrtc["BACKEND"], "OPTIONS": {**webrtc["OPTIONS"], **options}},
        "memory": {"BACKEND": "meetings.providers.memory.MemoryProvider"},
    }


def webhook(secret: str, session_id: str) -> tuple[bytes, str]:
    event = {"event": "connectionCreated", "sessionId": session_id, "connection": {"id": "c", "data": "Ann"}}
    body = json.dumps(event).encode()
    return body, signatures.sign(body, secret)


def use_everything(owner: ApiClient, memory: MemoryProvider) -> list[str]:
    """Call the service in good ways and bad; return every secret and token that was in use."""
    anonymous, browser = ApiClient(), Client()
    User.objects.create_superuser("ann", password=PASSWORD)
    seen = [str(owner.token), WEBHOOK_SECRET, AWS, AZURE, PATH_TOKEN, TURN, PASSWORD, WRONG_PASSWORD]
    signing: tuple[Any, ...] = (django_settings.VIDEOCONF["JWT_SECRET"], django_settings.SIMPLE_JWT["SIGNING_KEY"])
    seen += [django_settings.SECRET_KEY, *signing]
    code = owner.post("/session", {"title": "A"}, idempotency_key="k").json()["code"]
    path = f"/session/{code}"
    seen.append(owner.post(f"{path}/token", {"data": "Ann", "extId": "u"}).json()["token"])
    pair = anonymous.post("/auth/token", {"username": "ann", "password": PASSWORD}).json()
    seen += [pair["access"], pair["refresh"]]
    seen.append(anonymous.post("/auth/token/refresh", {"refresh": pair["refresh"]}).json()["access"])
    anonymous.post("/auth/token", {"username": "ann", "password": WRONG_PASSWORD})
    anonymous.post("/auth/token", {"username": WRONG_PASSWORD, "password": WRONG_PASSWORD[:8]})
    browser.post("/admin/login/", {"username": "ann", "password": WRONG_PASSWORD})
    browser.post("/admin/login/", {"username": "ann", "password": PASSWORD})
    for client in (owner, ApiClient(pair["access"])):
        client.get("/session")
        client.put("/archives/storage-target", {"name": "AWSS3", "bucket": "b"})
        client.put("/archives/storage-target", {"name": "AZURE", "accountName": "a"})
        client.get("/archives/storage-target")
    expired, foreign = mint(*PERMISSIONS, exp=1), mint(*PERMISSIONS, key="another-key-0123456789-0123456789-0123")
    for bad in (expired, foreign, seen[11]):
        ApiClient(bad).get("/session")
    seen += [expired, foreign]
    session_id = Meeting.objects.get(meeting_link=code).session_id
    for secret in (WEBHOOK_SECRET, "another-webhook-secret-0123456789-0123456789"):
        body, signature = webhook(secret, session_id)
        for address in (f"/webhooks/session/{PATH_TOKEN}", "/webhooks/webrtc/wrong", f"/webhooks/webrtc/{PATH_TOKEN}"):
            anonymous.post(address, body, authorization=signature)
        seen.append(signature.removeprefix("Bearer "))
    memory.fail_with = ProviderError(VENDOR_WORDS)
    owner.post("/session", {"provider": "memory"})
    browser.get(f"/meet/{code}")
    owner.patch(f"{path}/end")
    owner.delete(path)
    return seen


@pytest.mark.usefixtures("_secrets")
def test_a_full_run_leaves_no_secret_in_log_or_database(
    owner: ApiClient, log: Log, django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    from meetings.providers.registry import get_provider

    memory = get_provider("memory")
    assert isinstance(memory, MemoryProvider)
    with django_capture_on_commit_callbacks(execute=True):
        seen = use_everything(owner, memory)
    raw, formatted, dump = log.raw.getvalue(), log.formatted.getvalue(), database_dump()
    assert "provider_error" in raw  # the log was really listened to,
    assert "provider_error" in formatted
    assert Meeting.objects.get().meeting_link in dump  # and the rows really read
    assert WebhookDelivery.objects.filter(verdict="rejected").exists()
    assert len(seen) > 15
    for secret in seen:
        assert len(secret) > 8
        assert secret not in dump, f"{secret[:12]}… is in the database"
        assert secret not in formatted, f"{secret[:12]}… is in the log"
        # Django writes addresses; what is in one is for a formatter to take out.
        assert secret == PATH_TOKEN or secret not in raw, (
            f"{secret[:12]}… is in the log of a host without our formatter"
        )


def test_what_a_vendor_said_reaches_no_caller(
    owner: ApiClient, memory: MemoryProvider, new_meeting: NewMeeting
) -> None:
    meeting = new_meeting(provider="memory")
    memory.fail_with = ProviderError(VENDOR_WORDS)
    for answer in (
        owner.post("/session", {"provider": "memory"}),
        owner.post(f"/session/{meeting.meeting_link}/token", {}),
    ):
        assert "4711" not in json.dumps(error_of(answer, 502))


def test_an_error_repeats_no_token(caller_token: str, anonymous: ApiClient) -> None:
    for token in (mint(exp=1), mint(key="another-key-0123456789-0123456789-0123"), caller_token + "x"):
        answer = anonymous.get("/session", authorization=f"Bearer {token}")
        assert token[:20] not in answer.content.decode() + str(answer.headers)
    answer = anonymous.post("/auth/token", {"username": "ann", "password": WRONG_PASSWORD})
    assert WRONG_PASSWORD not in answer.content.decode()
