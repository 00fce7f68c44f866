"""What is going on: people who meet now, today's schedule, and what is in trouble; other apps add their own.

The page fetches itself again every few seconds (`overview.js`); each panel reads about as many rows as it shows.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import ClassVar

from django.core.exceptions import PermissionDenied
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.timezone import localtime

from meetings.admin.attendance_page import AttendancePageAdmin
from meetings.admin.panels import MOST_ROWS, OfOverview, Panel, and_more, link
from meetings.conf import conf
from meetings.models import Connection, Meeting, WebhookDelivery

REFRESHED_EVERY = 10
"""Seconds."""
TROUBLE_FOR = timedelta(days=1)
"""How long something that went wrong with a webhook is shown."""
LATEST = 10
Verdict = WebhookDelivery.Verdict


class OverviewAdmin(AttendancePageAdmin):
    """The part of the meetings' admin that shows what is going on, to those who may see meetings."""

    overview_panels: ClassVar[tuple[OfOverview, ...]] = ()
    """What other apps show there (`add_panels`)."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.overview_view)
        return [path("now/", view, name=self.url_name("now")), *super().get_urls()]

    def overview_view(self, request: HttpRequest) -> HttpResponse:
        """Show it; `?part=1` is what the page asks for to refresh itself."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        added = (partial(make, self) for make in self.overview_panels)
        makers: list[Callable[[HttpRequest], Panel | None]] = [self._running, self._schedule]
        makers += [*added, self._webhooks, self._left_behind]
        context = {
            "title": "What is going on",
            "panels": [panel for panel in (make(request) for make in makers) if panel is not None],
            "now": timezone.now(),
            "every": REFRESHED_EVERY,
        }
        name = "overview_part" if request.GET.get("part") else "overview"
        return self.page(request, f"videoconf_meetings/admin/{name}.html", context)

    def _running(self, request: HttpRequest) -> Panel:
        present = Connection.objects.present().order_by("-meeting_id").values_list("meeting_id")
        counts = dict(present.annotate(Count("pk"))[: MOST_ROWS + 1])
        meetings = Meeting.objects.filter(pk__in=counts).order_by("-pk")
        return Panel(
            key="running",
            title="Running now",
            columns=("Meeting", "Connections", "Since", "Until", "Provider", "Tenant"),
            rows=[
                (
                    link(self.url_of("change", meeting), meeting),
                    str(counts[meeting.pk]),
                    _clock(meeting.start_time),
                    _clock(meeting.closes_at) if meeting.end_time is None else "ended, people not put out yet",
                    meeting.provider,
                    meeting.tenant,
                )
                for meeting in meetings[:MOST_ROWS]
            ],
            empty="Nobody is in a meeting.",
            note=and_more(list(counts)),
        )

    def _schedule(self, request: HttpRequest) -> Panel:
        now = timezone.now()
        morning = localtime(now).replace(hour=0, minute=0, second=0, microsecond=0)
        today = Meeting.objects.alive().filter(
            schedule_time__gte=morning, schedule_time__lt=morning + timedelta(days=1)
        )
        found = list(today.order_by("schedule_time")[: MOST_ROWS + 1])
        return Panel(
            key="schedule",
            title="Today's schedule",
            columns=("Meeting", "At", "Minutes", "State", "Tenant"),
            rows=[
                (
                    link(self.url_of("change", meeting), meeting),
                    _clock(meeting.schedule_time),
                    str(meeting.duration or ""),
                    meeting.state_at(now, timedelta(minutes=conf.TIME_TO_START)),
                    meeting.tenant,
                )
                for meeting in found[:MOST_ROWS]
            ],
            empty="Nothing is scheduled for today.",
            note=and_more(found),
        )

    def _webhooks(self, request: HttpRequest) -> Panel | None:
        deliveries = self.admin_of(WebhookDelivery)
        if deliveries is None or not deliveries.has_view_permission(request):
            return None
        since = timezone.now() - TROUBLE_FOR
        found: list[WebhookDelivery] = []
        for verdict in (Verdict.FAILED, Verdict.UNMATCHED, Verdict.REJECTED):
            latest = WebhookDelivery.objects.filter(verdict=verdict).defer("body").order_by("-pk")[:LATEST]
            found += [delivery for delivery in latest if delivery.received_at >= since]
        return Panel(
            key="webhooks",
            title="Webhooks in trouble",
            columns=("Delivery", "What became of it", "Why", "At"),
            rows=[
                (
                    link(deliveries.url_of("change", delivery), delivery),
                    delivery.get_verdict_display(),
                    (delivery.error.strip().splitlines() or [""])[-1][:120],
                    _clock(delivery.received_at),
                )
                for delivery in found
            ],
            empty="None of the last day.",
            note=f"The latest {LATEST} of each kind, of the last day." if found else "",
            is_trouble=bool(found),
        )

    def _left_behind(self, request: HttpRequest) -> Panel:
        found = list(Meeting.objects.owing_disconnect().order_by("disconnect_due_at")[: MOST_ROWS + 1])
        return Panel(
            key="left-behind",
            title="Ended, and people not put out yet",
            columns=("Meeting", "Attempts", "Why", "Tried next"),
            rows=[
                (
                    link(self.url_of("change", meeting), meeting),
                    str(meeting.disconnect_attempts),
                    meeting.disconnect_error,
                    _clock(meeting.disconnect_due_at),
                )
                for meeting in found[:MOST_ROWS]
            ],
            empty="Nobody.",
            note=and_more(found),
            is_trouble=any(meeting.disconnect_error for meeting in found),
        )


def _clock(moment: datetime | None) -> str:
    """Return a time of today as hours and minutes, another with its date."""
    if moment is None:
        return ""
    local = localtime(moment)
    return date_format(local, "H:i" if local.date() == localtime().date() else "Y-m-d H:i")
