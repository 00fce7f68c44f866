"""What a provider says of an archive becomes a row: adopted, or made; a late word never overwrites a later one."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Subquery
from django.utils import timezone

from archives.facts import RANKS, ArchiveFacts
from archives.models import Archive, StorageTarget
from archives.providers.registry import archive_provider
from meetings.abstract_models import SYSTEM_ACTOR
from meetings.attendance import lock
from meetings.models import Meeting
from meetings.providers.registry import get_provider

STATE = (
    "status", "reason", "size", "duration", "name", "resolution", "output_mode", "has_audio", "has_video", "sha256",
    "storage_key", "target_id",
)  # fmt: skip
"""What of a row a provider's word can change."""
GONE = "The provider does not know it any more."
"""Why an archive failed or expired that we conclude from the provider's silence; its own word counts for more."""
WITH_FILE = ("available", "uploaded")
CLOCKS_APART = timedelta(minutes=1)
"""How far a provider's clock may be behind ours; callbacks say the time of a start in whole seconds."""


def merge(meeting: Meeting, said: ArchiveFacts, *, pending: Archive | None = None) -> Archive | None:
    """Bring the row of an archive up to date, inside the caller's transaction; return it. Safe to repeat: what says
    nothing new writes nothing, `modified_on` included.

    `pending` is the row whose start is answered with this id. Without it an id that is not known yet goes to the row of
    ours that waits for one, if that may be it, else to a new row. Return `None` for statuses that are no state of an
    archive (`streamAdded`, …).
    """
    if not said.is_state:
        return None
    lock(meeting)
    archive = _find(meeting, said, pending) or _make(meeting, said)
    before = _state(archive)
    _take(archive, said)
    if archive.pk is not None and _state(archive) == before:
        return archive
    archive.modified_on, archive.modified_by = timezone.now(), SYSTEM_ACTOR
    archive.save()
    _tell_meeting(meeting)
    return archive


def follow(archive: Archive, said: ArchiveFacts) -> bool:
    """Bring a row that was just read up to date in one statement, and return whether that could be done.

    It can unless another has changed the row since it was read, or it must be found out where the file is: that is for
    `merge`, which locks the meeting first. What the meeting says of its archives stays as it is.
    """
    is_same = said.archive_id == archive.archive_id and archive.status != "starting"
    if not is_same or not said.is_state or "uploaded" in {said.status, archive.status}:
        return False
    read_on, was = archive.modified_on, archive.status
    _take(archive, said)
    archive.modified_on, archive.modified_by = timezone.now(), SYSTEM_ACTOR
    changes = {name: getattr(archive, name) for name in (*STATE, "modified_on", "modified_by")}
    return bool(Archive.objects.filter(pk=archive.pk, status=was, modified_on=read_on).update(**changes))


def _take(archive: Archive, said: ArchiveFacts) -> None:
    """Change a row, not saved, by what its provider says."""
    if _is_news(archive, said.status):
        archive.reason = said.reason or ("" if archive.reason == GONE else archive.reason)
        archive.status = said.status
    archive.reason = archive.reason or said.reason
    archive.size, archive.duration = max(said.size, archive.size), max(said.duration, archive.duration)
    archive.name = archive.name or said.name
    archive.resolution = archive.resolution or said.resolution
    _take_kind(archive, said)
    archive.sha256 = archive.sha256 or said.sha256
    if archive.status == "uploaded":
        place(archive)


def _state(archive: Archive) -> list[object]:
    return [getattr(archive, name) for name in STATE]


def _is_news(archive: Archive, status: str) -> bool:
    """Whether a status is a later one; `available` and `uploaded` don't turn into each other's or `failed`'s opposite
    by a late copy."""
    before = archive.status
    if archive.reason == GONE and status in WITH_FILE:
        return True
    is_settled = RANKS.get(before, 0) == RANKS[status] == RANKS["available"] and before != status
    return RANKS[status] >= RANKS.get(before, 0) and not is_settled


def _find(meeting: Meeting, said: ArchiveFacts, pending: Archive | None) -> Archive | None:
    rows = Archive.objects.select_for_update(no_key=True).filter(provider=meeting.provider)
    known: Archive | None = rows.filter(archive_id=said.archive_id).first()
    if known is not None and pending is None:
        return known
    waiting = rows.filter(meeting=meeting, is_ours=True, status="starting", deleted=False)
    if pending is not None:
        waiting = waiting.filter(pk=pending.pk)
    ours: Archive | None = waiting.first()
    if ours is None or (pending is None and not _may_be(ours, said)):
        return known
    if known is not None:
        return _claim(known, ours)
    ours.archive_id = said.archive_id
    return ours


def _may_be(waiting: Archive, said: ArchiveFacts) -> bool:
    """Whether a callback can be about the start that waits for its id; another system may record the session too."""
    is_earlier = said.created_at is not None and said.created_at < waiting.created_on - CLOCKS_APART
    return not is_earlier and (not said.name or said.name == waiting.name)


def _claim(known: Archive, ours: Archive) -> Archive:
    """A callback made a row of its own before the answer to our start came: that row is ours, the one in wait goes."""
    ours.delete()
    known.is_ours, known.created_by, known.name = True, ours.created_by, ours.name or known.name
    known.save(update_fields=["is_ours", "created_by", "name"])
    return known


def _make(meeting: Meeting, said: ArchiveFacts) -> Archive:
    return Archive(
        meeting=meeting,
        tenant=meeting.tenant,
        provider=meeting.provider,
        archive_id=said.archive_id,
        created_on=said.created_at or timezone.now(),
        created_by=SYSTEM_ACTOR,
    )


def _take_kind(archive: Archive, said: ArchiveFacts) -> None:
    """Callbacks do not say what kind of recording it is; what is not said changes nothing."""
    archive.output_mode = said.output_mode or archive.output_mode
    archive.has_audio = archive.has_audio if said.has_audio is None else said.has_audio
    archive.has_video = archive.has_video if said.has_video is None else said.has_video


def place(archive: Archive) -> bool:
    """Note where the provider has put an uploaded file, not saved: the target in force when the recording began.

    Return whether that is known: without any storage target, nobody has told us of the bucket yet.
    """
    if archive.storage_key:
        return True
    provider = get_provider(archive.provider)
    targets = StorageTarget.objects.order_by("-id")
    target = targets.filter(created_on__lte=archive.created_on).first() or targets.first()
    if not provider.archive_backend or target is None:
        return False
    known = ArchiveFacts(archive_id=archive.archive_id, status=archive.status, output_mode=archive.output_mode)
    archive.storage_key = archive_provider(provider).storage_key(known)
    archive.target = target
    return True


def _tell_meeting(meeting: Meeting) -> None:
    """The meeting names its newest archive; an older one is often available only after the next has started."""
    newest = Archive.objects.filter(meeting=meeting).order_by("-created_on", "-id").values("archive_id")[:1]
    target = StorageTarget.objects.in_force()
    changes = {"archive_id": Subquery(newest), "is_archived": True}
    if target is not None and not meeting.upload_target:
        changes["upload_target"] = target.address
    Meeting.objects.filter(pk=meeting.pk).update(**changes)
