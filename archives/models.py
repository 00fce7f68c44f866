"""The rows of recordings and of where they go."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Any, ClassVar

from django.db import models
from django.db.models import Q
from django.utils import timezone

from archives import permission_names
from archives.querysets import RUNNING, ArchiveQuerySet, StorageTargetQuerySet
from meetings.abstract_models import AuditModel, SoftDeleteModel
from meetings.models import Attendee, Meeting


def new_archive_id() -> str:
    """Return an id for an archive of our own (at other providers the provider names it)."""
    return str(uuid.uuid4())


class Archive(SoftDeleteModel, AuditModel):
    """A recording of a meeting: the provider's facts about it, and where its file is."""

    meeting = models.ForeignKey(Meeting, on_delete=models.PROTECT, related_name="archives")
    archive_id = models.CharField(max_length=255, default=new_archive_id)
    tenant = models.CharField(max_length=255, blank=True, default="")
    provider = models.CharField(max_length=64)
    name = models.CharField(max_length=255, blank=True, default="")
    status = models.CharField(max_length=32, default="starting")
    reason = models.CharField(max_length=500, blank=True, default="")
    is_ours = models.BooleanField("started by us", default=False)
    size = models.BigIntegerField("size (bytes)", default=0)
    duration = models.PositiveIntegerField("duration (seconds)", default=0)
    resolution = models.CharField(max_length=16, blank=True, default="")
    output_mode = models.CharField(max_length=16, default="composed")
    has_audio = models.BooleanField(default=True)
    has_video = models.BooleanField(default=True)
    target = models.ForeignKey("StorageTarget", on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    storage_key = models.CharField(max_length=1024, blank=True, default="")
    sha256 = models.CharField(max_length=64, blank=True, default="")
    layout = models.CharField(max_length=32, blank=True, default="")
    consent = models.CharField(max_length=16, blank=True, default="", editable=False)
    notice = models.TextField("what people are told", blank=True, default="", editable=False)
    notice_version = models.CharField(max_length=64, blank=True, default="", editable=False)
    spans = models.JSONField("times recorded", default=list, editable=False)
    ends_at = models.DateTimeField("ends by itself", null=True, blank=True, editable=False)
    ended_by = models.CharField(max_length=16, blank=True, default="", editable=False)
    progress = models.JSONField(null=True, blank=True, editable=False)
    report = models.JSONField(null=True, blank=True, editable=False)
    compose_due_at = models.DateTimeField("is worked on next", null=True, blank=True, editable=False)
    compose_lease_until = models.DateTimeField(null=True, blank=True, editable=False)
    compose_claim = models.CharField(max_length=32, blank=True, default="", editable=False)
    compose_attempts = models.PositiveIntegerField("failures in a row", default=0, editable=False)
    compose_error = models.CharField("why it is not ready", max_length=500, blank=True, default="", editable=False)
    composed_ms = models.BigIntegerField(default=0, editable=False)
    refused_since = models.DateTimeField("storage refuses since", null=True, blank=True, editable=False)
    chunks_due_at = models.DateTimeField("chunks are removed", null=True, blank=True, editable=False)
    removal_due_at = models.DateTimeField("removal is tried next", null=True, blank=True, editable=False)
    removal_attempts = models.PositiveIntegerField(default=0, editable=False)
    removal_error = models.CharField("why it was not removed", max_length=500, blank=True, default="", editable=False)

    objects: ClassVar[Any] = ArchiveQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        permissions = tuple(
            item
            for item in permission_names.DESCRIPTIONS.items()
            if item[0] != permission_names.SET_MEETING_UPLOAD_TARGET
        )
        constraints = (
            models.UniqueConstraint(fields=("provider", "archive_id"), name="vc_ar_one_per_id"),
            models.UniqueConstraint(
                fields=("meeting",),
                condition=Q(is_ours=True, status__in=RUNNING, deleted=False),
                name="vc_ar_one_running",
            ),
        )
        indexes = (
            models.Index(fields=("tenant", "-id"), condition=Q(deleted=False), name="vc_ar_tenant"),
            models.Index(fields=("tenant", "status", "-id"), condition=Q(deleted=False), name="vc_ar_status"),
            models.Index(fields=("tenant", "created_on", "id"), condition=Q(deleted=False), name="vc_ar_created"),
            models.Index(fields=("archive_id",), name="vc_ar_archive_id"),
            models.Index(fields=("status", "-id"), name="vc_ar_any_status"),
            models.Index(fields=("-id",), condition=Q(deleted=True), name="vc_ar_deleted"),
            models.Index(fields=("created_on",), condition=Q(deleted=False), name="vc_ar_any_created"),
            models.Index(
                fields=("removal_due_at",), condition=Q(removal_due_at__isnull=False), name="vc_ar_removal_due"
            ),
            models.Index(fields=("ends_at",), condition=Q(ends_at__isnull=False), name="vc_ar_ends_at"),
            models.Index(
                fields=("compose_due_at",), condition=Q(compose_due_at__isnull=False), name="vc_ar_compose_due"
            ),
            models.Index(fields=("chunks_due_at",), condition=Q(chunks_due_at__isnull=False), name="vc_ar_chunks_due"),
        )

    @property
    def is_running(self) -> bool:
        """Whether it is not over."""
        return self.status in RUNNING

    def claim_removal(self, now: datetime, *, until: datetime) -> bool:
        """Take a removal that is due upon oneself until `until`; return whether this call did."""
        due = Archive.objects.filter(pk=self.pk, deleted=True, removal_due_at__lte=now)
        return bool(due.update(removal_due_at=until))

    def mark_removed(self) -> None:
        """Note that the provider and the bucket hold nothing of it any more."""
        Archive.objects.filter(pk=self.pk).update(removal_due_at=None, removal_error="")

    def mark_removal_failed(self, error: str, again_at: datetime) -> None:
        """Note a failed removal and when it is tried again, unless the archive was restored meanwhile."""
        Archive.objects.filter(pk=self.pk, deleted=True).update(
            removal_due_at=again_at,
            removal_attempts=models.F("removal_attempts") + 1,
            removal_error=error[:500],
        )

    def __str__(self) -> str:
        return self.name or self.archive_id


class Track(models.Model):
    """What one recorder of one page sends: a WebM stream, chunk by chunk. A new recorder is a new track.

    `sealed_at` is when the composition stopped waiting for it: no chunk is taken from then on.
    """

    class Kind(models.TextChoices):
        CAMERA = "camera", "microphone and camera"
        SCREEN = "screen", "screen"

    archive = models.ForeignKey(Archive, on_delete=models.PROTECT, related_name="tracks")
    track_id = models.CharField(max_length=36)
    attendee = models.ForeignKey(Attendee, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    connection_id = models.CharField(max_length=255)
    name = models.CharField(max_length=255, blank=True, default="")
    kind = models.CharField(max_length=8, choices=Kind.choices)
    started_at = models.DateTimeField()
    created_on = models.DateTimeField("opened", default=timezone.now)
    bytes = models.BigIntegerField(default=0)
    chunks = models.PositiveIntegerField(default=0)
    last_chunk_at = models.DateTimeField(null=True, blank=True)
    closed_at = models.DateTimeField("closed by the page", null=True, blank=True)
    count = models.PositiveIntegerField("chunks in all", null=True, blank=True)
    sealed_at = models.DateTimeField("complete as it is", null=True, blank=True)

    class Meta:
        ordering = ("id",)
        constraints = (models.UniqueConstraint(fields=("track_id",), name="vc_tr_one_per_id"),)

    def __str__(self) -> str:
        return f"{self.name} ({self.get_kind_display()})"


class Chunk(models.Model):
    """A piece of a track that is stored; its bytes are in the storage of chunks, under its track, number and hash."""

    track = models.ForeignKey(Track, on_delete=models.PROTECT, db_index=False, related_name="received")
    sequence = models.PositiveIntegerField()
    size = models.PositiveIntegerField()
    sha256 = models.CharField(max_length=64)
    received_at = models.DateTimeField(default=timezone.now)
    recorded_at = models.BigIntegerField("the page had it (ms since 1970)", null=True, blank=True)

    class Meta:
        ordering = ("track", "sequence")
        constraints = (models.UniqueConstraint(fields=("track", "sequence"), name="vc_ch_one_per_number"),)

    def __str__(self) -> str:
        return f"{self.track_id}/{self.sequence}"


class RecordingNotice(models.Model):
    """Who was told of a recording, or said yes or no to it, in which version of the words, and when."""

    class Decision(models.TextChoices):
        TOLD = "told", "was told"
        AGREED = "agreed", "agreed"
        DECLINED = "declined", "declined"

    meeting = models.ForeignKey(Meeting, on_delete=models.PROTECT, related_name="+")
    archive = models.ForeignKey(Archive, on_delete=models.PROTECT, related_name="notices")
    attendee = models.ForeignKey(Attendee, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    connection_id = models.CharField(max_length=255)
    version = models.CharField(max_length=64)
    decision = models.CharField(max_length=8, choices=Decision.choices)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering = ("id",)
        indexes = (models.Index(fields=("archive", "connection_id"), name="vc_rn_connection"),)

    def __str__(self) -> str:
        return f"{self.get_decision_display()} {self.at:%Y-%m-%d %H:%M}"


class StorageTarget(SoftDeleteModel, AuditModel):
    """Where archives are stored: the newest alive row counts. Secrets are in the settings, never here."""

    class Name(models.TextChoices):
        AWS_S3 = "AWSS3", "Amazon S3 or compatible"
        AZURE = "AZURE", "Azure Blob Storage"

    name = models.CharField(max_length=16, choices=Name.choices)
    bucket = models.CharField(max_length=255, blank=True, default="")
    endpoint = models.CharField(max_length=255, blank=True, default="")
    region = models.CharField(max_length=64, blank=True, default="")
    account_name = models.CharField(max_length=255, blank=True, default="")
    container = models.CharField(max_length=255, blank=True, default="")
    domain = models.CharField(max_length=255, blank=True, default="")
    fallback = models.CharField(max_length=16, default="none")

    objects: ClassVar[Any] = StorageTargetQuerySet.as_manager()

    class Meta:
        ordering = ("-id",)
        permissions = (
            (
                permission_names.SET_MEETING_UPLOAD_TARGET,
                permission_names.DESCRIPTIONS[permission_names.SET_MEETING_UPLOAD_TARGET],
            ),
        )

    @property
    def address(self) -> str:
        """Where it is, as one text: `s3://bucket` or `azure://account/container`."""
        if self.name == self.Name.AZURE:
            return f"azure://{self.account_name}/{self.container}"
        return f"s3://{self.bucket}"

    def __str__(self) -> str:
        return f"{self.name} {self.bucket or self.account_name}"
