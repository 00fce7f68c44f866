"""What recordings know of a person, and how that, or all of a meeting's recordings, goes away."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from archives import services
from archives.composing import keeping
from archives.models import Archive, Chunk, RecordingNotice, Track
from archives.recording import consent
from meetings.exceptions import Conflict
from meetings.models import Attendee, Connection, Meeting
from meetings.privacy import admin_log
from meetings.redaction import Redaction

UNFINISHED = "A recording of the meeting is not finished."
SLACK = timedelta(minutes=1)
"""How far a provider's clock and its idea of a recording's length may be off."""


def recordings_of(attendee: Attendee) -> Iterator[Archive]:
    """Yield the recordings that somebody may be seen or heard in, the deleted ones among them: those that ran while
    she was there, but where consent is required and she never gave it."""
    stays = list(Connection.objects.filter(attendee=attendee, joined_at__isnull=False))
    for archive in Archive.objects.filter(meeting_id=attendee.meeting_id).order_by("pk"):
        since, until = archive.created_on - SLACK, _end_of(archive) + SLACK
        there = [stay for stay in stays if stay.joined_at < until and (stay.left_at is None or stay.left_at > since)]
        has_sent = Track.objects.filter(archive=archive, attendee=attendee).exists()
        if has_sent or any(consent.was_agreed(archive, stay) for stay in there):
            yield archive


def _end_of(archive: Archive) -> datetime:
    if archive.spans and archive.spans[-1][1] is not None:
        return datetime.fromtimestamp(archive.spans[-1][1] / 1000, tz=UTC)
    return archive.created_on + timedelta(seconds=archive.duration) if archive.duration else archive.modified_on


def personal_data(attendee: Attendee) -> Mapping[str, Any]:
    """Return the recordings that somebody may be in, and what she was told of which and said to it."""
    said = RecordingNotice.objects.filter(attendee=attendee).select_related("archive")
    return {
        "recordings": [
            {
                "id": archive.archive_id,
                "name": archive.name,
                "status": "deleted" if archive.deleted else archive.status,
                "createdAt": archive.created_on,
                "seconds": archive.duration,
                "bytes": archive.size,
            }
            for archive in recordings_of(attendee)
        ],
        "recordingNotices": [
            {
                "recording": notice.archive.archive_id,
                "notice": notice.archive.notice,
                "version": notice.version,
                "decision": notice.decision,
                "at": notice.at,
            }
            for notice in said
        ],
    }


def holds_up_erasure(meeting: Meeting) -> str:
    """Return why nobody can be erased from a meeting now: names are in the folder that a recording is made in."""
    rows = Archive.objects.filter(meeting=meeting)
    is_unfinished = rows.alive().running().exists() or rows.filter(compose_due_at__isnull=False).exists()
    return UNFINISHED if is_unfinished else ""


def erase(
    attendee: Attendee, redaction: Redaction, *, actor: str, is_dry: bool = False, keep_recordings: bool = False
) -> Counter[str]:
    """Delete the recordings that somebody may be in, unless they are to be kept, and take her names out of the rows."""
    counts: Counter[str] = Counter()
    for archive in recordings_of(attendee):
        if archive.deleted and archive.removal_due_at is None:
            continue
        counts["recordings kept" if keep_recordings else "recordings"] += 1
        if not (is_dry or keep_recordings):
            _remove_file(archive, actor)
            archive.refresh_from_db(fields=["removal_due_at"])
            counts["recordings that the worker will remove"] += archive.removal_due_at is not None
    archives = list(Archive.objects.filter(meeting_id=attendee.meeting_id))
    pks = [archive.pk for archive in archives]
    counts["log entries"] = admin_log.scrub(Archive, pks, redaction.log, redaction.text, is_dry=is_dry)
    if not is_dry:
        Track.objects.filter(attendee=attendee).update(name="")
        for archive in archives:
            _redact(archive, redaction)
    return counts


def _redact(archive: Archive, redaction: Redaction) -> None:
    values: dict[str, Any] = {
        name: redaction.text(getattr(archive, name)) for name in ("name", "reason", "compose_error", "removal_error")
    }
    report = archive.report
    if report:
        missing = [{**gap, "person": redaction.name(gap.get("person", ""))} for gap in report.get("missing", [])]
        report = {**report, "people": list(map(redaction.name, report.get("people", []))), "missing": missing}
    values["report"] = report
    if any(getattr(archive, name) != value for name, value in values.items()):
        Archive.objects.filter(pk=archive.pk).update(**values)


def purge(meeting: Meeting, *, actor: str, is_dry: bool = False) -> Counter[str]:
    """Remove a meeting's recordings, at the provider and in the storage, and their rows.

    Raises `Conflict` for one that runs, is being composed, or can't be removed now.
    """
    archives = list(Archive.objects.filter(meeting=meeting))
    if any(archive.is_running or archive.compose_due_at is not None for archive in archives if not archive.deleted):
        raise Conflict(UNFINISHED, code="archive_running")
    if is_dry:
        return Counter(recordings=len(archives))
    for archive in archives:
        _remove_file(archive, actor)
        archive.refresh_from_db()
    for archive in archives:
        if archive.removal_due_at is not None or keeping.is_being_composed(archive):
            why = archive.removal_error or UNFINISHED
            raise Conflict(f"A recording can't be removed yet. {why}", code="archive_running")
    for archive in archives:
        RecordingNotice.objects.filter(archive=archive).delete()
        Chunk.objects.filter(track__archive=archive).delete()
        Track.objects.filter(archive=archive).delete()
        admin_log.remove(Archive, [archive.pk])
        archive.delete()
    return Counter(recordings=len(archives))


def _remove_file(archive: Archive, actor: str) -> None:
    """What the provider or the storage does not take now is repeated by the worker, as for any deleted archive."""
    if not archive.deleted:
        services.delete_archive(archive, actor=actor)
    elif archive.removal_due_at is not None:
        services.repeat_removal(archive.pk)
