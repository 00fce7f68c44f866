"""What `make test` runs: the suite on each configuration that this machine has, and the browser tests apart.

What is missing is named in a line each; with CI=true it is a failure. With arguments, which go to pytest, it is
one run on what DATABASE_URL and REDIS_URL say: `make test ARGS="-k webhooks"`.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from services import PostgreSQL, Redis, Service, UnavailableError, find_program

ROOT = Path(__file__).resolve().parent.parent
IN_CI = os.environ.get("CI", "").lower() in ("1", "true", "yes")
NO_TEST_COLLECTED = 5
STOPS_WITHIN = 60.0  # seconds
# They choose their database, or hardly need one: once is enough.
ANY_DATABASE = ("tests/test_run.py", "tests/test_settings_env.py", "tests/embedding", "tests/media", "tests/storage")
BOTH_CORES = ["-n", "2", "--dist", "loadfile"]
AZURITE = ROOT / "node_modules" / "azurite"
BROWSERS = ("chromium", "chromium-browser", "google-chrome")


@dataclass(frozen=True, slots=True)
class Backing:
    """What a run stands on; an empty address means SQLite, or layers in memory."""

    database: str = ""
    redis: str = ""

    def marks(self) -> str:
        """Return which tests can't run on it."""
        lacks = [name for name, has in (("postgres", self.database), ("redis", self.redis)) if not has]
        return "".join(f" and not {name}" for name in lacks)

    def __str__(self) -> str:
        return f"{'PostgreSQL' if self.database else 'SQLite'}, {'Redis' if self.redis else 'layers in memory'}"


@dataclass(slots=True)
class Outcome:
    """What was run, how it ended, and what could not be run."""

    rows: list[tuple[str, int, float]] = field(default_factory=list)
    lacking: list[str] = field(default_factory=list)

    def run(
        self, title: str, arguments: list[str], backing: Backing | None = None, prefix: list[str] | None = None
    ) -> None:
        """Run pytest once; no test collected is no failure here, as a mark may have no test yet."""
        print(f"\n=== {title}" + (f": {backing}" if backing else ""), flush=True)
        env = {"DATABASE_URL": backing.database, "REDIS_URL": backing.redis} if backing else {}
        started = time.monotonic()
        command = [*(prefix or []), sys.executable, "-m", "pytest", *arguments]
        status = wait_for(subprocess.Popen(command, cwd=ROOT, env=os.environ | env))
        status = 0 if status == NO_TEST_COLLECTED else status
        self.rows.append((f"{title}: {backing}" if backing else title, status, time.monotonic() - started))

    def summary(self) -> int:
        print("\n=== Summary")
        for title, status, seconds in self.rows:
            print(f"{'passed' if status == 0 else 'FAILED'}  {seconds:6.1f} s  {title}")
        for line in self.lacking:
            print(f"{'FAILED' if IN_CI else 'not run'}: {line}")
        failed = any(status for _, status, _ in self.rows) or (IN_CI and bool(self.lacking))
        return 1 if failed else 0


def wait_for(pytest: subprocess.Popen[bytes]) -> int:
    """Return the exit code; if we are stopped meanwhile, let pytest stop the servers that its tests started."""
    try:
        return pytest.wait()
    except BaseException:
        pytest.send_signal(signal.SIGINT)
        try:
            pytest.wait(STOPS_WITHIN)
        except subprocess.TimeoutExpired:
            pytest.kill()
        raise


def namespace_command() -> list[str]:
    """Return the command that starts another in a network namespace with nothing but loopback."""
    if not any(shutil.which(name) for name in BROWSERS):
        raise UnavailableError("Chromium is not installed")
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        raise UnavailableError("unshare and ip (util-linux, iproute2) are not installed")
    flags = "-n" if os.geteuid() == 0 else "-Urn"
    prefix = ["unshare", flags, "sh", "-ec", 'ip link set lo up && exec "$@"', "sh"]
    if subprocess.run([*prefix, "true"], capture_output=True).returncode != 0:
        raise UnavailableError("this machine allows no network namespaces")
    return prefix


def start(stack: contextlib.ExitStack, outcome: Outcome, service: Service, what: str) -> str:
    """Start a service until the end of the stack; return its address, or nothing if it can't be had."""
    try:
        return stack.enter_context(service)
    except UnavailableError as lacking:
        outcome.lacking.append(f"{what} ({lacking})")
        return ""


def run_everything(outcome: Outcome, stack: contextlib.ExitStack, folder: Path) -> None:
    plain = Backing()
    full = Backing(
        start(stack, outcome, PostgreSQL(folder / "postgres"), "PostgreSQL, and the tests on it"),
        start(stack, outcome, Redis(folder / "redis"), "Redis, and the tests of several processes"),
    )
    suite = "not browser and not host"
    try:
        find_program("nginx", "/usr/sbin")
    except UnavailableError as lacking:
        outcome.lacking.append(f"the check of docs/deploy/nginx.conf ({lacking})")
        suite += " and not nginx"
    if not AZURITE.exists() or shutil.which("node") is None:
        outcome.lacking.append("the tests of Azure storage (azurite, an npm package, is not installed)")
    outcome.run("Suite", [*BOTH_CORES, "-m", suite + plain.marks()], plain)
    if full.database:
        ignored = [f"--ignore={path}" for path in ANY_DATABASE]
        outcome.run("Suite", [*BOTH_CORES, "-m", suite + full.marks(), *ignored], full)
    elif full.redis:
        outcome.run("Redis only", ["-m", f"redis and {suite}{full.marks()}"], full)
    try:
        prefix = namespace_command()
        outcome.run("Browser", ["-m", "browser" + plain.marks()], plain, prefix)
        if full != plain:
            outcome.run("Browser", ["-m", f"browser and (postgres or redis){full.marks()}"], full, prefix)
    except UnavailableError as lacking:
        outcome.lacking.append(f"the browser tests ({lacking})")
    outcome.run("The wheel in a blank project", ["-m", "host"], plain)


def main(arguments: list[str]) -> int:
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that what was started is stopped
    outcome = Outcome()
    if arguments:
        outcome.run("As asked", arguments)
        return outcome.summary()
    with tempfile.TemporaryDirectory(prefix="videoconf-") as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL may have to run as another user
        run_everything(outcome, stack, folder)
    return outcome.summary()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
