"""Tickets: what a page shows when it sends chunks. Signed, short-lived, good for one track of one person."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.core.signing import BadSignature, Signer

from archives.models import Track

SALT = "videoconf.recording.ticket"
LIFETIME = timedelta(minutes=15)
RENEWED_AFTER = LIFETIME / 2


class TicketInvalid(Exception):
    """It is none of ours, or of another track or person."""


class TicketExpired(Exception):
    """It was one."""


def issue(track: Track, now: datetime) -> str:
    """Return a ticket for a track."""
    expires = int((now + LIFETIME).timestamp())
    return Signer(salt=SALT).sign(f"{_bound_to(track)}/{expires}")


def age_of(ticket: str, track: Track, now: datetime) -> timedelta:
    """Check a ticket for a track; return its age. Raises `TicketInvalid` and `TicketExpired`."""
    try:
        bound, _, expires = Signer(salt=SALT).unsign(ticket).rpartition("/")
    except BadSignature as error:
        raise TicketInvalid from error
    if bound != _bound_to(track):
        raise TicketInvalid
    left = timedelta(seconds=int(expires) - now.timestamp())
    if left <= timedelta(0):
        raise TicketExpired
    return LIFETIME - left


def is_for_track(ticket: str, track_id: str) -> bool:
    """Whether a ticket was ours and of a track of this id, whatever else it says."""
    try:
        return Signer(salt=SALT).unsign(ticket).startswith(f"{track_id}/")
    except BadSignature:
        return False


def _bound_to(track: Track) -> str:
    return f"{track.track_id}/{track.archive_id}/{track.attendee_id}"
