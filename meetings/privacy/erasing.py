"""A person is forgotten: her names, ids and recordings go, how many people were there and when stays."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from uuid import uuid4

from django.db import transaction

from meetings import extensions
from meetings.attendance import lock
from meetings.facts import ERASED
from meetings.models import AttendanceFact, Attendee, Connection, Meeting, WebhookDelivery
from meetings.privacy import admin_log, people
from meetings.privacy.people import Person
from meetings.redaction import GONE, Redaction

HELD = "The meeting is on legal hold."
HERE = "She is in the meeting now; remove her, or end the meeting, first."


@dataclass(slots=True, kw_only=True)
class Erased:
    """What was erased (or would be), by kind, and which attendees were left alone and why."""

    counts: Counter[str] = field(default_factory=Counter)
    left: list[tuple[int, str]] = field(default_factory=list)


def erase(person: Person, *, actor: str, is_dry: bool = False, keep_recordings: bool = False) -> Erased:
    """Erase a person from every meeting that she was in; return what that was. Safe to repeat.

    Recordings that she may be seen or heard in are deleted, at the provider and in the storage, unless they are to be
    kept. Meetings on legal hold, and those that she is in now, are left alone.
    """
    done, found = Erased(), people.find(person)
    words: set[str | None] = {person.ext_id, person.name}
    for attendee in found:
        words |= _erase_attendee(attendee, done, actor=actor, is_dry=is_dry, keep_recordings=keep_recordings)
    known = {attendee.meeting_id for attendee in found}
    for fact in people.tokens_alone(person):
        if fact.meeting_id in known or fact.meeting.legal_hold:
            continue  # they go, or stay, with the attendee
        done.counts["facts"] += 1
        if not is_dry:
            _scrub_fact(fact, Redaction([person.ext_id]), _pseudonym())
    done.counts["deliveries"] += _scrub_strays(Redaction(words), is_dry=is_dry)
    return done


def _erase_attendee(
    attendee: Attendee, done: Erased, *, actor: str, is_dry: bool, keep_recordings: bool
) -> set[str | None]:
    """Erase her from one meeting; return the words that she is known by there."""
    names = Connection.objects.filter(attendee=attendee).exclude(name="").values_list("name", flat=True).distinct()
    words = {attendee.attendee, attendee.ext_id, *names}
    redaction, counts = Redaction(words), Counter[str]()
    why = why_not(attendee)
    if not why:
        for extension in extensions.registered():  # first: without the rows nobody would find what was left behind
            counts += extension.erase(attendee, redaction, actor=actor, is_dry=is_dry, keep_recordings=keep_recordings)
        with transaction.atomic():
            lock(attendee.meeting)
            why = why_not(attendee)
            if not why:
                counts += _scrub(attendee, redaction, is_dry=is_dry)
    done.counts += counts
    if why:
        done.left.append((attendee.pk, why))
    return words


def why_not(attendee: Attendee) -> str:
    """Return why somebody can't be erased from a meeting now; empty if she can. Reads the rows as they are now."""
    meeting = Meeting.objects.get(pk=attendee.meeting_id)
    if meeting.legal_hold:
        return HELD
    if Connection.objects.filter(attendee=attendee).present().exists():
        return HERE
    reasons = (extension.holds_up_erasure(meeting) for extension in extensions.registered())
    return next(filter(None, reasons), "")


def _pseudonym() -> str:
    return f"{ERASED}{uuid4().hex}"


def _scrub(attendee: Attendee, redaction: Redaction, *, is_dry: bool) -> Counter[str]:
    stays = dict(Connection.objects.filter(attendee=attendee).values_list("connection_id", "pk"))
    identity, ids = _pseudonym(), list(stays)
    seen = people.facts_of(attendee, ids)
    counts = Counter(attendees=1, connections=len(ids), facts=len(seen))
    for delivery, is_hers in people.deliveries_of(attendee, ids, seen):
        if is_hers or redaction.mentions(delivery.body) or redaction.mentions(delivery.error):
            counts["deliveries"] += 1
            _scrub_delivery(delivery, redaction, is_hers=is_hers, is_dry=is_dry)
    for model, pks, shown in (
        (Attendee, [attendee.pk], lambda _: identity),
        (Connection, list(stays.values()), redaction.text),
        (Meeting, [attendee.meeting_id], redaction.text),
    ):
        counts["log entries"] += admin_log.scrub(model, pks, redaction.log, shown, is_dry=is_dry)
    if is_dry:
        return counts
    for fact in seen:
        _scrub_fact(fact, redaction, identity)
    Connection.objects.filter(attendee=attendee).update(name="")
    attendee.attendee, attendee.ext_id, attendee.identity, attendee.ext_metadata = "", None, identity, None
    attendee.save(update_fields=["attendee", "ext_id", "identity", "ext_metadata"])
    return counts


def _scrub_strays(redaction: Redaction, *, is_dry: bool) -> int:
    count = 0
    for delivery in people.strays():
        if redaction.mentions(delivery.body):
            count += 1
            _scrub_delivery(delivery, redaction, is_hers=True, is_dry=is_dry)
    return count


def _scrub_delivery(delivery: WebhookDelivery, redaction: Redaction, *, is_hers: bool, is_dry: bool) -> None:
    if not is_dry:
        delivery.body = redaction.document(delivery.body, is_hers=is_hers)
        delivery.error = GONE if delivery.error else ""
        delivery.save(update_fields=["body", "error"])


def _scrub_fact(fact: AttendanceFact, redaction: Redaction, identity: str) -> None:
    """Its key stays: a copy of the event that comes later is known by it."""
    kept = {name: value for name, value in redaction.json(fact.payload).items() if value not in ("", None)}
    fact.payload = {**kept, "identity": identity}
    fact.save(update_fields=["payload"])
