"""Who was told of a recording, and who may be in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from archives.models import Archive, RecordingNotice
from meetings.conf import conf
from meetings.exceptions import Conflict
from meetings.models import Connection, Meeting

REQUIRED = "required"
TOLD = RecordingNotice.Decision.TOLD
AGREED = RecordingNotice.Decision.AGREED


def notice_of(archive: Archive) -> dict[str, Any]:
    """Return what people are to know of a recording: `{"id", "consent", "notice", "version"}`."""
    return {
        "id": archive.archive_id,
        "consent": conf.RECORDING_CONSENT,
        "notice": conf.RECORDING_NOTICE,
        "version": conf.RECORDING_NOTICE_VERSION,
    }


def note_told(archive: Archive, connection: Connection, version: str) -> None:
    """Note that a page was told; once for each connection and version."""
    if not archive.notices.filter(connection_id=connection.connection_id, version=version, decision=TOLD).exists():
        _note(archive, connection, version, TOLD)


def note_decision(archive: Archive, connection: Connection, said: Mapping[str, Any]) -> None:
    """Note that somebody agrees or declines; raise `Conflict` if it is about other words than the present ones.

    The last decision counts; each is kept.
    """
    if said["version"] != conf.RECORDING_NOTICE_VERSION:
        raise Conflict("The notice was changed meanwhile; read it again.", code="consent_outdated")
    _note(archive, connection, said["version"], said["decision"])


def is_agreed(archive: Archive, connection: Connection) -> bool:
    """Whether the person of a connection may be recorded: always, unless consent is required and not given."""
    if conf.RECORDING_CONSENT != REQUIRED:
        return True
    decisions = archive.notices.exclude(decision=TOLD)
    if connection.attendee_id is not None:
        decisions = decisions.filter(attendee_id=connection.attendee_id)
    else:
        decisions = decisions.filter(connection_id=connection.connection_id)
    last = decisions.order_by("-id").values_list("decision", flat=True).first()
    return bool(last == AGREED)


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
