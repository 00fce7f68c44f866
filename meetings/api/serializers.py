"""Bodies in and out: the one place where wire names (camelCase) and Python names meet."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema_serializer
from rest_framework import serializers

from meetings.api.bodies import MAX_BODY, MAX_PUBLIC_BODY, BodySerializer
from meetings.api.fields import (
    BooleanProperty,
    ChoiceProperty,
    InstantProperty,
    IntegerProperty,
    NumberProperty,
    ObjectProperty,
    TextProperty,
)
from meetings.api.negotiation import JSONText
from meetings.conf import conf
from meetings.joining import Decision
from meetings.ledger import Certainty
from meetings.models import Meeting
from meetings.providers.types import Role

SCHEDULE_FORMAT = "Scheduled time is not in correct format."
EXPIRE_FORMAT = "Expire time is not in correct format."
MAX_MINUTES = 30 * 24 * 60
ROLES = tuple(role.value for role in (Role.MODERATOR, Role.PUBLISHER, Role.SUBSCRIBER))


class CreateMeetingBody(BodySerializer):
    """Body of `POST /session`; everything is optional."""

    isScheduled = BooleanProperty(source="is_scheduled", required=False)
    scheduleTime = InstantProperty(source="schedule_time", required=False, allow_epoch=True, headline=SCHEDULE_FORMAT)
    enableArchiving = BooleanProperty(source="enable_archiving", required=False)
    endToEndEncryption = BooleanProperty(source="end_to_end_encryption", required=False)
    title = TextProperty(max_length=255, required=False, allow_null=True)
    extId = TextProperty(source="ext_id", max_length=255, required=False)
    extMetadata = ObjectProperty(source="ext_metadata", required=False)
    duration = IntegerProperty(min_value=1, max_value=MAX_MINUTES, required=False, allow_null=True)
    maxParticipants = IntegerProperty(
        source="max_participants", min_value=1, max_value=100_000, required=False, allow_null=True
    )
    provider = TextProperty(max_length=64, min_length=1, required=False)


class EditMeetingBody(BodySerializer):
    """Body of `PATCH /session/{id}`: the document's VideoChatSessionPartial.

    Only `WRITABLE` is used; the properties that the server manages are checked and then ignored, as in the original.
    """

    WRITABLE = frozenset({"is_scheduled", "schedule_time", "is_archived", "ext_id", "ext_metadata"})

    isScheduled = BooleanProperty(source="is_scheduled", required=False)
    scheduleTime = InstantProperty(source="schedule_time", required=False, headline=SCHEDULE_FORMAT)
    isArchived = BooleanProperty(source="is_archived", required=False)
    extId = TextProperty(source="ext_id", max_length=255, required=False)
    extMetadata = ObjectProperty(source="ext_metadata", required=False)
    deleted = BooleanProperty(required=False)
    deletedOn = InstantProperty(required=False, allow_null=True)
    deletedBy = TextProperty(max_length=255, required=False, allow_null=True)
    createdOn = InstantProperty(required=False)
    modifiedOn = InstantProperty(required=False)
    createdBy = TextProperty(max_length=255, required=False)
    modifiedBy = TextProperty(max_length=255, required=False)
    id = NumberProperty(required=False)
    sessionId = TextProperty(max_length=255, required=False)
    meetingLink = TextProperty(max_length=255, required=False)
    archiveId = TextProperty(max_length=255, required=False)
    uploadTarget = TextProperty(max_length=255, required=False)
    startTime = InstantProperty(required=False)
    endTime = InstantProperty(required=False)

    @classmethod
    def changes_of(cls, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return only what a client may change."""
        return {name: value for name, value in values.items() if name in cls.WRITABLE}


class TokenBody(BodySerializer):
    """Body of `POST /session/{id}/token`; `null` counts as absent, as in the original."""

    null_is_absent = True

    role = ChoiceProperty(choices=ROLES, required=False, allow_null=True)
    expireTime = InstantProperty(
        source="expires_at", required=False, allow_epoch=True, allow_null=True, headline=EXPIRE_FORMAT
    )
    # The base class has an attribute of that name, which a declared field never becomes. The provider says how long.
    data = TextProperty(max_length=MAX_BODY, multiline=True, required=False, allow_null=True)  # type: ignore[assignment]
    extId = TextProperty(source="ext_id", max_length=255, required=False, allow_null=True)


class CredentialsBody(BodySerializer):
    """Body of `POST /auth/token`."""

    max_bytes = MAX_PUBLIC_BODY

    username = TextProperty(max_length=255, min_length=1)
    password = TextProperty(max_length=4096, min_length=1)


class RefreshBody(BodySerializer):
    """Body of `POST /auth/token/refresh`."""

    max_bytes = MAX_PUBLIC_BODY

    refresh = TextProperty(max_length=8000, min_length=1)


class TokenPairAnswer(serializers.Serializer[Any]):
    access = serializers.CharField(help_text="Bearer token for the API, short-lived.")
    refresh = serializers.CharField(help_text="Opens nothing but `POST /auth/token/refresh`.")


class AccessAnswer(serializers.Serializer[Any]):
    access = serializers.CharField(help_text="Bearer token for the API, short-lived.")


class MeetingCodeAnswer(serializers.Serializer[Any]):
    code = serializers.CharField(help_text="The meeting's link id: 10 URL-safe characters.")


class JoinTokenAnswer(serializers.Serializer[Any]):
    sessionId = serializers.CharField(help_text="The provider's session id.")
    token = serializers.CharField(help_text="Join token for the meeting page or the provider's client.")


class AttendeeAnswer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    sessionId = serializers.CharField()
    attendee = serializers.CharField(help_text="Name for display: the token's `data`.")
    createdOn = serializers.DateTimeField(help_text="First join.")
    modifiedOn = serializers.DateTimeField(allow_null=True)
    isDeleted = serializers.BooleanField(help_text="Not in the meeting now.")
    extId = serializers.CharField(allow_null=True)
    extMetadata = serializers.DictField(allow_null=True)


class JoinCheckAnswer(serializers.Serializer[Any]):
    allowed = serializers.BooleanField()
    code = serializers.CharField(help_text="`allowed`, the code of the refusal, or one of the host's own rule.")
    message = serializers.CharField(help_text="Why not; empty where it is allowed.")
    role = serializers.CharField(allow_null=True, help_text="What a token would allow; null where none would help.")
    expiresAt = serializers.DateTimeField(allow_null=True)
    changesAt = serializers.DateTimeField(allow_null=True, help_text="When time alone changes the answer.")


def join_check_answer(decision: Decision) -> dict[str, Any]:
    """Return a decision as the wire has it."""
    return {
        "allowed": decision.is_allowed,
        "code": decision.code,
        "message": decision.message,
        "role": decision.role.value if decision.is_allowed else None,
        "expiresAt": wire_time(decision.expires_at) if decision.is_allowed else None,
        "changesAt": wire_time(decision.changes_at),
    }


class EndAnswer(serializers.Serializer[Any]):
    """How sure one end of a stay is: the truth lies from `notBefore` to `notAfter`; null is no bound."""

    certainty = serializers.ChoiceField(
        choices=[one.value for one in Certainty],
        help_text="exact: somebody who knew said so. bounded: between two known moments. assumed: nothing was heard.",
    )
    toldBy = serializers.CharField(help_text="Who said it: webhook, socket, sweep, api, poll, import; end: nobody.")
    notBefore = serializers.DateTimeField(allow_null=True)
    notAfter = serializers.DateTimeField(allow_null=True)


class IntervalAnswer(serializers.Serializer[Any]):
    joinedAt = serializers.DateTimeField()
    leftAt = serializers.DateTimeField(allow_null=True, help_text="null: still here.")
    joined = EndAnswer()
    left = EndAnswer(allow_null=True)


class AttendanceAnswer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    attendee = serializers.CharField()
    extId = serializers.CharField(allow_null=True)
    firstJoin = serializers.DateTimeField()
    lastLeave = serializers.DateTimeField(allow_null=True)
    totalSeconds = serializers.IntegerField(help_text="Length of the union of the intervals.")
    devices = serializers.IntegerField(help_text="Connections that the intervals are the union of.")
    presence = serializers.FloatField(help_text="Share of the meeting's length, 0 to 1.")
    isPresentEnough = serializers.BooleanField(required=False, help_text="Only with `minPresence`.")
    lateSeconds = serializers.IntegerField(allow_null=True, help_text="First join after the schedule; null without.")
    earlySeconds = serializers.IntegerField(
        allow_null=True, help_text="Last leave before the scheduled end; null without one, and while still here."
    )
    intervals = IntervalAnswer(many=True)


class MeetingAnswer(serializers.Serializer[Any]):
    """One meeting: the document's VideoChatSession and our own properties."""

    id = serializers.IntegerField()
    sessionId = serializers.CharField()
    meetingLink = serializers.CharField()
    isScheduled = serializers.BooleanField()
    scheduleTime = serializers.DateTimeField(allow_null=True)
    isArchived = serializers.BooleanField()
    archiveId = serializers.CharField(allow_null=True)
    uploadTarget = serializers.CharField(allow_null=True)
    startTime = serializers.DateTimeField(allow_null=True)
    endTime = serializers.DateTimeField(allow_null=True)
    extId = serializers.CharField(allow_null=True)
    extMetadata = serializers.DictField(allow_null=True)
    deleted = serializers.BooleanField()
    deletedOn = serializers.DateTimeField(allow_null=True)
    deletedBy = serializers.CharField(allow_null=True)
    createdOn = serializers.DateTimeField()
    modifiedOn = serializers.DateTimeField()
    createdBy = serializers.CharField()
    modifiedBy = serializers.CharField()
    title = serializers.CharField(allow_null=True)
    duration = serializers.IntegerField(allow_null=True, help_text="Minutes.")
    maxParticipants = serializers.IntegerField(allow_null=True)
    provider = serializers.CharField()
    tenant = serializers.CharField()
    state = serializers.ChoiceField(choices=("scheduled", "open", "active", "ended"))
    joinUrl = serializers.CharField(allow_null=True, help_text="The meeting page.")


@extend_schema_serializer(many=False)
class MeetingPageAnswer(serializers.Serializer[Any]):
    next = serializers.CharField(allow_null=True)
    previous = serializers.CharField(allow_null=True)
    results = MeetingAnswer(many=True)


def wire_time(moment: datetime | None) -> str | None:
    """Return a moment as the wire has it: UTC, `Z`, milliseconds."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def meeting_answer(meeting: Meeting, join_url: str | None) -> dict[str, Any]:
    """Return one meeting as the wire has it."""
    return {
        "id": meeting.pk,
        "sessionId": meeting.session_id,
        "meetingLink": meeting.meeting_link,
        "isScheduled": meeting.is_scheduled,
        "scheduleTime": wire_time(meeting.schedule_time),
        "isArchived": meeting.is_archived,
        "archiveId": meeting.archive_id,
        "uploadTarget": meeting.upload_target,
        "startTime": wire_time(meeting.start_time),
        "endTime": wire_time(meeting.end_time),
        "extId": meeting.ext_id,
        "extMetadata": meeting.ext_metadata,
        "deleted": meeting.deleted,
        "deletedOn": wire_time(meeting.deleted_on),
        "deletedBy": meeting.deleted_by,
        "createdOn": wire_time(meeting.created_on),
        "modifiedOn": wire_time(meeting.modified_on),
        "createdBy": meeting.created_by,
        "modifiedBy": meeting.modified_by,
        "title": meeting.title,
        "duration": meeting.duration,
        "maxParticipants": meeting.max_participants,
        "provider": meeting.provider,
        "tenant": meeting.tenant,
        "state": meeting.state_at(timezone.now(), timedelta(minutes=conf.TIME_TO_START)),
        "joinUrl": join_url,
    }


def attendees_answer(rows: Sequence[Sequence[Any]]) -> JSONText:
    """Return attendees (rows of `lookups.people`, at least one) as the wire has them.

    There may be thousands, and their metadata is JSON already: it is put in as the database has it, never read.
    """
    session = _quoted(rows[0][2])
    return JSONText(
        "["
        + ",".join(
            f'{{"id":{pk},"sessionId":{session},"attendee":{_quoted(name)},"createdOn":{_moment(created_on)},'
            f'"modifiedOn":{_moment(modified_on)},"isDeleted":{"true" if has_left else "false"},'
            f'"extId":{"null" if ext_id is None else _quoted(ext_id)},"extMetadata":{metadata or "null"}}}'
            for _, _, _, pk, name, created_on, modified_on, has_left, ext_id, metadata in rows
            if pk is not None
        )
        + "]"
    )


_quoted = json.JSONEncoder(ensure_ascii=False).encode


def _moment(moment: datetime | None) -> str:
    return "null" if moment is None else f'"{wire_time(moment)}"'
