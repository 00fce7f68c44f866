"""The server's side of a meeting page whose provider lets people in without asking us.

At the embedded provider the socket is the door. Vonage's clients go in with nothing but their token, which can't be
revoked; so the page shows us its token before it goes in, and when it was put out, and moderators act with theirs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from meetings import extensions, joining, moderation, seats, services
from meetings.exceptions import Conflict, Forbidden, JoinRefused, Refused
from meetings.facts import identity_of
from meetings.models import Attendee, Connection, Meeting
from meetings.providers.types import Role, TokenClaims


@dataclass(frozen=True, slots=True, kw_only=True)
class Bearer:
    """Who showed a token that verified."""

    meeting: Meeting
    claims: TokenClaims
    identity: str
    """Empty for a token that names nobody."""

    @property
    def actor(self) -> str:
        """Return who acts, for the audit columns."""
        return self.identity or Role.MODERATOR.value


def read(meeting: Meeting, token: str, *, ignore_expiry: bool = False) -> Bearer:
    """Verify a join token of this meeting; raise `JoinRefused`, or `UnsupportedFeature` where the door is elsewhere."""
    provider = services.provider_of(meeting)
    claims = provider.read_token(services.room_of(meeting), token, ignore_expiry=ignore_expiry)
    identity = claims.identity or identity_of(data=claims.data)
    return Bearer(meeting=meeting, claims=claims, identity=identity)


def refuse_shut(bearer: Bearer, *, enters: bool) -> None:
    """Raise `JoinRefused` unless this person may be in the meeting now; for one who `enters` there must be room."""
    meeting = bearer.meeting
    seats.refuse_closed(meeting, timezone.now())
    removed = Attendee.objects.filter(meeting=meeting, removed_on__gte=bearer.claims.issued_at)
    if bearer.identity and removed.filter(identity=bearer.identity).exists():
        raise JoinRefused(seats.REMOVED, code="token_revoked")
    if enters and joining.is_full(meeting, services.provider_of(meeting), identity=bearer.identity):
        raise JoinRefused(seats.FULL, code="meeting_full", retry=True)


def act(bearer: Bearer, action: str, connection_id: str) -> None:
    """Do what a moderator's page asks for: `end`, `remove`, `mute`, `mute_all`, `record`, `stop`.

    `connection_id` is whom to remove or mute; for `mute_all`, the one page that is spared. Raises `Forbidden` for
    everybody else, `Refused` for an unknown action, and what the service raises.
    """
    if bearer.claims.role is not Role.MODERATOR:
        raise Forbidden("Only a moderator may do this.")
    if action not in ACTIONS:
        raise Refused(f"action must be one of {', '.join(ACTIONS)}.", code="action_unknown")
    if action in ("remove", "mute") and not connection_id:
        raise Refused("connection is missing.", code="connection_missing")
    refuse_shut(bearer, enters=False)
    ACTIONS[action](bearer, connection_id)


def _end(bearer: Bearer, connection_id: str) -> None:
    services.end_meeting(bearer.meeting, actor=bearer.actor)


def _remove(bearer: Bearer, connection_id: str) -> None:
    attendee = _attendee(bearer.meeting, connection_id)
    if attendee is not None:
        moderation.remove_attendee(attendee, actor=bearer.actor)
    else:  # no webhook has told of her yet
        provider = services.provider_of(bearer.meeting)
        provider.remove_participant(services.room_of(bearer.meeting), connection_id)


def _mute(bearer: Bearer, connection_id: str) -> None:
    attendee = _attendee(bearer.meeting, connection_id)
    if attendee is None:
        raise Conflict("This person has only just come in. Try again in a moment.", code="attendee_unknown")
    moderation.mute_attendee(attendee)


def _mute_all(bearer: Bearer, connection_id: str) -> None:
    moderation.mute_everyone(bearer.meeting, spared=connection_id)


def _record(bearer: Bearer, connection_id: str) -> None:
    extensions.start_recording(bearer.meeting, services.provider_of(bearer.meeting), actor=bearer.actor)


def _stop(bearer: Bearer, connection_id: str) -> None:
    extensions.stop_recording(bearer.meeting, services.provider_of(bearer.meeting), actor=bearer.actor)


ACTIONS: dict[str, Callable[[Bearer, str], None]] = {
    "end": _end,
    "remove": _remove,
    "mute": _mute,
    "mute_all": _mute_all,
    "record": _record,
    "stop": _stop,
}


def _attendee(meeting: Meeting, connection_id: str) -> Attendee | None:
    rows = Connection.objects.filter(meeting=meeting, connection_id=connection_id)
    found: Any = rows.present().select_related("attendee__meeting").first()
    attendee: Attendee | None = found.attendee if found is not None else None
    return attendee
