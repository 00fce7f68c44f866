# mypy: disallow-untyped-calls=False
# (factory_boy types its factories, not its declarations)
"""Rows for tests, made straight in the database: what services and webhooks would have left behind."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone
from factory.declarations import LazyAttribute, LazyFunction, SelfAttribute, Sequence, SubFactory, Trait
from factory.django import DjangoModelFactory

from archives.models import Archive, StorageTarget
from meetings.models import Attendee, Connection, Meeting, WebhookDelivery


class MeetingFactory(DjangoModelFactory[Meeting]):
    """A meeting of the embedded provider: `open`, unless a trait says otherwise."""

    class Meta:
        model = Meeting

    class Params:
        scheduled = Trait(is_scheduled=True, schedule_time=LazyFunction(lambda: timezone.now() + timedelta(days=1)))
        active = Trait(start_time=LazyFunction(timezone.now))
        ended = Trait(
            start_time=LazyFunction(lambda: timezone.now() - timedelta(hours=1)),
            end_time=LazyFunction(timezone.now),
        )

    session_id = Sequence(lambda n: f"rtc_session-{n}")
    title = Sequence(lambda n: f"Meeting {n}")
    provider = "webrtc"
    created_by = modified_by = "factory"


class AttendeeFactory(DjangoModelFactory[Attendee]):
    """A person who is in the meeting now, as far as the row says; `gone` for one who has left."""

    class Meta:
        model = Attendee

    class Params:
        gone = Trait(is_deleted=True)

    meeting = SubFactory(MeetingFactory, active=True)
    attendee = Sequence(lambda n: f"Person {n}")
    ext_id = Sequence(lambda n: f"person-{n}")
    identity = LazyAttribute(lambda row: f"ext:{row.ext_id}")


class ConnectionFactory(DjangoModelFactory[Connection]):
    """An open connection of an attendee of the same meeting; `closed` for one that has ended."""

    class Meta:
        model = Connection

    class Params:
        closed = Trait(left_at=LazyFunction(timezone.now), reason="clientDisconnected")

    attendee = SubFactory(AttendeeFactory)
    meeting = SelfAttribute("attendee.meeting")
    connection_id = Sequence(lambda n: f"connection-{n}")
    joined_at = LazyFunction(lambda: timezone.now() - timedelta(minutes=10))
    name = SelfAttribute("attendee.attendee")
    role = "publisher"


class WebhookDeliveryFactory(DjangoModelFactory[WebhookDelivery]):
    """A verified delivery that was applied; `rejected` for one that did not verify."""

    class Meta:
        model = WebhookDelivery

    class Params:
        rejected = Trait(
            verdict=WebhookDelivery.Verdict.REJECTED,
            dedupe_key=None,
            kind="",
            error="webhook_signature_invalid: The signature does not fit the body.",
        )

    provider = "webrtc"
    kind = "connectionCreated"
    session_id = Sequence(lambda n: f"rtc_elsewhere-{n}")
    verdict = WebhookDelivery.Verdict.APPLIED
    dedupe_key = Sequence(lambda n: f"{n:064x}")
    body = "{}"


class ArchiveFactory(DjangoModelFactory[Archive]):
    """An archive that is over and may be downloaded; `running` for one that is not."""

    class Meta:
        model = Archive

    class Params:
        running = Trait(status="started")

    meeting = SubFactory(MeetingFactory)
    tenant = SelfAttribute("meeting.tenant")
    provider = SelfAttribute("meeting.provider")
    name = Sequence(lambda n: f"Archive {n}")
    status = "available"
    size = 1024
    duration = 60
    created_by = modified_by = "factory"


class StorageTargetFactory(DjangoModelFactory[StorageTarget]):
    """A bucket of Amazon S3."""

    class Meta:
        model = StorageTarget

    name = StorageTarget.Name.AWS_S3
    bucket = Sequence(lambda n: f"bucket-{n}")
    region = "eu-central-1"
    created_by = modified_by = "factory"
