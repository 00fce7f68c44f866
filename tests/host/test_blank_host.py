"""The wheel in a blank project of somebody else: own user model, a URL prefix, only documented settings."""

from __future__ import annotations

import asyncio
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
import websockets

ROOT = Path(__file__).resolve().parent.parent.parent
HOST = Path(__file__).resolve().parent / "project"
SECRET = "a-shared-secret-of-this-test-0123456789-0123456789"
STARTS_WITHIN = 60.0

pytestmark = pytest.mark.host


def own_environment() -> dict[str, str]:
    """Return the environment without what is meant for this project's tests; pip keeps its configuration."""
    kept = ("PATH", "HOME", "LANG")
    return {name: value for name, value in os.environ.items() if name in kept or name.startswith("PIP_")}


def run(*command: str | Path, cwd: Path) -> str:
    env = own_environment()
    done = subprocess.run([str(part) for part in command], cwd=cwd, env=env, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from what git knows, so that an ignored file can't slip in."""
    source = tmp_path_factory.mktemp("source")
    listed = run("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=ROOT).split("\0")
    for name in filter(None, listed):
        if (ROOT / name).is_file():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_bytes((ROOT / name).read_bytes())
    run(sys.executable, "-m", "build", "--wheel", "--outdir", source / "dist", cwd=source)
    [built] = (source / "dist").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def python(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with the wheel and a server, and nothing else of ours."""
    folder = tmp_path_factory.mktemp("environment")
    run(sys.executable, "-m", "venv", folder, cwd=folder)
    interpreter = folder / "bin" / "python"
    pins = [
        line
        for line in (ROOT / "requirements.txt").read_text().splitlines()
        if re.match(r"(Django|channels|uvicorn|websockets|djangorestframework|django-tasks)==", line)
    ]
    run(interpreter, "-m", "pip", "install", "--quiet", f"{wheel}[webrtc]", *pins, cwd=folder)
    return interpreter


@pytest.fixture(scope="module")
def project(python: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`startproject`, an app with a user model of its own, and the lines that docs/embedding.md asks for."""
    folder = tmp_path_factory.mktemp("host")
    run(python, "-m", "django", "startproject", "clinic", ".", cwd=folder)
    run(python, "-m", "django", "startapp", "people", cwd=folder)
    for path in sorted(HOST.rglob("*.py")):
        target = folder / path.relative_to(HOST)
        text = path.read_text()
        if target.name == "settings.py":
            text = target.read_text() + text
        target.write_text(text)
    run(python, "manage.py", "makemigrations", "people", cwd=folder)
    run(python, "manage.py", "migrate", cwd=folder)
    return folder


@pytest.fixture(scope="module")
def base(python: Path, project: Path) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = project / "server.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            [python, "-m", "uvicorn", "clinic.asgi:application", "--port", str(port), "--lifespan", "off"],
            cwd=project,
            env=own_environment(),
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + STARTS_WITHIN
        while True:
            assert server.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            try:
                httpx.get(f"{address}/video/health/live")
                break
            except httpx.TransportError:
                time.sleep(0.1)
        yield address
    finally:
        server.terminate()
        server.wait(20)


def caller(*permissions: str) -> dict[str, str]:
    claims = {"iss": "clinic-portal", "id": "nurse-7", "permissions": permissions, "exp": time.time() + 300}
    return {"Authorization": f"Bearer {jwt.encode(claims, SECRET, algorithm='HS256')}"}


async def receive(connection: websockets.ClientConnection, kind: str) -> dict[str, Any]:
    """Return the next frame of a kind."""
    async with asyncio.timeout(20):
        while True:
            frame: dict[str, Any] = json.loads(await connection.recv())
            if frame["t"] == kind:
                return frame


def test_wheel_carries_templates_static_files_and_types(wheel: Path) -> None:
    names = run(sys.executable, "-m", "zipfile", "-l", wheel, cwd=wheel.parent)

    for part in (
        "meetings/py.typed",
        "archives/py.typed",
        "meetings/migrations/0001_initial.py",
        "archives/migrations/0001_initial.py",
        "meetings/templates/videoconf_meetings/meet.html",
        "meetings/static/videoconf_meetings/",
    ):
        assert part in names
    assert not re.search(r"^(videoconf|tests|templates|bench)/", names, re.MULTILINE)


def test_host_finds_nothing_to_complain_of_or_migrate(python: Path, project: Path) -> None:
    assert "no issues" in run(python, "manage.py", "check", cwd=project)
    assert "No changes" in run(python, "manage.py", "makemigrations", "--check", "--dry-run", cwd=project)


async def test_meeting_is_created_and_joined_under_the_prefix(base: str) -> None:
    async with httpx.AsyncClient(base_url=f"{base}/video") as client:
        created = await client.post("/session", json={"title": "Ward round"}, headers=caller("CreateMeetingSession"))
        assert created.status_code == 200, created.text
        link = created.json()["code"]
        tokens = [
            (
                await client.post(f"/session/{link}/token", json={"data": name}, headers=caller("GenerateMeetingToken"))
            ).json()["token"]
            for name in ("Ada", "Grace")
        ]
        page = await client.get(f"/meet/{link}")
        assert page.status_code == 200
        assert f"/video/ws/meet/{link}" in page.text

        address = f"{base.replace('http', 'ws', 1)}/video/ws/meet/{link}"
        media = {"mic": True, "camera": True, "screen": False}
        async with (
            websockets.connect(address, origin=websockets.Origin(base)) as ada,
            websockets.connect(address, origin=websockets.Origin(base)) as grace,
        ):
            await ada.send(json.dumps({"t": "join", "token": tokens[0], "media": media}))
            assert (await receive(ada, "welcome"))["name"] == "Ada"
            await grace.send(json.dumps({"t": "join", "token": tokens[1], "media": media}))
            await receive(grace, "welcome")
            assert (await receive(ada, "hello"))["name"] == "Grace"

            attendees = await client.get(
                f"/session/{link}/attendees", params={"active": "true"}, headers=caller("GetMeetingAttendees")
            )
            assert sorted(row["attendee"] for row in attendees.json()) == ["Ada", "Grace"]

            ended = await client.patch(f"/session/{link}/end", headers=caller("StopMeeting"))
            assert ended.status_code == 204
            await receive(ada, "ended")
            await receive(grace, "ended")


def test_host_user_with_a_permission_calls_the_api(python: Path, project: Path, base: str) -> None:
    run(python, "manage.py", "shell", "-c", (project / "people" / "make_user.py").read_text(), cwd=project)

    pair = httpx.post(f"{base}/video/auth/token", json={"username": "ada@clinic.example", "password": "pw-of-ada"})
    assert pair.status_code == 200, pair.text
    headers = {"Authorization": f"Bearer {pair.json()['access']}"}

    assert httpx.post(f"{base}/video/session", json={}, headers=headers).status_code == 200
    assert httpx.get(f"{base}/video/session", headers=headers).status_code == 403
