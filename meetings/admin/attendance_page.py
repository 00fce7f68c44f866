"""Who was there, and when: the ledger of a meeting as a table whose last column is a picture of the time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.timezone import localtime

from meetings import permission_names
from meetings.admin.base import Tool
from meetings.admin.join_checks import JoinCheckAdmin
from meetings.attendance import close_silent
from meetings.attendance_report import AttendeeReport, attendance_of, attendance_of_some
from meetings.ledger import Certainty, End, Stay
from meetings.models import Attendee, Meeting
from meetings.names import display_name

WIDTH = 1000
"""Units of the picture's width; it is stretched to its column."""
TICKS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A piece of a line: where it begins and how long it is, in units; `is_sure` or not."""

    x: float
    width: float
    is_sure: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One person: what is written about her, and what is drawn."""

    name: str
    ext_id: str
    report: AttendeeReport
    is_here: bool
    percent: int
    bars: tuple[Bar, ...]


class AttendancePageAdmin(JoinCheckAdmin):
    """The part of the meetings' admin that shows attendance, to those who hold `GetMeetingAttendees`."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.attendance_view)
        return [path("<path:object_id>/attendance/", view, name=self.url_name("attendance")), *super().get_urls()]

    def may_see_people(self, request: HttpRequest) -> bool:
        """Whether the attendees of meetings are this person's business."""
        return any(self.holds(request, name) for name in (permission_names.GET_MEETING_ATTENDEES, "view_attendee"))

    def tools(self, request: HttpRequest, obj: Meeting) -> list[Tool]:
        found = super().tools(request, obj)
        if self.may_see_people(request):
            found.append(Tool(label="Attendance", url=self.url_of("attendance", obj)))
        return found

    def attendance_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Show the ledger; three queries, however many people there were."""
        if not self.may_see_people(request):
            raise PermissionDenied
        meeting = self.get_object(request, unquote(object_id))
        if meeting is None:
            return self.no_such_row(request, object_id)
        close_silent(meeting)
        now = timezone.now()
        reports = attendance_of(meeting, now=now)
        first, last = _frame(meeting, reports, now)
        context = {
            "title": "Attendance",
            "subtitle": str(meeting),
            "original": meeting,
            "lines": [_line(report, first, last, now) for report in reports],
            "moments": "H:i:s" if localtime(first).date() == localtime(last).date() else "N j, H:i:s",
            "ticks": [first + (last - first) * number / TICKS for number in range(TICKS + 1)] if reports else [],
        }
        return self.page(request, "videoconf_meetings/admin/attendance.html", context)


def pictures(meeting: Meeting, attendees: Sequence[Attendee]) -> dict[int, Line]:
    """Return what is drawn of some attendees beside each other, by their keys."""
    now = timezone.now()
    reports = attendance_of_some(meeting, attendees, now=now)
    first, last = _frame(meeting, reports, now)
    return {report.attendee.pk: _line(report, first, last, now) for report in reports}


def _frame(meeting: Meeting, reports: Sequence[AttendeeReport], now: datetime) -> tuple[datetime, datetime]:
    """Return from when to when the picture goes."""
    first = min((report.first_join for report in reports), default=now)
    last = meeting.end_time or max((report.last_leave or now for report in reports), default=now)
    return first, max(last, first + timedelta(seconds=1))


def _line(report: AttendeeReport, first: datetime, last: datetime, now: datetime) -> Line:
    bars = tuple(bar for stay in report.stays for bar in _bars(stay, first, last, now))
    return Line(
        name=display_name(report.attendee.attendee) or report.attendee.identity,
        ext_id=report.attendee.ext_id or "",
        report=report,
        is_here=report.last_leave is None,
        percent=round(report.share * 100),
        bars=bars,
    )


def _bars(stay: Stay, first: datetime, last: datetime, now: datetime) -> list[Bar]:
    """The sure part of a stay, and beside it what may have been more or less."""
    sure_from = stay.joined.at
    sure_until = now if stay.left is None else _sure_end(stay.left, sure_from)
    pieces = [(stay.joined.not_before or sure_from, sure_from, False), (sure_from, sure_until, True)]
    if stay.left is not None:
        pieces.append((sure_until, max(stay.left.not_after or last, stay.left.at), False))
    span = (last - first).total_seconds()

    def place(moment: datetime) -> float:
        return round(min(max((moment - first).total_seconds() / span, 0), 1) * WIDTH, 1)

    found = [
        Bar(x=place(begin), width=round(place(end) - place(begin), 1), is_sure=is_sure)
        for begin, end, is_sure in pieces
    ]
    return [bar for bar in found if bar.width > 0 or bar.is_sure]


def _sure_end(left: End, joined_at: datetime) -> datetime:
    if left.certainty is Certainty.EXACT:
        return left.at
    return max(left.not_before or joined_at, joined_at)
