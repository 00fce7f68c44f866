"""The runnable project, started for real in a copy of its own, so that it can be killed and started again."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import psycopg2
from django.conf import settings
from psycopg2 import sql

from tests.callers import PERMISSIONS, mint

ROOT = Path(__file__).resolve().parents[2]
DEADLINE = 30.0  # seconds that anything may take on a loaded machine
STARTS_WITHIN = 120.0
ADMIN, PASSWORD = "ada", "correct horse battery"


def eventually(condition: Callable[[], object], what: str, *, within: float = DEADLINE) -> None:
    """Poll until the condition holds; `what` says what was waited for."""
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, f"not within {within} s: {what}"
        time.sleep(0.1)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def copy_project(folder: Path) -> Path:
    """Copy what runs: edits during a test run, and other runs, leave it alone."""
    ignore = shutil.ignore_patterns("__pycache__")
    for name in ("videoconf", "meetings", "archives", "templates"):
        shutil.copytree(ROOT / name, folder / name, ignore=ignore)
    shutil.copy(ROOT / "manage.py", folder)
    return folder


def new_database() -> str:
    """Return the address of a new database on the PostgreSQL of DATABASE_URL; nothing means SQLite."""
    address = os.environ.get("DATABASE_URL", "")
    if not address:
        return ""
    name = f"browser_{uuid.uuid4().hex[:12]}"
    connection = psycopg2.connect(address)
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    connection.close()
    return f"{address.rpartition('/')[0]}/{name}"


class Server:
    """One server process and its worker, and what tests ask of them over HTTP as an owner of every permission."""

    def __init__(self, folder: Path, *, more_settings: str = "", **env: str) -> None:
        self.folder = copy_project(folder)
        with (self.folder / "videoconf" / "settings.py").open("a") as file:
            file.write(f"\n{more_settings}\n")
        self.port = free_port()
        self.base = f"http://127.0.0.1:{self.port}"
        self.log = folder / "log"
        self.env: dict[str, str] = {
            "PATH": os.environ["PATH"],
            "PYTHONDONTWRITEBYTECODE": "1",
            "PORT": str(self.port),
            "DEBUG": "false",  # pages as they are in production: assets under hashed names
            "SECRET_KEY": str(settings.SECRET_KEY),
            "JWT_SECRET": str(settings.VIDEOCONF["JWT_SECRET"]),
            "ADMIN_USERNAME": ADMIN,
            "ADMIN_PASSWORD": PASSWORD,
            "DATABASE_URL": new_database(),
            "REDIS_URL": os.environ.get("REDIS_URL", ""),
        } | env
        self.process: subprocess.Popen[bytes] | None = None
        self.client = httpx.Client(base_url=self.base, trust_env=False, timeout=DEADLINE)

    def start(self) -> None:
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "videoconf.run"],
                cwd=self.folder,
                env=self.env,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        eventually(self.is_ready, "the server is ready", within=STARTS_WITHIN)

    def is_ready(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()
        try:
            return self.client.get("/health/ready").status_code == 200
        except httpx.TransportError:
            return False

    def kill(self) -> None:
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)
        self.client.close()

    def _end(self, signum: int) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signum)
            self.process.wait(DEADLINE)

    def manage(self, code: str) -> None:
        """Run Python code in the project, as `manage.py shell` does."""
        command = [sys.executable, "manage.py", "shell", "--no-imports", "-c", code]
        subprocess.run(command, cwd=self.folder, env=self.env, check=True)

    def ask(self, method: str, path: str, body: Any = None) -> httpx.Response:
        headers = {"Authorization": f"Bearer {mint(*PERMISSIONS)}"}
        answer = self.client.request(method, path, json=body, headers=headers)
        assert answer.status_code < 500, answer.text
        return answer

    def new_meeting(self, **body: Any) -> str:
        """Create a meeting; return its link id."""
        answer = self.ask("POST", "/session", body)
        assert answer.status_code == 200, answer.text
        code: str = answer.json()["code"]
        return code

    def token(self, link: str, **body: Any) -> str:
        """Return a join token for someone, as a client application gets it; names as in the API."""
        answer = self.ask("POST", f"/session/{link}/token", body)
        assert answer.status_code == 200, answer.text
        token: str = answer.json()["token"]
        return token

    def page(self, link: str, token: str = "") -> str:
        """Return the address of a meeting's page; with a token it is an invitation."""
        return f"{self.base}/meet/{link}" + (f"#token={token}" if token else "")

    def invitation(self, link: str, **body: Any) -> str:
        return self.page(link, self.token(link, **body))

    def attendees(self, link: str, *, active: bool = True) -> list[dict[str, Any]]:
        path = f"/session/{link}/attendees" + ("?active=true" if active else "")
        rows: list[dict[str, Any]] = self.ask("GET", path).json()
        return rows

    def present(self, link: str) -> list[str]:
        """Return the names of those who are in the meeting now, sorted."""
        return sorted(row["attendee"] for row in self.attendees(link))
