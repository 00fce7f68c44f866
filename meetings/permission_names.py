"""The permission names of the API document and our own, each a Django permission whose codename is that name."""

from __future__ import annotations

CREATE_MEETING_SESSION = "CreateMeetingSession"
EDIT_MEETING = "EditMeeting"
STOP_MEETING = "StopMeeting"
GENERATE_MEETING_TOKEN = "GenerateMeetingToken"  # noqa: S105  (a name, not a secret)
GET_MEETING_ATTENDEES = "GetMeetingAttendees"
GET_MEETINGS = "GetMeetings"
DELETE_MEETING = "DeleteMeeting"
MODERATE_MEETING = "ModerateMeeting"

DESCRIPTIONS: dict[str, str] = {
    CREATE_MEETING_SESSION: "May create meetings",
    EDIT_MEETING: "May edit meetings",
    STOP_MEETING: "May end meetings",
    GENERATE_MEETING_TOKEN: "May issue join tokens",
    GET_MEETING_ATTENDEES: "May see who is and was in a meeting",
    GET_MEETINGS: "May list and read meetings",
    DELETE_MEETING: "May delete and restore meetings",
    MODERATE_MEETING: "May remove and mute attendees",
}
"""Name -> what the admin shows. `archives.permission_names` has those of archives."""
