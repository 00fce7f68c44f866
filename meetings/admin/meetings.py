"""Meetings: make, edit, hand out links, end, delete, restore."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.html import format_html
from django.utils.http import urlencode

from meetings import extensions, moderation, permission_names, rules, services
from meetings.admin import filters
from meetings.admin.attendance_page import pictures
from meetings.admin.attendees import newest_connections
from meetings.admin.base import Operation, Tool, actor_of
from meetings.admin.exports import ExportAdmin
from meetings.admin.forms import MeetingForm, NewMeetingForm
from meetings.admin.join_links import page_of
from meetings.admin.meeting_panels import MeetingPanelsAdmin
from meetings.attendance import close_silent
from meetings.conf import conf
from meetings.exceptions import VideoconfError
from meetings.models import Attendee, Meeting
from meetings.plans import MeetingPlan
from meetings.providers.registry import get_provider, is_configured

ATTENDEES_SHOWN = 20
CONNECTIONS_SHOWN = 3
PLAN = (
    "title",
    "provider",
    "is_scheduled",
    "schedule_time",
    "duration",
    "max_participants",
    "end_to_end_encryption",
    "ext_id",
    "ext_metadata",
)


def _end(meeting: Meeting, actor: str) -> str:
    services.end_meeting(meeting, actor=actor)
    meeting.refresh_from_db(fields=["disconnect_due_at"])
    if meeting.disconnect_due_at is None:
        return "Ended."
    return "Ended. The provider has not put everybody out yet; that is tried again."


def _put_out(meeting: Meeting, actor: str) -> str:
    services.close_if_due(meeting.pk)
    # Now, even if the worker's next attempt is later or going on: asking twice does no harm.
    Meeting.objects.owing_disconnect().filter(pk=meeting.pk).update(disconnect_due_at=timezone.now())
    if services.repeat_disconnect(meeting.pk):
        return "Everybody has been put out."
    meeting.refresh_from_db(fields=["disconnect_error"])
    raise VideoconfError(f"It did not work. {meeting.disconnect_error}")


def _mute_everyone(meeting: Meeting, actor: str) -> str:
    moderation.mute_everyone(meeting)
    return "Everybody was muted."


def _delete(meeting: Meeting, actor: str) -> str:
    services.delete_meeting(meeting, actor=actor)
    return "Deleted; it can be restored."


def _restore(meeting: Meeting, actor: str) -> str:
    services.restore_meeting(meeting, actor=actor)
    return "Restored."


def _hold(meeting: Meeting, actor: str) -> str:
    services.hold_meeting(meeting, is_held=True, actor=actor)
    return "Put on legal hold."


def _let_go(meeting: Meeting, actor: str) -> str:
    services.hold_meeting(meeting, is_held=False, actor=actor)
    return "The legal hold was lifted."


def _is_open(meeting: Meeting) -> bool:
    return not meeting.deleted and not meeting.is_over(timezone.now())


def _has_people_to_put_out(meeting: Meeting) -> bool:
    """Whether the provider has not put everybody out of an ended meeting, or has not been asked to yet."""
    is_unswept = meeting.end_time is None and meeting.is_over(timezone.now())
    return is_unswept or meeting.disconnect_due_at is not None


OPERATIONS = (
    Operation(
        name="mute",
        label="Mute everyone",
        permission=permission_names.MODERATE_MEETING,
        question="Mute everybody who is in this meeting now?",
        perform=_mute_everyone,
        applies=lambda meeting: meeting.start_time is not None and _is_open(meeting),
        refusal="Nobody is in this meeting.",
    ),
    Operation(
        name="end",
        label="End meeting",
        list_label="End selected meetings",
        permission=permission_names.STOP_MEETING,
        question="End the meeting for everyone?",
        consequence="Everybody is put out at once, a running recording stops, and nobody can join any more. "
        "A meeting that has ended can't be opened again.",
        perform=_end,
        applies=_is_open,
        refusal="It was ended already.",
        is_grave=True,
    ),
    Operation(
        name="put-out",
        label="Try again to put people out",
        list_label="Try again to put people out",
        permission=permission_names.STOP_MEETING,
        question="Ask the provider again to put everybody out?",
        perform=_put_out,
        applies=_has_people_to_put_out,
        refusal="Nothing is owed: everybody has been put out.",
    ),
    Operation(
        name="soft-delete",
        label="Delete",
        list_label="Delete selected meetings",
        permission=permission_names.DELETE_MEETING,
        question="Delete the meeting?",
        consequence="It disappears from the API and its page; one that is going on is ended first. "
        "Nothing is lost: it can be restored here.",
        perform=_delete,
        applies=lambda meeting: not meeting.deleted,
        refusal="It is deleted already.",
        is_grave=True,
    ),
    Operation(
        name="restore",
        label="Restore",
        list_label="Restore selected meetings",
        permission=permission_names.DELETE_MEETING,
        question="Restore the meeting?",
        consequence="It is back as it was; if it had ended, it stays ended.",
        perform=_restore,
        applies=lambda meeting: meeting.deleted,
        refusal="It is not deleted.",
    ),
    Operation(
        name="hold",
        label="Put on legal hold",
        list_label="Put selected meetings on legal hold",
        permission=permission_names.DELETE_MEETING,
        question="Put the meeting on legal hold?",
        consequence="Until that is lifted it is not purged when it is old, and nobody is erased from it.",
        perform=_hold,
        applies=lambda meeting: not meeting.legal_hold,
        refusal="It is on legal hold already.",
    ),
    Operation(
        name="let-go",
        label="Lift legal hold",
        list_label="Lift legal hold of selected meetings",
        permission=permission_names.DELETE_MEETING,
        question="Lift the legal hold?",
        consequence="The next purge removes the meeting if it is old enough.",
        perform=_let_go,
        applies=lambda meeting: meeting.legal_hold,
        refusal="It is not on legal hold.",
    ),
)


@admin.register(Meeting)
class MeetingAdmin(MeetingPanelsAdmin, ExportAdmin):
    """Meetings of all tenants.

    Reading takes `GetMeetings` (or Django's `view_meeting`), adding `CreateMeetingSession`, editing `EditMeeting`,
    ending and putting out `StopMeeting`, muting `ModerateMeeting`, deleting, restoring and holding `DeleteMeeting`, a
    join link `GenerateMeetingToken`; the people of a meeting are shown to those who hold `GetMeetingAttendees` (or
    `view_attendee`).
    """

    view_names = (permission_names.GET_MEETINGS,)
    add_name = permission_names.CREATE_MEETING_SESSION
    change_name = permission_names.EDIT_MEETING
    operations = OPERATIONS

    form = MeetingForm
    change_form_template = "videoconf_meetings/admin/meeting.html"
    list_display = ("__str__", "meeting_link", "state", "moment", "tenant", "provider", "created_on")
    list_filter = (
        filters.StateFilter,
        filters.ProviderFilter,
        filters.TenantFilter,
        filters.ScheduledFilter,
        filters.CreatedFilter,
        filters.DisconnectFilter,
        filters.LegalHoldFilter,
        filters.DeletedFilter,
    )
    list_defer = ("ext_metadata",)
    search_fields = ("meeting_link",)  # what is searched is in get_search_results; this shows the box
    search_help_text = "A link id, a session id, an external id, or the beginning of a title."

    ADD_FIELDSETS: ClassVar[Any] = (
        (None, {"fields": ("title", "provider", "tenant")}),
        ("Time", {"fields": ("is_scheduled", "schedule_time", "duration")}),
        ("Room", {"fields": ("max_participants", "end_to_end_encryption", "is_archived")}),
        ("Calling application", {"fields": ("ext_id", "ext_metadata")}),
    )
    CHANGE_FIELDSETS: ClassVar[Any] = (
        (None, {"fields": ("title", "state", "meeting_page", "session_id", "provider", "tenant")}),
        ("Time", {"fields": ("is_scheduled", "schedule_time", "duration", "start_time", "closes_at", "end_time")}),
        ("Room", {"fields": ("max_participants", "end_to_end_encryption", "is_archived", "archive_id")}),
        ("Calling application", {"fields": ("ext_id", "ext_metadata")}),
    )
    DISCONNECT: ClassVar[Any] = (
        "Putting people out",
        {
            "fields": ("disconnect_due_at", "disconnect_attempts", "disconnect_error"),
            "description": "The meeting has ended, but the provider has not put everybody out yet.",
        },
    )
    AUDIT: ClassVar[Any] = (
        "Audit",
        {
            "fields": (
                "created_on",
                "created_by",
                "modified_on",
                "modified_by",
                "legal_hold",
                "deleted",
                "deleted_on",
                "deleted_by",
            )
        },
    )

    # --- lists ----------------------------------------------------------------------------------------------
    @admin.display(description="state")
    def state(self, meeting: Meeting) -> str:
        word = meeting.state_at(timezone.now(), timedelta(minutes=conf.TIME_TO_START)).capitalize()
        notes = (["people not put out yet"] if _has_people_to_put_out(meeting) else []) + (
            ["deleted"] if meeting.deleted else []
        )
        return f"{word} ({', '.join(notes)})" if notes else word

    @admin.display(description="time", empty_value="")
    def moment(self, meeting: Meeting) -> datetime | None:
        """When it ended, else since when it goes on, else when it is due."""
        return meeting.end_time or meeting.start_time or meeting.schedule_time

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[QuerySet[Any], bool]:
        text = search_term.strip()
        return (queryset.search(text) if text else queryset), False

    # --- the form -------------------------------------------------------------------------------------------
    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and not (obj is not None and obj.deleted)

    def get_fieldsets(self, request: HttpRequest, obj: Meeting | None = None) -> Any:
        if obj is None:
            return self.ADD_FIELDSETS
        trouble = (self.DISCONNECT,) if obj.disconnect_due_at else ()
        return self.in_words(request, obj, (*trouble, *self.CHANGE_FIELDSETS, self.AUDIT))

    def editable(self, request: HttpRequest, obj: Meeting) -> set[str]:
        return editable_fields(obj) if self.has_change_permission(request, obj) else set()

    def get_readonly_fields(self, request: HttpRequest, obj: Meeting | None = None) -> list[Any]:
        if obj is None:
            return []
        editable = self.editable(request, obj)
        shown = [name for _, options in self.get_fieldsets(request, obj) for name in options["fields"]]
        return [name for name in shown if name not in editable]

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        if obj is None:
            kwargs["form"] = NewMeetingForm
        return super().get_form(request, obj, change, **kwargs)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        usual = {"provider": conf.DEFAULT_PROVIDER, "tenant": conf.tenant_of_user(request.user)}
        return usual | super().get_changeform_initial_data(request)

    def save_model(self, request: HttpRequest, obj: Meeting, form: Any, change: bool) -> None:
        values = form.cleaned_data
        if change:
            changes = {name: values[name] for name in form.changed_data}
            services.edit_meeting(obj, changes, actor=actor_of(request))
            return
        plan = MeetingPlan(**{name: values[name] for name in PLAN}, enable_archiving=values["is_archived"])
        made = services.create_meeting(plan, actor=actor_of(request), tenant=values["tenant"])
        obj.pk = made.pk
        obj.refresh_from_db()

    def response_post_save_add(self, request: HttpRequest, obj: Meeting) -> HttpResponseRedirect:
        if self.has_view_or_change_permission(request, obj):
            return HttpResponseRedirect(self.url_of("change", obj))
        return super().response_post_save_add(request, obj)

    # --- a meeting's page -----------------------------------------------------------------------------------
    @admin.display(description="meeting page")
    def meeting_page(self, meeting: Meeting) -> str:
        address = page_of(meeting)
        return format_html('<a href="{}">{}</a>', address, address) if address else meeting.meeting_link

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        meeting = context.get("original")
        if meeting is not None:
            context |= {
                "related": self.related_lists(request, meeting),
                "people": None,
                "panels": self.panels(request, meeting),
            }
            if self.may_see_people(request):
                context |= {"people": self.people(request, meeting), "people_limit": ATTENDEES_SHOWN}
        return super().render_change_form(request, context, *args, **kwargs)

    def people(self, request: HttpRequest, meeting: Meeting) -> dict[str, Any]:
        """Return the first attendees, those who are here now before the others, with their newest connections."""
        if request.method == "GET":
            close_silent(meeting)
        rows: list[Any] = list(
            meeting.attendees.order_by("is_deleted", "pk").prefetch_related(newest_connections(CONNECTIONS_SHOWN))[
                : ATTENDEES_SHOWN + 1
            ]
        )
        attendees = self.admin_of(Attendee)
        lines = pictures(meeting, rows[:ATTENDEES_SHOWN])
        shown = [
            {
                "attendee": attendee,
                "line": lines.get(attendee.pk),
                "connections": attendee.newest_connections[:CONNECTIONS_SHOWN],
                "has_more": len(attendee.newest_connections) > CONNECTIONS_SHOWN,
                "url": attendees.url_of("change", attendee) if attendees else "",
                "tools": attendees.tools(request, attendee) if attendees else [],
            }
            for attendee in rows[:ATTENDEES_SHOWN]
        ]
        return {"shown": shown, "has_more": len(rows) > ATTENDEES_SHOWN}

    def related_lists(self, request: HttpRequest, meeting: Meeting) -> list[Tool]:
        """Return the lists that can be narrowed to one meeting and that this person may see."""
        found = []
        for relation in self.opts.related_objects:
            model: Any = relation.related_model
            other = self.admin_of(model)
            if other and filters.OfMeetingFilter in other.list_filter and other.has_view_permission(request):
                query = urlencode({"meeting": meeting.meeting_link})
                label = str(model._meta.verbose_name_plural).capitalize()
                found.append(Tool(label=label, url=f"{other.url_of('changelist')}?{query}"))
        return found


def editable_fields(meeting: Meeting) -> set[str]:
    """Return what can still be changed: the caller's notes at any time, the rest until it is over."""
    if meeting.is_over(timezone.now()) or not is_configured(meeting.provider):
        return set(rules.EDITABLE_AFTER_END)
    names = {"title", "is_scheduled", "schedule_time", "duration", "max_participants", *rules.EDITABLE_AFTER_END}
    provider = get_provider(meeting.provider)
    if extensions.can_archive(provider) and not provider.capabilities.fixes_archiving:
        names.add("is_archived")
    return names
