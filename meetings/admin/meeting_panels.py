"""What a meeting's page shows below its fields: panels of other apps, its deliveries, what staff have done to it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Q
from django.http import HttpRequest
from django.utils.formats import date_format
from django.utils.timezone import localtime

from meetings.admin import filters
from meetings.admin.base import Tool
from meetings.admin.overview import OverviewAdmin
from meetings.admin.panels import OfMeeting, OfOverview, Panel, and_more, link
from meetings.models import Meeting, WebhookDelivery

LATEST = 10
LATEST_ACTIONS = 20
MOST_ROWS_OF_A_KIND = 500
"""Rows of each kind whose actions are looked for, the newest first."""


class MeetingPanelsAdmin(OverviewAdmin):
    """The part of the meetings' admin that adds tables to a meeting's page."""

    meeting_panels: ClassVar[tuple[OfMeeting, ...]] = ()
    """What other apps show there (`add_panels`)."""

    @classmethod
    def add_panels(cls, *, meeting: OfMeeting | None = None, overview: OfOverview | None = None) -> None:
        """Show more on a meeting's page, and on the page of what is going on; for another app's `admin` module."""
        cls.meeting_panels = (*cls.meeting_panels, *([meeting] if meeting else []))
        cls.overview_panels = (*cls.overview_panels, *([overview] if overview else []))

    def panels(self, request: HttpRequest, meeting: Meeting) -> list[Panel]:
        """Return what this person may see."""
        makers: list[Callable[[HttpRequest, Meeting], Panel | None]]
        makers = [*(partial(make, self) for make in self.meeting_panels)]
        makers += [self._deliveries, self._actions]
        return [panel for panel in (make(request, meeting) for make in makers) if panel is not None]

    def _deliveries(self, request: HttpRequest, meeting: Meeting) -> Panel | None:
        deliveries = self.admin_of(WebhookDelivery)
        if deliveries is None or not deliveries.has_view_permission(request):
            return None
        found = list(
            WebhookDelivery.objects.filter(session_id=meeting.session_id)
            .defer("body", "error")
            .order_by("-pk")[: LATEST + 1]
        )
        return Panel(
            key="deliveries",
            title="Latest webhook deliveries",
            columns=("Delivery", "What became of it", "At"),
            rows=[
                (
                    link(deliveries.url_of("change", delivery), delivery),
                    delivery.get_verdict_display(),
                    date_format(localtime(delivery.received_at), "DATETIME_FORMAT"),
                )
                for delivery in found[:LATEST]
            ],
            empty="None came.",
            note=and_more(found, LATEST),
        )

    def _actions(self, request: HttpRequest, meeting: Meeting) -> Panel:
        """Who did what to the meeting, and to what belongs to it and this person may see."""
        wanted = self._entries_of(Meeting, [meeting.pk])
        for relation in self.opts.related_objects:
            model: Any = relation.related_model
            other = self.admin_of(model)
            is_narrowed = other is not None and filters.OfMeetingFilter in other.list_filter
            if other is not None and is_narrowed and other.operations and other.has_view_permission(request):
                rows = model.objects.filter(meeting=meeting).order_by("-pk").values_list("pk", flat=True)
                wanted |= self._entries_of(model, list(rows[:MOST_ROWS_OF_A_KIND]))
        entries = LogEntry.objects.filter(wanted).select_related("user", "content_type").order_by("-pk")
        found = list(entries[: LATEST_ACTIONS + 1])
        return Panel(
            key="actions",
            title="What staff have done",
            columns=("When", "Who", "To what", "What"),
            rows=[
                (
                    date_format(localtime(entry.action_time), "DATETIME_FORMAT"),
                    entry.user.get_username(),
                    f"{entry.content_type.name if entry.content_type else ''} {entry.object_repr}",
                    entry.get_change_message() or entry.get_action_flag_display(),
                )
                for entry in found[:LATEST_ACTIONS]
            ],
            empty="Nothing yet.",
            note=and_more(found, LATEST_ACTIONS),
        )

    @staticmethod
    def _entries_of(model: type[Any], ids: list[int]) -> Q:
        return Q(content_type=ContentType.objects.get_for_model(model), object_id__in=list(map(str, ids)))

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        overview = Tool(label="What is going on", url=self.url_of("now"))
        return super().changelist_view(request, {**(extra_context or {}), "tools": [overview]})
