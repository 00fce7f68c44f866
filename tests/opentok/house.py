"""The service with Vonage as its default provider, used through its API, and the stand-in behind it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.core.management import call_command
from django.test import Client
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from archives.models import Archive
from meetings.models import Meeting
from tests.callers import Answer, ApiClient
from tests.vonage import Application, Callback, LegacyProject, Project, StandIn, new_private_key

KEY, SECRET = "46000001", "0123456789abcdef0123456789abcdef01234567"
APPLICATION_ID = "78d335fa-323d-0114-9c3d-d6f0d48968cf"
PEM = new_private_key()
SESSION_SECRET = "session-secret-of-the-tests-0123456789abcdef"
ARCHIVE_SECRET = "archive-secret-of-the-tests-0123456789abcdef"
BACKEND = "meetings.providers.opentok.OpenTokProvider"
STORAGE_KEYS = {
    "AWS_ACCESS_KEY": "key-id-of-the-tests",
    "AWS_SECRET_KEY": "secret-key-of-the-tests",
    "AZURE_ACCOUNT_KEY": "account-key-of-the-tests",
    "AZURE_CONTAINER": "default-container",
}


def project_of(mode: str) -> Project:
    """Return the stand-in's account of a mode."""
    return LegacyProject(KEY, SECRET) if mode == "legacy" else Application(APPLICATION_ID, PEM)


def options_of(vonage: StandIn, **more: Any) -> dict[str, Any]:
    """Return the provider's options that fit a stand-in."""
    is_legacy = isinstance(vonage.project, LegacyProject)
    pair = (
        {"API_KEY": KEY, "API_SECRET": SECRET}
        if is_legacy
        else {
            "APPLICATION_ID": APPLICATION_ID,
            "PRIVATE_KEY": PEM,
        }
    )
    secrets = {"SESSION_SECRETS": [SESSION_SECRET], "ARCHIVE_SECRETS": [ARCHIVE_SECRET]}
    return pair | secrets | {"API_URL": vonage.url, "TIMEOUT": 5} | more


def configure(settings: Any, vonage: StandIn, **more: Any) -> None:
    """Make Vonage the default provider, at the stand-in; `more` are options of the provider."""
    provider = {"BACKEND": BACKEND, "OPTIONS": options_of(vonage, **more)}
    settings.VIDEOCONF_PROVIDERS = settings.VIDEOCONF_PROVIDERS | {"opentok": provider}
    settings.VIDEOCONF = settings.VIDEOCONF | STORAGE_KEYS | {"DEFAULT_PROVIDER": "opentok"}


@dataclass
class House:
    """The API as a caller with every permission uses it; what the stand-in calls back comes with `deliver`."""

    vonage: StandIn
    api: ApiClient
    settings: Any
    delivered: int = 0

    def configure(self, **options: Any) -> None:
        """Change options of the provider."""
        configure(self.settings, self.vonage, **options)

    def create(self, **body: Any) -> str:
        """Create a meeting; return its link id."""
        return str(good(self.api.post("/session", body)).json()["code"])

    def meeting(self, link: str) -> dict[str, Any]:
        """Return a meeting as the API has it."""
        found: dict[str, Any] = good(self.api.get(f"/session/{link}")).json()
        return found

    def session_id(self, link: str) -> str:
        return str(self.meeting(link)["sessionId"])

    def token(self, link: str, **body: Any) -> str:
        return str(good(self.api.post(f"/session/{link}/token", body)).json()["token"])

    def join(self, link: str, name: str = "", **body: Any) -> str:
        """Let somebody in with a token of ours, and deliver what Vonage says of it; return the connection's id."""
        token = self.token(link, data=name, **body)
        connection_id = self.vonage.connect(self.session_id(link), token=token)
        self.deliver()
        return connection_id

    def attendees(self, link: str, query: str = "") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = good(self.api.get(f"/session/{link}/attendees{query}")).json()
        return found

    def here(self, link: str) -> list[str]:
        """Return the names of those who are in a meeting now."""
        return [person["attendee"] for person in self.attendees(link, "?active=true")]

    def start(self, link: str, **body: Any) -> str:
        """Start an archive; return its id."""
        return str(good(self.api.post(f"/session/{link}/archives", body)).json()["metaData"]["id"])

    def archive(self, archive_id: str) -> dict[str, Any]:
        """Return what the API says of one archive."""
        found: dict[str, Any] = good(self.api.get(f"/archives/{archive_id}")).json()
        return found

    def status(self, archive_id: str) -> str:
        """Return the status of an archive in the list, for which nobody asks Vonage."""
        items = good(self.api.get("/archives?count=1000")).json()["items"]
        return str(next(item["metaData"]["status"] for item in items if item["metaData"]["id"] == archive_id))

    def deliver(self) -> int:
        """Bring the callbacks that were not brought yet, in order; return how many."""
        new = self.vonage.callbacks[self.delivered :]
        self.delivered += len(new)
        for callback in new:
            assert self.bring(callback).status_code == 204, callback
        return len(new)

    def lose(self) -> int:
        """Let the callbacks that were not brought yet be lost; return how many."""
        lost = len(self.vonage.callbacks) - self.delivered
        self.delivered += lost
        return lost

    def bring(self, callback: Callback) -> Answer:
        """Bring one callback, as it was signed."""
        return Client().generic(
            "POST",
            "/webhooks/session",
            callback.body,
            content_type=callback.headers["Content-Type"],
            headers={"authorization": callback.headers["Authorization"]},
        )

    def calls(self, pattern: str = "") -> list[str]:
        """Return the calls at Vonage so far that hold a text, as `METHOD /path`."""
        made = [f"{request.method} {request.path}" for request in self.vonage.requests]
        return [call for call in made if pattern in call]

    def view(self, link: str) -> dict[str, bytes]:
        """Return everything that the API shows without asking Vonage, byte for byte."""
        paths = (f"/session/{link}", f"/session/{link}/attendees", f"/session/{link}/attendees?active=true")
        more = ("/session", f"/session/{link}/attendance", "/archives", "/archives/storage-target")
        shown = {path: self.api.get(path) for path in (*paths, *more)}
        assert {answer.status_code for answer in shown.values()} <= {200, 404}
        answers = {path: answer.content for path, answer in shown.items()}
        answers[more[1]] = b""  # it counts the seconds of those who are there
        return answers


def good(answer: Answer) -> Answer:
    """Return an answer after a look at its status."""
    assert 200 <= answer.status_code < 300, answer.content
    return answer


def run_due_tasks() -> None:
    """Let the time pass that repeats wait, and run the worker, for real, until nothing is due."""
    now = timezone.now()
    Meeting.objects.filter(disconnect_due_at__isnull=False).update(disconnect_due_at=now)
    Archive.objects.filter(removal_due_at__isnull=False).update(removal_due_at=now)
    DBTaskResult.objects.filter(status="READY").update(run_after=now)
    call_command("db_worker", batch=True, interval=0.1, startup_delay=False, verbosity=0)
