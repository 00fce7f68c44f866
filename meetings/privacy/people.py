"""A person across meetings: found by what an index serves."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.db.models import Q

from meetings import facts
from meetings.models import AttendanceFact, Attendee, WebhookDelivery

LATEST_STRAYS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Who is meant: by her external id, by her name as it is in attendance, or by ids of attendees. One of them.

    `tenant` (`None`: all) and `meeting_link` narrow it.
    """

    ext_id: str = ""
    name: str = ""
    attendees: tuple[int, ...] = ()
    tenant: str | None = None
    meeting_link: str = ""


def find(person: Person) -> list[Attendee]:
    """Return her rows, one for each meeting that she was in, those already erased left out."""
    if not (person.ext_id or person.name or person.attendees):
        return []
    wanted = Q(pk__in=person.attendees) if person.attendees else Q(attendee=person.name)
    if person.ext_id:
        wanted = Q(ext_id=person.ext_id)
    rows = Attendee.objects.filter(wanted & _place(person)).exclude(identity__startswith=facts.ERASED)
    return list(rows.select_related("meeting").order_by("pk"))


def tokens_alone(person: Person) -> list[AttendanceFact]:
    """Return the facts that a token was issued to somebody who may never have joined. Looks through the facts."""
    if not person.ext_id:
        return []
    identity = facts.identity_of(ext_id=person.ext_id)
    rows = AttendanceFact.objects.filter(_place(person), kind=facts.TOKEN_ISSUED, payload__identity=identity)
    return list(rows.select_related("meeting").order_by("pk"))


def _place(person: Person) -> Q:
    place = Q() if person.tenant is None else Q(meeting__tenant=person.tenant)
    return place & Q(meeting__meeting_link=person.meeting_link) if person.meeting_link else place


def facts_of(attendee: Attendee, connection_ids: Sequence[str]) -> list[AttendanceFact]:
    """Return what was seen of her in one meeting, the tokens that were issued to her among it."""
    hers = Q(connection_id__in=connection_ids)
    hers |= Q(connection_id="", kind=facts.TOKEN_ISSUED, payload__identity=attendee.identity)
    return list(AttendanceFact.objects.filter(hers, meeting_id=attendee.meeting_id).order_by("pk"))


def deliveries_of(
    attendee: Attendee, connection_ids: Sequence[str], seen: Sequence[AttendanceFact]
) -> Iterator[tuple[WebhookDelivery, bool]]:
    """Yield the deliveries about her session, and of each whether it told of her, or names a connection of hers."""
    told = {fact.delivery_id for fact in seen if fact.delivery_id}
    for delivery in WebhookDelivery.objects.filter(session_id=attendee.meeting.session_id).order_by("pk").iterator():
        yield delivery, delivery.pk in told or any(found in delivery.body for found in connection_ids)


def strays() -> Iterator[WebhookDelivery]:
    """Yield the latest deliveries that belong to no meeting: they met none, or did not verify."""
    for verdict in (WebhookDelivery.Verdict.UNMATCHED, WebhookDelivery.Verdict.REJECTED):
        yield from WebhookDelivery.objects.filter(verdict=verdict).order_by("-pk")[:LATEST_STRAYS]
