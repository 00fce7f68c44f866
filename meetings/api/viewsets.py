"""The operations on meetings: each parses, calls one service and answers."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

from django.http import HttpResponse
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from rest_framework.request import Request
from rest_framework.response import Response

from meetings import idempotency, lookups, moderation, services
from meetings.api import permissions, schema
from meetings.api.attendance_answers import attendance_answer, attendance_csv
from meetings.api.base import ApiViewSet
from meetings.api.bodies import read_body
from meetings.api.errors import invalid_parameter
from meetings.api.filters import filtered
from meetings.api.negotiation import prefers
from meetings.api.pagination import MeetingCursor, choice_parameter, share_parameter, single_parameter, text_parameter
from meetings.api.serializers import (
    ROLES,
    CreateMeetingBody,
    EditMeetingBody,
    TokenBody,
    attendees_answer,
    join_check_answer,
    meeting_answer,
)
from meetings.attendance import close_silent
from meetings.attendance_report import attendance_of
from meetings.exceptions import NotFound
from meetings.models import LINK, Attendee, Meeting
from meetings.plans import MeetingPlan
from meetings.providers.types import Role

MAX_KEY = 255


def join_url(request: Request, meeting: Meeting) -> str | None:
    """Return the address of the meeting page, or `None` if the host does not mount it."""
    try:
        path = reverse("videoconf:meet", args=[meeting.meeting_link])
    except NoReverseMatch:
        return None
    return str(request.build_absolute_uri(path))


class MeetingViewSet(ApiViewSet):
    """Meetings: create, list, read, edit, delete, end, and join tokens."""

    permissions: ClassVar[dict[str, Any]] = {
        "create": permissions.CreateMeetingSession,
        "list": permissions.GetMeetings,
        "retrieve": permissions.GetMeetings,
        "partial_update": permissions.EditMeeting,
        "destroy": permissions.DeleteMeeting,
        "end": permissions.StopMeeting,
        "token": permissions.GenerateMeetingToken,
        "join_check": permissions.GenerateMeetingToken,
    }
    text_plain = frozenset({"create"})
    queryset = Meeting.objects.none()
    pagination_class = MeetingCursor

    @schema.create_meeting
    def create(self, request: Request) -> Response:
        body = read_body(request, CreateMeetingBody)
        key, values = _idempotency_key(request), body.values()

        def work(remember: Callable[[Any], None] | None = None) -> str:
            meeting = services.create_meeting(
                MeetingPlan(**values),
                actor=self.caller.actor,
                tenant=self.caller.tenant,
                stored=remember and (lambda meeting: remember(meeting.meeting_link)),
            )
            return str(meeting.meeting_link)

        link = work() if key is None else self._once(work, key, values)
        is_text = request.accepted_renderer.media_type == "text/plain"
        return Response(link if is_text else {"code": link})

    def _once(self, work: Any, key: str, values: dict[str, Any]) -> str:
        canonical = json.dumps(values, sort_keys=True, default=str)
        answer = idempotency.once(
            work,
            tenant=self.caller.tenant,
            caller=self.caller.key,
            key=key,
            body_hash=hashlib.sha256(canonical.encode()).hexdigest(),
        )
        return str(answer)

    @schema.list_meetings
    def list(self, request: Request) -> Response:
        rows = filtered(request, Meeting.objects.alive().of_tenant(self.caller.tenant))
        page = self.paginate_queryset(rows) or []
        answers = [meeting_answer(meeting, join_url(request, meeting)) for meeting in page]
        return self.get_paginated_response(answers)

    @schema.retrieve_meeting
    def retrieve(self, request: Request, meeting_link: str) -> Response:
        meeting = self.find_meeting(meeting_link)
        return Response(meeting_answer(meeting, join_url(request, meeting)))

    @schema.edit_meeting
    def partial_update(self, request: Request, meeting_link: str) -> Response:
        body = read_body(request, EditMeetingBody)
        meeting = self.find_meeting(meeting_link, f"Meeting link {meeting_link[:100]} not found")
        changes = EditMeetingBody.changes_of(body.values())
        services.edit_meeting(meeting, changes, actor=self.caller.actor)
        return Response(status=204)

    @schema.delete_meeting
    def destroy(self, request: Request, meeting_link: str) -> Response:
        services.delete_meeting(self.find_meeting(meeting_link), actor=self.caller.actor)
        return Response(status=204)

    @schema.end_meeting
    def end(self, request: Request, meeting_link: str) -> Response:
        services.end_meeting(self.find_meeting(meeting_link), actor=self.caller.actor)
        return Response(status=204)

    @schema.generate_token
    def token(self, request: Request, meeting_link: str) -> Response:
        body = read_body(request, TokenBody)
        meeting = self.find_meeting(meeting_link, "Session does not exist")
        values = body.values()
        token = services.issue_token(
            meeting,
            role=Role(values.get("role", Role.PUBLISHER)),
            data=values.get("data", ""),
            ext_id=values.get("ext_id") or None,
            expires_at=values.get("expires_at"),
            caller=self.caller,
        )
        answer = {"sessionId": meeting.session_id, "token": token.value}
        return Response(answer, headers={"Cache-Control": "no-store"})

    @schema.check_join
    def join_check(self, request: Request, meeting_link: str) -> Response:
        role = choice_parameter(request, "role", ROLES) or Role.PUBLISHER
        data, ext_id = text_parameter(request, "data"), text_parameter(request, "extId", longest=255)
        meeting = self.find_meeting(meeting_link)
        decision = services.check_join(meeting, role=Role(role), data=data, ext_id=ext_id or None, caller=self.caller)
        return Response(join_check_answer(decision), headers={"Cache-Control": "no-store"})


class AttendeeViewSet(ApiViewSet):
    """The people of a meeting: who is and was there, for how long; removing and muting them."""

    permissions: ClassVar[dict[str, Any]] = {
        "list": permissions.GetMeetingAttendees,
        "attendance": permissions.GetMeetingAttendees,
        "remove": permissions.ModerateMeeting,
        "mute": permissions.ModerateMeeting,
        "mute_all": permissions.ModerateMeeting,
    }
    text_plain = frozenset({"list"})
    queryset = Attendee.objects.none()

    @schema.list_attendees
    def list(self, request: Request, meeting_link: str) -> Response:
        is_active = single_parameter(request, "active") == "true"
        people = lookups.people_here if is_active else lookups.people
        find = partial(people.rows, tenant=self.caller.tenant, meeting_link=meeting_link)
        rows = find() if LINK.fullmatch(meeting_link) else []
        if not rows:
            raise NotFound("Meeting Not Found", code="meeting_not_found")
        pk, provider = rows[0][:2]
        if services.has_heartbeats(provider) and close_silent(Meeting(pk=pk)):
            rows = find()
        return Response(attendees_answer(rows))

    @schema.attendance
    def attendance(self, request: Request, meeting_link: str) -> HttpResponse:
        meeting = self.find_meeting(meeting_link)
        close_silent(meeting)
        least = share_parameter(request, "minPresence")
        reports = attendance_of(meeting, now=timezone.now())
        if prefers(request.META.get("HTTP_ACCEPT", ""), "text/csv"):
            return HttpResponse(attendance_csv(reports, least), content_type="text/csv; charset=utf-8")
        return Response([attendance_answer(report, least) for report in reports])

    @schema.moderate("remove")
    def remove(self, request: Request, meeting_link: str, attendee_id: str) -> Response:
        moderation.remove_attendee(self._find(meeting_link, attendee_id), actor=self.caller.actor)
        return Response(status=204)

    @schema.moderate("mute")
    def mute(self, request: Request, meeting_link: str, attendee_id: str) -> Response:
        moderation.mute_attendee(self._find(meeting_link, attendee_id))
        return Response(status=204)

    @schema.moderate("mute_all")
    def mute_all(self, request: Request, meeting_link: str) -> Response:
        moderation.mute_everyone(self.find_meeting(meeting_link))
        return Response(status=204)

    def _find(self, meeting_link: str, attendee_id: str) -> Attendee:
        meeting = self.find_meeting(meeting_link)
        is_number = attendee_id.isascii() and attendee_id.isdigit() and len(attendee_id) < 19
        rows = Attendee.objects.filter(meeting=meeting).select_related("meeting")
        attendee: Attendee | None = rows.filter(pk=int(attendee_id)).first() if is_number else None
        if attendee is None:
            raise NotFound("Attendee Not Found", code="attendee_not_found")
        return attendee


def _idempotency_key(request: Request) -> str | None:
    key: str | None = request.headers.get("Idempotency-Key")
    if key is not None and not (0 < len(key) <= MAX_KEY and key.isascii() and key.isprintable()):
        raise invalid_parameter(
            "Idempotency-Key", f"Idempotency-Key must be 1 to {MAX_KEY} printable ASCII characters."
        )
    return key
