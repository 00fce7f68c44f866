"""The API document's own JavaScript samples, run by Node against a server: as printed, with a token, and filled in."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from meetings.models import Meeting
from tests.callers import PERMISSIONS, mint
from tests.factories import ArchiveFactory, MeetingFactory

SAMPLES = Path(__file__).with_name("samples")
PRINTED_DATE, LATER_DATE = "2019-08-24T14:15:22Z", "2099-08-24T14:15:22Z"
TARGET = '{"name":"AWSS3","bucket":"recordings"}'


@dataclass(frozen=True, slots=True)
class Sample:
    """What a sample meets: `printed` to the letter, `with_token` for `{access-token}`, `documented` filled in."""

    printed: int
    with_token: int
    documented: int
    type: str | None = None
    fill: Mapping[str, str] = field(default_factory=dict)


TEXT, JSON = "text/plain; charset=utf-8", "application/json"
TABLE: dict[str, Sample] = {
    # An empty body names no storage; the original passed it on to the vendor.
    "put-archives-storage-target": Sample(
        401, 400, 200, TEXT, {"'{}'": f"'{TARGET}'", "const inputBody = {}": f"const inputBody = {TARGET}"}
    ),
    "get-archives-archiveId": Sample(401, 404, 200, JSON),
    "delete-archives-archiveId": Sample(401, 404, 200, TEXT),
    "get-archives": Sample(401, 200, 200, JSON),
    "get-session-meetingLinkId-attendees": Sample(401, 404, 200, TEXT),
    "patch-session-meetingLinkId-end": Sample(401, 404, 204),
    "post-session-meetingLinkId-token": Sample(401, 404, 200, JSON),
    "patch-session-meetingLinkId": Sample(401, 404, 204),
    "post-session": Sample(401, 200, 200, TEXT),
    "post-webhooks-session": Sample(204, 204, 204),
}
KINDS = ("browser", "node")
NO_JAVASCRIPT = "patch-session-meetingLinkId.browser.js"
"""A text of several lines in single quotes; it runs once they are backticks."""
MENDED = {"const inputBody = '{": "const inputBody = `{", "}';": "}`;"}


@pytest.fixture(autouse=True)
def _settings(settings: Any, transactional_db: None) -> None:
    settings.VIDEOCONF = settings.VIDEOCONF | {"AWS_ACCESS_KEY": "AKIAEXAMPLE", "AWS_SECRET_KEY": "not-a-secret"}
    recorder = {"BACKEND": "meetings.providers.memory.MemoryProvider", "OPTIONS": {"ARCHIVE": True}}
    settings.VIDEOCONF_PROVIDERS = settings.VIDEOCONF_PROVIDERS | {"recorder": recorder}


def run(base: str, runs: Sequence[tuple[str, Mapping[str, str]]]) -> list[dict[str, Any]]:
    """Run samples one after the other; return what each met."""
    work = {"base": base, "runs": [{"file": name, "replace": dict(replace)} for name, replace in runs]}
    done = subprocess.run(["node", SAMPLES / "run.mjs"], input=json.dumps(work), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    results: list[dict[str, Any]] = json.loads(done.stdout)
    return results


def names() -> list[tuple[str, str]]:
    return [(name, f"{name}.{kind}.js") for name in TABLE for kind in KINDS]


def test_the_table_has_every_sample() -> None:
    assert {path.name for path in SAMPLES.glob("*.js")} == {file for _, file in names()}


def test_samples_as_printed(live_server: Any) -> None:
    token = {"{access-token}": mint(*PERMISSIONS)}
    as_printed = run(live_server.url, [(file, {}) for _, file in names()])
    with_token = run(live_server.url, [(file, token) for _, file in names()])
    found = {
        file: (first["status"], second["status"])
        for (_, file), first, second in zip(names(), as_printed, with_token, strict=True)
    }
    expected: dict[str, Any] = {file: (TABLE[name].printed, TABLE[name].with_token) for name, file in names()}
    assert found == expected | {NO_JAVASCRIPT: (None, None)}


def test_samples_filled_in_get_what_the_document_says(live_server: Any) -> None:
    runs = []
    for name, file in names():
        ids = {
            "{access-token}": mint(*PERMISSIONS),
            "{meetingLinkId}": MeetingFactory.create(provider="recorder").meeting_link,
            "{archiveId}": ArchiveFactory.create().archive_id,
            PRINTED_DATE: LATER_DATE,
        }
        runs.append((file, ids | dict(TABLE[name].fill) | (MENDED if file == NO_JAVASCRIPT else {})))
    for (name, file), met in zip(names(), run(live_server.url, runs), strict=True):
        wanted = TABLE[name]
        assert (met["status"], met["type"]) == (wanted.documented, wanted.type), (file, met)
        if wanted.documented == 204:  # the sample parses a body that the document says is not there
            assert (met["text"], met["printed"], met["failure"]) == ("", [], "SyntaxError"), file
        else:
            assert (len(met["printed"]), met["failure"]) == (1, None), (file, met)
            assert met["printed"][0] == json.loads(met["text"])


def test_the_answers_are_those_of_the_document(live_server: Any) -> None:
    meeting, archive = MeetingFactory.create(), ArchiveFactory.create()
    ids = {
        "{access-token}": mint(*PERMISSIONS),
        "{meetingLinkId}": meeting.meeting_link,
        "{archiveId}": archive.archive_id,
    }
    wanted = ["post-session", "post-session-meetingLinkId-token", "get-session-meetingLinkId-attendees"]
    wanted += ["get-archives-archiveId", "get-archives", "delete-archives-archiveId"]
    created, token, attendees, one, several, deleted = (
        met["printed"][0] for met in run(live_server.url, [(f"{name}.browser.js", ids) for name in wanted])
    )
    assert Meeting.objects.filter(meeting_link=created).exists()
    assert token["sessionId"] == meeting.session_id
    assert attendees == []
    assert one["metaData"]["id"] == archive.archive_id
    assert several == {"count": 1, "items": [one]}
    assert deleted is None


@pytest.mark.parametrize(
    ("date", "provider", "status", "code"),
    [
        (PRINTED_DATE, "recorder", 400, "schedule_time_past"),
        (LATER_DATE, "recorder", 204, None),
        (LATER_DATE, "webrtc", 204, None),
    ],
)
def test_the_printed_edit(live_server: Any, date: str, provider: str, status: int, code: str | None) -> None:
    meeting = MeetingFactory.create(provider=provider)
    fill = {"{access-token}": mint(*PERMISSIONS), "{meetingLinkId}": meeting.meeting_link, PRINTED_DATE: date}
    node = "patch-session-meetingLinkId.node.js"
    for met in run(live_server.url, [(NO_JAVASCRIPT, fill | MENDED), (node, fill)]):
        assert met["status"] == status, met
        assert code is None or json.loads(met["text"])["error"]["code"] == code
