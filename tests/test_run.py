"""`make run`'s program, started for real in a copy of the project, as a newcomer's first and second time."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).resolve().parent.parent
STARTS_WITHIN = 90.0  # seconds; a loaded machine is slow
STOPS_WITHIN = 20.0


@dataclass(frozen=True, slots=True)
class Running:
    """A started program: its process, where it answers, and the file with all that it printed."""

    process: subprocess.Popen[bytes]
    base: str
    log: Path

    def printed(self) -> str:
        return self.log.read_text()

    def find(self, pattern: str) -> str:
        match = re.search(pattern, self.printed())
        assert match is not None, f"{pattern} is not in:\n{self.printed()}"
        return match[1]

    def workers(self) -> list[int]:
        listed = subprocess.run(
            ["pgrep", "-P", str(self.process.pid), "-f", "db_worker"], capture_output=True, text=True
        )
        return [int(pid) for pid in listed.stdout.split()]

    def stop(self, signum: int = signal.SIGTERM) -> int:
        self.process.send_signal(signum)
        return self.process.wait(STOPS_WITHIN)


Start = Callable[..., Running]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def copy_project(folder: Path) -> Path:
    ignore = shutil.ignore_patterns("__pycache__", "node_modules")
    for name in ("videoconf", "meetings", "archives", "templates"):
        shutil.copytree(ROOT / name, folder / name, ignore=ignore)
    shutil.copy(ROOT / "manage.py", folder)
    return folder


def eventually(condition: Callable[[], bool], within: float, what: str) -> None:
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, f"not within {within} s: {what}"
        time.sleep(0.1)


def is_alive(pid: int) -> bool:
    """Tell whether a process runs; one that has ended and waits to be collected doesn't."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@contextmanager
def running(project: Path, **env: str) -> Iterator[Running]:
    """Start the program and wait until it says that it is ready; stop it at the end if it still runs."""
    port = env.setdefault("PORT", str(free_port()))
    log = project / f"run-{port}.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "videoconf.run"],
            cwd=project,
            env={"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"} | env,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    started = Running(process, f"http://127.0.0.1:{port}", log)
    try:
        eventually(lambda: "are running" in started.printed() or process.poll() is not None, STARTS_WITHIN, "ready")
        assert process.poll() is None, started.printed()
        yield started
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_project(tmp_path_factory.mktemp("project"))


@pytest.fixture(scope="module")
def first(project: Path) -> Iterator[Running]:
    """A server that was started for the first time."""
    with running(project) as server:
        yield server


def test_first_run_prints_a_meeting_page_that_opens(first: Running) -> None:
    page = first.find(r"A ready meeting +(\S+)")

    answer = httpx.get(page)
    assert page.startswith(f"{first.base}/meet/")
    assert answer.status_code == 200
    assert "text/html" in answer.headers["Content-Type"]


def test_first_run_prints_an_admin_who_can_sign_in(first: Running) -> None:
    username, password = first.find(r"admin/ +(\S+) /"), first.find(r"admin/ +\S+ / (\S+)")

    with httpx.Client(base_url=first.base, follow_redirects=True) as browser:
        browser.get("/admin/login/")
        form = {
            "username": username,
            "password": password,
            "csrfmiddlewaretoken": browser.cookies["csrftoken"],
        }
        page = browser.post("/admin/login/", params={"next": "/admin/"}, data=form)

    assert page.status_code == 200
    assert "Site administration" in page.text


def test_first_run_prints_the_api_docs(first: Running) -> None:
    assert httpx.get(first.find(r"API documentation +(\S+)")).status_code == 200


def test_first_run_prints_a_curl_that_creates_a_meeting(first: Running) -> None:
    command = first.find(r"(curl -X POST [^\n]+\\\n[^\n]+)")

    done = subprocess.run(["sh", "-c", command.replace("curl ", "curl -sf ")], capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    assert re.fullmatch(r'\{"code": ?"[\w-]{10}"\}', done.stdout.strip())


def test_first_page_leads_to_the_ready_meeting(first: Running) -> None:
    path = first.find(r"A ready meeting +\S+(/meet/\S+)")

    assert f'href="{path}"' in httpx.get(first.base).text


def test_static_files_and_unknown_paths_answer(first: Running) -> None:
    assert httpx.get(f"{first.base}/static/videoconf/chrome.css").status_code == 200
    unknown = httpx.post(f"{first.base}/sesion", json={})
    assert unknown.status_code == 404
    assert unknown.json()["error"]["code"] == "route_not_found"


def test_secrets_and_tokens_reach_neither_log_nor_database(project: Path, first: Running) -> None:
    bearer = first.find(r"Bearer (\S+)'")
    password = first.find(r"admin/ +\S+ / (\S+)")
    with httpx.Client(base_url=first.base, headers={"Authorization": f"Bearer {bearer}"}) as client:
        link = client.post("/session", json={"title": "found in the database"}).json()["code"]
        join = client.post(f"/session/{link}/token", json={"data": "Ada"}).json()["token"]
        client.post("/auth/token", json={"username": "admin", "password": f"{password}-mistyped"})
        client.post("/webhooks/session", json={"event": "nonsense"}, headers={"Authorization": f"Bearer {join}"})
        client.get(f"/meet/{link}", params={"token": join})
    keys = [line.split("=", 1)[1] for line in (project / "var" / "keys.env").read_text().split()]

    stored = b"".join(path.read_bytes() for path in (project / "var").glob("db.sqlite3*")).decode("latin-1")
    assert len(keys) == 2
    assert "found in the database" in stored
    for secret in (*keys, join, f"{password}-mistyped"):
        assert secret not in first.printed()
        assert secret not in stored
    for printed_once in (bearer, password):
        assert first.printed().count(printed_once) == 1
        assert printed_once not in stored


def test_second_program_on_the_port_says_so_and_what_to_do(project: Path, first: Running) -> None:
    port = first.base.rpartition(":")[2]
    done = subprocess.run(
        [sys.executable, "-m", "videoconf.run"],
        cwd=project,
        env={"PATH": os.environ["PATH"], "PORT": port},
        capture_output=True,
        text=True,
        timeout=STARTS_WITHIN,
    )

    assert done.returncode == 1
    assert done.stderr.startswith(f"PORT: {port} on 127.0.0.1 can't be had")
    assert f"make run PORT={int(port) + 1}" in done.stderr
    assert "Traceback" not in done.stderr


def test_second_program_on_the_database_says_so_and_what_to_do(project: Path, first: Running) -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "videoconf.run"],
        cwd=project,
        env={"PATH": os.environ["PATH"], "PORT": str(free_port())},
        capture_output=True,
        text=True,
        timeout=STARTS_WITHIN,
    )

    assert answer.returncode == 1
    said = answer.stdout + answer.stderr
    assert f"another `make run` (process {first.process.pid}, {first.base})" in said
    assert "set REDIS_URL or another DATABASE_URL" in said
    assert len(said.strip().splitlines()) == 1
    assert httpx.get(f"{first.base}/health/ready").status_code == 200


def test_killed_program_leaves_the_database_free(tmp_path: Path) -> None:
    project = copy_project(tmp_path)
    with running(project) as server:
        server.stop(signal.SIGKILL)
        with running(project) as another:
            assert httpx.get(f"{another.base}/health/ready").status_code == 200


def test_worker_that_dies_is_started_again(first: Running) -> None:
    eventually(lambda: len(first.workers()) == 1, 10, "a worker")
    before = first.workers()[0]

    os.kill(before, signal.SIGKILL)

    eventually(lambda: first.workers() not in ([], [before]), STARTS_WITHIN, "another worker")


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_signal_stops_server_and_worker(tmp_path: Path, signum: int) -> None:
    with running(copy_project(tmp_path)) as server:
        eventually(lambda: len(server.workers()) == 1, 10, "a worker")
        worker = server.workers()[0]

        assert server.stop(signum) == 0

        assert not is_alive(worker)
        assert "Stopped." in server.printed()
        assert "Traceback" not in server.printed()


def test_worker_ends_when_the_server_is_killed(tmp_path: Path) -> None:
    with running(copy_project(tmp_path)) as server:
        eventually(lambda: len(server.workers()) == 1, 10, "a worker")
        worker = server.workers()[0]

        server.stop(signal.SIGKILL)

        eventually(lambda: not is_alive(worker), STOPS_WITHIN, "the worker ends")


def test_second_run_keeps_the_meeting_and_the_password(tmp_path: Path) -> None:
    project = copy_project(tmp_path)
    with running(project) as server:
        page = server.find(r"A ready meeting +\S+(/meet/\S+)")
        password = server.find(r"admin/ +\S+ / (\S+)")
        server.stop()

    with running(project) as server:
        assert server.find(r"A ready meeting +\S+(/meet/\S+)") == page
        assert password not in server.printed()
        assert "changepassword admin" in server.printed()


def test_given_admin_and_no_guests_are_respected(tmp_path: Path) -> None:
    given = {"ADMIN_USERNAME": "ada", "ADMIN_PASSWORD": "correct horse battery", "GUEST_ROLE": ""}
    with running(copy_project(tmp_path), **given) as server:
        assert server.find(r"admin/ +(\S+) / the password in ADMIN_PASSWORD") == "ada"
        assert given["ADMIN_PASSWORD"] not in server.printed()
        assert "GUEST_ROLE" not in server.printed()


def test_without_debug_static_files_carry_their_hash(tmp_path: Path) -> None:
    with running(copy_project(tmp_path), DEBUG="false") as server:
        page = httpx.get(server.base)
        address = re.search(r'href="(/static/videoconf/chrome\.[0-9a-f]{12}\.css)"', page.text)
        assert address is not None
        sheet = httpx.get(server.base + address[1])
        module = re.search(r'src="(/static/[^"]+\.js)"', httpx.get(server.find(r"A ready meeting +(\S+)")).text)

        assert sheet.status_code == 200
        assert "immutable" in sheet.headers["Cache-Control"]
        assert module is not None
        script = httpx.get(server.base + module[1])
        assert script.status_code == 200
        for imported in re.findall(r'from "(\.[^"]+)"', script.text):
            assert re.search(r"\.[0-9a-f]{12}\.js$", imported), imported


def test_vonage_can_be_looked_at_without_an_account(tmp_path: Path) -> None:
    project = copy_project(tmp_path)
    shutil.copytree(ROOT / "tests" / "vonage", project / "tests" / "vonage")
    with running(project, VIDEOCONF_PROVIDER="opentok", VIDEOCONF_DEMO="1") as server:
        link = server.find(r"/meet/([A-Za-z0-9_-]+)")
        vonage = server.find(r"A stand-in at (\S+)")
        caller = {"Authorization": f"Bearer {server.find(r'Bearer ([A-Za-z0-9_.-]+)')}"}
        joined = httpx.post(f"{server.base}/session/{link}/token", headers=caller, json={"data": "Ann"}).json()
        who = {"session_id": joined["sessionId"], "token": joined["token"]}
        assert httpx.post(f"{vonage}/__stand_in/connect", json=who).status_code == 200

        def names() -> list[str]:
            people = httpx.get(f"{server.base}/session/{link}/attendees", headers=caller).json()
            return [one["attendee"] for one in people]

        eventually(lambda: names() == ["Ann"], 10, "the signed webhook of a person who joined is applied")
        assert server.stop() == 0

    with pytest.raises(httpx.ConnectError):
        httpx.get(vonage)

    with running(project, VIDEOCONF_DEMO="1") as killed:
        vonage = killed.find(r"A stand-in at (\S+)")
        killed.stop(signal.SIGKILL)
        eventually(lambda: not answers(vonage), 10, "the stand-in is gone, so that the next start has its port")


def answers(address: str) -> bool:
    try:
        return bool(httpx.get(address).status_code)
    except httpx.ConnectError:
        return False


def test_a_demo_beside_credentials_is_refused(project: Path) -> None:
    env = {"VIDEOCONF_DEMO": "1", "VONAGE_API_KEY": "46000001", "VONAGE_API_SECRET": "0123456789abcdef"}
    refused = subprocess.run(
        [sys.executable, "-m", "videoconf.run"],
        cwd=project,
        env={"PATH": os.environ["PATH"]} | env,
        capture_output=True,
        text=True,
    )
    assert refused.returncode != 0
    assert "VIDEOCONF_DEMO: it is for those who have no credentials" in refused.stderr
