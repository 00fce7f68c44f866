"""What callbacks lost: rows follow what each provider says of its archives. Safe to run every minute."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from archives import services, states
from archives.facts import ArchiveFacts
from archives.models import Archive
from archives.providers.base import ArchiveProvider
from archives.providers.registry import archive_provider
from meetings.exceptions import ProviderError, ProviderNotFound, ProviderRefused
from meetings.models import Meeting
from meetings.providers.registry import aliases, get_provider

logger = logging.getLogger(__name__)

PAGE = 1000
MOST_PAGES = 100
BATCH = 500
WINDOW = timedelta(hours=96)
"""How far back a listing is read: a provider's own copies live for 72 hours, a recording for 12."""
ABANDONED_AFTER = timedelta(minutes=2)
"""When a start that got no id is believed never to have reached the provider."""
UNSETTLED = ("starting", "started", "paused", "stopped")


@dataclass(slots=True, kw_only=True)
class Synced:
    """How many rows were changed, found gone or given up, ended recordings stopped, removals done; and what failed."""

    changed: int = 0
    gone: int = 0
    stopped: int = 0
    removed: int = 0
    failures: list[str] = field(default_factory=list)


def sync(*, window: timedelta = WINDOW, now: datetime | None = None) -> Synced:
    """Bring archives up to date with every provider that can record; one provider's failure does not stop the rest."""
    moment = now or timezone.now()
    done = Synced()
    for alias in aliases():
        provider = get_provider(alias)
        if not provider.archive_backend:
            continue
        try:
            _sync_provider(alias, archive_provider(provider), moment, moment - window, done)
        except ProviderError as error:
            logger.warning("Archives of %s could not be brought up to date: %s", alias, error.code)
            done.failures.append(f"{alias}: {error.code}: {error.message}")
    owed = Archive.objects.owing_removal().filter(removal_due_at__lte=moment).values_list("pk", flat=True)
    done.removed = sum(services.repeat_removal(pk) for pk in owed[:BATCH])
    return done


def _sync_provider(alias: str, recorder: ArchiveProvider, now: datetime, since: datetime, done: Synced) -> None:
    if recorder.is_remote:
        _sync_with(alias, recorder, now, since, done)
    running = Archive.objects.alive().running().filter(provider=alias, meeting__end_time__isnull=False)
    for meeting in Meeting.objects.filter(pk__in=running.values("meeting")[:BATCH]):
        stopped = services.stop_archives_of(meeting)
        done.stopped += stopped.count
        done.failures += [f"{alias}: {failure}" for failure in stopped.failures]


def _sync_with(alias: str, recorder: ArchiveProvider, now: datetime, since: datetime, done: Synced) -> None:
    listed: set[str] = set()
    for page in range(MOST_PAGES):
        part = recorder.list(offset=page * PAGE, count=PAGE)
        listed |= {said.archive_id for said in part.items}
        done.changed += _take(alias, part.items)
        is_old = any(said.created_at is not None and said.created_at < since for said in part.items)
        if not part.items or is_old or (page + 1) * PAGE >= part.total:
            break
    _ask_for_the_rest(alias, recorder, now, since, listed, done)


def _take(alias: str, items: tuple[ArchiveFacts, ...]) -> int:
    """Merge what a page says; return how many rows it changed. Archives of unknown sessions are not ours."""
    meetings = {
        meeting.session_id: meeting
        for meeting in Meeting.objects.filter(provider=alias, session_id__in={said.session_id for said in items})
    }
    rows = {
        row.archive_id: row
        for row in Archive.objects.filter(provider=alias, archive_id__in=[said.archive_id for said in items])
    }
    changed = 0
    for said in reversed(items):
        row, meeting = rows.get(said.archive_id), meetings.get(said.session_id)
        if meeting is None or (row is not None and (row.deleted or not services.says_more(row, said))):
            continue
        with transaction.atomic():
            merged = states.merge(meeting, said)
        changed += merged is not None and (row is None or merged.modified_on != row.modified_on)
    return changed


def _ask_for_the_rest(
    alias: str, recorder: ArchiveProvider, now: datetime, since: datetime, listed: set[str], done: Synced
) -> None:
    """Ask one by one for what is not over and was not listed, and for files that the provider keeps for a time only."""
    unsettled = Archive.objects.alive().filter(provider=alias, status__in=UNSETTLED).order_by("id")
    kept = Archive.objects.alive().filter(provider=alias, status="available", created_on__lt=since).order_by("-id")
    foreign = 0
    for row in [*unsettled.select_related("meeting")[:BATCH], *kept.select_related("meeting")[:BATCH]]:
        if row.archive_id in listed:
            continue
        if not recorder.provider.owns(row.meeting.session_id):
            foreign += 1
            continue
        if row.status == "starting":
            done.gone += _give_up(row, now)
            continue
        try:
            said = recorder.describe(row.archive_id)
        except ProviderNotFound:
            done.gone += _mark_gone(row)
            continue
        except ProviderRefused as error:  # of this one alone; the others are asked about all the same
            done.failures.append(f"{alias}: archive {row.archive_id}: {error.code}: {error.message}")
            continue
        if services.says_more(row, said):
            with transaction.atomic():
                merged = states.merge(row.meeting, said)
            done.changed += merged is not None and merged.modified_on != row.modified_on
    if foreign:
        done.failures.append(f"{alias}: {foreign} archives belong to other credentials than those that are set.")


def _give_up(row: Archive, now: datetime) -> int:
    """Forget a start that never reached the provider: its process was killed before the answer came."""
    waiting = Archive.objects.filter(pk=row.pk, status="starting", created_on__lt=now - ABANDONED_AFTER)
    return int(waiting.delete()[0])


def _mark_gone(row: Archive) -> int:
    status = "expired" if row.status == "available" else "failed"
    return int(Archive.objects.filter(pk=row.pk, status=row.status).update(status=status, reason=states.GONE))
