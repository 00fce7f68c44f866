"""The stand-in as a process of its own, driven over HTTP."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import opentok
import pytest
import requests

from tests.vonage import StandIn
from tests.vonage.archive_calls import ArchiveCalls
from tests.vonage.callers import APPLICATION_ID, create, new_session
from tests.vonage.control import PREFIX
from tests.vonage.receivers import Receiver
from tests.vonage.wire import Request

ROOT = Path(__file__).resolve().parent.parent.parent


def command(url: str, name: str, **arguments: Any) -> requests.Response:
    return requests.post(f"{url}{PREFIX}{name}", json=arguments, timeout=15)


def view(url: str, name: str) -> Any:
    return requests.get(f"{url}{PREFIX}{name}", timeout=5).json()


def test_commands_do_what_the_methods_do(legacy: StandIn) -> None:
    session_id = new_session(legacy)
    connection = command(legacy.url, "connect", session_id=session_id, data="Ann").json()["result"]
    stream = command(legacy.url, "publish", connection_id=connection, video_type="screen").json()["result"]
    (session,) = view(legacy.url, "state")["sessions"]
    assert list(session["connections"]) == [connection]
    assert session["streams"][stream]["video_type"] == "screen"
    assert command(legacy.url, "disconnect", connection_id=connection, reason="networkDisconnected").ok
    assert [said["name"] for said in view(legacy.url, "callbacks")][-1] == "sessionDestroyed"
    assert view(legacy.url, "requests")[0]["path"] == "/session/create"


def test_calls_fail_and_callbacks_go_astray_on_command(legacy: StandIn) -> None:
    command(legacy.url, "fail", pattern="POST /**", fault="status", arguments={"code": 429, "retry_after": 7})
    assert create(legacy).headers["Retry-After"] == "7"
    command(legacy.url, "fail", pattern="* /**", fault="html", times=None)
    assert create(legacy).status_code == 502
    assert command(legacy.url, "heal").ok
    assert command(legacy.url, "treat", event="*", manner={"signature": "wrong", "copies": 2}).ok
    legacy.connect(new_session(legacy))
    assert len(legacy.callbacks_of("sessionCreated")) == 2


def test_wrong_command_is_told(legacy: StandIn) -> None:
    assert command(legacy.url, "explode").status_code == 404
    assert command(legacy.url, "connect").status_code == 400
    assert command(legacy.url, "connect", session_id="1_x").status_code == 404
    assert command(legacy.url, "fail", pattern="x", fault="status").status_code == 400
    assert command(legacy.url, "fail", pattern="* /**", fault="boom").status_code == 400
    assert command(legacy.url, "token_claims", token="x").status_code == 400
    assert command(legacy.url, "register", kind="sip").status_code == 400
    assert requests.post(f"{legacy.url}{PREFIX}heal", data="x=1", timeout=5).status_code == 400


def test_control_is_for_this_machine_alone(legacy: StandIn) -> None:
    request = Request("GET", f"{PREFIX}state", "", {}, peer="192.0.2.1")
    assert legacy.answer(request).status == 403


def test_state_shows_no_storage_secret(legacy: StandIn) -> None:
    config = {"accessKey": "AK", "secretKey": "SK", "bucket": "b"}
    request = Request("PUT", "", "", {"content-type": "application/json"})
    request.body = json.dumps({"type": "s3", "config": config, "fallback": "none"}).encode()
    ArchiveCalls(legacy.state).put_storage(request)
    assert view(legacy.url, "state")["storage"]["config"] == {"accessKey": "AK", "bucket": "b"}


@pytest.fixture
def process(receiver: Receiver, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    words = ["--port", "0", "--quiet", "--application-id", APPLICATION_ID, "--private-key", str(tmp_path / "k.pem")]
    words += ["--callback-url", f"{receiver.url}/webhooks/session", "--callback-secret", "s" * 32]
    words += ["--finishes-after", "0", "--lingers", "0", "--retry-scale", "0.01"]
    with subprocess.Popen(
        [sys.executable, "-m", "tests.vonage", *words], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as running:
        yield running
        running.send_signal(signal.SIGTERM)
        assert running.wait(5) == 0


def test_process_serves_and_calls_back(process: subprocess.Popen[str], receiver: Receiver) -> None:
    assert process.stdout is not None
    url = process.stdout.readline().split()[-1]
    options = json.loads(process.stdout.readline().partition("=")[2])
    assert options["API_URL"] == url
    client = opentok.Client(options["APPLICATION_ID"], options["PRIVATE_KEY"], timeout=5)
    client.endpoints.api_url = url
    always = opentok.ArchiveModes.always
    session_id = client.create_session(media_mode=opentok.MediaModes.routed, archive_mode=always).session_id
    token = client.generate_token(session_id)
    connection = command(url, "connect", session_id=session_id, token=token).json()["result"]
    client.force_disconnect(session_id, connection)
    for _ in range(50):
        if "available" in receiver.events:
            break
        command(url, "settle")
    assert receiver.events == [
        "sessionCreated",
        "connectionCreated",
        "started",
        "connectionDestroyed",
        "stopped",
        "sessionDestroyed",
        "available",
    ]


def test_server_needs_no_test_packages() -> None:
    script = (
        "import sys, tests.vonage.__main__;"
        "known = {'django', 'pytest', 'requests', 'opentok', 'urllib3', 'pycurl', 'meetings', 'archives', 'videoconf'};"
        "sys.exit(', '.join(known & set(sys.modules)) or 0)"
    )
    subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=True)
