"""The database side of the signalling socket, as plain functions: joining, beating, leaving, moderating."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from meetings import extensions, moderation, seats, services
from meetings.exceptions import JoinRefused
from meetings.models import Connection, Meeting
from meetings.names import display_name
from meetings.providers.registry import get_provider, is_configured
from meetings.providers.types import Role
from meetings.providers.webrtc import WebRTCProvider, tokens
from meetings.signaling import frames


@dataclass(frozen=True, slots=True, kw_only=True)
class Guest:
    """Someone who was let in: everything that her socket needs to know."""

    meeting: Meeting
    connection_id: str
    replaces: str
    resumed: bool
    role: Role
    name: str
    attendee_key: str
    welcome: dict[str, Any]


def open_door(meeting_link: str, frame: dict[str, Any], socket: str) -> Guest:
    """Check a `join` frame and give it a seat; raise `JoinRefused` or `frames.BadFrame`."""
    meeting = Meeting.objects.alive().filter(meeting_link=meeting_link).first()
    if meeting is None:
        raise JoinRefused("There is no meeting at this address.", code="meeting_unknown")
    provider = get_provider(meeting.provider) if is_configured(meeting.provider) else None
    if not isinstance(provider, WebRTCProvider):
        raise JoinRefused("This meeting's media does not come from here.", code="provider_mismatch")
    known_id = _known_id(meeting, frame.get("resume"))
    is_reload = frame.get("reload") is True
    token = frames.text_of(frame, "token", 8192)
    if known_id and not seats.is_theirs(meeting, known_id, tokens.read(token, meeting.session_id, ignore_expiry=True)):
        known_id = ""  # somebody else's token, or another role: it has to stand on its own
    claims = tokens.read(
        token,
        meeting.session_id,
        ignore_expiry=bool(known_id) and not is_reload and seats.may_come_back(meeting, known_id),
    )
    name = display_name(claims.data or frames.text_of(frame, "name", 1000)) or "Guest"
    seat = seats.admit(
        meeting,
        claims,
        socket=socket,
        name=claims.data or name,
        limit=provider.limit(services.room_of(meeting)),
        known_id=known_id,
        is_reload=is_reload,
    )
    attendee_key = tokens.attendee_key(meeting.session_id, seat.identity)
    notice = extensions.recording_notice(meeting)
    return Guest(
        meeting=meeting,
        connection_id=seat.connection_id,
        replaces=seat.replaces,
        resumed=seat.resumed,
        role=claims.role,
        name=name,
        attendee_key=attendee_key,
        welcome={
            "t": "welcome",
            "id": seat.connection_id,
            "resume": tokens.resume_key(meeting.session_id, seat.connection_id),
            "resumed": seat.resumed,
            "role": claims.role.value,
            "name": name,
            "attendee": attendee_key,
            "iceServers": provider.ice_servers(seat.connection_id),
            "limit": provider.limit(services.room_of(meeting)),
            "encrypted": meeting.end_to_end_encryption,
            "recording": notice is not None or extensions.is_recording(meeting),
            "archive": notice,
            "title": meeting.title or "",
        },
    )


def _known_id(meeting: Meeting, resume: Any) -> str:
    if not isinstance(resume, dict):
        return ""
    connection_id, key = frames.text_of(resume, "id", 255), frames.text_of(resume, "key", 255)
    return connection_id if tokens.is_resume_key(meeting.session_id, connection_id, key) else ""


def remove(meeting: Meeting, connection_id: str, actor: str) -> bool:
    """Remove the attendee behind a connection; return whether there is one."""
    row = _row(meeting, connection_id)
    if row is None or row.attendee is None:
        return False
    moderation.remove_attendee(row.attendee, actor=actor)
    return True


def mute(meeting: Meeting, connection_id: str, *, by: str) -> list[str]:
    """Note that a connection (`*`: everyone but `by`) shall be muted; return the ids of those who are there.

    The socket reads the note at its next heartbeat, should the channel layer's word not reach it.
    """
    rows = Connection.objects.filter(meeting=meeting).present()
    rows = rows.exclude(connection_id=by) if connection_id == "*" else rows.filter(connection_id=connection_id)
    rows.update(is_mute_due=True)
    return list(rows.values_list("connection_id", flat=True))


def record(meeting: Meeting, *, is_wanted: bool, actor: str) -> None:
    """Start or stop recording a meeting; raise what says why it can't be done."""
    provider = services.provider_of(meeting)
    if is_wanted:
        extensions.start_recording(meeting, provider, actor=actor)
    else:
        extensions.stop_recording(meeting, provider, actor=actor)


def _row(meeting: Meeting, connection_id: str) -> Connection | None:
    found: Connection | None = (
        Connection.objects.filter(meeting=meeting, connection_id=connection_id)
        .present()
        .select_related("attendee__meeting")
        .first()
    )
    return found
