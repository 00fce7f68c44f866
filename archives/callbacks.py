"""Archive callbacks become rows: adopted, or made; ranked, so that a late word never overwrites a later one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.db.models import Subquery

from archives.models import RANKS, Archive
from meetings.abstract_models import SYSTEM_ACTOR
from meetings.attendance import lock
from meetings.models import Meeting
from meetings.providers.types import ProviderEvent

TOPPED = {"size": 2**63 - 1, "duration": 2**31 - 1}
"""Numbers that only grow -> the largest that their column holds."""


def apply(meeting: Meeting, event: ProviderEvent) -> Archive | None:
    """Bring the row of a callback's archive up to date (inside the caller's transaction); safe to repeat.

    Return `None` for statuses that are no state of an archive (`streamAdded`, …).
    """
    payload = event.payload
    status = str(payload["status"])
    if status not in RANKS:
        return None
    lock(meeting)
    archive = _find(meeting, str(payload["id"])) or _make(meeting, payload)
    if RANKS[status] >= RANKS.get(archive.status, 0) and not _is_settled(archive.status, status):
        archive.status = status
        archive.reason = _text(payload.get("reason"))[:500] or archive.reason
    for name, most in TOPPED.items():
        setattr(archive, name, max(_number(payload.get(name), most), getattr(archive, name)))
    archive.modified_on, archive.modified_by = datetime.now(UTC), SYSTEM_ACTOR
    archive.save()
    _tell_meeting(meeting)
    return archive


def _is_settled(before: str, after: str) -> bool:
    """`available` and `uploaded` don't turn into each other's or `failed`'s opposite by a late copy."""
    return RANKS[before] == RANKS[after] == RANKS["available"] and before != after


def _find(meeting: Meeting, archive_id: str) -> Archive | None:
    rows = Archive.objects.select_for_update().filter(provider=meeting.provider)
    known: Archive | None = rows.filter(archive_id=archive_id).first()
    if known is not None:
        return known
    pending: Archive | None = rows.filter(meeting=meeting, is_ours=True, status="starting", deleted=False).first()
    if pending is not None:
        pending.archive_id = archive_id
    return pending


def _make(meeting: Meeting, payload: Mapping[str, Any]) -> Archive:
    return Archive(
        meeting=meeting,
        tenant=meeting.tenant,
        provider=meeting.provider,
        archive_id=str(payload["id"]),
        name=_text(payload.get("name"))[:255],
        resolution=_text(payload.get("resolution"))[:16],
        output_mode=_text(payload.get("outputMode"))[:16] or "composed",
        has_audio=payload.get("hasAudio") is not False,
        has_video=payload.get("hasVideo") is not False,
        created_on=_moment(payload.get("createdAt")),
        created_by=SYSTEM_ACTOR,
    )


def _tell_meeting(meeting: Meeting) -> None:
    """The meeting names its newest archive; an older one is often available only after the next has started."""
    newest = Archive.objects.filter(meeting=meeting).order_by("-created_on", "-id").values("archive_id")[:1]
    Meeting.objects.filter(pk=meeting.pk).update(archive_id=Subquery(newest), is_archived=True)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _number(value: Any, most: int) -> int:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return int(value) if is_number and 0 <= value <= most else 0


def _moment(value: Any) -> datetime:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if is_number and 0 <= value < 253402300799000:
        return datetime.fromtimestamp(value / 1000, UTC)
    return datetime.now(UTC)
