"""`Idempotency-Key`: the same request of the same caller is done once, and its answer is given again for a day."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from meetings.exceptions import Conflict
from meetings.models import IdempotencyKey

REMEMBERED_FOR = timedelta(hours=24)
AT_WORK_FOR = timedelta(minutes=2)
"""How long a key may be at work; after that its process is believed dead and the key is free."""


def once(
    work: Callable[[Callable[[Any], None]], Any],
    *,
    tenant: str,
    caller: str,
    key: str,
    body_hash: str,
    now: datetime | None = None,
) -> Any:
    """Return the remembered answer of this key, or do the work and remember its answer (JSON).

    `work` gets a function and calls it with the answer inside the transaction that stores what it did, so that a
    process that is killed leaves both or neither.

    Raises `Conflict`: `idempotency_mismatch` for another body, `idempotency_in_progress` while the first is at work. A
    failure is not remembered.
    """
    moment = now or timezone.now()
    mine = IdempotencyKey.objects.filter(tenant=tenant, caller=caller, key=key)
    mine.filter(expires_on__lte=moment).delete()
    claimed = _claim(
        IdempotencyKey(tenant=tenant, caller=caller, key=key, body_hash=body_hash, expires_on=moment + AT_WORK_FOR)
    )
    if claimed is None:
        return _remembered(mine.first(), body_hash)
    claim = IdempotencyKey.objects.filter(pk=claimed.pk)

    def remember(answer: Any) -> None:
        claim.update(answer=answer, expires_on=moment + REMEMBERED_FOR)

    try:
        return work(remember)
    except BaseException:
        claim.filter(answer__isnull=True).delete()
        raise


def forget_expired(now: datetime | None = None) -> int:
    """Delete keys whose time is over; return how many."""
    return IdempotencyKey.objects.filter(expires_on__lte=now or timezone.now()).delete()[0]


def _claim(row: IdempotencyKey) -> IdempotencyKey | None:
    with transaction.atomic():
        IdempotencyKey.objects.bulk_create([row], ignore_conflicts=True)
    return IdempotencyKey.objects.filter(tenant=row.tenant, caller=row.caller, key=row.key, claim=row.claim).first()


def _remembered(row: IdempotencyKey | None, body_hash: str) -> Any:
    if row is not None and row.body_hash != body_hash:
        raise Conflict(
            "This Idempotency-Key was used with another body; use a new key for a new request.",
            code="idempotency_mismatch",
        )
    if row is None or row.answer is None:
        raise Conflict(
            "The first request with this Idempotency-Key is still at work; try again shortly.",
            code="idempotency_in_progress",
        )
    return row.answer
