"""The rows of a meeting, of who was there, and of what came in from providers."""

from __future__ import annotations

import re
import secrets
from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from meetings import permission_names
from meetings.abstract_models import AuditModel, SoftDeleteModel
from meetings.names import display_name
from meetings.querysets import AttendeeQuerySet, ConnectionQuerySet, MeetingQuerySet

LINK_BYTES = 8
LINK = re.compile(r"[A-Za-z0-9_-]{1,32}")
"""What a link id may be; nothing else is looked for."""
ALIVE = Q(deleted=False)


def new_meeting_link() -> str:
    """Return a link id: 10 URL-safe random characters (60 bits)."""
    return secrets.token_urlsafe(LINK_BYTES)[:10]


def new_claim() -> str:
    """Return a random mark by which the process that inserted a row knows it as its own."""
    return secrets.token_urlsafe(16)


def title_key(title: str | None) -> str:
    """Return what the beginning of a title is looked up by."""
    return (title or "").casefold()[:255]


class Meeting(SoftDeleteModel, AuditModel):  # type: ignore[django-manager-missing]
    """A meeting: the API document's VideoChatSession, and who provides its media.

    State changes are conditional updates (`mark_*`), so that of two racing calls exactly one is told that it won.
    """

    session_id = models.CharField("session id", max_length=255)
    meeting_link = models.CharField("link id", max_length=32, default=new_meeting_link)
    is_scheduled = models.BooleanField("scheduled", default=False)
    schedule_time = models.DateTimeField(null=True, blank=True)
    is_archived = models.BooleanField("archived", default=False)
    archive_id = models.CharField(max_length=255, null=True, blank=True)
    upload_target = models.CharField(max_length=255, null=True, blank=True)
    start_time = models.DateTimeField(null=True, blank=True)
    end_time = models.DateTimeField(null=True, blank=True)
    ext_id = models.CharField("external id", max_length=255, null=True, blank=True)
    ext_metadata = models.JSONField("external metadata", null=True, blank=True)

    tenant = models.CharField(max_length=255, blank=True, default="")
    title = models.CharField(max_length=255, null=True, blank=True)
    title_key = models.CharField(max_length=255, blank=True, default="", editable=False)
    duration = models.PositiveIntegerField("duration (minutes)", null=True, blank=True)
    max_participants = models.PositiveIntegerField(null=True, blank=True)
    provider = models.CharField(max_length=64)
    end_to_end_encryption = models.BooleanField("end-to-end encrypted", default=False)

    legal_hold = models.BooleanField(default=False, db_default=False, editable=False)
    closes_at = models.DateTimeField(null=True, blank=True, editable=False)
    disconnect_due_at = models.DateTimeField(null=True, blank=True, editable=False)
    disconnect_attempts = models.PositiveIntegerField(default=0, editable=False)
    disconnect_error = models.CharField(max_length=500, blank=True, default="", editable=False)

    objects: ClassVar[Any] = MeetingQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        permissions = tuple(permission_names.DESCRIPTIONS.items())
        constraints = (  # `unique=True` would add an index for patterns, which nobody looks for
            models.UniqueConstraint(fields=("session_id",), name="vc_mt_one_per_session"),
            models.UniqueConstraint(fields=("meeting_link",), name="vc_mt_one_per_link"),
        )
        indexes = (
            models.Index(fields=("tenant", "-id"), condition=ALIVE, name="vc_mt_tenant"),
            models.Index(fields=("tenant", "is_scheduled", "-id"), condition=ALIVE, name="vc_mt_is_scheduled"),
            models.Index(fields=("tenant", "is_archived", "-id"), condition=ALIVE, name="vc_mt_is_archived"),
            models.Index(
                fields=("tenant", "schedule_time", "id"),
                condition=ALIVE & Q(schedule_time__isnull=False),
                name="vc_mt_schedule_time",
            ),
            models.Index(fields=("ext_id", "-id"), condition=Q(ext_id__isnull=False), name="vc_mt_ext_id"),
            models.Index(fields=("title_key",), opclasses=("varchar_pattern_ops",), name="vc_mt_title"),
            models.Index(
                fields=("tenant", "-id"),
                condition=ALIVE & Q(end_time__isnull=True, start_time__isnull=False),
                name="vc_mt_active",
            ),
            models.Index(
                fields=("tenant", "-id"),
                condition=ALIVE & Q(end_time__isnull=True, start_time__isnull=True),
                name="vc_mt_waiting",
            ),
            # Also those that may have run out by the clock before anybody wrote down their end.
            models.Index(
                fields=("tenant", "-id"),
                condition=ALIVE & (Q(end_time__isnull=False) | Q(closes_at__isnull=False)),
                name="vc_mt_ended",
            ),
            models.Index(
                fields=("closes_at",),
                condition=Q(end_time__isnull=True, closes_at__isnull=False),
                name="vc_mt_closes_at",
            ),
            # For the admin, which spans tenants.
            models.Index(fields=("-id",), condition=Q(deleted=True), name="vc_mt_deleted"),
            models.Index(fields=("-id",), condition=Q(legal_hold=True), name="vc_mt_legal_hold"),
            models.Index(fields=("provider", "-id"), condition=ALIVE, name="vc_mt_provider"),
            models.Index(fields=("created_on",), name="vc_mt_created_on"),
            models.Index(
                fields=("schedule_time",), condition=ALIVE & Q(schedule_time__isnull=False), name="vc_mt_scheduled_for"
            ),
            models.Index(
                fields=("disconnect_due_at",),
                condition=Q(disconnect_due_at__isnull=False),
                name="vc_mt_disconnect",
            ),
        )

    def __str__(self) -> str:
        return self.title or self.meeting_link

    def save(self, *args: Any, **kwargs: Any) -> None:
        self.title_key = title_key(self.title)
        super().save(*args, **kwargs)

    def state_at(self, now: datetime, time_to_start: timedelta) -> str:
        """Return `scheduled`, `open`, `active` or `ended` (the wire contract's `state`)."""
        if self.is_over(now):
            return "ended"
        if self.start_time is not None:
            return "active"
        return "scheduled" if self.is_early(now, time_to_start) else "open"

    def is_early(self, now: datetime, time_to_start: timedelta) -> bool:
        """Whether `now` is before the window in which a scheduled meeting gives tokens."""
        return self.is_scheduled and self.schedule_time is not None and now < self.schedule_time - time_to_start

    def opens_at(self, time_to_start: timedelta) -> datetime | None:
        """Return the moment from which a scheduled meeting gives tokens."""
        return self.schedule_time - time_to_start if self.is_scheduled and self.schedule_time else None

    def is_over(self, now: datetime) -> bool:
        """Whether the meeting has ended, or its duration has run out and it is about to be ended."""
        return self.end_time is not None or (self.closes_at is not None and self.closes_at <= now)

    def mark_started(self, now: datetime) -> bool:
        """Set `start_time` (and from it `closes_at`) if nobody has; return whether this call did."""
        closes_at = now + timedelta(minutes=self.duration) if self.duration else None
        started = bool(
            Meeting.objects.alive()
            .filter(pk=self.pk, start_time__isnull=True, end_time__isnull=True)
            .update(start_time=now, closes_at=closes_at, modified_on=now)
        )
        if started:
            self.start_time, self.closes_at = now, closes_at
        return started

    def mark_ended(self, now: datetime, by: str) -> bool:
        """Set `end_time` and note that the provider owes a disconnect; return whether this call did."""
        ended = bool(
            Meeting.objects.filter(pk=self.pk, end_time__isnull=True).update(
                end_time=now, disconnect_due_at=now, modified_on=now, modified_by=by
            )
        )
        if ended:
            self.end_time = self.disconnect_due_at = now
        return ended

    def claim_disconnect(self, now: datetime, *, until: datetime) -> bool:
        """Take a disconnect that is due upon oneself until `until`; return whether this call did."""
        due = Meeting.objects.filter(pk=self.pk, disconnect_due_at__lte=now)
        return bool(due.update(disconnect_due_at=until))

    def owe_disconnect(self, due_at: datetime) -> None:
        """Note that somebody is to be put out of a meeting that is over."""
        Meeting.objects.filter(pk=self.pk, disconnect_due_at__isnull=True).update(
            disconnect_due_at=due_at, disconnect_attempts=0
        )

    def mark_disconnected(self) -> None:
        """Note that the provider has put everyone out."""
        Meeting.objects.filter(pk=self.pk).update(disconnect_due_at=None, disconnect_error="")
        self.disconnect_due_at, self.disconnect_error = None, ""

    def mark_disconnect_failed(self, error: str, again_at: datetime) -> None:
        """Note a failed disconnect and when it is tried again."""
        Meeting.objects.filter(pk=self.pk).update(
            disconnect_due_at=again_at,
            disconnect_attempts=models.F("disconnect_attempts") + 1,
            disconnect_error=error[:500],
        )


class Attendee(models.Model):  # type: ignore[django-manager-missing]
    """One person of one meeting: the projection of her connections.

    `identity` says who she is within the meeting (see `facts.identity_of`); `attendee` is the name, for display only;
    `is_deleted` means "not here now".
    """

    meeting = models.ForeignKey(Meeting, on_delete=models.PROTECT, db_index=False, related_name="attendees")
    identity = models.CharField(max_length=300)
    attendee = models.CharField("name", max_length=1000, blank=True)
    is_deleted = models.BooleanField("has left", default=False)
    created_on = models.DateTimeField("first joined", default=timezone.now)
    modified_on = models.DateTimeField("last change", null=True, blank=True)
    ext_id = models.CharField("external id", max_length=255, null=True, blank=True)
    ext_metadata = models.JSONField("external metadata", null=True, blank=True)
    removed_on = models.DateTimeField(null=True, blank=True)
    removed_by = models.CharField(max_length=255, blank=True, default="")

    objects: ClassVar[Any] = AttendeeQuerySet.as_manager()

    class Meta:
        ordering = ("id",)
        constraints = (models.UniqueConstraint(fields=("meeting", "identity"), name="vc_at_one_per_identity"),)
        indexes = (
            models.Index(fields=("meeting", "id"), condition=Q(is_deleted=False), name="vc_at_active"),
            models.Index(fields=("ext_id",), condition=Q(ext_id__isnull=False), name="vc_at_ext_id"),
            models.Index(fields=("attendee",), name="vc_at_name"),
        )

    def __str__(self) -> str:
        return display_name(self.attendee) or self.identity


class Connection(models.Model):
    """One client's stay in a meeting, unique by the provider's connection id."""

    meeting = models.ForeignKey(Meeting, on_delete=models.PROTECT, db_index=False, related_name="connections")
    connection_id = models.CharField(max_length=255)
    attendee = models.ForeignKey(Attendee, on_delete=models.PROTECT, null=True, blank=True, related_name="connections")
    joined_at = models.DateTimeField(null=True, blank=True)
    left_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=64, blank=True, default="")
    last_seen_at = models.DateTimeField(null=True, blank=True)
    name = models.CharField(max_length=1000, blank=True, default="")
    role = models.CharField(max_length=32, blank=True, default="")
    socket = models.CharField(max_length=32, blank=True, default="", editable=False)
    is_mute_due = models.BooleanField(default=False, editable=False)

    objects: ClassVar[Any] = ConnectionQuerySet.as_manager()

    class Meta:
        ordering = ("id",)
        constraints = (models.UniqueConstraint(fields=("meeting", "connection_id"), name="vc_co_one_per_id"),)
        indexes = (
            models.Index(fields=("meeting",), condition=Q(left_at__isnull=True), name="vc_co_present"),
            models.Index(
                fields=("last_seen_at",),
                condition=Q(left_at__isnull=True, last_seen_at__isnull=False),
                name="vc_co_silent",
            ),
        )

    def __str__(self) -> str:
        return self.connection_id


class Stream(models.Model):
    """What a connection publishes; moderation at providers with stream ids needs it."""

    connection = models.ForeignKey(Connection, on_delete=models.PROTECT, db_index=False, related_name="streams")
    stream_id = models.CharField(max_length=255)
    type = models.CharField(max_length=32, blank=True, default="")
    started_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ("id",)
        constraints = (models.UniqueConstraint(fields=("connection", "stream_id"), name="vc_st_one_per_id"),)

    def __str__(self) -> str:
        return self.stream_id


class WebhookDelivery(models.Model):
    """An inbound event as it came, and what became of it.

    Verified ones carry a `dedupe_key` (unique); rejected ones have none, are cut short and rotate.
    """

    class Verdict(models.TextChoices):
        APPLIED = "applied", "applied"
        UNKNOWN = "unknown", "unknown kind, stored only"
        UNMATCHED = "unmatched", "no such meeting yet"
        FAILED = "failed", "our error, will be retried"
        REJECTED = "rejected", "not accepted"

    provider = models.CharField(max_length=64)
    kind = models.CharField(max_length=64, blank=True, default="")
    session_id = models.CharField(max_length=255, blank=True, default="")
    verdict = models.CharField(max_length=16, choices=Verdict.choices)
    dedupe_key = models.CharField(max_length=64, null=True, blank=True)
    body = models.TextField(blank=True, default="")
    error = models.TextField(blank=True, default="")
    attempts = models.PositiveIntegerField(default=1)
    received_at = models.DateTimeField(default=timezone.now)
    applied_at = models.DateTimeField(null=True, blank=True)
    meeting = models.ForeignKey(Meeting, on_delete=models.PROTECT, null=True, blank=True, related_name="deliveries")

    class Meta:
        ordering = ("-id",)
        verbose_name_plural = "webhook deliveries"
        constraints = (
            models.UniqueConstraint(
                fields=("dedupe_key",), condition=Q(dedupe_key__isnull=False), name="vc_wd_one_per_key"
            ),
        )
        indexes = (
            models.Index(fields=("verdict", "-id"), name="vc_wd_verdict"),
            models.Index(fields=("provider", "-id"), name="vc_wd_provider"),
            models.Index(fields=("session_id", "-id"), name="vc_wd_session"),
        )

    def __str__(self) -> str:
        return f"{self.kind or 'event'} {self.pk}"


class AttendanceFact(models.Model):
    """Something that was seen about presence: append-only, unique by `fact_key` within its meeting.

    Connections, streams and attendees are projections of these rows; copies and order make no difference.
    """

    class Kind(models.TextChoices):
        JOINED = "joined", "joined"
        LEFT = "left", "left"
        STREAM_STARTED = "stream_started", "stream started"
        STREAM_ENDED = "stream_ended", "stream ended"
        SESSION_STARTED = "session_started", "session started"
        SESSION_ENDED = "session_ended", "session ended"
        TOKEN_ISSUED = "token_issued", "token issued"
        MEETING_ENDED = "meeting_ended", "meeting ended"
        SEEN = "seen", "seen"
        ASSUMED_LEFT = "assumed_left", "assumed to have left"

    meeting = models.ForeignKey(Meeting, on_delete=models.PROTECT, db_index=False, related_name="facts")
    kind = models.CharField(max_length=24, choices=Kind.choices)
    at = models.DateTimeField()
    source = models.CharField(max_length=32)
    fact_key = models.CharField(max_length=64)
    connection_id = models.CharField(max_length=255, blank=True, default="")
    stream_id = models.CharField(max_length=255, blank=True, default="")
    payload = models.JSONField(default=dict)
    delivery = models.ForeignKey(
        WebhookDelivery, on_delete=models.SET_NULL, null=True, blank=True, related_name="facts"
    )
    created_on = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("id",)
        constraints = (models.UniqueConstraint(fields=("meeting", "fact_key"), name="vc_af_once"),)
        indexes = (
            models.Index(fields=("meeting", "connection_id"), name="vc_af_connection"),
            models.Index(fields=("meeting", "at"), condition=Q(kind="session_ended"), name="vc_af_session_ended"),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.connection_id}"


class ImportedMeeting(models.Model):
    """What a meeting of the original service was when it was last brought over (`manage.py import_sourceloop`).

    `marks` are hashes of its column groups as they were over there: what differs from them was changed since.
    """

    meeting = models.OneToOneField(Meeting, on_delete=models.PROTECT, primary_key=True, related_name="imported")
    original_id = models.CharField("id in the original", max_length=64)
    marks = models.JSONField(default=dict)
    imported_on = models.DateTimeField("last brought over", default=timezone.now)

    def __str__(self) -> str:
        return self.original_id


class IdempotencyKey(models.Model):
    """A caller's `Idempotency-Key` and the answer that it got; only a success is remembered."""

    tenant = models.CharField(max_length=255, blank=True, default="")
    caller = models.CharField(max_length=255)
    key = models.CharField(max_length=255)
    body_hash = models.CharField(max_length=64)
    claim = models.CharField(max_length=32, default=new_claim, editable=False)
    answer = models.JSONField(null=True, blank=True)
    expires_on = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=("tenant", "caller", "key"), name="vc_ik_one_per_caller"),)
        indexes = (models.Index(fields=("expires_on",), name="vc_ik_expires_on"),)

    def __str__(self) -> str:
        return self.key
