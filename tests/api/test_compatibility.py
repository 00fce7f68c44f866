"""The recorded cases of the original service, replayed; a departure has its row in docs/compatibility.md."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone

from meetings.models import Meeting
from tests.api.recorded_cases import CASES, REFUSED, Case
from tests.callers import PERMISSIONS, ApiClient, mint
from tests.factories import ArchiveFactory, MeetingFactory

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "compatibility.md").read_text()
pytestmark = pytest.mark.django_db
TOKENS: Mapping[str | None, Callable[[], str | None]] = {
    "all": lambda: mint(*PERMISSIONS),
    "none": mint,
    "bad": lambda: mint(*PERMISSIONS, key="another-key-0123456789-0123456789-0123456789"),
    "expired": lambda: mint(*PERMISSIONS, exp=1),
    "foreign": lambda: mint(*PERMISSIONS, iss="else"),
    "nonsense": lambda: "nonsense",
    None: lambda: None,
}


@pytest.fixture
def rows(settings: Any) -> dict[str, str]:
    settings.VIDEOCONF = settings.VIDEOCONF | {
        "AWS_ACCESS_KEY": "AKIAEXAMPLE",
        "AWS_SECRET_KEY": "not-a-secret",
        "ALLOW_UNSIGNED_WEBHOOKS": True,
    }
    meeting: Meeting = MeetingFactory.create()
    return {
        "open": meeting.meeting_link,
        "session": meeting.session_id,
        "ended": MeetingFactory.create(ended=True).meeting_link,
        "later": MeetingFactory.create(scheduled=True).meeting_link,
        "soon": MeetingFactory.create(
            is_scheduled=True, schedule_time=timezone.now() + timedelta(minutes=5)
        ).meeting_link,
        "archive": ArchiveFactory.create().archive_id,
    }


@pytest.mark.parametrize("case", [*CASES, *REFUSED], ids=lambda case: case.title.replace(" ", "-"))
def test_a_recorded_case(rows: dict[str, str], case: Case) -> None:
    body = case.body
    if isinstance(body, dict):
        body = json.loads(json.dumps(body).replace("{session}", rows["session"]))
    path = case.path.format(**rows)
    answer = ApiClient(TOKENS[case.token]()).send(case.method, path, body, content_type=case.type)
    assert answer.status_code == case.ours, answer.content
    if case.words is not None:
        assert case.words in answer.json()["error"]["message"]
    if answer.status_code >= 400:
        assert {"statusCode", "name", "message"} <= set(answer.json()["error"])


def test_a_departure_is_where_statuses_differ_or_words_do() -> None:
    for case in CASES:
        assert case.departure is not None or case.original == case.ours, case.title


def departures() -> set[str]:
    return set(re.findall(r"^\| `([a-z0-9-]+)` \|", PAGE, re.MULTILINE))


def test_every_departure_is_on_the_page_with_its_reason() -> None:
    used = {case.departure for case in CASES if case.departure}
    assert used <= departures()
    for line in PAGE.splitlines():
        if re.match(r"\| `", line):
            cells = [cell.strip() for cell in line.strip("|").split("|")]
            assert len(cells) == 4, line
            assert all(cells), line
