"""Ending a meeting always succeeds; what the provider did not take is owed, shown, and repeated by the worker."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db import transaction
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from meetings import extensions, moderation, services, signals
from meetings.exceptions import Conflict, ProviderUnavailable, Refused
from meetings.extensions import MeetingExtension
from meetings.models import Attendee, Connection, Meeting
from meetings.plans import MeetingPlan
from meetings.providers.memory import MemoryProvider
from tests.conftest import NewMeeting
from tests.presence.lives import Event
from tests.presence.test_facts_merge import store
from tests.webhooks.senders import connected

pytestmark = pytest.mark.django_db(transaction=True)


def joined(meeting: Meeting, *connection_ids: str) -> None:
    """Let people join by the provider's events."""
    events: list[Event] = [connected(meeting, connection_id, connection_id) for connection_id in connection_ids]
    store(events, meeting)


def run_due_tasks() -> None:
    """Run the worker, for real, until nothing is due."""
    call_command("db_worker", batch=True, interval=0.1, startup_delay=False, verbosity=0)


def waits() -> list[float]:
    """Return for each task that waits its distance in seconds, rounded."""
    rows = DBTaskResult.objects.filter(status="READY").order_by("run_after")
    return [round((row.run_after - timezone.now()).total_seconds()) for row in rows]


@pytest.fixture
def theirs(memory: MemoryProvider) -> Meeting:
    """A meeting at a provider whose presence comes by webhook."""
    meeting = services.create_meeting(MeetingPlan(provider="memory"), actor="owner")
    services.issue_token(meeting)
    return meeting


def make_due(meeting: Meeting) -> None:
    """Let the time pass that a repeat waits."""
    Meeting.objects.filter(pk=meeting.pk).update(disconnect_due_at=timezone.now())
    DBTaskResult.objects.filter(status="READY").update(run_after=timezone.now())


class TestAProviderThatFails:
    def test_does_not_keep_a_meeting_from_ending(self, theirs: Meeting, memory: MemoryProvider) -> None:
        memory.fail_with = ProviderUnavailable("the vendor is down")

        services.end_meeting(theirs, actor="owner")

        theirs.refresh_from_db()
        assert theirs.end_time is not None
        assert theirs.disconnect_due_at is not None
        assert (theirs.disconnect_attempts, theirs.disconnect_error) == (1, "provider_unavailable: the vendor is down")
        assert list(Meeting.objects.owing_disconnect()) == [theirs]
        with pytest.raises(Refused, match="already been ended"):
            services.end_meeting(theirs, actor="owner")
        with pytest.raises(Refused, match="This meeting has been expired"):
            services.issue_token(theirs)

    def test_is_asked_again_by_the_worker_with_longer_and_longer_waits(
        self, theirs: Meeting, memory: MemoryProvider
    ) -> None:
        memory.fail_with = ProviderUnavailable("down")
        services.end_meeting(theirs, actor="owner")
        distances = []
        for _ in range(4):
            theirs.refresh_from_db()
            assert theirs.disconnect_due_at is not None
            distances.append(round((theirs.disconnect_due_at - timezone.now()).total_seconds()))
            make_due(theirs)
            run_due_tasks()

        assert distances == [pytest.approx(seconds, abs=2) for seconds in (5, 10, 20, 40)]
        theirs.refresh_from_db()
        assert theirs.disconnect_attempts == 5, "each repeat is one attempt, however many tasks were due"
        assert memory.closed == []

    def test_is_asked_until_it_takes_it_and_with_those_who_are_left(
        self, theirs: Meeting, memory: MemoryProvider
    ) -> None:
        joined(theirs, "c1", "c2")
        memory.fail_with = ProviderUnavailable("down")
        services.end_meeting(theirs, actor="owner")
        assert Connection.objects.present().count() == 2, "what the provider did not say is not believed"
        memory.fail_with = None
        make_due(theirs)

        run_due_tasks()

        (room, connection_ids), *more = memory.closed
        assert (room.session_id, connection_ids, more) == (theirs.session_id, ("c1", "c2"), [])
        theirs.refresh_from_db()
        assert (theirs.disconnect_due_at, theirs.disconnect_error) == (None, "")
        make_due(theirs)
        Meeting.objects.filter(pk=theirs.pk).update(disconnect_due_at=None)
        run_due_tasks()
        assert len(memory.closed) == 1
        assert waits() == []

    def test_waits_a_quarter_of_an_hour_at_most(self, theirs: Meeting, memory: MemoryProvider) -> None:
        memory.fail_with = ProviderUnavailable("down")
        services.end_meeting(theirs, actor="owner")
        Meeting.objects.filter(pk=theirs.pk).update(disconnect_attempts=400, disconnect_due_at=timezone.now())
        services.repeat_disconnect(theirs.pk)
        theirs.refresh_from_db()
        assert theirs.disconnect_due_at is not None
        assert theirs.disconnect_due_at - timezone.now() <= timedelta(minutes=15)

    def test_that_has_a_bug_counts_as_failed(self, theirs: Meeting, memory: MemoryProvider) -> None:
        memory.fail_with = TypeError("a bug")  # type: ignore[assignment]
        services.end_meeting(theirs, actor="owner")
        theirs.refresh_from_db()
        assert (theirs.end_time is not None, theirs.disconnect_error) == (True, "error: TypeError")

    def test_that_is_configured_no_more_counts_as_failed(self, theirs: Meeting, settings: Any) -> None:
        settings.VIDEOCONF_PROVIDERS = {"webrtc": settings.VIDEOCONF_PROVIDERS["webrtc"]}
        services.end_meeting(theirs, actor="owner")
        theirs.refresh_from_db()
        assert theirs.end_time is not None
        assert "not configured" in theirs.disconnect_error


def test_a_process_that_dies_before_asking_the_provider_leaves_the_repeat_behind(
    theirs: Meeting, memory: MemoryProvider
) -> None:
    class Killed(BaseException):
        """What a SIGKILL looks like to the lines after it."""

    memory.fail_with = Killed()  # type: ignore[assignment]
    with pytest.raises(Killed):
        services.end_meeting(theirs, actor="owner")
    memory.fail_with = None
    theirs.refresh_from_db()
    assert theirs.end_time is not None

    make_due(theirs)
    run_due_tasks()

    assert len(memory.closed) == 1


class Failing(MeetingExtension):
    def meeting_ended(self, meeting: Meeting) -> None:
        raise RuntimeError("an extension's bug")


@pytest.fixture
def failing_extension() -> Iterator[None]:
    extension = Failing()
    extensions.register(extension)
    yield
    extensions._extensions.remove(extension)


@pytest.mark.usefixtures("failing_extension")
def test_an_extension_s_bug_keeps_nobody_in_the_room(theirs: Meeting, memory: MemoryProvider) -> None:
    services.end_meeting(theirs, actor="owner")
    assert len(memory.closed) == 1


class TestDuration:
    def test_the_worker_closes_a_meeting_whose_time_is_over(self, new_meeting: NewMeeting) -> None:
        meeting = new_meeting(duration=45)
        services.issue_token(meeting, now=timezone.now() - timedelta(minutes=45))
        assert meeting.closes_at is not None

        run_due_tasks()

        meeting.refresh_from_db()
        assert (meeting.end_time is not None, meeting.modified_by) == (True, "system")

    def test_the_worker_does_not_close_it_early(self, new_meeting: NewMeeting) -> None:
        meeting = new_meeting(duration=45)
        services.issue_token(meeting)
        assert waits() == [pytest.approx(45 * 60, abs=5)]
        DBTaskResult.objects.update(run_after=timezone.now())
        run_due_tasks()
        meeting.refresh_from_db()
        assert meeting.end_time is None

    def test_a_new_duration_moves_the_closing_time(self, new_meeting: NewMeeting) -> None:
        meeting = new_meeting(duration=45)
        started = timezone.now() - timedelta(minutes=20)
        services.issue_token(meeting, now=started)
        services.edit_meeting(meeting, {"duration": 15}, actor="owner")
        run_due_tasks()
        meeting.refresh_from_db()
        assert meeting.end_time is not None

        other = new_meeting(duration=45)
        services.issue_token(other)
        assert services.edit_meeting(other, {"duration": None}, actor="owner").closes_at is None

    def test_nobody_is_let_in_once_it_is_over_worker_or_not(self, new_meeting: NewMeeting) -> None:
        meeting = new_meeting(duration=45)
        services.issue_token(meeting, now=timezone.now() - timedelta(minutes=46))
        with pytest.raises(Refused, match="This meeting has been expired"):
            services.issue_token(meeting)


class TestDeleting:
    def test_a_running_meeting_is_ended_first(self, theirs: Meeting, memory: MemoryProvider) -> None:
        joined(theirs, "c1")
        services.delete_meeting(theirs, actor="owner")
        theirs.refresh_from_db()
        assert (theirs.deleted, theirs.deleted_by, theirs.end_time is not None) == (True, "owner", True)
        assert memory.closed[0][1] == ("c1",)

    def test_one_that_never_ran_is_only_deleted_and_can_be_restored(self, meeting: Meeting) -> None:
        services.delete_meeting(meeting, actor="owner")
        assert not Meeting.objects.alive().exists()
        services.restore_meeting(meeting, actor="other")
        meeting.refresh_from_db()
        assert (meeting.deleted, meeting.deleted_on, meeting.end_time, meeting.modified_by) == (
            False,
            None,
            None,
            "other",
        )


class TestPresence:
    def test_of_the_embedded_provider_is_over_with_the_meeting(self, meeting: Meeting) -> None:
        services.issue_token(meeting)
        joined(meeting, "c1")
        services.end_meeting(meeting, actor="owner")
        assert not Attendee.objects.active().exists()
        row = Connection.objects.get()
        meeting.refresh_from_db()
        assert (row.left_at, row.reason) == (meeting.end_time, "sessionDestroyed")


class TestSignals:
    @pytest.fixture
    def heard(self) -> Iterator[list[tuple[str, Any]]]:
        told: list[tuple[str, Any]] = []
        meetings = ("meeting_created", "meeting_changed", "meeting_started", "meeting_ended")
        listeners = {name: _listener(told, name) for name in (*meetings, "attendee_joined", "attendee_left")}
        for name, listener in listeners.items():
            getattr(signals, name).connect(listener)
        yield told
        for name, listener in listeners.items():
            getattr(signals, name).disconnect(listener)

    def test_tell_a_host_of_a_meeting_s_life(self, heard: list[tuple[str, Any]], new_meeting: NewMeeting) -> None:
        meeting = new_meeting()
        services.issue_token(meeting)
        services.issue_token(meeting)
        joined(meeting, "c1")
        services.edit_meeting(meeting, {"ext_id": "x"}, actor="owner")
        services.end_meeting(meeting, actor="owner")
        services.delete_meeting(meeting, actor="owner")

        assert [name for name, _ in heard] == [
            "meeting_created",
            "meeting_started",
            "attendee_joined",
            "meeting_changed",
            "attendee_left",
            "meeting_ended",
            "meeting_changed",
        ]
        assert {told["meeting"].pk for _, told in heard} == {meeting.pk}
        assert heard[2][1]["attendee"].attendee == "c1"
        assert heard[2][1]["sender"] is Attendee

    def test_come_after_the_commit_and_never_without_it(self, heard: list[tuple[str, Any]], meeting: Meeting) -> None:
        heard.clear()
        with transaction.atomic():
            services.edit_meeting(meeting, {"ext_id": "x"}, actor="owner")
            transaction.set_rollback(True)
        assert heard == []
        with transaction.atomic():
            services.edit_meeting(meeting, {"ext_id": "x"}, actor="owner")
            assert heard == []
        assert [name for name, _ in heard] == ["meeting_changed"]

    def test_a_listener_s_error_breaks_nothing(
        self, heard: list[tuple[str, Any]], meeting: Meeting, caplog: pytest.LogCaptureFixture
    ) -> None:
        def broken(**_: Any) -> None:
            raise RuntimeError("a host's bug")

        signals.meeting_ended.connect(broken)
        try:
            services.end_meeting(meeting, actor="owner")
        finally:
            signals.meeting_ended.disconnect(broken)
        meeting.refresh_from_db()
        assert meeting.disconnect_due_at is None, "everyone was put out all the same"
        assert "meeting_ended" in [name for name, _ in heard]
        assert "a host's bug" in caplog.text


def _listener(told: list[tuple[str, Any]], name: str) -> Any:
    def listen(**arguments: Any) -> None:
        told.append((name, arguments))

    return listen


class TestModeration:
    def test_a_provider_that_fails_to_remove_changes_nothing(self, theirs: Meeting, memory: MemoryProvider) -> None:
        joined(theirs, "c1")
        memory.fail_with = ProviderUnavailable("down")
        attendee = Attendee.objects.get()
        with pytest.raises(ProviderUnavailable):
            moderation.remove_attendee(attendee, actor="owner")
        attendee.refresh_from_db()
        assert attendee.removed_on is None

    def test_removing_and_muting_name_every_open_connection(self, theirs: Meeting, memory: MemoryProvider) -> None:
        joined(theirs, "c1", "c2")
        ann = Attendee.objects.get(attendee="c1")
        store([connected(theirs, "c3", "c1")], theirs)
        moderation.mute_attendee(ann)
        moderation.remove_attendee(ann, actor="owner")
        moderation.mute_everyone(theirs)
        assert memory.muted == ["c1", "c3", "c1", "c2", "c3"]
        assert memory.removed == ["c1", "c3"]

    def test_nobody_is_moderated_in_a_meeting_that_is_over(self, theirs: Meeting, memory: MemoryProvider) -> None:
        joined(theirs, "c1")
        services.end_meeting(theirs, actor="owner")
        with pytest.raises(Conflict):
            moderation.mute_everyone(theirs)
        with pytest.raises(Conflict):
            moderation.remove_attendee(Attendee.objects.get(), actor="owner")
