"""`python -m videoconf.serve`, started for real: its workers share one loaded application and are replaced."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.servers import ROOT, Server, eventually, wsgi

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    found = wsgi(tmp_path / "log")
    found.start()
    try:
        yield found
    finally:
        found.kill(signal.SIGTERM)


def workers(server: Server) -> set[int]:
    assert server.process is not None
    listed = subprocess.run(["pgrep", "-P", str(server.process.pid)], capture_output=True, text=True)
    return {int(pid) for pid in listed.stdout.split()}


def kilobytes(pid: int, name: str) -> int:
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def is_ready(server: Server) -> bool:
    return httpx.get(f"http://127.0.0.1:{server.port}/health/ready", timeout=10).status_code == 200


def test_workers_share_what_was_loaded_before_them(server: Server) -> None:
    eventually(lambda: len(workers(server)) == 2, "two workers")
    assert is_ready(server)

    for pid in workers(server):
        assert kilobytes(pid, "Private_Dirty") < kilobytes(pid, "Rss") / 2


def test_worker_that_dies_is_replaced(server: Server) -> None:
    eventually(lambda: len(workers(server)) == 2, "two workers")
    dead = min(workers(server))
    os.kill(dead, signal.SIGKILL)

    eventually(lambda: len(workers(server) - {dead}) == 2, "another worker")
    assert is_ready(server)


def test_sigterm_ends_it_in_order(server: Server) -> None:
    assert is_ready(server)
    assert server.process is not None

    server.process.terminate()

    assert server.process.wait(20) == 0


@pytest.mark.parametrize(
    "words", [["--port", "99999"], ["--port", "x"], ["--host", "localhost"], ["--workers", "0"], ["--threads", "-1"]]
)
def test_options_that_can_not_be_are_told(words: list[str]) -> None:
    command = [sys.executable, "-m", "videoconf.serve", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)

    assert done.returncode == 2
    assert f"argument {words[0]}" in done.stderr.splitlines()[-1]


def test_what_is_loaded_is_left_alone_by_the_collector() -> None:
    """Also where granian's own command loads it; and all that answers is loaded, whatever Python leaves out."""
    wrong = "gc.get_freeze_count() == 0 or 'meetings.api.viewsets' not in sys.modules"
    program = f"import gc, sys, videoconf.wsgi; sys.exit({wrong})"
    env = os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings"}
    subprocess.run([sys.executable, "-O", "-c", program], cwd=ROOT, env=env, check=True)


def test_unusable_settings_are_told_in_one_line() -> None:
    env = os.environ | {"DJANGO_SETTINGS_MODULE": "videoconf.settings", "DATABASE_URL": "mysql://nowhere"}
    done = subprocess.run([sys.executable, "-m", "videoconf.serve"], cwd=ROOT, env=env, capture_output=True, text=True)

    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "DATABASE_URL" in done.stderr
