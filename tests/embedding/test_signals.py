"""What docs/embedding.md promises of signals and extensions, one by one."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.dispatch import Signal
from django.utils import timezone
from pytest_django import DjangoCaptureOnCommitCallbacks

from meetings import attendance, extensions, facts, services, signals
from meetings.extensions import MeetingExtension
from meetings.facts import Fact
from meetings.models import Attendee, Meeting
from meetings.plans import MeetingPlan
from meetings.providers.memory import MemoryProvider

pytestmark = pytest.mark.django_db

NAMES = ("meeting_created", "meeting_changed", "meeting_started", "meeting_ended", "attendee_joined", "attendee_left")


class Listener:
    """Keeps the names of the signals that came, and what they carried."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.arguments: list[dict[str, Any]] = []
        self.receivers = {name: self.receiver_of(name) for name in NAMES}

    def receiver_of(self, name: str) -> Any:
        def receive(**arguments: Any) -> None:
            self.names.append(name)
            self.arguments.append(arguments)

        return receive

    def take(self) -> list[str]:
        """Return what came since the last call."""
        names, self.names = self.names, []
        return names


def signal_of(name: str) -> Signal:
    signal: Signal = getattr(signals, name)
    return signal


@pytest.fixture
def heard() -> Iterator[Listener]:
    listener = Listener()
    for name, receiver in listener.receivers.items():
        signal_of(name).connect(receiver)
    yield listener
    for name, receiver in listener.receivers.items():
        signal_of(name).disconnect(receiver)


def came(connection_id: str, name: str) -> Fact:
    return Fact(kind=facts.JOINED, at=timezone.now(), connection_id=connection_id, about={"data": name})


def went(connection_id: str) -> Fact:
    return Fact(kind=facts.LEFT, at=timezone.now(), connection_id=connection_id)


def test_each_step_of_a_meeting_s_life_sends_its_signal(
    heard: Listener, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    with django_capture_on_commit_callbacks(execute=True):
        meeting = services.create_meeting(MeetingPlan(), actor="t")
        assert heard.take() == []
    assert heard.take() == ["meeting_created"]

    with django_capture_on_commit_callbacks(execute=True):
        services.edit_meeting(meeting, {"ext_id": "visit-7"}, actor="t")
    assert heard.take() == ["meeting_changed"]

    with django_capture_on_commit_callbacks(execute=True):
        services.issue_token(meeting, data="Ada")
        services.issue_token(meeting, data="Grace")
    assert heard.take() == ["meeting_started"]

    with django_capture_on_commit_callbacks(execute=True):
        services.end_meeting(meeting, actor="t")
    assert heard.take() == ["meeting_ended"]

    with django_capture_on_commit_callbacks(execute=True):
        services.delete_meeting(meeting, actor="t")
        services.restore_meeting(meeting, actor="t")
    assert heard.take() == ["meeting_changed", "meeting_changed"]
    assert {arguments["sender"] for arguments in heard.arguments} == {Meeting}
    assert {arguments["meeting"] for arguments in heard.arguments} == {meeting}


def test_end_by_duration_sends_meeting_ended(
    heard: Listener, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    an_hour_ago = timezone.now() - timedelta(hours=1)
    meeting = services.create_meeting(MeetingPlan(duration=30), actor="t", now=an_hour_ago)
    services.issue_token(meeting, now=an_hour_ago)

    with django_capture_on_commit_callbacks(execute=True):
        assert services.close_if_due(meeting.pk)
    assert heard.take() == ["meeting_ended"]


def test_person_joins_with_the_first_and_leaves_with_the_last_connection(
    heard: Listener, meeting: Meeting, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    for fact, expected in (
        (came("one", "Ada"), ["attendee_joined"]),
        (came("two", "Ada"), []),
        (went("one"), []),
        (went("two"), ["attendee_left"]),
    ):
        heard.take()
        with django_capture_on_commit_callbacks(execute=True):
            attendance.record(meeting, [fact], source="test")
        assert heard.take() == expected

    last = heard.arguments[-1]
    assert (last["sender"], last["meeting"], last["attendee"].attendee) == (Attendee, meeting, "Ada")


def test_receiver_that_fails_is_logged_and_disturbs_nobody(
    heard: Listener,
    caplog: pytest.LogCaptureFixture,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    def fail(**_: Any) -> None:
        raise ValueError("a bug of the host")

    signals.meeting_created.connect(fail)
    try:
        with caplog.at_level(logging.ERROR), django_capture_on_commit_callbacks(execute=True):
            services.create_meeting(MeetingPlan(), actor="t")
    finally:
        signals.meeting_created.disconnect(fail)

    assert heard.take() == ["meeting_created"]
    assert "a bug of the host" in caplog.text


class Recorder(MeetingExtension):
    """Notes its calls, and what the provider had been asked by then."""

    def __init__(self, provider: MemoryProvider) -> None:
        self.provider = provider
        self.calls: list[tuple[str, int]] = []

    def first_join(self, meeting: Meeting) -> None:
        self.calls.append(("first_join", len(self.provider.closed)))

    def meeting_ended(self, meeting: Meeting) -> None:
        assert Meeting.objects.get(pk=meeting.pk).end_time is not None
        self.calls.append(("meeting_ended", len(self.provider.closed)))


def test_extension_hears_the_first_join_once_and_the_end_before_people_are_put_out(
    memory: MemoryProvider, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    recorder = Recorder(memory)
    before = extensions.registered()
    extensions.register(recorder)
    try:
        meeting = services.create_meeting(MeetingPlan(provider="memory"), actor="t")
        with django_capture_on_commit_callbacks(execute=True):
            attendance.record(meeting, [came("one", "Ada"), came("two", "Grace")], source="test")
            attendance.record(meeting, [came("three", "Alan")], source="test")
        services.end_meeting(meeting, actor="t")
    finally:
        extensions._extensions[:] = before

    assert recorder.calls == [("first_join", 0), ("meeting_ended", 0)]
    assert len(memory.closed) == 1
