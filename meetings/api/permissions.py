"""One permission class per permission name.

A viewset names one for each of its actions; what is not named is denied.
"""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from meetings import permission_names
from meetings.api.callers import Caller


class NamedPermission(BasePermission):
    """The caller holds the permission `name` of the app `app_label`."""

    app_label: ClassVar[str] = "videoconf_meetings"
    name: ClassVar[str]

    def has_permission(self, request: Request, view: Any) -> bool:
        caller: object = request.user
        return isinstance(caller, Caller) and caller.may(self.app_label, self.name)


class CreateMeetingSession(NamedPermission):
    name = permission_names.CREATE_MEETING_SESSION


class EditMeeting(NamedPermission):
    name = permission_names.EDIT_MEETING


class StopMeeting(NamedPermission):
    name = permission_names.STOP_MEETING


class GenerateMeetingToken(NamedPermission):
    name = permission_names.GENERATE_MEETING_TOKEN


class GetMeetingAttendees(NamedPermission):
    name = permission_names.GET_MEETING_ATTENDEES


class GetMeetings(NamedPermission):
    name = permission_names.GET_MEETINGS


class DeleteMeeting(NamedPermission):
    name = permission_names.DELETE_MEETING


class ModerateMeeting(NamedPermission):
    name = permission_names.MODERATE_MEETING


class DenyAll(NamedPermission):
    """For actions that name no permission."""

    name = "none"

    def has_permission(self, request: Request, view: Any) -> bool:
        return False
