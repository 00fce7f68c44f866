"""Who was told of a recording, and who may be in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from archives.models import Archive, RecordingNotice
from meetings.exceptions import Conflict
from meetings.models import Connection, Meeting

REQUIRED = "required"
TOLD = RecordingNotice.Decision.TOLD
AGREED = RecordingNotice.Decision.AGREED
DECLINED = RecordingNotice.Decision.DECLINED
MOST_OF_CONNECTION = 20
"""How often somebody may agree over one connection; to decline what was agreed to is always possible."""


def notice_of(archive: Archive) -> dict[str, Any]:
    """Return what people are to know of a recording: `{"id", "consent", "notice", "version"}`."""
    return {
        "id": archive.archive_id,
        "consent": archive.consent,
        "notice": archive.notice,
        "version": archive.notice_version,
    }


def note_told(archive: Archive, connection: Connection, version: str) -> None:
    """Note that a page was told; once for each connection and version."""
    if not archive.notices.filter(connection_id=connection.connection_id, version=version, decision=TOLD).exists():
        _note(archive, connection, version, TOLD)


def note_decision(archive: Archive, connection: Connection, said: Mapping[str, Any]) -> None:
    """Note that somebody agrees or declines; the last decision counts, and each is kept.

    Where consent is required, a no seals her tracks at once. Raises `Conflict` for other words than those of this
    recording (`consent_outdated`), and for one who agrees again and again (`too_many_decisions`).
    """
    if said["version"] != archive.notice_version:
        raise Conflict("The notice was changed meanwhile; read it again.", code="consent_outdated")
    with transaction.atomic():
        Archive.objects.select_for_update(no_key=True).get(pk=archive.pk)  # no track is opened in between
        if said["decision"] == _last_decision(archive, connection):
            return
        if said["decision"] == AGREED:
            _refuse_too_many(archive, connection)
        _note(archive, connection, said["version"], said["decision"])
        if said["decision"] == DECLINED and archive.consent == REQUIRED:
            tracks_of(archive, connection).filter(sealed_at__isnull=True).update(sealed_at=timezone.now())


def is_agreed(archive: Archive, connection: Connection) -> bool:
    """Whether the person of a connection may be recorded: always, unless consent is required and not given."""
    return archive.consent != REQUIRED or _last_decision(archive, connection) == AGREED


def was_agreed(archive: Archive, connection: Connection) -> bool:
    """Whether the person of a connection may be in a recording: always, unless consent was required and never given,
    even if she has taken it back since."""
    if archive.consent != REQUIRED:
        return True
    return bool(decisions_on(archive).filter(_hers(connection), decision=AGREED).exists())


def nobody_agreed(archive: Archive) -> bool:
    """Whether consent was required, and nobody ever gave it."""
    return archive.consent == REQUIRED and not decisions_on(archive).filter(decision=AGREED).exists()


def decisions_on(archive: Archive) -> Any:
    """Return what was said to the words of this recording, in its order."""
    return archive.notices.exclude(decision=TOLD).filter(version=archive.notice_version).order_by("id")


def _last_decision(archive: Archive, connection: Connection) -> str | None:
    said = decisions_on(archive).filter(_hers(connection)).values_list("decision", flat=True)
    last: str | None = said.last()
    return last


def _refuse_too_many(archive: Archive, connection: Connection) -> None:
    if archive.notices.filter(connection_id=connection.connection_id).count() >= MOST_OF_CONNECTION:
        raise Conflict("You have changed your mind too often; join again.", code="too_many_decisions")


def tracks_of(archive: Archive, connection: Connection) -> Any:
    """Return what the person of a connection has sent to a recording, over whichever connection."""
    return archive.tracks.filter(_hers(connection))


def _hers(connection: Connection) -> Q:
    if connection.attendee_id is not None:
        return Q(attendee_id=connection.attendee_id)
    return Q(connection_id=connection.connection_id)


def _note(archive: Archive, connection: Connection, version: str, decision: str) -> None:
    RecordingNotice.objects.create(
        meeting_id=archive.meeting_id,
        archive=archive,
        attendee_id=connection.attendee_id,
        connection_id=connection.connection_id,
        version=version,
        decision=decision,
    )


def running_archive(meeting: Meeting) -> Archive | None:
    """Return the recording of ours that runs."""
    rows = Archive.objects.alive().filter(meeting=meeting, is_ours=True, status__in=("started", "paused"))
    found: Archive | None = rows.order_by("-id").first()
    return found
