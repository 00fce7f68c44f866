"""What `make lint` runs: everything that is checked without running it; all of it, then one verdict."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
IN_CI = os.environ.get("CI", "").lower() in ("1", "true", "yes")
PYTHON = ["meetings", "archives", "videoconf", "tests"]
SETTINGS = {"DJANGO_SETTINGS_MODULE": "tests.settings", "PYTHONPATH": str(ROOT)}
TSC = ROOT / "node_modules" / ".bin" / "tsc"


def steps() -> list[tuple[str, list[str]]]:
    found = [
        ("ruff check", [f"{BIN}/ruff", "check", "."]),
        ("ruff format", [f"{BIN}/ruff", "format", "--check", "."]),
        ("mypy --strict", [f"{BIN}/mypy", *PYTHON]),
        ("import-linter", [f"{BIN}/lint-imports"]),
        ("migrations", [sys.executable, "manage.py", "makemigrations", "--check", "--dry-run"]),
    ]
    if not TSC.exists() and not IN_CI:
        print("not run: npm is not installed: tsc over the JavaScript", flush=True)
        return found
    return [*found, ("tsc", [str(TSC), "--noEmit"])]


def main() -> int:
    failed = []
    for title, command in steps():
        started = time.monotonic()
        print(f"=== {title}", flush=True)
        try:
            passed = subprocess.run(command, cwd=ROOT, env=os.environ | SETTINGS).returncode == 0
        except FileNotFoundError as missing:
            print(missing)
            passed = False
        if not passed:
            failed.append(title)
        print(f"    {time.monotonic() - started:.1f} s", flush=True)
    print(f"lint: {'failed: ' + ', '.join(failed) if failed else 'all clean'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
