"""What somebody is given when she asks what is known of her."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from django.core.management.base import CommandError

from archives.models import Archive
from meetings.models import Meeting
from tests.callers import ApiClient
from tests.conftest import NewMeeting
from tests.privacy.conftest import EXT_ID, NAME
from tests.privacy.dump import call, tables

pytestmark = pytest.mark.django_db(transaction=True)


def test_all_that_is_known_is_in_a_file_for_its_owner(
    owner: ApiClient, meeting: Meeting, recording: Archive, new_meeting: NewMeeting, tmp_path: Path
) -> None:
    other = new_meeting()
    owner.post(f"/session/{other.meeting_link}/token", {"extId": EXT_ID})
    before, path = tables(), tmp_path / "zoe.json"

    said = call("export_attendee", "--ext-id", EXT_ID, "--output", str(path))

    assert "meetings: 1, connections: 1, facts: 3, webhooks: 0, recordings: 1" in said
    assert path.stat().st_mode & 0o777 == 0o600
    known = json.loads(path.read_text())
    (one,) = known["meetings"]
    assert (one["meeting"]["meetingLink"], one["attendee"]["name"]) == (meeting.meeting_link, NAME)
    assert [stay["name"] for stay in one["connections"]] == [NAME]
    assert {fact["kind"] for fact in one["facts"]} == {"joined", "left"}
    assert [recorded["id"] for recorded in one["recordings"]] == [recording.archive_id]
    assert [token["meeting"] for token in known["tokens"]] == [other.meeting_link]
    assert "Ben" not in path.read_text()
    assert tables() == before
    with pytest.raises(CommandError, match="exists"):
        call("export_attendee", "--ext-id", EXT_ID, "--output", str(path))


def test_a_dry_run_writes_nothing(recording: Archive, tmp_path: Path) -> None:
    path = tmp_path / "zoe.json"
    assert "meetings: 1" in call("export_attendee", "--name", NAME, "--output", str(path), "--dry-run")
    assert not path.exists()
