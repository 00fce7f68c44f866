"""Every operation of the API: what it needs, a good call of it, and the rows that this call is about."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from archives.models import Archive
from meetings.models import Attendee, Meeting
from tests.callers import NO_BODY
from tests.factories import ArchiveFactory, AttendeeFactory, MeetingFactory, StorageTargetFactory


@dataclass(frozen=True, slots=True)
class Operation:
    """`success` is the status of the good call; `stranger` that of the same call from another tenant."""

    name: str
    method: str
    path: str
    permission: str | None
    success: int
    body: Any = NO_BODY
    other_tenant: int = 404


@dataclass(frozen=True, slots=True)
class World:
    """One row of each kind, of one tenant."""

    meeting: Meeting
    attendee: Attendee
    archive: Archive

    @property
    def ids(self) -> Mapping[str, str]:
        return {
            "meeting_link": self.meeting.meeting_link,
            "attendee_id": str(self.attendee.pk),
            "archive_id": self.archive.archive_id,
        }

    def path(self, operation: Operation) -> str:
        return operation.path.format(**self.ids)


def make_world(*, tenant: str = "") -> World:
    """Make the rows that the good calls are about."""
    meeting = MeetingFactory.create(tenant=tenant, active=True)
    archive = ArchiveFactory.create(meeting=meeting)
    StorageTargetFactory.create()
    return World(meeting, AttendeeFactory.create(meeting=meeting), archive)


LINK = "/session/{meeting_link}"
S3 = {"name": "AWSS3", "bucket": "recordings"}
OPERATIONS: tuple[Operation, ...] = (
    Operation("session-list.create", "POST", "/session", "CreateMeetingSession", 200, {}, other_tenant=200),
    Operation("session-list.list", "GET", "/session", "GetMeetings", 200, other_tenant=200),
    Operation("session.retrieve", "GET", LINK, "GetMeetings", 200),
    Operation("session.partial_update", "PATCH", LINK, "EditMeeting", 204, {"extId": "new"}),
    Operation("session.destroy", "DELETE", LINK, "DeleteMeeting", 204),
    Operation("session-end.end", "PATCH", f"{LINK}/end", "StopMeeting", 204),
    Operation("session-token.token", "POST", f"{LINK}/token", "GenerateMeetingToken", 200, {}),
    Operation("session-join-check.join_check", "GET", f"{LINK}/join-check", "GenerateMeetingToken", 200),
    Operation("attendees.list", "GET", f"{LINK}/attendees", "GetMeetingAttendees", 200),
    Operation("attendance.attendance", "GET", f"{LINK}/attendance", "GetMeetingAttendees", 200),
    Operation("attendee-remove.remove", "POST", f"{LINK}/attendees/{{attendee_id}}/remove", "ModerateMeeting", 204),
    Operation("attendee-mute.mute", "POST", f"{LINK}/attendees/{{attendee_id}}/mute", "ModerateMeeting", 204),
    Operation("session-mute.mute_all", "POST", f"{LINK}/mute", "ModerateMeeting", 204),
    # Nobody is connected, and the archive is over: these two are refused, after permission and object were looked at.
    Operation("archive-start.start", "POST", f"{LINK}/archives", "StartMeetingArchive", 409, {}),
    Operation("archive-stop.stop", "POST", "/archives/{archive_id}/stop", "StopMeetingArchive", 409),
    Operation("archive-list.list", "GET", "/archives", "GetMeetingArchives", 200, other_tenant=200),
    Operation("archive.retrieve", "GET", "/archives/{archive_id}", "GetMeetingArchives", 200),
    Operation("archive-download.download", "GET", "/archives/{archive_id}/download", "GetMeetingArchives", 409),
    Operation("archive.destroy", "DELETE", "/archives/{archive_id}", "DeleteMeetingArchive", 200),
    Operation(
        "storage-target.update", "PUT", "/archives/storage-target", "SetMeetingUploadTarget", 200, S3, other_tenant=403
    ),
    Operation(
        "storage-target.retrieve", "GET", "/archives/storage-target", "SetMeetingUploadTarget", 200, other_tenant=403
    ),
    Operation(
        "storage-target.destroy", "DELETE", "/archives/storage-target", "SetMeetingUploadTarget", 204, other_tenant=403
    ),
)
PUBLIC: tuple[Operation, ...] = (
    Operation("auth-token.obtain", "POST", "/auth/token", None, 401, {"username": "nobody", "password": "x"}),
    Operation("auth-token-refresh.refresh", "POST", "/auth/token/refresh", None, 401, {"refresh": "x"}),
    Operation("health-live.live", "GET", "/health/live", None, 200),
    Operation("health-ready.ready", "GET", "/health/ready", None, 200),
)
BY_NAME = {operation.name: operation for operation in (*OPERATIONS, *PUBLIC)}
