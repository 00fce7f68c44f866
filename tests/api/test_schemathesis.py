"""Schemathesis calls a running server with what the OpenAPI document allows and forbids, and reads every answer."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.api.operations import make_world
from tests.callers import PERMISSIONS, mint
from tests.factories import ArchiveFactory, MeetingFactory

# Not asked: that a valid body is always taken (a time may be past), and that a wrong method is a 405 (it is a 404).
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "ignored_auth",
)
CONFIG = """
[parameters]
meetingLinkId = "{meeting}"
archiveId = "{archive}"
attendeeId = {attendee}
alias = "webrtc"

[[operations]]
include-path = "/session/{{meetingLinkId}}/end"
parameters = {{ meetingLinkId = "{ended}" }}

[[operations]]
include-name = "DELETE /session/{{meetingLinkId}}"
parameters = {{ meetingLinkId = "{deleted}" }}

[[operations]]
include-name = "DELETE /archives/{{archiveId}}"
parameters = {{ archiveId = "{deleted_archive}" }}
"""


def test_every_answer_is_as_documented(live_server: Any, settings: Any, tmp_path: Path, transactional_db: None) -> None:
    settings.AXES_ENABLED = False
    settings.VIDEOCONF = settings.VIDEOCONF | {
        "ALLOW_UNSIGNED_WEBHOOKS": True,
        "AWS_ACCESS_KEY": "AKIAEXAMPLE",
        "AWS_SECRET_KEY": "not-a-secret",
        "AZURE_ACCOUNT_KEY": "not-a-secret",
        "AZURE_CONTAINER": "meetings",
    }
    world = make_world()
    config = CONFIG.format(
        meeting=world.meeting.meeting_link,
        archive=world.archive.archive_id,
        attendee=world.attendee.pk,
        ended=MeetingFactory.create(active=True).meeting_link,
        deleted=MeetingFactory.create().meeting_link,
        deleted_archive=ArchiveFactory.create().archive_id,
    )
    (tmp_path / "schemathesis.toml").write_text(config)
    command = [
        str(Path(sys.executable).with_name("schemathesis")),
        *("--config-file", "schemathesis.toml", "run", f"{live_server.url}/schema"),
        *("--header", f"Authorization: Bearer {mint(*PERMISSIONS)}"),
        *("--phases", "examples,coverage,fuzzing"),
        *("--max-examples", "5", "--checks", ",".join(CHECKS), "--seed", "7", "--continue-on-failure", "--no-color"),
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    counted = re.search(r"(\d+) generated, (\d+) passed", done.stdout)
    assert counted is not None, done.stdout[-3000:]
    assert counted[1] == counted[2]
    assert int(counted[1]) > 500
