"""Inbound webhooks: verify, parse, store, apply. HTTP stays in `webhooks.views`.

One transaction holds the delivery and what it changes; applying runs in a savepoint, so that our own bug leaves the
stored delivery with its traceback, and the vendor's retry (or a replay) applies it.
"""

from __future__ import annotations

import hashlib
import json
import logging
import traceback
from collections.abc import Sequence
from enum import StrEnum
from typing import Any

from django.db import transaction
from django.utils import timezone

from meetings import attendance, deferred, extensions, facts, first_sight
from meetings.conf import conf
from meetings.exceptions import (
    ConfigurationMissing,
    WebhookError,
    WebhookForged,
    WebhookMalformed,
    WebhookSecretMissing,
    WebhookUnsigned,
)
from meetings.lookups import Compiled, Slot
from meetings.models import Connection, Meeting, WebhookDelivery
from meetings.providers.base import Provider
from meetings.providers.registry import get_provider, is_configured
from meetings.providers.types import EventFamily, EventKind, ProviderEvent, WebhookMessage

logger = logging.getLogger(__name__)

MAX_BODY = 256 * 1024
MAX_PROBE = 64
PROBES = (b"", b"{}")
ARRIVALS = frozenset({EventKind.CONNECTION_CREATED, EventKind.STREAM_CREATED})
REJECTED_KEPT = 1000
REJECTED_BODY = 2000
WAITING_BATCH = 1000
Verdict = WebhookDelivery.Verdict
WAITING = (Verdict.UNMATCHED, Verdict.FAILED)
"""Verdicts of what is accepted and still to be applied."""
_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode


class Outcome(StrEnum):
    """What became of a message that was accepted."""

    PROBE = "probe"
    STORED = "stored"
    DUPLICATE = "duplicate"
    FAILED = "failed"


def receive(provider: Provider, message: WebhookMessage) -> Outcome:
    """Take one inbound message; raise a `WebhookError` for what is not accepted (that is kept in a rotating store)."""
    is_probe = _is_probe(message.body)
    is_signed = "authorization" in message.headers and any(provider.webhook_secrets(kind) for kind in EventFamily)
    if is_probe and not is_signed:
        return Outcome.PROBE
    try:
        events = _verified_events(provider, message, is_probe=is_probe)
    except WebhookError as error:
        _keep_rejected(provider, message, error)
        raise
    return _store_and_apply(provider, message, events) if events else Outcome.PROBE


def _is_probe(body: bytes) -> bool:
    """An empty body or an empty object, however it is spaced: a dashboard tries whether somebody is there."""
    return b"".join(body[:MAX_PROBE].split()) in PROBES and len(body) <= MAX_PROBE


def _verified_events(provider: Provider, message: WebhookMessage, *, is_probe: bool) -> list[ProviderEvent]:
    try:
        families = provider.verify(message)
    except (WebhookUnsigned, WebhookForged) as error:
        return _events_without_secret(provider, message, error)
    if is_probe:
        return []
    if not families:
        _refuse_missing_secret(provider, EventFamily.SESSION)
    events = provider.parse(message)
    for event in events:
        if not provider.webhook_secrets(event.family):
            _refuse_missing_secret(provider, event.family)
        elif event.family not in families and event.kind is not EventKind.UNKNOWN:
            raise WebhookForged(f"The signature is not one for {event.family.value} events.")
    return events


def _events_without_secret(
    provider: Provider, message: WebhookMessage, error: WebhookUnsigned | WebhookForged
) -> list[ProviderEvent]:
    """A kind that has no secret can't verify against another kind's: that is our gap, and not a forgery."""
    try:
        events = provider.parse(message)
    except WebhookMalformed:
        raise error from None
    if not events or any(provider.webhook_secrets(event.family) for event in events):
        raise error
    _refuse_missing_secret(provider, events[0].family)
    return events


def _refuse_missing_secret(provider: Provider, family: EventFamily) -> None:
    if not conf.ALLOW_UNSIGNED_WEBHOOKS:
        raise WebhookSecretMissing(
            f"No webhook secret for {family.value} events is configured for the provider {provider.alias!r}."
        )


def _keep_rejected(provider: Provider, message: WebhookMessage, error: WebhookError) -> None:
    WebhookDelivery.objects.create(
        provider=provider.alias,
        verdict=Verdict.REJECTED,
        body=provider.kept_text(message.body.decode("utf-8", "replace").replace("\x00", ""))[:REJECTED_BODY],
        error=f"{error.code}: {error.message}",
    )
    rejected = WebhookDelivery.objects.filter(verdict=Verdict.REJECTED).order_by("-id")
    oldest = rejected.values_list("pk", flat=True)[REJECTED_KEPT : REJECTED_KEPT + 1].first()
    if oldest is not None:
        rejected.filter(pk__lte=oldest).order_by().delete()


def dedupe_key(alias: str, document: Any) -> str:
    """Return the hash of a provider's alias and the canonical form of a JSON document."""
    return hashlib.sha256(f"{alias}\n{_canonical(document)}".encode()).hexdigest()


def _store_and_apply(provider: Provider, message: WebhookMessage, events: Sequence[ProviderEvent]) -> Outcome:
    first = events[0]
    key = dedupe_key(provider.alias, first.payload if len(events) == 1 else json.loads(message.body))
    body = provider.kept_text(message.body.decode("utf-8-sig"))
    if len(events) == 1 and first_sight.store(provider.alias, key, body, message.received_at, first):
        return Outcome.STORED
    with transaction.atomic():
        WebhookDelivery.objects.bulk_create(
            [
                WebhookDelivery(
                    provider=provider.alias,
                    kind=first.name,
                    session_id=first.session_id,
                    verdict=Verdict.FAILED,
                    dedupe_key=key,
                    body=body,
                    attempts=0,
                    received_at=message.received_at,
                )
            ],
            ignore_conflicts=True,
        )
        delivery = WebhookDelivery.objects.select_for_update().get(dedupe_key=key)
        if delivery.verdict in {Verdict.APPLIED, Verdict.UNKNOWN} and not any(event.may_recur for event in events):
            return Outcome.DUPLICATE
        is_retry = delivery.received_at != message.received_at
        _apply_guarded(delivery, None if is_retry else events)
    if delivery.verdict == Verdict.UNMATCHED:
        _apply_if_meeting_came(delivery)
    return Outcome.FAILED if delivery.verdict == Verdict.FAILED else Outcome.STORED


def replay(delivery: WebhookDelivery) -> WebhookDelivery:
    """Apply a stored, verified delivery again; return it as stored. Safe to repeat: facts merge."""
    if delivery.dedupe_key is None:
        raise WebhookForged("A delivery that did not verify can't be replayed.")
    if not is_configured(delivery.provider):
        raise ConfigurationMissing(f"The provider {delivery.provider!r} is not configured.")
    with transaction.atomic():
        locked = WebhookDelivery.objects.select_for_update().get(pk=delivery.pk)
        _apply_guarded(locked)
    return locked


def _waiting_of(provider: Slot, session_id: Slot) -> Any:
    rows = WebhookDelivery.objects.filter(provider=provider, session_id=session_id, verdict__in=WAITING)
    return rows.order_by().values_list("pk")[:1]


_waiting = Compiled(WebhookDelivery, _waiting_of, "provider", "session_id")
"""Whether anything waits; mostly nothing does, and each new meeting asks."""


def apply_waiting(meeting: Meeting) -> int:
    """Apply the deliveries that came before their meeting did; return how many."""
    if not _waiting.rows(provider=meeting.provider, session_id=meeting.session_id):
        return 0
    waiting = WebhookDelivery.objects.filter(
        provider=meeting.provider, session_id=meeting.session_id, verdict__in=WAITING
    ).order_by("id")
    count, last = 0, 0
    while batch := list(waiting.filter(pk__gt=last)[:WAITING_BATCH]):
        for delivery in batch:
            replay(delivery)
        count, last = count + len(batch), batch[-1].pk
    return count


def _apply_if_meeting_came(delivery: WebhookDelivery) -> None:
    """A meeting that was stored while this delivery was: whichever of the two committed last finds the other."""
    meeting = Meeting.objects.filter(provider=delivery.provider, session_id=delivery.session_id).first()
    if meeting is not None:
        apply_waiting(meeting)


def _events_of(delivery: WebhookDelivery) -> list[ProviderEvent]:
    message = WebhookMessage(body=delivery.body.encode(), received_at=delivery.received_at)
    return get_provider(delivery.provider).parse(message)


def _apply_guarded(delivery: WebhookDelivery, events: Sequence[ProviderEvent] | None = None) -> None:
    """Apply a delivery's events, read anew unless they are given; an error of ours is kept in it."""
    try:
        with transaction.atomic():
            delivery.verdict = _apply(delivery, _events_of(delivery) if events is None else events)
            delivery.error = ""
            delivery.applied_at = timezone.now()
    except Exception:
        logger.exception("Webhook delivery %s could not be applied", delivery.pk)
        delivery.verdict, delivery.error, delivery.applied_at = Verdict.FAILED, traceback.format_exc(), None
    delivery.attempts += 1
    delivery.save(update_fields=["verdict", "error", "applied_at", "attempts", "meeting"])


def _apply(delivery: WebhookDelivery, events: Sequence[ProviderEvent]) -> Verdict:
    verdict = Verdict.UNKNOWN
    for event in events:
        meeting = Meeting.objects.filter(provider=delivery.provider, session_id=event.session_id).first()
        if event.kind is EventKind.UNKNOWN:
            delivery.meeting = meeting
        elif meeting is None:
            return Verdict.UNMATCHED
        else:
            delivery.meeting = meeting
            verdict = _apply_event(meeting, event, delivery)
    return verdict


def _apply_event(meeting: Meeting, event: ProviderEvent, delivery: WebhookDelivery) -> Verdict:
    if event.kind is EventKind.ARCHIVE_STATUS:
        taken = [extension.archive_event(meeting, event, delivery) for extension in extensions.registered()]
        return Verdict.APPLIED if any(taken) else Verdict.UNKNOWN
    fact = facts.of_event(event)
    if fact is not None:
        attendance.record(meeting, [fact], source="webhook", delivery=delivery)
    if (meeting.end_time is not None or meeting.deleted) and event.kind in ARRIVALS:
        _put_out_later(meeting)
    return Verdict.APPLIED


def _put_out_later(meeting: Meeting) -> None:
    """Where a token can't be revoked, somebody may come into a meeting that is over; the worker puts them out."""
    if get_provider(meeting.provider).capabilities.heartbeats:
        return
    if Connection.objects.filter(meeting=meeting).present().exists():
        now = timezone.now()
        meeting.owe_disconnect(now)
        deferred.run_later("meetings.tasks.repeat_disconnect", meeting.pk, at=now)
