"""Old meetings go, with all that belongs to them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import IntegrityError, models, transaction
from django.db.models import Max, ProtectedError, Q, RestrictedError

from meetings import extensions
from meetings.attendance import lock
from meetings.exceptions import VideoconfError
from meetings.models import (
    AttendanceFact,
    Attendee,
    Connection,
    ImportedMeeting,
    Meeting,
    Stream,
    WebhookDelivery,
)
from meetings.privacy import admin_log
from meetings.services import PURGER

BATCH = 200
OURS = frozenset({"videoconf_meetings", "videoconf_archives"})
_HOLDING = (models.PROTECT, models.RESTRICT, models.DO_NOTHING)


@dataclass(slots=True, kw_only=True)
class Purged:
    """What was removed (or would be), by kind; how many old meetings are held; which others were left, and why."""

    counts: Counter[str] = field(default_factory=Counter)
    held: int = 0
    left: list[tuple[str, str]] = field(default_factory=list)


def purge(older_than: datetime, *, tenant: str | None = None, is_dry: bool = False) -> Purged:
    """Remove meetings in which nothing happened since a moment; return what that was.

    Each is first marked as deleted, then its recordings go, then its rows; what can't be removed now is left for the
    next run. Meetings on legal hold stay. Deliveries that belong to no meeting go with age, too.
    """
    done = Purged()
    for meeting in _old(older_than, tenant):
        if meeting.legal_hold:
            done.held += 1
        else:
            _purge_meeting(meeting, older_than, done, is_dry=is_dry)
    if tenant is None:
        lost = WebhookDelivery.objects.filter(
            verdict__in=(WebhookDelivery.Verdict.UNMATCHED, WebhookDelivery.Verdict.REJECTED),
            received_at__lt=older_than,
            meeting=None,
        )
        done.counts["deliveries of no meeting"] += lost.count() if is_dry else lost.delete()[0]
    return done


def _old(older_than: datetime, tenant: str | None) -> Iterator[Meeting]:
    """Yield old meetings, deleted ones among them, along the index of their beginnings."""
    rows, later = Meeting.objects.filter(created_on__lt=older_than).order_by("created_on", "pk"), Q()
    if tenant is not None:
        rows = rows.filter(tenant=tenant)
    while batch := list(rows.filter(later)[:BATCH]):
        since, last = batch[-1].created_on, batch[-1].pk
        later = Q(created_on__gte=since) & (Q(created_on__gt=since) | Q(pk__gt=last))
        yield from (meeting for meeting in batch if is_old(meeting, older_than))


def is_old(meeting: Meeting, older_than: datetime) -> bool:
    """Whether a meeting was over before a moment, and nobody was there since; one that never ended counts from when it
    was due, was begun, or somebody was there last."""
    stays = Connection.objects.filter(meeting=meeting)
    if meeting.end_time is not None:
        latest = meeting.end_time
    else:
        moments = [meeting.created_on, meeting.start_time, meeting.schedule_time]
        moments += stays.aggregate(joined=Max("joined_at"), left=Max("left_at"), seen=Max("last_seen_at")).values()
        moments += AttendanceFact.objects.filter(meeting=meeting).aggregate(last=Max("at")).values()
        latest = max(moment for moment in moments if moment is not None)
    return latest < older_than and not stays.present().exists()


def _purge_meeting(meeting: Meeting, older_than: datetime, done: Purged, *, is_dry: bool) -> None:
    counts: Counter[str] = Counter()
    try:
        for extension in extensions.registered():  # whether it can be done at all
            counts += extension.purge(meeting, actor=PURGER, is_dry=True)
        why = _held_by_others(meeting)
        if not (why or is_dry):
            why = _mark(meeting, older_than)
        if why:
            done.left.append((meeting.meeting_link, why))
            return
        counts += _counted(meeting)
        if not is_dry:
            for extension in extensions.registered():
                extension.purge(meeting, actor=PURGER)
            with transaction.atomic():
                _remove_rows(lock(meeting))
    except VideoconfError as error:
        done.left.append((meeting.meeting_link, error.message))
    except (ProtectedError, RestrictedError, IntegrityError):
        done.left.append((meeting.meeting_link, "Rows of another app refer to it."))
    else:
        done.counts += counts


def _mark(meeting: Meeting, older_than: datetime) -> str:
    """Mark a meeting as deleted for good, as it is now; return why not if something has changed."""
    with transaction.atomic():
        locked = lock(meeting)
        if locked.legal_hold:
            return "It was put on legal hold meanwhile."
        if not is_old(locked, older_than):
            return "Somebody was there meanwhile."
        locked.soft_delete(PURGER)  # and if somebody else has deleted it:
        Meeting.objects.filter(pk=meeting.pk).update(deleted_by=PURGER)
    return ""


def _held_by_others(meeting: Meeting) -> str:
    """Return which rows of a host's own tables refer to what is to go, and would not go with it; empty if none do."""
    own: list[tuple[Any, Any]] = [
        (Meeting, Meeting.objects.filter(pk=meeting.pk)),
        *((model, model.objects.filter(meeting=meeting)) for model in (Attendee, Connection, AttendanceFact)),
        (WebhookDelivery, WebhookDelivery.objects.filter(session_id=meeting.session_id)),
    ]
    for model, rows in own:
        for relation in model._meta.related_objects:
            other = relation.related_model
            if other._meta.app_label in OURS or relation.on_delete not in _HOLDING:
                continue
            if other._base_manager.filter(**{f"{relation.field.name}__in": rows.values("pk")}).exists():
                return f"Rows of {other._meta.label} refer to it."
    return ""


def _counted(meeting: Meeting) -> Counter[str]:
    return Counter(
        meetings=1,
        attendees=Attendee.objects.filter(meeting=meeting).count(),
        connections=Connection.objects.filter(meeting=meeting).count(),
        facts=AttendanceFact.objects.filter(meeting=meeting).count(),
        deliveries=WebhookDelivery.objects.filter(session_id=meeting.session_id).count(),
    )


def _remove_rows(meeting: Meeting) -> None:
    deliveries = WebhookDelivery.objects.filter(session_id=meeting.session_id)
    for model, rows in (
        (Meeting, Meeting.objects.filter(pk=meeting.pk)),
        (Attendee, Attendee.objects.filter(meeting=meeting)),
        (Connection, Connection.objects.filter(meeting=meeting)),
        (WebhookDelivery, deliveries),
    ):
        admin_log.remove(model, list(rows.values_list("pk", flat=True)))
    Stream.objects.filter(connection__meeting=meeting).delete()
    AttendanceFact.objects.filter(meeting=meeting).delete()
    Connection.objects.filter(meeting=meeting).delete()
    Attendee.objects.filter(meeting=meeting).delete()
    deliveries.delete()
    WebhookDelivery.objects.filter(meeting=meeting).delete()
    ImportedMeeting.objects.filter(meeting=meeting).delete()
    meeting.delete()
