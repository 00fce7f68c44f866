"""After every operation with Vonage, in good ways and bad, no credential is in the log, in the rows or in an answer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from archives.models import Archive, StorageTarget
from meetings.models import WebhookDelivery
from tests.callers import NO_BODY, Answer, ApiClient
from tests.listening import Log, database_dump, listening
from tests.opentok.house import (
    APPLICATION_ID,
    ARCHIVE_SECRET,
    PEM,
    SECRET,
    SESSION_SECRET,
    STORAGE_KEYS,
    House,
    configure,
    good,
    project_of,
)
from tests.vonage import Application, StandIn, faults

pytestmark = pytest.mark.django_db

STORAGE_SECRET = "secret-of-the-account-that-nobody-may-see"
CALL_HEADERS = ("x-opentok-auth", "authorization")


@pytest.fixture
def log() -> Iterator[Log]:
    with listening() as written:
        yield written


class Recorder(ApiClient):
    """A caller that keeps what it was answered."""

    def __init__(self, token: str | None) -> None:
        super().__init__(token)
        self.answers: list[str] = []

    def send(self, method: str, path: str, body: Any = NO_BODY, **headers: str) -> Answer:
        answer = super().send(method, path, body, **headers)
        self.answers.append(f"{answer.headers} {answer.content.decode(errors='replace')}")
        return answer


def use_everything(house: House) -> list[str]:
    """Do all that Vonage is asked for, and let each fail once; return the join tokens."""
    api = house.api
    link, always = house.create(), house.create(enableArchiving=True, title="Recorded")
    tokens = [house.token(link, data="Ann", extId="user-1"), house.token(always)]
    ann, bea = house.join(link, "Ann", extId="user-1"), house.join(link, "Bea")
    house.vonage.publish(ann)
    house.vonage.publish(bea)
    house.join(always, "Cem")
    house.deliver()
    (person,) = [one["id"] for one in house.attendees(link) if one["attendee"] == "Bea"]
    archive_id = house.start(link, name="Talk")
    calls: list[tuple[str, Callable[[], Answer]]] = [
        ("POST /session/create", lambda: api.post("/session", {})),
        ("PUT **/storage", lambda: api.put("/archives/storage-target", {"name": "AWSS3", "bucket": "b"})),
        ("PUT **/storage", lambda: api.put("/archives/storage-target", {"name": "AZURE", "accountName": "clinic"})),
        ("DELETE **/storage", lambda: api.delete("/archives/storage-target")),
        ("POST **/mute", lambda: api.post(f"/session/{link}/mute")),
        ("POST **/mute", lambda: api.post(f"/session/{link}/attendees/{person}/mute")),
        ("DELETE **/connection/*", lambda: api.post(f"/session/{link}/attendees/{person}/remove")),
        ("POST **/stop", lambda: api.post(f"/archives/{archive_id}/stop")),
        ("GET **/archive/*", lambda: api.get(f"/archives/{archive_id}")),
    ]
    for pattern, call in calls:
        for status in (403, 500):
            house.vonage.fail(pattern, faults.status(status, "refused by Vonage"), times=None)
            assert call().status_code == 502
            house.vonage.heal()
        good(call())
    house.vonage.finish_archive(archive_id)
    house.deliver()
    good(api.get(f"/archives/{archive_id}"))
    assert api.get(f"/archives/{archive_id}/download").status_code == 302
    house.vonage.fail("DELETE **", faults.status(500), times=None)
    good(api.delete(f"/archives/{archive_id}"))
    good(api.patch(f"/session/{link}/end"))
    house.vonage.fail("GET **/archive", faults.status(403), times=None)
    with pytest.raises(CommandError):
        call_command("sync_archives")
    house.vonage.heal()
    call_command("sync_archives")
    good(api.delete(f"/session/{always}"))
    house.deliver()
    return tokens


def forge(house: House) -> None:
    """Send what does not verify: a callback that was changed on the way, and one of the other kind."""
    callback = house.vonage.callbacks[0]
    for body, signature in (
        (callback.body.replace(b"sessionCreated", b"sessionDestroyed"), callback.headers["Authorization"]),
        (b'{"event":"connectionCreated"}', house.vonage.callbacks_of("archive.*")[0].headers["Authorization"]),
    ):
        assert ApiClient().post("/webhooks/session", body, authorization=signature).status_code == 401


def in_use(house: House, tokens: list[str]) -> dict[str, str]:
    """Return every credential that was in use, by what it is."""
    found = {
        "the project's secret": SECRET,
        "the signature secret of sessions": SESSION_SECRET,
        "the signature secret of archives": ARCHIVE_SECRET,
        "the account's secret": STORAGE_SECRET,
        **{name: key for name, key in STORAGE_KEYS.items() if name.endswith("_KEY")},
    }
    found |= {
        f"line {number} of the private key": line for number, line in enumerate(PEM.splitlines()) if len(line) > 60
    }
    for number, request in enumerate(house.vonage.requests):
        signed = [request.headers[name] for name in CALL_HEADERS if name in request.headers]
        assert signed, request
        found |= {f"the header of call {number}": signed[0].rpartition(" ")[2]}
    for number, callback in enumerate(house.vonage.callbacks):
        found |= {f"the signature of callback {number}": callback.headers["Authorization"].rpartition(" ")[2]}
    return found | {f"join token {number}": token for number, token in enumerate(tokens)}


@pytest.fixture(params=["legacy", "application", "application and its account's secret"])
def house(request: pytest.FixtureRequest, settings: Any, owner: ApiClient) -> Iterator[House]:
    """The service in front of each kind of account."""
    account = STORAGE_SECRET if "secret" in request.param else ""
    project = (
        project_of("legacy") if request.param == "legacy" else Application(APPLICATION_ID, PEM, api_secret=account)
    )
    with StandIn(project, lingers=0) as vonage:
        vonage.register("session", secret=SESSION_SECRET)
        vonage.register("archive", secret=ARCHIVE_SECRET)
        configure(settings, vonage, STORAGE_SECRET=account)
        yield House(vonage, owner, settings)


def test_no_credential_is_in_the_log_the_database_or_an_answer(
    house: House, log: Log, django_capture_on_commit_callbacks: Callable[..., Any]
) -> None:
    house.api = recorder = Recorder(house.api.token)
    with django_capture_on_commit_callbacks(execute=True):
        tokens = use_everything(house)
        forge(house)

    raw, dump = log.raw.getvalue(), database_dump()
    answers = [answer for answer in recorder.answers if '"token"' not in answer]

    assert "was answered with 403" in raw, "the log was really listened to"
    assert WebhookDelivery.objects.filter(verdict="rejected").exists()
    assert Archive.objects.exists()
    assert StorageTarget.objects.exists()
    credentials = in_use(house, tokens)
    assert len(credentials) > 40
    for what, credential in credentials.items():
        assert len(credential) > 8, what
        assert credential not in raw, f"{what} is in the log"
        assert credential not in dump, f"{what} is in the database"
        assert not any(credential in answer for answer in answers), f"{what} is in an answer"
