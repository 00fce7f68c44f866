"""Old meetings go, with all that belongs to them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from django.apps import apps
from django.db import transaction
from django.db.models import Model, ProtectedError, Q

from meetings import extensions
from meetings.attendance import lock
from meetings.exceptions import VideoconfError
from meetings.models import AttendanceFact, Attendee, Connection, ImportedMeeting, Meeting, Stream, WebhookDelivery

BATCH = 200


@dataclass(slots=True, kw_only=True)
class Purged:
    """What was removed (or would be), by kind; how many old meetings are held; which others were left, and why."""

    counts: Counter[str] = field(default_factory=Counter)
    held: int = 0
    left: list[tuple[str, str]] = field(default_factory=list)


def purge(older_than: datetime, *, actor: str, tenant: str | None = None, is_dry: bool = False) -> Purged:
    """Remove meetings that were over before a moment, or never came about before it; return what that was.

    Each goes as a whole or not at all, its recordings first; what can't be removed now is left for the next run.
    Meetings on legal hold stay.
    """
    done = Purged()
    for meeting in _old(older_than, tenant):
        if meeting.legal_hold:
            done.held += 1
        else:
            _purge_meeting(meeting, older_than, done, actor=actor, is_dry=is_dry)
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
    """Whether a meeting was over before a moment; one that never ended counts from when it was due, or was begun."""
    over_at = meeting.end_time or max(
        moment for moment in (meeting.created_on, meeting.start_time, meeting.schedule_time) if moment is not None
    )
    return over_at < older_than and not Connection.objects.filter(meeting=meeting).present().exists()


def _purge_meeting(meeting: Meeting, older_than: datetime, done: Purged, *, actor: str, is_dry: bool) -> None:
    counts: Counter[str] = Counter()
    try:
        for extension in extensions.registered():
            counts += extension.purge(meeting, actor=actor, is_dry=is_dry)
        with transaction.atomic():
            locked = lock(meeting)
            if locked.legal_hold or not is_old(locked, older_than):
                return
            counts += _counted(meeting)
            if not is_dry:
                _remove_rows(locked)
    except VideoconfError as error:
        done.left.append((meeting.meeting_link, error.message))
    except ProtectedError as error:
        kinds = sorted({str(row._meta.verbose_name_plural) for row in error.protected_objects})
        done.left.append((meeting.meeting_link, f"Other rows refer to it: {', '.join(kinds)}."))
    else:
        done.counts += counts


def _counted(meeting: Meeting) -> Counter[str]:
    return Counter(
        meetings=1,
        attendees=Attendee.objects.filter(meeting=meeting).count(),
        connections=Connection.objects.filter(meeting=meeting).count(),
        facts=AttendanceFact.objects.filter(meeting=meeting).count(),
        deliveries=WebhookDelivery.objects.filter(session_id=meeting.session_id).count(),
    )


def _remove_rows(meeting: Meeting) -> None:
    _remove_log(meeting)
    Stream.objects.filter(connection__meeting=meeting).delete()
    AttendanceFact.objects.filter(meeting=meeting).delete()
    Connection.objects.filter(meeting=meeting).delete()
    Attendee.objects.filter(meeting=meeting).delete()
    WebhookDelivery.objects.filter(session_id=meeting.session_id).delete()
    WebhookDelivery.objects.filter(meeting=meeting).delete()
    ImportedMeeting.objects.filter(meeting=meeting).delete()
    meeting.delete()


def _remove_log(meeting: Meeting) -> None:
    if not apps.is_installed("django.contrib.admin"):
        return
    from django.contrib.admin.models import LogEntry
    from django.contrib.contenttypes.models import ContentType

    people: list[tuple[type[Model], list[int]]] = [
        (Meeting, [meeting.pk]),
        (Attendee, list(Attendee.objects.filter(meeting=meeting).values_list("pk", flat=True))),
        (Connection, list(Connection.objects.filter(meeting=meeting).values_list("pk", flat=True))),
    ]
    for model, ids in people:
        kind = ContentType.objects.get_for_model(model)
        LogEntry.objects.filter(content_type=kind, object_id__in=list(map(str, ids))).delete()
