"""What must happen to our own recordings even if the process that set out to do it was killed.

The sweep puts the work on order again; the worker does it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from archives import automatic
from archives.composing import keeping
from archives.models import Archive
from archives.recording import lifecycle
from meetings.models import Connection

logger = logging.getLogger(__name__)

BATCH = 100
GIVEN_UP_AFTER = timedelta(minutes=2)
"""When a start that did not get to run is believed never to."""
ORDERED_WITHIN = timedelta(seconds=30)
"""How late a task may be before it is put on order again."""


def sweep(now: datetime | None = None) -> None:
    """Do what is overdue; each part is one indexed query when nothing is. What fails does not keep the rest waiting."""
    moment = now or timezone.now()
    _each(lambda archive: lifecycle.follow_presence(archive.meeting), _at_odds_with_presence())
    ends = Archive.objects.alive().running().filter(ends_at__lte=moment).order_by("ends_at")
    _each(lambda archive: automatic.end_recording(archive.pk), ends)
    late = Archive.objects.filter(compose_due_at__lte=moment - ORDERED_WITHIN).order_by("compose_due_at")
    free = late.filter(Q(compose_lease_until__isnull=True) | Q(compose_lease_until__lte=moment))
    _each(lambda archive: _order_work(archive, moment), free)
    done = Archive.objects.filter(chunks_due_at__lte=moment).order_by("chunks_due_at")
    _each(lambda archive: keeping.remove_chunks_when_due(archive.pk), done)
    abandoned = Archive.objects.filter(status="starting", created_on__lt=moment - GIVEN_UP_AFTER, deleted=False)
    abandoned.filter(provider__in=_our_providers()).delete()


def _each(act: Callable[[Archive], object], archives: Any) -> None:
    for archive in list(archives[:BATCH]):
        try:
            act(archive)
        except Exception:
            logger.exception("What is overdue of recording %s failed", archive.pk)


def _at_odds_with_presence() -> Any:
    """Return recordings that run although nobody is there, or are paused although somebody is: a hook was lost."""
    here = Connection.objects.filter(meeting=OuterRef("meeting")).present()
    rows = Archive.objects.alive().filter(is_ours=True, provider__in=_our_providers())
    known = rows.filter(status__in=("started", "paused")).annotate(is_somebody_there=Exists(here))
    at_odds = Q(status="started", is_somebody_there=False) | Q(status="paused", is_somebody_there=True)
    return known.filter(at_odds).select_related("meeting").order_by("pk")


def _order_work(archive: Archive, now: datetime) -> None:
    if keeping.postpone(archive, now):
        lifecycle.compose_later(archive, now)


def _our_providers() -> list[str]:
    from archives.providers.registry import is_recorded_here
    from meetings.providers.registry import aliases, get_provider

    return [alias for alias in aliases() if is_recorded_here(get_provider(alias))]
