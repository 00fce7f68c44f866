"""What must happen to our own recordings even if the process that set out to do it was killed.

The sweep puts the work on order again; the worker does it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q
from django.utils import timezone

from archives import services
from archives.composing import keeping
from archives.models import Archive
from archives.recording import lifecycle

BATCH = 100
GIVEN_UP_AFTER = timedelta(minutes=2)
"""When a start that did not get to run is believed never to."""
ORDERED_WITHIN = timedelta(seconds=30)
"""How late a task may be before it is put on order again."""


def sweep(now: datetime | None = None) -> None:
    """Do what is overdue; each part is one indexed query when nothing is."""
    moment = now or timezone.now()
    for pk in Archive.objects.filter(ends_at__lte=moment).values_list("pk", flat=True)[:BATCH]:
        services.end_recording(pk)
    late = Archive.objects.filter(compose_due_at__lte=moment - ORDERED_WITHIN)
    free = late.filter(Q(compose_lease_until__isnull=True) | Q(compose_lease_until__lte=moment))
    for archive in free[:BATCH]:
        if keeping.postpone(archive, moment):
            lifecycle.compose_later(archive, moment)
    for pk in Archive.objects.filter(chunks_due_at__lte=moment).values_list("pk", flat=True)[:BATCH]:
        keeping.remove_chunks_when_due(pk)
    abandoned = Archive.objects.filter(status="starting", created_on__lt=moment - GIVEN_UP_AFTER, deleted=False)
    abandoned.filter(provider__in=_our_providers()).delete()


def _our_providers() -> list[str]:
    from archives.providers.registry import archive_provider
    from meetings.providers.registry import aliases, get_provider

    providers = [get_provider(alias) for alias in aliases()]
    return [one.alias for one in providers if one.archive_backend and not archive_provider(one).is_remote]
