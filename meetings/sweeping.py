"""What must happen even if the process that set out to do it was killed. Safe to run as often as liked."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from meetings import attendance, extensions, idempotency, services
from meetings.models import Meeting

logger = logging.getLogger(__name__)
BATCH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """How many meetings were closed, disconnects repeated, silent connections ended and idempotency keys forgotten."""

    closed: int
    disconnected: int
    lost: int
    forgotten: int


def sweep(now: datetime | None = None) -> Swept:
    """Do what is overdue; each part is one indexed query when nothing is."""
    moment = now or timezone.now()
    due = Meeting.objects.filter(end_time__isnull=True, closes_at__lte=moment).values_list("pk", flat=True)
    owed = Meeting.objects.owing_disconnect().filter(disconnect_due_at__lte=moment).values_list("pk", flat=True)
    swept = Swept(
        closed=sum(services.close_if_due(pk) for pk in due[:BATCH]),
        disconnected=sum(services.repeat_disconnect(pk) for pk in owed[:BATCH]),
        lost=len(attendance.close_silent(now=now)),
        forgotten=idempotency.forget_expired(now),
    )
    for extension in extensions.registered():
        try:
            extension.sweep(moment)
        except Exception:
            logger.exception("The sweep of an extension failed")
    return swept
