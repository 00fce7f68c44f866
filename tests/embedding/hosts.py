"""Projects of somebody else, put together from what docs/embedding.md says and run in processes of their own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.docs.pages import DOCS, ROOT, blocks_of

SUITE = Path(__file__).resolve().parent / "host_suite"
KEPT = ("PATH", "HOME", "LANG")


class Host:
    """A project in a folder, with this repository on its path and nothing of this repository's settings."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def run(self, *command: str) -> str:
        """Run a command of the project's Python; return what it printed."""
        env = {name: value for name, value in os.environ.items() if name in KEPT} | {"PYTHONPATH": str(ROOT)}
        done = subprocess.run([sys.executable, *command], cwd=self.folder, env=env, capture_output=True, text=True)
        output = done.stdout + done.stderr
        assert done.returncode == 0, f"{command}\n{output}"
        return output

    def manage(self, *arguments: str) -> str:
        """Run a management command."""
        return self.run("manage.py", *arguments)

    def write(self, name: str, text: str) -> None:
        """Write a file; settings are added to those that are there."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        before = path.read_text() if path.name == "settings.py" and path.exists() else ""
        path.write_text(before + text)
        if path.suffix == ".py":
            (path.parent / "__init__.py").touch()

    def test(self, *suites: str) -> str:
        """Run files of `host_suite` as test modules of the project's own; return what was printed, checks included."""
        for name in ("callers", *suites):
            self.write(f"checks/{name}.py", (SUITE / f"{name}.py").read_text())
        return self.manage("test", *(f"checks.{name}" for name in suites))

    def copy(self, folder: Path) -> Host:
        """Return a project of its own with the same files."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        return Host(folder)


def documented_host(folder: Path) -> Host:
    """Return a project made by `startproject` and every file that the page shows."""
    host = Host(folder)
    host.run("-m", "django", "startproject", "clinic", ".")
    for block in blocks_of(DOCS / "embedding.md"):
        if block.file is not None:
            host.write(block.file, block.text)
    host.write("visits/migrations/__init__.py", "")
    host.write("visits/static/visits/site.css", "body { margin: 0 }\n")
    host.manage("makemigrations", "visits")
    return host
