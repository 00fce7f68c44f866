"""Meetings to compose, and files to look into."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.media.making import Meeting

NewMeeting = Callable[..., Meeting]


@pytest.fixture
def new_meeting(tmp_path: Path) -> NewMeeting:
    """`new_meeting(width=1280)`: a work folder with these fields of the job."""
    made: list[Meeting] = []

    def new(**job: Any) -> Meeting:
        meeting = Meeting(folder=tmp_path / f"meeting-{len(made)}", job=job)
        made.append(meeting)
        return meeting

    return new
