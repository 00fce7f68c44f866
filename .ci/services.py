"""PostgreSQL and Redis of one's own for a test run: in a temporary folder, on Unix sockets, gone afterwards.

Unix sockets need no free port, and work from inside a network namespace too.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from pathlib import Path

STARTS_WITHIN = 30.0  # seconds
UNPRIVILEGED = ("postgres", "nobody")


class UnavailableError(Exception):
    """What this machine lacks, in one line."""


def find_program(name: str, *folders: str) -> str:
    """Return the path of a program, on PATH or in one of the folders (patterns; the last match wins)."""
    if (found := shutil.which(name)) is not None:
        return found
    for pattern in folders:
        matches = sorted(Path("/").glob(f"{pattern.lstrip('/')}/{name}"))
        if matches:
            return str(matches[-1])
    raise UnavailableError(f"{name} is not installed")


class Service(ABC):
    """A server process; used as a context manager that gives its address."""

    process: subprocess.Popen[bytes] | None = None
    stop_signal = signal.SIGTERM

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __enter__(self) -> str:
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    @abstractmethod
    def start(self) -> str:
        """Start it and return its address."""

    def stop(self) -> None:
        if self.process is None or self.process.poll() is not None:
            return
        self.process.send_signal(self.stop_signal)
        try:
            self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def wait_until(self, command: list[str]) -> None:
        """Repeat the command until it succeeds."""
        assert self.process is not None
        deadline = time.monotonic() + STARTS_WITHIN
        while subprocess.run(command, capture_output=True).returncode != 0:
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise UnavailableError(f"{command[0]}: the server did not start; its log: {self.folder}/log")
            time.sleep(0.1)


class PostgreSQL(Service):
    """A cluster made for this run: nothing is kept, so nothing waits for the disk."""

    stop_signal = signal.SIGINT  # with SIGTERM it would wait for its clients

    def start(self) -> str:
        programs = {
            name: find_program(name, "/usr/lib/postgresql/*/bin", "/usr/local/pgsql/bin", "/opt/homebrew/bin")
            for name in ("initdb", "postgres", "pg_isready")
        }
        self.folder.mkdir()
        user = self.unprivileged_user()
        data, log = self.folder / "data", self.folder / "log"
        initdb = [programs["initdb"], "-D", str(data), "-U", "videoconf", "-A", "trust", "-E", "UTF8", "-N"]
        with log.open("ab") as output:
            if subprocess.run(initdb, stdout=output, stderr=output, user=user).returncode != 0:
                raise UnavailableError(f"initdb failed: {log.read_text().strip().splitlines()[-1:]}")
            settings = {
                "listen_addresses": "",
                "unix_socket_directories": str(self.folder),
                "max_connections": "200",
                "fsync": "off",
                "synchronous_commit": "off",
                "full_page_writes": "off",
            }
            options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
            server = [programs["postgres"], "-D", str(data), *options]
            self.process = subprocess.Popen(server, stdout=output, stderr=output, user=user)
        self.wait_until([programs["pg_isready"], "-h", str(self.folder), "-U", "videoconf", "-d", "postgres"])
        return f"postgres://videoconf@{str(self.folder).replace('/', '%2F')}/postgres"

    def unprivileged_user(self) -> str | None:
        """Return whom to run it as when we are root, which it refuses; the folder becomes that user's."""
        if os.geteuid() != 0:
            return None
        for user in UNPRIVILEGED:
            try:
                shutil.chown(self.folder, user)
            except LookupError:
                continue
            return user
        raise UnavailableError("PostgreSQL can't run as root, and there is no user to run it as")


class Redis(Service):
    """A Redis that writes nothing to disk."""

    def start(self) -> str:
        server, client = find_program("redis-server"), find_program("redis-cli")
        self.folder.mkdir()
        path = self.folder / "redis.sock"
        options = ["--port", "0", "--unixsocket", str(path), "--save", "", "--appendonly", "no"]
        with (self.folder / "log").open("ab") as output:
            self.process = subprocess.Popen([server, *options], stdout=output, stderr=output, cwd=self.folder)
        self.wait_until([client, "-s", str(path), "ping"])
        return f"unix://{path}"
