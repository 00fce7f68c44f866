"""What `make test` runs: the suite on each configuration that this machine has, and the browser tests apart.

What is missing is named in a line each; with CI=true it is a failure. With arguments, which go to pytest, it
is one run on what DATABASE_URL and REDIS_URL say: `make test ARGS="-k webhooks"`.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from services import PostgreSQL, Redis, UnavailableError

ROOT = Path(__file__).resolve().parent.parent
IN_CI = os.environ.get("CI", "").lower() in ("1", "true", "yes")
NO_TEST_COLLECTED = 5
OWN_DATABASE = ("tests/test_run.py", "tests/test_settings_env.py")  # once is enough: they choose their own
NAMESPACE = ['ip link set lo up && exec "$@"', "sh"]


@dataclass(slots=True)
class Outcome:
    """What was run, how it ended, and what could not be run."""

    rows: list[tuple[str, int, float]] = field(default_factory=list)
    lacking: list[str] = field(default_factory=list)

    def run(self, title: str, arguments: list[str], *, prefix: list[str] | None = None, **env: str) -> None:
        """Run pytest once; no test collected is no failure here, as a marker may have no test yet."""
        print(f"\n=== {title}", flush=True)
        started = time.monotonic()
        command = [*(prefix or []), sys.executable, "-m", "pytest", *arguments]
        status = subprocess.run(command, cwd=ROOT, env=os.environ | env).returncode
        self.rows.append((title, 0 if status == NO_TEST_COLLECTED else status, time.monotonic() - started))

    def summary(self) -> int:
        print("\n=== Summary")
        for title, status, seconds in self.rows:
            print(f"{'passed' if status == 0 else 'FAILED'}  {seconds:6.1f} s  {title}")
        for line in self.lacking:
            print(f"{'FAILED' if IN_CI else 'not run'}: {line}")
        failed = any(status for _, status, _ in self.rows) or (IN_CI and bool(self.lacking))
        return 1 if failed else 0


def namespace_command() -> list[str]:
    """Return the command that starts another in a network namespace with nothing but loopback."""
    flags = "-n" if os.geteuid() == 0 else "-Urn"
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        raise UnavailableError("browser tests: unshare and ip (util-linux, iproute2) are not installed")
    prefix = ["unshare", flags, "sh", "-ec", *NAMESPACE]
    if subprocess.run([*prefix, "true"], capture_output=True).returncode != 0:
        raise UnavailableError("browser tests: this machine allows no network namespaces")
    return prefix


def suite(outcome: Outcome, folder: Path) -> None:
    workers = ["-n", "2", "--dist", "loadfile"] if (os.cpu_count() or 1) > 1 else []
    outcome.run(
        "SQLite, in-memory layers",
        [*workers, "-m", "not browser and not host and not postgres and not redis"],
        DATABASE_URL="",
        REDIS_URL="",
    )
    with contextlib.ExitStack() as stack:
        try:
            database = stack.enter_context(PostgreSQL(folder / "postgres"))
        except UnavailableError as lacking:
            outcome.lacking.append(f"PostgreSQL ({lacking}): the suite on PostgreSQL, and with it Redis")
            return
        marks, redis = "not browser and not host", ""
        try:
            redis = stack.enter_context(Redis(folder / "redis"))
        except UnavailableError as lacking:
            outcome.lacking.append(f"Redis ({lacking}): what needs several processes")
            marks += " and not redis"
        outcome.run(
            f"PostgreSQL, {'Redis' if redis else 'in-memory layers'}",
            [*workers, "-m", marks, *(f"--ignore={path}" for path in OWN_DATABASE)],
            DATABASE_URL=database,
            REDIS_URL=redis,
        )


def browser(outcome: Outcome) -> None:
    if not any(shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome")):
        outcome.lacking.append("Chromium is not installed: the browser tests")
        return
    try:
        prefix = namespace_command()
    except UnavailableError as lacking:
        outcome.lacking.append(str(lacking))
        return
    outcome.run("Chromium, in a network namespace", ["-m", "browser"], prefix=prefix, DATABASE_URL="", REDIS_URL="")


def main(arguments: list[str]) -> int:
    outcome = Outcome()
    if arguments:
        outcome.run("as asked", arguments)
        return outcome.summary()
    with tempfile.TemporaryDirectory(prefix="videoconf-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL may have to run as another user
        suite(outcome, folder)
    browser(outcome)
    outcome.run("the wheel in a blank project", ["-m", "host"], DATABASE_URL="", REDIS_URL="")
    return outcome.summary()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
