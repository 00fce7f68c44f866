"""Tracks: what a page announces over its socket before it sends chunks."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from archives.models import Archive, Track
from archives.recording import consent, tickets
from meetings import seats
from meetings.exceptions import Conflict, Forbidden, Refused
from meetings.models import Connection, Meeting
from meetings.names import display_name
from meetings.providers.types import Role

NOT_AGREED = "You have not agreed to be recorded."
MOST_OF_PERSON = 200
MOST = 2000
CLOCKS_APART = timedelta(seconds=10)
"""How far before its announcement a track may say that it began; the page measures its clock against ours."""


def open_track(
    meeting: Meeting, connection: Connection, asked: Mapping[str, Any], now: datetime | None = None
) -> dict[str, Any]:
    """Open a track, or renew the ticket of one that was opened by the same person; return what the page needs.

    Raises `Forbidden` (one who was removed, a subscriber, no consent, another person's), `Conflict` (`recording_over`)
    and `Refused`.
    """
    moment = now or timezone.now()
    track_id = _id_of(asked)
    if seats.was_removed(connection):
        raise Forbidden(seats.REMOVED, code="forbidden")
    if connection.role == Role.SUBSCRIBER.value:
        raise Forbidden("A subscriber sends nothing that could be recorded.", code="forbidden")
    track = Track.objects.filter(track_id=track_id).select_related("archive").first()
    if track is None:
        track = _new(meeting, connection, track_id, asked, moment)
    elif track.attendee_id is None or track.attendee_id != connection.attendee_id:
        raise Forbidden("This track is somebody else's.", code="forbidden")
    elif track.sealed_at is not None or track.archive.deleted:
        raise Conflict("This track is composed already; nothing is taken any more.", code="recording_over")
    elif not consent.is_agreed(track.archive, connection):
        raise Forbidden(NOT_AGREED, code="consent_missing")
    return {
        "track": track.track_id,
        "address": reverse("videoconf_archives:track-close", args=[track.track_id]).removesuffix("/close"),
        "ticket": tickets.issue(track, moment),
        "expiresIn": int(tickets.LIFETIME.total_seconds()),
    }


def _id_of(asked: Mapping[str, Any]) -> str:
    try:
        track_id = str(uuid.UUID(asked["track"]))
    except ValueError as error:
        raise Refused("`track` must be a UUID.", code="invalid_value") from error
    if track_id != asked["track"]:
        raise Refused("`track` must be a UUID in lower case, with hyphens.", code="invalid_value")
    return track_id


def _new(meeting: Meeting, connection: Connection, track_id: str, asked: Mapping[str, Any], now: datetime) -> Track:
    """Insert a track while its recording runs: with the row locked, no end of it comes in between."""
    try:
        with transaction.atomic():
            running = consent.running_archive(meeting)
            archive = None if running is None else Archive.objects.select_for_update(no_key=True).get(pk=running.pk)
            if archive is None or not archive.is_running:
                raise Conflict("The meeting is not being recorded.", code="recording_over")
            if not consent.is_agreed(archive, connection):
                raise Forbidden(NOT_AGREED, code="consent_missing")
            _refuse_too_many(archive, connection)
            return Track.objects.create(
                archive=archive,
                track_id=track_id,
                attendee_id=connection.attendee_id,
                connection_id=connection.connection_id,
                name=display_name(connection.name) or "Guest",
                kind=asked["kind"],
                started_at=_bounded(asked["startedAt"], archive, now),
                created_on=now,
            )
    except IntegrityError as error:
        raise Conflict("The track is being opened already; ask again.", code="conflict") from error


def _refuse_too_many(archive: Archive, connection: Connection) -> None:
    theirs = consent.tracks_of(archive, connection).count()
    if theirs >= MOST_OF_PERSON or archive.tracks.count() >= MOST:
        raise Conflict("There are too many tracks in this recording already.", code="too_many_tracks")


def _bounded(started_ms: int, archive: Archive, now: datetime) -> datetime:
    """Return when a track began; what can't be, by the server's clock, is corrected."""
    started = datetime.fromtimestamp(started_ms / 1000, UTC)
    return min(max(started, now - CLOCKS_APART, archive.created_on - CLOCKS_APART), now)
