"""A stand-in per kind of account, and the vendor's SDK pointed at it."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import jwt
import opentok
import pytest
import requests

from tests.vonage import Application, LegacyProject, Project, StandIn, new_private_key

KEY = "47318661"
SECRET = "0123456789abcdef0123456789abcdef01234567"
APPLICATION_ID = "78d335fa-323d-0114-9c3d-d6f0d48968cf"

FORM = {"p2p.preference": "disabled", "archiveMode": "manual", "e2ee": "false"}
ROOT = f"/v2/project/{KEY}"


def signed(**changes: Any) -> dict[str, str]:
    """Return the headers of a call of the legacy project, claims changed (`None` leaves one out)."""
    now = int(time.time())
    secret = changes.pop("secret", SECRET)
    claims = {"iss": KEY, "ist": "project", "iat": now, "exp": now + 180, "jti": "1"} | changes
    claims = {name: value for name, value in claims.items() if value is not None}
    return {"X-OPENTOK-AUTH": jwt.encode(claims, secret, algorithm="HS256"), "Accept": "application/json"}


def create(vonage: StandIn, form: dict[str, str] | None = None, **how: Any) -> requests.Response:
    """Ask the legacy project for a session."""
    how.setdefault("headers", signed())
    return requests.post(f"{vonage.url}/session/create", data=FORM if form is None else form, timeout=5, **how)


def new_session(vonage: StandIn, **form: str) -> str:
    """Return the id of a fresh session of the legacy project."""
    return str(create(vonage, FORM | form).json()[0]["session_id"])


def call(vonage: StandIn, method: str, path: str, document: Any = None, **how: Any) -> requests.Response:
    """Make a signed call under the legacy project."""
    how.setdefault("headers", signed())
    return requests.request(method, f"{vonage.url}{ROOT}{path}", json=document, timeout=5, **how)


@dataclass
class Receiver:
    """Takes callbacks; answers with `statuses` one after the other, then with 200."""

    url: str = ""
    statuses: list[int] = field(default_factory=list)
    taken: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)

    @property
    def events(self) -> list[str]:
        """What came, in order: the events, archives by their status."""
        return [said["status"] if said["event"] == "archive" else said["event"] for said in self.documents]

    @property
    def documents(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, _, body in self.taken]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            found.taken.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(found.statuses.pop(0) if found.statuses else 200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found.url = f"http://127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        yield found
        server.shutdown()


@pytest.fixture
def legacy() -> Iterator[StandIn]:
    """A stand-in for a legacy project whose callbacks are recorded, and repeated fast."""
    with StandIn(LegacyProject(KEY, SECRET), retry_scale=0.001, lingers=0) as stand_in:
        yield stand_in


@pytest.fixture(scope="session")
def private_key() -> str:
    return new_private_key()


@pytest.fixture(params=["legacy", "application"])
def project(request: pytest.FixtureRequest, private_key: str) -> Project:
    if request.param == "legacy":
        return LegacyProject(KEY, SECRET)
    return Application(APPLICATION_ID, private_key)


@pytest.fixture
def vonage(project: Project) -> Iterator[StandIn]:
    with StandIn(project) as stand_in:
        yield stand_in


@pytest.fixture
def sdk(vonage: StandIn, private_key: str, tmp_path: Path) -> Any:
    """The `opentok` SDK with the credentials of the stand-in's project."""
    secret = SECRET
    if isinstance(vonage.project, Application):
        path = tmp_path / "private.key"
        path.write_text(private_key)
        secret = str(path)
    client = opentok.Client(vonage.project.identifier, secret, timeout=5)
    client.endpoints.api_url = vonage.url
    return client
