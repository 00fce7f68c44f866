"""Chosen meetings as files for a spreadsheet: themselves, or who was in them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from meetings.admin.attendance_page import AttendancePageAdmin
from meetings.attendance_report import attendance_of
from meetings.conf import conf
from meetings.models import Attendee, Meeting
from meetings.spreadsheets import cell

MEETING_COLUMNS = (
    "linkId", "sessionId", "title", "state", "provider", "tenant", "extId", "scheduleTime", "startTime", "endTime",
    "durationMinutes", "attendees",
)  # fmt: skip
ATTENDANCE_COLUMNS = (
    "linkId", "title", "attendee", "extId", "firstJoin", "lastLeave", "totalSeconds", "presence", "stays",
    "connections",
)  # fmt: skip


class ExportAdmin(AttendancePageAdmin):
    """The part of the meetings' admin that exports those that are ticked; each export is in the log."""

    actions = ("export_meetings", "export_attendance")

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        found = super().get_actions(request)
        if not self.may_see_people(request):
            found.pop("export_attendance", None)
        return found

    @admin.action(permissions=["view"], description="Export selected meetings as CSV")
    def export_meetings(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        return self._export(request, queryset, "meetings", MEETING_COLUMNS, meeting_rows)

    @admin.action(permissions=["view"], description="Export attendance of selected meetings as CSV")
    def export_attendance(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse | None:
        if not self.may_see_people(request):
            raise PermissionDenied
        return self._export(request, queryset, "attendance", ATTENDANCE_COLUMNS, attendance_rows)

    def _export(
        self, request: HttpRequest, queryset: QuerySet[Any], name: str, columns: Sequence[str], rows_of: Any
    ) -> HttpResponse | None:
        meetings = list(queryset.order_by("-pk")[: self.list_per_page])
        if not meetings:
            self.message_user(request, "None of the meetings is there any more.", messages.WARNING)
            return None
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(columns)
        writer.writerows(rows_of(meetings))
        for meeting in meetings:
            self.log_change(request, meeting, f"Exported as CSV ({name}).")
        response = HttpResponse("\ufeff" + text.getvalue(), content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="{name}-{timezone.now():%Y-%m-%d}.csv"'
        response["Cache-Control"] = "no-store"
        return response


def meeting_rows(meetings: Sequence[Meeting]) -> Iterator[Iterable[Any]]:
    """Yield a line a meeting, with how many people were in it."""
    now, early = timezone.now(), timedelta(minutes=conf.TIME_TO_START)
    people = Attendee.objects.filter(meeting__in=meetings).order_by().values_list("meeting").annotate(Count("pk"))
    counts = dict(people)
    for meeting in meetings:
        yield (
            cell(meeting.meeting_link), cell(meeting.session_id), cell(meeting.title or ""),
            meeting.state_at(now, early), meeting.provider, cell(meeting.tenant), cell(meeting.ext_id or ""),
            _time(meeting.schedule_time), _time(meeting.start_time), _time(meeting.end_time),
            meeting.duration or "", counts.get(meeting.pk, 0),
        )  # fmt: skip


def attendance_rows(meetings: Sequence[Meeting]) -> Iterator[Iterable[Any]]:
    """Yield a line for each attendee of each meeting."""
    now = timezone.now()
    for meeting in meetings:
        for report in attendance_of(meeting, now=now):
            yield (
                cell(meeting.meeting_link), cell(meeting.title or ""), cell(report.attendee.attendee),
                cell(report.attendee.ext_id or ""), _time(report.first_join), _time(report.last_leave),
                round(report.total.total_seconds()), round(report.share, 4), len(report.stays), report.devices,
            )  # fmt: skip


def _time(moment: datetime | None) -> str:
    return "" if moment is None else f"{moment:%Y-%m-%dT%H:%M:%SZ}"
