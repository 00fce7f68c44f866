"""The admin of archives and of the storage target."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from archives import links, meeting_admin, permission_names, probing, services, targets
from archives.composing import composer
from archives.facts import RANKS
from archives.models import Archive, Chunk, RecordingNotice, StorageTarget, Track
from archives.targets import TargetPlan
from meetings.admin import MeetingAdmin, filters
from meetings.admin.attendees import meeting_ids
from meetings.admin.base import Operation, ServiceAdmin, Tool, VideoconfAdmin, actor_of
from meetings.admin.forms import ServiceForm, refuse_control_characters

if TYPE_CHECKING:
    TabularInline = admin.TabularInline[Any, Any]
else:
    TabularInline = admin.TabularInline

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


def _compose_again(archive: Archive, actor: str) -> str:
    composer.compose_again(archive)
    return "Is composed again."


def _may_be_composed(archive: Archive) -> bool:
    is_over = archive.status in composer.COMPOSABLE and archive.compose_due_at is None and not archive.deleted
    return is_over and Chunk.objects.filter(track__archive=archive).exists()


class RowsOfArchive(TabularInline):
    """Rows that belong to an archive, read-only; who may read the archive may read them."""

    extra = max_num = 0
    can_delete = False
    show_change_link = False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class TracksOfArchive(RowsOfArchive):
    """What the pages sent."""

    model = Track
    fields = ("name", "kind", "started_at", "size", "chunks", "count", "last_chunk_at", "closed_at", "sealed_at")
    readonly_fields = ("size",)

    @admin.display(description="size")
    def size(self, track: Track) -> str:
        return filesizeformat(track.bytes)


class NoticesOfArchive(RowsOfArchive):
    """Who was told, and who agreed."""

    model = RecordingNotice
    fields = ("attendee", "decision", "version", "at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("attendee")


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
        Operation(
            name="compose",
            label="Compose again",
            list_label="Compose selected archives again",
            permission=permission_names.START_MEETING_ARCHIVE,
            question="Compose the recording again?",
            consequence="The worker makes its file anew from the chunks; the present one stays until then.",
            perform=_compose_again,
            applies=_may_be_composed,
            refusal="It is being composed, or its chunks are gone.",
        ),
    )
    list_display = ("__str__", "meeting", "state", "readable_size", "length", "provider", "tenant", "created_on")
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
        ("File", {"fields": ("player", "storage_key", "sha256")}),
        AUDIT,
    )
    readonly_fields = ("readable_size", "length", "player", "how_far", "missing")
    COMPOSING: ClassVar[Any] = (
        "Composing",
        {"fields": ("how_far", "compose_error", "compose_attempts", "ends_at", "layout", "missing", "chunks_due_at")},
    )
    REMOVAL: ClassVar[Any] = (
        "Removal",
        {
            "fields": ("removal_due_at", "removal_attempts", "removal_error"),
            "description": "The archive is deleted, but its provider or the bucket still holds the file.",
        },
    )

    def tools(self, request: HttpRequest, obj: Archive) -> list[Tool]:
        found = super().tools(request, obj)
        if obj.spans and not obj.deleted and self.holds(request, permission_names.GET_MEETING_ARCHIVES):
            with suppress(NoReverseMatch):  # a project that mounts the admin alone
                found.insert(0, Tool(label="Watch", url=reverse("videoconf_archives:recording", args=[obj.archive_id])))
        return found

    def get_fieldsets(self, request: HttpRequest, obj: Archive | None = None) -> Any:
        known = super().get_fieldsets(request, obj)
        if obj is not None and obj.spans:
            known = [*known[:2], self.COMPOSING, *known[2:]]
        return [self.REMOVAL, *known] if obj is not None and obj.removal_due_at else known

    def get_inlines(self, request: HttpRequest, obj: Archive | None = None) -> list[Any]:
        """Return the rows of a recording that we made ourselves."""
        return [TracksOfArchive, NoticesOfArchive] if obj is not None and obj.spans else []

    @admin.display(description="status")
    def state(self, archive: Archive) -> str:
        return f"{archive.status} ({self.how_far(archive)})" if archive.progress else archive.status

    @admin.display(description="progress")
    def how_far(self, archive: Archive) -> str:
        said = archive.progress
        return f"{said['phase']}, {said['percent']} %" if said else "-"

    @admin.display(description="missing")
    def missing(self, archive: Archive) -> str:
        missing = (archive.report or {}).get("missing", [])
        return "; ".join(f"{part['person']}, {part['kind']}: {part['why']}" for part in missing) or "-"

    @admin.display(description="player")
    def player(self, archive: Archive) -> str | SafeString:
        if archive.deleted or not services.is_kept_here(archive) or not archive.storage_key:
            return "-"
        try:
            play, save = (links.file_path(archive, timezone.now(), how=how) for how in (links.INLINE, links.DOWNLOAD))
        except NoReverseMatch:  # a project that mounts the admin alone
            return "-"
        if archive.output_mode == "individual":
            return format_html('<a href="{}">Download</a>', save)
        video = '<video class="videoconf-player" controls preload="none" src="{}"></video><br><a href="{}">Download</a>'
        return format_html(video, play, save)

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


MeetingAdmin.add_operations(*meeting_admin.OPERATIONS)
MeetingAdmin.add_panels(meeting=meeting_admin.of_meeting, overview=meeting_admin.of_overview)
