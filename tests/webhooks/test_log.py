"""What a refused webhook leaves in the log: one warning a minute, with nothing of what was sent."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest

from meetings.models import Meeting, WebhookDelivery
from meetings.webhooks.refusals import EVERY, RefusalLog, refusals
from tests.webhooks.senders import OTHER, connected, post


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    """Everything that is logged, by Django too, whose logger hands nothing on to the root."""
    refusals.forget()
    django = logging.getLogger("django")
    django.addHandler(caplog.handler)
    yield caplog
    django.removeHandler(caplog.handler)
    refusals.forget()


@pytest.mark.django_db
@pytest.mark.usefixtures("signed")
@pytest.mark.parametrize(
    ("how", "code"), [({}, "webhook_signature_missing"), ({"secret": OTHER}, "webhook_signature_invalid")]
)
def test_many_refusals_are_one_warning(
    meeting: Meeting, log: pytest.LogCaptureFixture, settings: Any, how: dict[str, str], code: str
) -> None:
    settings.VIDEOCONF = settings.VIDEOCONF | {"WEBHOOK_PATH_TOKEN": "path-token-of-this-test"}
    for _ in range(3):
        post(connected(meeting, data="Eve"), address="/webhooks/webrtc/path-token-of-this-test", **how)

    (line,) = log.records
    assert (line.levelname, line.exc_info) == ("WARNING", None)
    assert line.getMessage() == f"Webhooks of webrtc refused: {code} (1 since the last such line)"
    assert WebhookDelivery.objects.filter(verdict="rejected").count() == 3


@pytest.mark.django_db
@pytest.mark.usefixtures("signed")
def test_each_reason_has_its_line(meeting: Meeting, log: pytest.LogCaptureFixture) -> None:
    for secret in ("", OTHER, ""):
        post(connected(meeting), secret=secret)
    assert [line.getMessage().split(": ")[1].split()[0] for line in log.records] == [
        "webhook_signature_missing",
        "webhook_signature_invalid",
    ]


def test_after_a_minute_a_line_counts_those_without_one(log: pytest.LogCaptureFixture) -> None:
    now = 1000.0
    counted = RefusalLog(clock=lambda: now)
    for _ in range(5):
        counted.note("webrtc", "a")
    counted.note("opentok", "a")
    now += EVERY - 1
    counted.note("webrtc", "a")
    now += 1
    counted.note("webrtc", "a")
    assert [line.getMessage() for line in log.records] == [
        "Webhooks of webrtc refused: a (1 since the last such line)",
        "Webhooks of opentok refused: a (1 since the last such line)",
        "Webhooks of webrtc refused: a (6 since the last such line)",
    ]
