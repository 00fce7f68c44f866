"""What the database itself forbids, also in a race."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, models, transaction
from django.db.models import ProtectedError
from django.utils import timezone

from archives.models import Archive, StorageTarget
from meetings.models import (
    AttendanceFact,
    Attendee,
    Connection,
    IdempotencyKey,
    Meeting,
    Stream,
    WebhookDelivery,
)
from tests.factories import (
    ArchiveFactory,
    AttendeeFactory,
    ConnectionFactory,
    MeetingFactory,
    StorageTargetFactory,
    WebhookDeliveryFactory,
)
from tests.threads import in_threads

ROWS: list[type[models.Model]] = [Meeting, Attendee, Connection, Stream, AttendanceFact, WebhookDelivery, Archive]

Insert = Callable[[Meeting, int], Any]


def _fact(meeting: Meeting, number: int) -> AttendanceFact:
    return AttendanceFact.objects.create(
        meeting=meeting, kind="joined", at=timezone.now(), source="test", fact_key="same", connection_id=f"c{number}"
    )


def _connection(meeting: Meeting, number: int) -> Connection:
    made: Connection = Connection.objects.create(meeting=meeting, connection_id="same", name=str(number))
    return made


def _stream(meeting: Meeting, number: int) -> Stream:
    owner = Connection.objects.get(meeting=meeting)
    return Stream.objects.create(connection=owner, stream_id="same", type=str(number))


def _key(meeting: Meeting, number: int) -> IdempotencyKey:
    return IdempotencyKey.objects.create(
        tenant="t", caller="c", key="same", body_hash=str(number), expires_on=timezone.now()
    )


UNIQUE: dict[str, Insert] = {
    "meeting link": lambda meeting, number: MeetingFactory.create(meeting_link="same"),
    "session id": lambda meeting, number: MeetingFactory.create(session_id="same"),
    "attendee's identity in a meeting": lambda meeting, number: AttendeeFactory.create(
        meeting=meeting, identity="same", ext_id=str(number)
    ),
    "connection id in a meeting": _connection,
    "fact in a meeting": _fact,
    "delivery's key": lambda meeting, number: WebhookDeliveryFactory.create(dedupe_key="same", kind=str(number)),
    "archive id of a provider": lambda meeting, number: ArchiveFactory.create(meeting=meeting, archive_id="same"),
    "running archive of ours in a meeting": lambda meeting, number: ArchiveFactory.create(
        meeting=meeting, is_ours=True, status=["starting", "started", "paused"][number % 3]
    ),
    "idempotency key of a caller": _key,
}


@pytest.mark.django_db
@pytest.mark.parametrize("what", UNIQUE)
def test_there_is_one(what: str) -> None:
    meeting = MeetingFactory.create()
    UNIQUE[what](meeting, 0)
    with pytest.raises(IntegrityError), transaction.atomic():
        UNIQUE[what](meeting, 1)


@pytest.mark.django_db
def test_a_stream_is_one_of_its_connection() -> None:
    row = ConnectionFactory.create()
    _stream(row.meeting, 0)
    with pytest.raises(IntegrityError), transaction.atomic():
        _stream(row.meeting, 1)


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("what", UNIQUE)
def test_of_sixteen_at_once_one_is_stored(what: str) -> None:
    meeting = MeetingFactory.create()
    outcomes: list[str] = []

    def insert(number: int) -> None:
        try:
            UNIQUE[what](meeting, number)
            outcomes.append("stored")
        except IntegrityError:
            outcomes.append("refused")

    in_threads(16, insert)

    assert sorted(outcomes) == ["refused"] * 15 + ["stored"]


@pytest.mark.django_db
class TestConditions:
    def test_the_same_names_in_two_meetings_are_no_conflict(self) -> None:
        for meeting in (MeetingFactory.create(), MeetingFactory.create()):
            AttendeeFactory.create(meeting=meeting, identity="same")
            _connection(meeting, 0)
            _fact(meeting, 0)
        assert Attendee.objects.filter(identity="same").count() == 2

    def test_deliveries_without_a_key_are_no_conflict(self) -> None:
        for _ in range(3):
            WebhookDeliveryFactory.create(rejected=True)
        assert WebhookDelivery.objects.count() == 3

    def test_an_archive_that_is_over_or_deleted_or_not_ours_makes_room(self) -> None:
        meeting = MeetingFactory.create()
        ArchiveFactory.create(meeting=meeting, is_ours=True, status="stopped")
        ArchiveFactory.create(meeting=meeting, is_ours=False, status="started")
        running = ArchiveFactory.create(meeting=meeting, is_ours=True, status="started")
        assert running.soft_delete("owner")
        ArchiveFactory.create(meeting=meeting, is_ours=True, status="started")
        with pytest.raises(IntegrityError), transaction.atomic():
            running.restore("owner")


@pytest.mark.django_db
class TestProtection:
    def test_no_row_takes_others_with_it(self) -> None:
        row = ConnectionFactory.create()
        _stream(row.meeting, 0)
        assert row.attendee is not None
        for held in (row.meeting, row.attendee, row):
            with pytest.raises(ProtectedError):
                held.delete()

    @pytest.mark.parametrize("make", [AttendeeFactory, ArchiveFactory, ConnectionFactory], ids=str)
    def test_a_meeting_with_rows_can_not_be_deleted(self, make: Any) -> None:
        with pytest.raises(ProtectedError):
            make.create().meeting.delete()

    def test_every_foreign_key_protects(self) -> None:
        rules = {
            f"{model.__name__}.{field.name}": field.remote_field.on_delete
            for model in ROWS
            for field in model._meta.get_fields()
            if isinstance(field, models.ForeignKey)
        }
        assert rules.pop("AttendanceFact.delivery") is models.SET_NULL, "rejected deliveries rotate"
        assert rules
        assert set(rules.values()) == {models.PROTECT}


@pytest.mark.django_db
@pytest.mark.parametrize("factory", [MeetingFactory, ArchiveFactory, StorageTargetFactory], ids=str)
class TestSoftDelete:
    def test_keeps_the_row_with_who_and_when(self, factory: Any) -> None:
        row = factory.create()
        before = timezone.now()

        assert row.soft_delete("ann") is True

        row.refresh_from_db()
        assert (row.deleted, row.deleted_by, row.modified_by) == (True, "ann", "ann")
        assert row.deleted_on >= before
        assert row.modified_on >= before
        assert not type(row).objects.alive().exists()
        assert type(row).objects.count() == 1

    def test_again_changes_nothing(self, factory: Any) -> None:
        row = factory.create()
        row.soft_delete("ann")
        assert row.soft_delete("bea") is False
        row.refresh_from_db()
        assert row.deleted_by == "ann"

    def test_is_taken_back_by_restore(self, factory: Any) -> None:
        row = factory.create()
        assert row.restore("ann") is False
        row.soft_delete("ann")
        assert row.restore("bea") is True
        row.refresh_from_db()
        assert (row.deleted, row.deleted_on, row.deleted_by, row.modified_by) == (False, None, None, "bea")

    def test_of_many_says_how_many(self, factory: Any) -> None:
        rows = type(factory.create()).objects
        factory.create()
        rows.order_by("id")[0].soft_delete("ann")

        assert rows.all().soft_delete("bea") == 1
        assert rows.all().soft_delete("bea") == 0
        assert sorted(rows.values_list("deleted_by", flat=True)) == ["ann", "bea"]
        assert rows.all().restore("zoe") == 2
        assert rows.alive().count() == 2


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
class TestRaces:
    def test_of_64_first_tokens_one_starts_the_meeting(self) -> None:
        meeting = MeetingFactory.create(duration=30)
        won: list[bool] = []
        in_threads(64, lambda _: won.append(Meeting.objects.get(pk=meeting.pk).mark_started(timezone.now())))
        assert sorted(won) == [False] * 63 + [True]

    def test_of_an_end_and_starts_the_meeting_never_starts_after_its_end(self) -> None:
        meeting = MeetingFactory.create()

        def work(number: int) -> None:
            row = Meeting.objects.get(pk=meeting.pk)
            if number == 0:
                row.mark_ended(timezone.now(), "owner")
            else:
                row.mark_started(timezone.now())

        in_threads(16, work)
        meeting.refresh_from_db()
        assert meeting.end_time is not None
        assert meeting.mark_started(timezone.now()) is False

    def test_of_sixteen_deleters_one_is_told_that_it_did(self) -> None:
        meeting = MeetingFactory.create()
        done: list[bool] = []
        in_threads(16, lambda number: done.append(Meeting.objects.get(pk=meeting.pk).soft_delete(str(number))))
        assert sorted(done) == [False] * 15 + [True]

    def test_of_sixteen_workers_one_claims_a_disconnect(self) -> None:
        meeting = MeetingFactory.create(ended=True, disconnect_due_at=timezone.now())
        now = timezone.now()
        later = now + timedelta(minutes=1)
        claimed: list[bool] = []
        in_threads(16, lambda _: claimed.append(Meeting.objects.get(pk=meeting.pk).claim_disconnect(now, until=later)))
        assert sorted(claimed) == [False] * 15 + [True]


def test_storage_targets_hold_no_secret() -> None:
    names = {field.name for field in StorageTarget._meta.get_fields()}
    assert not [name for name in names if "key" in name or "secret" in name or "password" in name]
