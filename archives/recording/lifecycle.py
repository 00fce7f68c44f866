"""When a recording of the embedded provider runs: begun, paused while nobody is there, resumed, ended.

Everything happens under the meeting's row lock. What must happen later is written in the row (`ends_at`,
`compose_due_at`) beside the task that is put on order, so that a sweep finds what a lost task would have done.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from archives.models import Archive
from archives.providers.base import ArchiveSpec
from archives.providers.layouts import TYPES
from archives.recording.consent import running_archive
from meetings import deferred
from meetings.abstract_models import SYSTEM_ACTOR
from meetings.attendance import lock
from meetings.conf import conf
from meetings.facts import LOST_REASON
from meetings.models import Connection, Meeting
from meetings.providers.session_events import milliseconds

ENDS_AFTER = timedelta(seconds=60)
"""How long a recording waits for somebody to come back."""
LOST_FOR = timedelta(seconds=30)
"""A silence of everybody that ends so soon was a server's or a network's: pages recorded on, and nothing is cut."""
COMPOSED_EVERY = timedelta(seconds=15)
BY_REQUEST, EMPTY, AT_LIMIT, WITH_MEETING = "request", "empty", "limit", "meeting"


def is_anybody_there(meeting: Meeting) -> bool:
    """Whether a connection of the meeting is open."""
    return bool(Connection.objects.filter(meeting=meeting).present().exists())


def began(archive: Archive, spec: ArchiveSpec) -> Archive:
    """Have a recording that has just started run, inside the transaction that starts it; return its row."""
    now = timezone.now()
    archive.layout = (spec.layout or {}).get("type", TYPES[0])
    archive.spans = [[milliseconds(now), None]]
    archive.consent, archive.notice = conf.RECORDING_CONSENT, conf.RECORDING_NOTICE
    archive.notice_version = conf.RECORDING_NOTICE_VERSION
    archive.ends_at = _limit(archive)
    archive.compose_due_at = now + COMPOSED_EVERY
    archive.save(update_fields=["layout", "spans", "consent", "notice", "notice_version", "ends_at", "compose_due_at"])
    _end_later(archive)
    compose_later(archive, archive.compose_due_at)
    _follow(archive)  # the last one may have left since it was found that somebody is there
    transaction.on_commit(partial(tell_room, archive.meeting), robust=True)
    return archive


def ended(archive: Archive, why: str) -> Archive:
    """Have a recording that was just stopped composed, inside the transaction that stops it; return its row."""
    now = timezone.now()
    archive.spans = _closed(archive.spans, now)
    archive.ends_at, archive.ended_by = None, archive.ended_by or why
    archive.compose_due_at = now
    archive.progress = {"phase": "composing", "percent": (archive.progress or {}).get("percent", 0)}
    archive.save(update_fields=["spans", "ends_at", "ended_by", "compose_due_at", "progress"])
    compose_later(archive, now)
    transaction.on_commit(partial(tell_room, archive.meeting), robust=True)
    return archive


def follow_presence(meeting: Meeting) -> None:
    """Pause the recording of a meeting that nobody is in any more, resume it when somebody is. Safe to repeat.

    Most meetings are not recorded, and are not locked; one that begins meanwhile looks by itself (`began`).
    """
    if running_archive(meeting) is None:
        return
    with transaction.atomic():
        lock(meeting)
        archive = running_archive(meeting)
        if archive is not None:
            _follow(archive)
            _seal_removed(archive)


def _follow(archive: Archive) -> None:
    is_there = is_anybody_there(archive.meeting)
    if archive.status == "started" and not is_there:
        _pause(archive)
    elif archive.status == "paused" and is_there:
        _resume(archive)


def _seal_removed(archive: Archive) -> None:
    """Wait for nothing more of those who were put out."""
    removed = archive.tracks.filter(sealed_at__isnull=True, attendee__removed_on__gte=F("created_on"))
    removed.update(sealed_at=timezone.now())


def _pause(archive: Archive) -> None:
    now = timezone.now()
    archive.status, archive.spans = "paused", _closed(archive.spans, now)
    archive.ends_at = min(now + ENDS_AFTER, _limit(archive))
    archive.save(update_fields=["status", "spans", "ends_at"])
    _end_later(archive)


def _resume(archive: Archive) -> None:
    now = timezone.now()
    if _were_lost(archive, now):
        archive.spans[-1][1] = None  # what is composed up to there stays as it is
    else:
        archive.spans = [*archive.spans, [milliseconds(now), None]]
    archive.status = "started"
    archive.ends_at = _limit(archive)
    archive.save(update_fields=["status", "spans", "ends_at"])


def _were_lost(archive: Archive, now: datetime) -> bool:
    """Whether the last one, a moment ago, did not leave but was counted out."""
    gone = Connection.objects.filter(meeting=archive.meeting_id, left_at__isnull=False).order_by("-left_at", "-id")
    last = gone.first()
    paused_ms = archive.spans[-1][1]
    is_recent = milliseconds(now) - paused_ms <= LOST_FOR.total_seconds() * 1000
    return is_recent and last is not None and last.reason == LOST_REASON


def should_start(meeting: Meeting) -> bool:
    """Whether a meeting that records by itself has to begin now: somebody is there, and nobody has stopped it."""
    if not meeting.is_archived or meeting.end_to_end_encryption or not is_anybody_there(meeting):
        return False
    last = Archive.objects.filter(meeting=meeting).order_by("-id").first()
    if last is None:
        return True
    return last.created_by == SYSTEM_ACTOR and not last.is_running and last.ended_by in (EMPTY, AT_LIMIT)


def why_due(archive: Archive) -> str:
    """Return why a recording ends by itself now."""
    return EMPTY if archive.status == "paused" and _limit(archive) > timezone.now() else AT_LIMIT


def compose_later(archive: Archive, at: datetime) -> None:
    """Have the worker go on with a recording."""
    deferred.run_later("archives.tasks.compose", archive.pk, "", at=at)


def tell_room(meeting: Meeting) -> None:
    """Have every socket of a meeting look what is recorded now; one that misses this looks at its heartbeat."""
    from meetings.providers.webrtc import rooms  # needs Channels, which only the embedded provider does

    rooms.tell(rooms.room_group(meeting.session_id), {"type": "room.recording"})


def _end_later(archive: Archive) -> None:
    assert archive.ends_at is not None
    deferred.run_later("archives.tasks.end_recording", archive.pk, at=archive.ends_at)


def _limit(archive: Archive) -> datetime:
    return archive.created_on + timedelta(minutes=conf.RECORDING_MAX_MINUTES)


def _closed(spans: list[list[int | None]], now: datetime) -> list[list[int | None]]:
    return [[since, milliseconds(now) if until is None else until] for since, until in spans]
