"""A meeting that is recorded, and people in it."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from archives.models import Archive
from archives.providers.base import ArchiveSpec
from archives.services import start_archive
from meetings.models import Meeting
from tests.recording.people import Person, join


@pytest.fixture(autouse=True)
def media_root(settings: Any, tmp_path: Path) -> Path:
    """Where archives, chunks and unfinished work are, a folder of the test's own."""
    settings.VIDEOCONF = settings.VIDEOCONF | {"MEDIA_ROOT": str(tmp_path / "media")}
    return tmp_path / "media"


@pytest.fixture
def ann(transactional_db: None, meeting: Meeting) -> Person:
    return join(meeting, "Ann")


@pytest.fixture
def ben(transactional_db: None, meeting: Meeting) -> Person:
    return join(meeting, "Ben")


@pytest.fixture
def archive(meeting: Meeting, ann: Person) -> Archive:
    """A recording that runs, while Ann is there."""
    return start_archive(meeting, ArchiveSpec(name="Planning"), actor="owner")


@pytest.fixture
def small_disk() -> Iterator[Callable[[Path], None]]:
    """`small_disk(folder)`: make the folder a file system of its own, of 1 MiB."""
    mounted: list[Path] = []

    def mount(folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], capture_output=True)
        if done.returncode != 0:
            pytest.skip("no right to mount a small file system")
        mounted.append(folder)

    yield mount
    for folder in mounted:
        subprocess.run(["umount", str(folder)], check=True)
