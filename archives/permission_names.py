"""The permission names of archives, each a Django permission whose codename is that name."""

from __future__ import annotations

GET_MEETING_ARCHIVES = "GetMeetingArchives"
DELETE_MEETING_ARCHIVE = "DeleteMeetingArchive"
SET_MEETING_UPLOAD_TARGET = "SetMeetingUploadTarget"
START_MEETING_ARCHIVE = "StartMeetingArchive"
STOP_MEETING_ARCHIVE = "StopMeetingArchive"

DESCRIPTIONS: dict[str, str] = {
    GET_MEETING_ARCHIVES: "May list, read and download archives",
    DELETE_MEETING_ARCHIVE: "May delete archives",
    SET_MEETING_UPLOAD_TARGET: "May set where archives are stored",
    START_MEETING_ARCHIVE: "May start archives",
    STOP_MEETING_ARCHIVE: "May stop archives",
}
