"""What moderators and staff do to people in a meeting: put one out, mute one, mute everybody."""

from __future__ import annotations

import logging
from datetime import datetime

from django.utils import timezone

from meetings import deferred, rules
from meetings.exceptions import Conflict, ProviderError
from meetings.models import Attendee, Connection, Meeting, Stream
from meetings.providers.base import Provider
from meetings.providers.registry import get_provider, is_configured
from meetings.querysets import ConnectionQuerySet
from meetings.services import provider_of, room_of

logger = logging.getLogger(__name__)

MOST_LIFTS = 24


def remove_attendee(attendee: Attendee, *, actor: str, now: datetime | None = None) -> None:
    """Revoke an attendee's tokens, then put her out; a token issued later lets her in again. Safe to repeat.

    Raises `Conflict` for a meeting that has ended, `UnsupportedFeature`, and `ProviderError` if a connection of hers
    could not be put out: if it was the first, nothing has changed; else her tokens stay revoked and it may be repeated.
    """
    meeting = attendee.meeting
    provider = _moderated(meeting, "remove attendees")
    before = (attendee.removed_on, attendee.removed_by)
    _mark_removed(attendee, now or timezone.now(), actor)  # first, so that no revoked token opens a seat meanwhile
    is_out = False
    try:
        for connection in Connection.objects.filter(attendee=attendee).present():
            provider.remove_participant(room_of(meeting), connection.connection_id)
            is_out = True
    except ProviderError:
        if not is_out:
            _mark_removed(attendee, *before)
        raise


def _mark_removed(attendee: Attendee, at: datetime | None, by: str) -> None:
    attendee.removed_on, attendee.removed_by = at, by
    attendee.save(update_fields=["removed_on", "removed_by"])


def mute_attendee(attendee: Attendee) -> None:
    """Mute an attendee's microphones. Safe to repeat. Errors as in `remove_attendee`."""
    meeting = attendee.meeting
    provider = _moderated(meeting, "mute attendees")
    for connection_id, stream_ids in _mute_due(provider, Connection.objects.filter(attendee=attendee)).items():
        provider.mute_participant(room_of(meeting), connection_id, stream_ids)


def mute_everyone(meeting: Meeting, *, spared: str = "") -> None:
    """Mute everybody who is in the meeting now, but the connection `spared`. Safe to repeat.

    Errors as in `remove_attendee`.
    """
    provider = _moderated(meeting, "mute attendees")
    streams = _mute_due(provider, Connection.objects.filter(meeting=meeting))
    try:
        provider.mute_everyone(room_of(meeting), streams, spared=spared)
    except ProviderError:
        _lift_mute_later(meeting.pk, 0)
        raise


def _lift_mute_later(meeting_id: int, attempt: int) -> None:
    deferred.run_later("meetings.tasks.lift_mute", meeting_id, attempt, at=deferred.retry_at(attempt))


def lift_mute(meeting_id: int, attempt: int) -> bool:
    """See to it that nobody who comes is mute because muting everybody broke off; return whether that is so. Comes back
    later if the provider does not take it, for some hours."""
    meeting = Meeting.objects.filter(pk=meeting_id, end_time__isnull=True).first()
    if meeting is None or not is_configured(meeting.provider):
        return True
    try:
        get_provider(meeting.provider).lift_mute(room_of(meeting))
    except ProviderError as error:
        logger.warning("Lifting the mute of meeting %s failed: %s", meeting.pk, error.code)
        if attempt < MOST_LIFTS:
            _lift_mute_later(meeting_id, attempt + 1)
        return False
    return True


def _mute_due(provider: Provider, connections: ConnectionQuerySet) -> dict[str, list[str]]:
    """Return who of them is here and what each publishes, by the provider's ids; sockets read that they are muted."""
    here = dict(connections.present().values_list("pk", "connection_id"))
    streams: dict[str, list[str]] = {connection_id: [] for connection_id in here.values()}
    for pk, stream_id in Stream.objects.filter(connection__in=here, ended_at__isnull=True).values_list(
        "connection_id", "stream_id"
    ):
        streams[here[pk]].append(stream_id)
    if provider.capabilities.heartbeats:
        # The socket reads it at its next heartbeat, should the provider's word not reach it.
        Connection.objects.filter(pk__in=here).update(is_mute_due=True)
    return streams


def _moderated(meeting: Meeting, what: str) -> Provider:
    provider = provider_of(meeting)
    rules.refuse_unsupported(provider, "moderation", what)
    if meeting.is_over(timezone.now()):
        raise Conflict("This meeting has ended; nobody is in it.", code="meeting_ended")
    return provider
