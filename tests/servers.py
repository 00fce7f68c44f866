"""Real servers on the test's database: other processes, which can be killed and started again."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import quote

from django.db import connection

ROOT = Path(__file__).resolve().parent.parent
STARTS_WITHIN = 60.0


def database_url() -> str:
    """Return the address of the database that this test uses."""
    settings = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{settings['NAME']}"
    who = quote(settings["USER"]) + (f":{quote(settings['PASSWORD'])}" if settings["PASSWORD"] else "")
    port = f":{settings['PORT']}" if settings["PORT"] else ""
    return f"postgres://{who}@{quote(settings['HOST'], safe='')}{port}/{settings['NAME']}"


def free_port() -> int:
    """Return a port that nothing listens on at present."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def eventually(condition: Callable[[], object], what: str, *, within: float = 20.0) -> None:
    """Poll until the condition holds; `what` says what was waited for."""
    deadline = time.monotonic() + within
    while not condition():
        assert time.monotonic() < deadline, f"not within {within} s: {what}"
        time.sleep(0.05)


class Server:
    """A server process and its children; its output is in `log`."""

    def __init__(self, log: Path, arguments: Sequence[str], **env: str) -> None:
        self.log = log
        self.port = free_port()
        self.command = [sys.executable, "-m", *(word.format(port=self.port) for word in arguments)]
        self.env = os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings", "DATABASE_URL": database_url()} | env
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it takes connections."""
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                self.command, cwd=ROOT, env=self.env, stdout=output, stderr=output, start_new_session=True
            )
        eventually(self.is_listening, f"a server on {self.port}: {self.log}", within=STARTS_WITHIN)

    def is_listening(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def kill(self, how: int = signal.SIGKILL) -> None:
        """End it and its children; SIGKILL leaves them no time to say good-bye."""
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, how)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                os.killpg(self.process.pid, signal.SIGKILL)
                self.process.wait()


def asgi(log: Path, **env: str) -> Server:
    """Return an ASGI server (HTTP and sockets), not started."""
    application = "videoconf.asgi:application"
    return Server(log, ["uvicorn", application, "--port", "{port}", "--ws-max-size", "131072"], **env)


def wsgi(log: Path, **env: str) -> Server:
    """Return a WSGI server with two workers, not started."""
    return Server(log, ["videoconf.serve", "--port", "{port}", "--workers", "2"], **env)
