"""Example answers of the OpenAPI document."""

from __future__ import annotations

from typing import Any

from meetings.envelope import envelope
from meetings.exceptions import Problem

LINK = "V1StGXR8_Z"
SESSION = "rtc_4f90d13a42cf"
MOMENT = "2030-01-31T09:30:00.000Z"
LATER = "2030-01-31T10:15:00.000Z"

MEETING: dict[str, Any] = {
    "id": 7,
    "sessionId": SESSION,
    "meetingLink": LINK,
    "isScheduled": True,
    "scheduleTime": MOMENT,
    "isArchived": False,
    "archiveId": None,
    "uploadTarget": None,
    "startTime": None,
    "endTime": None,
    "extId": "case-7",
    "extMetadata": None,
    "deleted": False,
    "deletedOn": None,
    "deletedBy": None,
    "createdOn": "2030-01-30T08:00:00.000Z",
    "modifiedOn": "2030-01-30T08:00:00.000Z",
    "createdBy": "user-17",
    "modifiedBy": "user-17",
    "title": "Planning",
    "duration": 45,
    "maxParticipants": None,
    "provider": "webrtc",
    "tenant": "",
    "state": "scheduled",
    "joinUrl": f"https://video.example.org/meet/{LINK}",
}
MEETING_PAGE: dict[str, Any] = {
    "next": "https://video.example.org/session?cursor=cD03",
    "previous": None,
    "results": [MEETING],
}
JOIN_CHECK = {
    "allowed": False,
    "code": "meeting_not_started",
    "message": "Meeting can only be started 10 minutes before the scheduled time",
    "role": None,
    "expiresAt": None,
    "changesAt": MOMENT,
}
JOIN_TOKEN = {"sessionId": SESSION, "token": "eyJhbGciOiJIUzI1NiJ9.…"}
ATTENDEE: dict[str, Any] = {
    "id": 3,
    "sessionId": SESSION,
    "attendee": "Ann",
    "createdOn": MOMENT,
    "modifiedOn": LATER,
    "isDeleted": True,
    "extId": "user-17",
    "extMetadata": {"webhookPayload": {"event": "connectionDestroyed", "sessionId": SESSION}},
}
ATTENDANCE: dict[str, Any] = {
    "id": 3,
    "attendee": "Ann",
    "extId": "user-17",
    "firstJoin": MOMENT,
    "lastLeave": LATER,
    "totalSeconds": 2700,
    "devices": 1,
    "presence": 0.75,
    "lateSeconds": 0,
    "earlySeconds": None,
    "intervals": [
        {
            "joinedAt": MOMENT,
            "leftAt": LATER,
            "joined": {"certainty": "exact", "toldBy": "webhook", "notBefore": MOMENT, "notAfter": MOMENT},
            "left": {"certainty": "bounded", "toldBy": "webhook", "notBefore": MOMENT, "notAfter": LATER},
        }
    ],
}
ATTENDANCE_CSV = (
    "id,attendee,extId,joinedAt,leftAt,totalSeconds,joinedCertainty,leftCertainty,presence,isPresentEnough,lateSeconds,"
    f"earlySeconds\r\n3,Ann,user-17,{MOMENT},{LATER},2700,exact,bounded,0.75,,0,\r\n"
)
TOKEN_PAIR = {"access": "eyJhbGciOiJIUzI1NiJ9.…", "refresh": "eyJhbGciOiJIUzI1NiJ9.…"}

_ERRORS: dict[int, tuple[str, str, tuple[Problem, ...]]] = {
    400: (
        "schedule_time_past",
        "Meeting can't be scheduled with schedule time in past!",
        (
            Problem(
                path="scheduleTime",
                code="schedule_time_past",
                message="Meeting can't be scheduled with schedule time in past!",
            ),
        ),
    ),
    401: ("token_missing", "Send a bearer token: `Authorization: Bearer <JWT>`.", ()),
    403: ("permission_denied", "NotAllowedAccess: the permission CreateMeetingSession is needed.", ()),
    404: ("meeting_not_found", "Meeting Not Found", ()),
    409: ("conflict", "The object's state does not allow it now.", ()),
    411: ("length_required", "Send a Content-Length.", ()),
    413: ("body_too_large", "A body can have at most 1048576 bytes.", ()),
    415: ("UNSUPPORTED_MEDIA_TYPE", "Content-type text/html does not match [application/json].", ()),
    422: (
        "VALIDATION_FAILED",
        "The request body is invalid. See error object `details` property for more info.",
        (
            Problem(
                path="isSheduled",
                code="unknown_property",
                message="There is no property 'isSheduled'; did you mean 'isScheduled'?",
            ),
        ),
    ),
    429: ("too_many_attempts", "Too many failed attempts. Try again later.", ()),
    500: ("webhook_failed", "The event is stored and could not be applied; sending it again applies it.", ()),
    502: ("provider_error", "The media provider failed to answer the request.", ()),
    503: ("provider_unavailable", "The media provider can't be reached at the moment. Try again later.", ()),
}


def error(status: int) -> dict[str, Any]:
    """Return an error of this status as the wire has it."""
    code, message, problems = _ERRORS[status]
    return envelope(status, message, code, problems)
