"""The admin of archives and of the storage target."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat

from archives import permission_names, probing, services, targets
from archives.facts import RANKS
from archives.models import Archive, StorageTarget
from archives.targets import TargetPlan
from meetings.admin import filters
from meetings.admin.attendees import meeting_ids
from meetings.admin.base import Operation, ServiceAdmin, VideoconfAdmin, actor_of
from meetings.admin.forms import ServiceForm, refuse_control_characters

AUDIT: Any = (
    "Audit",
    {"fields": ("created_on", "created_by", "modified_on", "modified_by", "deleted", "deleted_on", "deleted_by")},
)


def _delete(archive: Archive, actor: str) -> str:
    services.delete_archive(archive, actor=actor)
    return "Deleted."


def _restore(archive: Archive, actor: str) -> str:
    services.restore_archive(archive, actor=actor)
    return "Restored."


class StatusFilter(admin.SimpleListFilter):
    title = "status"
    parameter_name = "status"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(status, status.capitalize()) for status in RANKS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset if self.value() is None else queryset.filter(status=self.value())


@admin.register(Archive)
class ArchiveAdmin(VideoconfAdmin):
    """Archives of all tenants, read-only.

    Reading takes `GetMeetingArchives` (or Django's `view_archive`), deleting and restoring `DeleteMeetingArchive`.
    """

    view_names = (permission_names.GET_MEETING_ARCHIVES,)
    operations = (
        Operation(
            name="soft-delete",
            label="Delete",
            list_label="Delete selected archives",
            permission=permission_names.DELETE_MEETING_ARCHIVE,
            question="Delete the archive?",
            consequence="It disappears from the API.",
            perform=_delete,
            applies=lambda archive: not archive.deleted,
            refusal="It is deleted already.",
            is_grave=True,
        ),
        Operation(
            name="restore",
            label="Restore",
            list_label="Restore selected archives",
            permission=permission_names.DELETE_MEETING_ARCHIVE,
            question="Restore the archive?",
            consequence="It is listed again. A file that was removed from the storage does not come back.",
            perform=_restore,
            applies=lambda archive: archive.deleted,
            refusal="It is not deleted.",
        ),
    )
    list_display = ("__str__", "meeting", "status", "readable_size", "length", "provider", "tenant", "created_on")
    list_filter = (
        StatusFilter,
        filters.ProviderFilter,
        filters.TenantFilter,
        filters.CreatedFilter,
        filters.OfMeetingFilter,
        filters.DeletedFilter,
    )
    list_select_related = ("meeting",)
    search_fields = ("archive_id",)
    search_help_text = "An archive id, or a meeting's link id or session id."
    fieldsets = (
        (None, {"fields": ("archive_id", "name", "meeting", "status", "reason", "provider", "tenant", "is_ours")}),
        (
            "Recording",
            {"fields": ("readable_size", "length", "resolution", "output_mode", "has_audio", "has_video")},
        ),
        ("File", {"fields": ("storage_key", "sha256")}),
        AUDIT,
    )
    readonly_fields = ("readable_size", "length")
    REMOVAL: ClassVar[Any] = (
        "Removal",
        {
            "fields": ("removal_due_at", "removal_attempts", "removal_error"),
            "description": "The archive is deleted, but its provider or the bucket still holds the file.",
        },
    )

    def get_fieldsets(self, request: HttpRequest, obj: Archive | None = None) -> Any:
        known = super().get_fieldsets(request, obj)
        return [self.REMOVAL, *known] if obj is not None and obj.removal_due_at else known

    @admin.display(description="size")
    def readable_size(self, archive: Archive) -> str:
        return filesizeformat(archive.size)

    @admin.display(description="duration")
    def length(self, archive: Archive) -> str:
        hours, seconds = divmod(archive.duration, 3600)
        return f"{hours}:{seconds // 60:02}:{seconds % 60:02}"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("meeting")

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[QuerySet[Any], bool]:
        text = search_term.strip()
        if not text:
            return queryset, False
        return queryset.filter(Q(archive_id=text) | Q(meeting_id__in=meeting_ids(text))), False


class StorageTargetForm(ServiceForm):
    """Where archives go. Secrets are settings of the project and are never typed here."""

    name = forms.ChoiceField(label="Storage", choices=StorageTarget.Name.choices)
    fallback = forms.ChoiceField(
        label="Fallback",
        choices=[("none", "None"), ("opentok", "The provider's own cloud")],
        help_text="Where the provider puts an archive that it can't store there.",
    )

    class Meta:
        model = StorageTarget
        fields: ClassVar[list[str]] = []  # the admin's fieldsets say which
        help_texts: ClassVar[dict[str, str]] = {
            "endpoint": "For what speaks S3 but is not Amazon.",
            "container": "Empty: the one in the settings.",
        }


def _take_away(target: StorageTarget, actor: str) -> str:
    targets.clear_storage_target(actor=actor)
    return "Taken away."


def _check(target: StorageTarget, actor: str) -> str:
    steps = probing.probe(target)
    failure = probing.failure_of(steps)
    if failure is not None:
        raise failure
    return f"It works: {', '.join(step.name for step in steps)}."


def _bring_back(target: StorageTarget, actor: str) -> str:
    targets.restore_storage_target(target, actor=actor)
    return "In force again."


@admin.register(StorageTarget)
class StorageTargetAdmin(ServiceAdmin):
    """Storage targets, the one in force and the earlier ones; a change is a new one.

    Setting, checking, taking away and bringing back takes `SetMeetingUploadTarget`; it, or Django's
    `view_storagetarget`, reads.
    """

    view_names = (permission_names.SET_MEETING_UPLOAD_TARGET,)
    add_name = permission_names.SET_MEETING_UPLOAD_TARGET
    form = StorageTargetForm
    operations = (
        Operation(
            name="check",
            label="Check",
            permission=permission_names.SET_MEETING_UPLOAD_TARGET,
            question="Try the storage target out?",
            consequence="A small file is written, read back, linked to and deleted there. No archive is touched.",
            perform=_check,
            applies=lambda target: True,
            refusal="",
        ),
        Operation(
            name="soft-delete",
            label="Take away",
            permission=permission_names.SET_MEETING_UPLOAD_TARGET,
            question="Take the storage target away?",
            consequence="New archives stay where the provider or the project keeps them. What is stored stays stored.",
            perform=_take_away,
            applies=lambda target: not target.deleted,
            refusal="It is not in force.",
            is_grave=True,
        ),
        Operation(
            name="restore",
            label="Bring back",
            permission=permission_names.SET_MEETING_UPLOAD_TARGET,
            question="Bring this storage target back?",
            consequence="Archives are stored there from now on.",
            perform=_bring_back,
            applies=lambda target: target.deleted,
            refusal="It is in force.",
        ),
    )
    list_display = ("__str__", "in_force", "created_on", "created_by", "deleted_on", "deleted_by")
    fieldsets = (
        (None, {"fields": ("name", "fallback")}),
        ("Amazon S3 or compatible", {"fields": ("bucket", "region", "endpoint")}),
        ("Azure Blob Storage", {"fields": ("account_name", "container", "domain")}),
    )

    @admin.display(description="in force")
    def in_force(self, target: StorageTarget) -> str:
        return "No" if target.deleted else "Yes"

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)
        return fieldsets if obj is None else [*fieldsets, *self.in_words(request, obj, [AUDIT])]

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if isinstance(field, forms.CharField):
            field.validators.append(refuse_control_characters)
        return field

    def save_model(self, request: HttpRequest, obj: StorageTarget, form: Any, change: bool) -> None:
        made = targets.set_storage_target(TargetPlan(**form.cleaned_data), actor=actor_of(request))
        obj.pk = made.pk
        obj.refresh_from_db()
