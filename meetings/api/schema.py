"""What the OpenAPI document says of each operation: permission, parameters, examples, every error answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
    OpenApiResponse,
    extend_schema,
    inline_serializer,
)
from rest_framework import serializers

from meetings import permission_names as names
from meetings.api import examples
from meetings.api import serializers as wire

F = TypeVar("F", bound=Callable[..., Any])


class ProblemAnswer(serializers.Serializer[Any]):
    path = serializers.CharField(help_text="The property, empty for the whole body.")
    code = serializers.CharField()
    message = serializers.CharField()


class ErrorBody(serializers.Serializer[Any]):
    statusCode = serializers.IntegerField()
    name = serializers.CharField()
    message = serializers.CharField()
    code = serializers.CharField(help_text="Stable; see docs/api.md.")
    details = ProblemAnswer(many=True, required=False)


class ErrorAnswer(serializers.Serializer[Any]):
    error = ErrorBody()


ERRORS: dict[int, str] = {
    400: "The body is no JSON, or a value is refused.",
    401: "No token, or one that is not valid.",
    403: "The permission is missing.",
    404: "There is no such object for this caller.",
    409: "The object's state does not allow it now.",
    411: "The body's length is not known before it is read.",
    413: "The body is too large.",
    415: "The body is not application/json.",
    422: "A wrong type or an unknown property.",
    429: "Too many attempts.",
    500: "Our error; the event is stored, and sending it again applies it.",
    502: "The media provider failed or refused.",
    503: "The media provider can't be reached, or a setting is missing.",
}
NO_CONTENT = OpenApiResponse(description="Done; no body.")
BODY_ERRORS = (400, 411, 413, 415, 422)
LINK = OpenApiParameter("meeting_link", str, OpenApiParameter.PATH, description="The meeting's link id.")


def answer(response: Any, example: Any, text: str = "Done.") -> OpenApiResponse:
    """Return an answer with a body and an example of it (of one item, if the body is a list)."""
    shown = OpenApiExample("Answer", value=example, response_only=True)
    return OpenApiResponse(response=response, description=text, examples=[shown])


def errors(*statuses: int) -> dict[tuple[int, str], OpenApiResponse]:
    """Return the error answers of an operation; they are JSON, whatever the request accepts."""
    return {
        (status, "application/json"): answer(ErrorAnswer, examples.error(status), ERRORS[status])
        for status in sorted(statuses)
    }


def operation(
    operation_id: str,
    *,
    permission: str | None,
    summary: str,
    success: dict[Any, Any],
    failures: Sequence[int],
    tag: str = "Meetings",
    body: Any = None,
    parameters: Sequence[OpenApiParameter] = (),
    bodies: Mapping[str, Any] | None = None,
) -> Callable[[F], F]:
    """Describe one operation; 401 and 403 come with a permission. `bodies` are examples by name."""
    guarded = (401, 403) if permission else ()
    text = f"{summary}\n\nPermission: `{permission}`." if permission else summary
    describe: Callable[[F], F] = extend_schema(
        operation_id=operation_id,
        tags=[tag],
        summary=summary.partition(".")[0] + ".",
        description=text,
        request=body,
        parameters=[*parameters, OpenApiParameter("format", exclude=True)],  # ours is chosen by `Accept` alone
        responses={**success, **errors(*guarded, *failures)},
        examples=[OpenApiExample(name, value=value, request_only=True) for name, value in (bodies or {}).items()],
        extensions={"x-permissions": [permission]} if permission else {},
    )

    def decorator(action: F) -> F:
        # Where `extend_schema` finds nothing, it builds on the host's DEFAULT_SCHEMA_CLASS, whatever that is.
        action.kwargs = {"schema": AutoSchema}  # type: ignore[attr-defined]
        return describe(action)

    return decorator


def both(response: Any, example: Any, text: Any) -> dict[tuple[int, str], Any]:
    """Return a 200 that is given as JSON and, on request, as JSON text under text/plain."""
    return {
        (200, "application/json"): answer(response, example),
        (200, "text/plain"): answer(OpenApiTypes.STR, text, "The same as JSON text."),
    }


create_meeting = operation(
    "createMeeting",
    permission=names.CREATE_MEETING_SESSION,
    summary="Create a meeting. Answers its link id; under `Accept: text/plain` as a JSON string.",
    body=wire.CreateMeetingBody,
    success=both(wire.MeetingCodeAnswer, {"code": examples.LINK}, f'"{examples.LINK}"'),
    failures=(*BODY_ERRORS, 409, 502, 503),
    parameters=[
        OpenApiParameter(
            "Idempotency-Key",
            str,
            OpenApiParameter.HEADER,
            description="The same key and body from the same caller within 24 hours give the same answer.",
        )
    ],
    bodies={
        "Now": {},
        "Scheduled": {
            "isScheduled": True,
            "scheduleTime": "2030-01-31T09:30:00Z",
            "title": "Planning",
            "duration": 45,
        },
        "Encrypted": {"endToEndEncryption": True},
    },
)


def _query(name: str, kind: Any, text: str, **more: Any) -> OpenApiParameter:
    return OpenApiParameter(name, kind, OpenApiParameter.QUERY, description=text, **more)


list_meetings = operation(
    "listMeetings",
    permission=names.GET_MEETINGS,
    summary="List meetings. Newest first, by cursor.",
    success={200: answer(wire.MeetingPageAnswer, examples.MEETING_PAGE)},
    failures=(400,),
    parameters=[
        _query("isScheduled", bool, "`true` or `false`."),
        _query("isArchived", bool, "`true` or `false`."),
        _query("state", str, "Where it stands.", enum=["scheduled", "open", "active", "ended"]),
        _query("extId", str, "Exact external id."),
        _query("from", OpenApiTypes.DATETIME, "`scheduleTime` not before (inclusive)."),
        _query("to", OpenApiTypes.DATETIME, "`scheduleTime` not after (inclusive)."),
        _query("search", str, "A link id, a session id, an external id, or the beginning of a title."),
        _query("count", {"type": "integer", "minimum": 1, "maximum": 200, "default": 50}, "Meetings a page."),
        _query("cursor", str, "From `next` or `previous` of a page."),
    ],
)
retrieve_meeting = operation(
    "getMeeting",
    permission=names.GET_MEETINGS,
    summary="Read a meeting.",
    success={200: answer(wire.MeetingAnswer, examples.MEETING)},
    failures=(404,),
    parameters=[LINK],
)
edit_meeting = operation(
    "editMeeting",
    permission=names.EDIT_MEETING,
    summary="Edit a meeting. Only what is sent changes; properties that the server manages are ignored.",
    body=wire.EditMeetingBody,
    success={204: NO_CONTENT},
    failures=(*BODY_ERRORS, 404),
    parameters=[LINK],
    bodies={"Reschedule": {"isScheduled": True, "scheduleTime": "2030-02-01T09:30:00Z"}},
)
delete_meeting = operation(
    "deleteMeeting",
    permission=names.DELETE_MEETING,
    summary="Delete a meeting. A running one is ended first; the row is kept, marked as deleted.",
    success={204: NO_CONTENT},
    failures=(404,),
    parameters=[LINK],
)
end_meeting = operation(
    "endMeeting",
    permission=names.STOP_MEETING,
    summary="End a meeting. Everybody is disconnected and no token is given from now on.",
    success={204: NO_CONTENT},
    failures=(400, 404),
    parameters=[LINK],
)
generate_token = operation(
    "generateToken",
    permission=names.GENERATE_MEETING_TOKEN,
    summary="Issue a join token. The first one of a meeting sets its start time.",
    body=wire.TokenBody,
    success={200: answer(wire.JoinTokenAnswer, examples.JOIN_TOKEN)},
    failures=(*BODY_ERRORS, 404, 502, 503),
    parameters=[LINK],
    bodies={
        "Publisher": {"data": "Ann"},
        "Moderator": {"role": "moderator", "data": "Ann", "extId": "user-17"},
    },
)
check_join = operation(
    "checkJoin",
    permission=names.GENERATE_MEETING_TOKEN,
    summary="Say whether somebody may join, why not, and when that changes. Nothing is issued.",
    success={200: answer(wire.JoinCheckAnswer, examples.JOIN_CHECK)},
    failures=(400, 404),
    parameters=[
        LINK,
        _query("role", str, "The role that is asked for; `publisher` if it is left out.", enum=wire.ROLES),
        _query("data", str, "The name, as for a token."),
        _query("extId", str, "Who it is, as for a token."),
    ],
)
list_attendees = operation(
    "listAttendees",
    permission=names.GET_MEETING_ATTENDEES,
    summary="List a meeting's attendees. `active=true`: those who are there now.",
    tag="Attendees",
    success=both(wire.AttendeeAnswer(many=True), examples.ATTENDEE, "[]"),
    failures=(400, 404),
    parameters=[LINK, _query("active", str, "`true`: present now; anything else: all.")],
)
attendance = operation(
    "getAttendance",
    permission=names.GET_MEETING_ATTENDEES,
    summary="Read who was there and for how long. JSON, or CSV under `Accept: text/csv`.",
    tag="Attendees",
    success={
        (200, "application/json"): answer(wire.AttendanceAnswer(many=True), examples.ATTENDANCE),
        (200, "text/csv"): answer(OpenApiTypes.STR, examples.ATTENDANCE_CSV, "A line a stay."),
    },
    failures=(400, 404),
    parameters=[
        LINK,
        _query("minPresence", float, "Share of the meeting's length, above 0 and up to 1, that counts as present."),
    ],
)

_MODERATION = {
    "remove": ("removeAttendee", "Remove an attendee. Puts her out and revokes her tokens.", True),
    "mute": ("muteAttendee", "Mute an attendee.", True),
    "mute_all": ("muteAll", "Mute everybody who is in the meeting.", False),
}


def moderate(action: str) -> Callable[[F], F]:
    """Describe an operation of moderation."""
    operation_id, summary, is_about_one = _MODERATION[action]
    attendee = OpenApiParameter("attendee_id", int, OpenApiParameter.PATH, description="The attendee's id.")
    return operation(
        operation_id,
        permission=names.MODERATE_MEETING,
        summary=summary,
        tag="Attendees",
        success={204: NO_CONTENT},
        failures=(400, 404, 409, 502, 503),
        parameters=[LINK, attendee] if is_about_one else [LINK],
    )


obtain_token = operation(
    "obtainToken",
    permission=None,
    summary="Sign in as a user of this project.",
    tag="Users",
    body=wire.CredentialsBody,
    success={200: answer(wire.TokenPairAnswer, examples.TOKEN_PAIR)},
    failures=(*BODY_ERRORS, 401, 429),
    bodies={"Sign in": {"username": "ann", "password": "…"}},
)
refresh_token = operation(
    "refreshToken",
    permission=None,
    summary="Exchange a refresh token for an access token.",
    tag="Users",
    body=wire.RefreshBody,
    success={200: answer(wire.AccessAnswer, {"access": examples.TOKEN_PAIR["access"]})},
    failures=(*BODY_ERRORS, 401),
    bodies={"Refresh": {"refresh": examples.TOKEN_PAIR["refresh"]}},
)
_HEALTH = inline_serializer(
    "HealthAnswer", {"status": serializers.CharField(), "checks": serializers.DictField(required=False)}
)
health_live = operation(
    "healthLive",
    permission=None,
    summary="Whether the process runs.",
    tag="Health",
    success={200: answer(_HEALTH, {"status": "ok"})},
    failures=(),
)
health_ready = operation(
    "healthReady",
    permission=None,
    summary="Whether the database answers and requests can be served.",
    tag="Health",
    success={
        200: answer(_HEALTH, {"status": "ok", "checks": {"database": "ok"}}),
        503: answer(_HEALTH, {"status": "unavailable", "checks": {"database": "failed"}}, "It can't serve."),
    },
    failures=(),
)
