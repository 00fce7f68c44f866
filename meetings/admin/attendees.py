"""Who is and was in meetings: attendees and their connections. Read-only, but for removing and muting."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Prefetch, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from meetings import moderation, permission_names
from meetings.admin import filters
from meetings.admin.base import Operation, VideoconfAdmin
from meetings.models import Attendee, Connection, Meeting
from meetings.names import display_name

ROWS_SHOWN = 20


def newest_connections(limit: int) -> Prefetch[Any, Any, Any]:
    """Prefetch each attendee's newest connections, one more than `limit`, as `newest_connections`."""
    rows = Connection.objects.order_by("-pk")[: limit + 1]
    return Prefetch("connections", queryset=rows, to_attr="newest_connections")


def meeting_ids(text: str) -> list[int]:
    """Return the ids of the meetings whose link id or session id is `text` (looked up first, so that indexes serve)."""
    return list(Meeting.objects.filter(Q(meeting_link=text) | Q(session_id=text)).values_list("pk", flat=True))


def _remove(attendee: Attendee, actor: str) -> str:
    moderation.remove_attendee(attendee, actor=actor)
    return "Removed; the join links that she has are void."


def _mute(attendee: Attendee, actor: str) -> str:
    moderation.mute_attendee(attendee)
    return "Muted."


def _is_going_on(meeting: Meeting) -> bool:
    return not meeting.deleted and not meeting.is_over(timezone.now())


OPERATIONS = (
    Operation(
        name="mute",
        label="Mute",
        permission=permission_names.MODERATE_MEETING,
        question="Mute this attendee?",
        consequence="Her microphone is switched off; she can switch it on again.",
        perform=_mute,
        applies=lambda attendee: not attendee.is_deleted and _is_going_on(attendee.meeting),
        refusal="She is not in the meeting.",
    ),
    Operation(
        name="remove",
        label="Remove",
        permission=permission_names.MODERATE_MEETING,
        question="Remove this attendee from the meeting?",
        consequence="She is put out at once, and the join links that she has are void. A new link lets her in again.",
        perform=_remove,
        applies=lambda attendee: (
            _is_going_on(attendee.meeting) and not (attendee.is_deleted and attendee.removed_on is not None)
        ),
        refusal="She is removed already, or the meeting is over.",
        is_grave=True,
    ),
)


class PresenceAdmin(VideoconfAdmin):
    """Reading takes `GetMeetingAttendees` (or Django's `view_*` of the model)."""

    view_names = (permission_names.GET_MEETING_ATTENDEES,)
    list_select_related = ("meeting",)


@admin.register(Attendee)
class AttendeeAdmin(PresenceAdmin):
    """Attendees; removing and muting takes `ModerateMeeting`."""

    operations = OPERATIONS
    change_form_template = "videoconf_meetings/admin/attendee.html"
    list_display = ("__str__", "ext_id", "meeting", "is_here", "created_on", "modified_on", "removed_on")
    list_filter = (filters.PresenceFilter, filters.OfMeetingFilter)
    list_defer = ("ext_metadata",)
    search_fields = ("ext_id",)
    search_help_text = "A name or an external id, exactly, or a meeting's link id or session id."
    fieldsets = (
        (None, {"fields": ("shown_name", "ext_id", "identity", "meeting", "is_here", "created_on", "modified_on")}),
        ("Removal", {"fields": ("removed_on", "removed_by")}),
        ("Evidence", {"fields": ("ext_metadata",)}),
    )

    @admin.display(description="name")
    def shown_name(self, attendee: Attendee) -> str:
        return display_name(attendee.attendee)

    @admin.display(description="here now")
    def is_here(self, attendee: Attendee) -> str:
        return "No" if attendee.is_deleted else "Yes"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("meeting")

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[QuerySet[Any], bool]:
        text = search_term.strip()
        if not text:
            return queryset, False
        found = Q(attendee=text) | Q(ext_id=text) | Q(meeting_id__in=meeting_ids(text))
        return queryset.filter(found), False

    def done_url(self, request: HttpRequest, obj: Attendee) -> str:
        meetings = self.admin_of(Meeting)
        if meetings is not None and meetings.has_view_or_change_permission(request):
            return meetings.url_of("change", obj.meeting)
        return super().done_url(request, obj)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        attendee = context.get("original")
        if attendee is not None:
            rows = list(Connection.objects.filter(attendee=attendee).order_by("-pk")[: ROWS_SHOWN + 1])
            context |= {"connections": rows[:ROWS_SHOWN], "has_more": len(rows) > ROWS_SHOWN}
        return super().render_change_form(request, context, *args, **kwargs)


@admin.register(Connection)
class ConnectionAdmin(PresenceAdmin):
    """Connections and their streams."""

    change_form_template = "videoconf_meetings/admin/connection.html"
    list_display = ("connection_id", "shown_name", "role", "meeting", "joined_at", "left_at", "reason", "last_seen_at")
    list_filter = (filters.OpenConnectionFilter, filters.OfMeetingFilter)
    search_fields = ("meeting__meeting_link",)
    search_help_text = "A meeting's link id or session id."
    fields = (
        "connection_id",
        "meeting",
        "attendee",
        "shown_name",
        "role",
        "joined_at",
        "left_at",
        "reason",
        "last_seen_at",
    )

    @admin.display(description="name")
    def shown_name(self, connection: Connection) -> str:
        return display_name(connection.name)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("meeting", "attendee")

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[QuerySet[Any], bool]:
        text = search_term.strip()
        return (queryset.filter(meeting_id__in=meeting_ids(text)) if text else queryset), False

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        connection = context.get("original")
        if connection is not None:
            rows = list(connection.streams.order_by("-pk")[: ROWS_SHOWN + 1])
            context |= {"streams": rows[:ROWS_SHOWN], "has_more": len(rows) > ROWS_SHOWN}
        return super().render_change_form(request, context, *args, **kwargs)
