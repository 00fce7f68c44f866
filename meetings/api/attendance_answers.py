"""A meeting's attendance as the wire has it: JSON, or CSV with a line a stay."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from meetings.api.serializers import wire_time
from meetings.attendance_report import AttendeeReport
from meetings.ledger import End
from meetings.spreadsheets import cell

CSV_COLUMNS = (
    *("id", "attendee", "extId", "joinedAt", "leftAt", "totalSeconds", "joinedCertainty", "leftCertainty"),
    *("presence", "isPresentEnough", "lateSeconds", "earlySeconds"),
)


def attendance_answer(report: AttendeeReport, least: float | None) -> dict[str, Any]:
    """Return one attendee; `least` is the share of the meeting that counts as present, if one was asked for."""
    answer = {
        "id": report.attendee.pk,
        "attendee": report.attendee.attendee,
        "extId": report.attendee.ext_id,
        "firstJoin": wire_time(report.first_join),
        "lastLeave": wire_time(report.last_leave),
        "totalSeconds": round(report.total.total_seconds()),
        "devices": report.devices,
        "presence": round(report.share, 4),
        "lateSeconds": _seconds(report.late),
        "earlySeconds": _seconds(report.early),
        "intervals": [
            {
                "joinedAt": wire_time(stay.joined_at),
                "leftAt": wire_time(stay.left_at),
                "joined": _end(stay.joined),
                "left": None if stay.left is None else _end(stay.left),
            }
            for stay in report.stays
        ],
    }
    return answer if least is None else answer | {"isPresentEnough": report.share >= least}


def attendance_csv(reports: Sequence[AttendeeReport], least: float | None) -> str:
    """Return everybody, a line a stay; what is true of the whole attendee is on each of her lines."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(CSV_COLUMNS)
    for report in reports:
        for stay in report.stays:
            writer.writerow(
                [
                    report.attendee.pk,
                    cell(report.attendee.attendee),
                    cell(report.attendee.ext_id or ""),
                    wire_time(stay.joined_at),
                    wire_time(stay.left_at) or "",
                    round(report.total.total_seconds()),
                    stay.joined.certainty,
                    "" if stay.left is None else stay.left.certainty,
                    round(report.share, 4),
                    "" if least is None else str(report.share >= least).lower(),
                    _seconds(report.late),
                    _seconds(report.early),
                ]
            )
    return text.getvalue()


def _end(end: End) -> dict[str, Any]:
    return {
        "certainty": end.certainty.value,
        "toldBy": end.source,
        "notBefore": wire_time(end.not_before),
        "notAfter": wire_time(end.not_after),
    }


def _seconds(length: timedelta | None) -> int | None:
    return None if length is None else round(length.total_seconds())
