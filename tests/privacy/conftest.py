"""A recorded meeting that Zoë and Ben were in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model

from archives.models import Archive
from archives.providers.base import ArchiveSpec
from archives.services import start_archive
from meetings.models import Meeting
from tests.media.making import Take, chunks
from tests.recording.people import Person, join
from tests.recording.working import began_earlier, stop, upload, work

NAME, EXT_ID = "Zoë Quillfeather", "zoë quillfeather"
Log = Callable[[Model, str], None]


@pytest.fixture(autouse=True)
def media_root(settings: Any, tmp_path: Path) -> Path:
    settings.VIDEOCONF = settings.VIDEOCONF | {"MEDIA_ROOT": str(tmp_path / "media")}
    return tmp_path / "media"


@pytest.fixture
def log(transactional_db: None) -> Log:
    """`log(row, "Muted.")`: what the admin writes when staff do something to a row."""
    staff = User.objects.create_user("staff")

    def write(row: Model, sentence: str) -> None:
        kind = ContentType.objects.get_for_model(row)
        LogEntry.objects.create(
            user=staff, content_type=kind, object_id=str(row.pk), object_repr=str(row), action_flag=CHANGE,
            change_message=sentence,
        )  # fmt: skip

    return write


@pytest.fixture
def zoe(transactional_db: None, meeting: Meeting) -> Person:
    return join(meeting, NAME)


@pytest.fixture
def ben(transactional_db: None, meeting: Meeting) -> Person:
    return join(meeting, "Ben")


def record(meeting: Meeting, people: list[Person], **spec: Any) -> Archive:
    """Record some seconds of everybody's cameras, to the finished file."""
    archive = began_earlier(start_archive(meeting, ArchiveSpec(**spec), actor="owner"), 4)
    for person in people:
        upload(person, archive, chunks(Take(length=3000, width=160, height=120, fps=10)))
    stop(archive, after=3)
    return work(archive)


@pytest.fixture
def recording(meeting: Meeting, zoe: Person, ben: Person, log: Log) -> Archive:
    """A recording of both, and both are gone; staff had muted her and sent her a link."""
    archive = record(meeting, [zoe, ben], name=f"Talk with {NAME}", output_mode="individual")
    for person in (zoe, ben):
        person.leave()
    hers = zoe.connection.attendee
    assert hers is not None
    log(hers, "Muted.")
    log(meeting, f"“{NAME}” was let in.")
    log(archive, "Restored.")
    assert archive.status == "available"
    return archive
