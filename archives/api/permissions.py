"""One permission class per permission name of archives."""

from __future__ import annotations

from archives import permission_names
from meetings.api.permissions import NamedPermission


class ArchivePermission(NamedPermission):
    """A permission of this app."""

    app_label = "videoconf_archives"


class GetMeetingArchives(ArchivePermission):
    name = permission_names.GET_MEETING_ARCHIVES


class DeleteMeetingArchive(ArchivePermission):
    name = permission_names.DELETE_MEETING_ARCHIVE


class SetMeetingUploadTarget(ArchivePermission):
    name = permission_names.SET_MEETING_UPLOAD_TARGET


class StartMeetingArchive(ArchivePermission):
    name = permission_names.START_MEETING_ARCHIVE


class StopMeetingArchive(ArchivePermission):
    name = permission_names.STOP_MEETING_ARCHIVE
