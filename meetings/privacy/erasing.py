"""A person is forgotten: her names, ids and recordings go, how many people were there and when stays."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from uuid import uuid4

from django.apps import apps
from django.db import transaction
from django.db.models import Model

from meetings import extensions
from meetings.attendance import lock
from meetings.facts import ERASED
from meetings.models import AttendanceFact, Attendee, Connection, Meeting
from meetings.privacy import people
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
    done = Erased()
    for attendee in people.find(person):
        _erase_attendee(attendee, done, actor=actor, is_dry=is_dry, keep_recordings=keep_recordings)
    for fact in people.tokens_alone(person):
        if fact.meeting.legal_hold:
            continue  # told of with the attendee, if she was there
        done.counts["facts"] += 1
        if not is_dry:
            _scrub_fact(fact, Redaction([person.ext_id]), _pseudonym())
    return done


def _erase_attendee(attendee: Attendee, done: Erased, *, actor: str, is_dry: bool, keep_recordings: bool) -> None:
    why = why_not(attendee)
    if why:
        done.left.append((attendee.pk, why))
        return
    names = Connection.objects.filter(attendee=attendee).exclude(name="").values_list("name", flat=True).distinct()
    redaction = Redaction([attendee.attendee, attendee.ext_id, *names])
    for extension in extensions.registered():  # first: without the rows nobody would find what was left behind
        done.counts += extension.erase(
            attendee, redaction.text, actor=actor, is_dry=is_dry, keep_recordings=keep_recordings
        )
    if is_dry:
        done.counts += _count(attendee)
        return
    with transaction.atomic():
        lock(attendee.meeting)
        done.counts += _scrub(attendee, redaction)


def why_not(attendee: Attendee) -> str:
    """Return why somebody can't be erased from a meeting now; empty if she can."""
    meeting = attendee.meeting
    if meeting.legal_hold:
        return HELD
    if Connection.objects.filter(attendee=attendee).present().exists():
        return HERE
    reasons = (extension.holds_up_erasure(meeting) for extension in extensions.registered())
    return next(filter(None, reasons), "")


def _pseudonym() -> str:
    return f"{ERASED}{uuid4().hex}"


def _count(attendee: Attendee) -> Counter[str]:
    ids = _connection_ids(attendee)
    seen = people.facts_of(attendee, ids)
    return Counter(
        attendees=1,
        connections=len(ids),
        facts=len(seen),
        deliveries=sum(1 for _ in people.deliveries_of(attendee, ids, seen)),
    )


def _connection_ids(attendee: Attendee) -> list[str]:
    return list(Connection.objects.filter(attendee=attendee).values_list("connection_id", flat=True))


def _scrub(attendee: Attendee, redaction: Redaction) -> Counter[str]:
    ids, identity = _connection_ids(attendee), _pseudonym()
    seen = people.facts_of(attendee, ids)
    counts = Counter(attendees=1, connections=len(ids), facts=len(seen))
    for delivery in people.deliveries_of(attendee, ids, seen):
        delivery.body, delivery.error = redaction.document(delivery.body), GONE if delivery.error else ""
        delivery.save(update_fields=["body", "error"])
        counts["deliveries"] += 1
    for fact in seen:
        _scrub_fact(fact, redaction, identity)
    Connection.objects.filter(attendee=attendee).update(name="")
    counts["log entries"] = _scrub_log(attendee, ids, redaction, identity)
    attendee.attendee, attendee.ext_id, attendee.identity = "", None, identity
    attendee.ext_metadata = redaction.json(attendee.ext_metadata)
    attendee.save(update_fields=["attendee", "ext_id", "identity", "ext_metadata"])
    return counts


def _scrub_fact(fact: AttendanceFact, redaction: Redaction, identity: str) -> None:
    """Its key stays: a copy of the event that comes later is known by it."""
    kept = {name: value for name, value in redaction.json(fact.payload).items() if value not in ("", None)}
    fact.payload = {**kept, "identity": identity}
    fact.save(update_fields=["payload"])


def _scrub_log(attendee: Attendee, connection_ids: Sequence[str], redaction: Redaction, identity: str) -> int:
    """What staff did to her stays in the admin's log, without her name."""
    if not apps.is_installed("django.contrib.admin"):
        return 0
    count = _scrub_entries(Attendee, [str(attendee.pk)], redaction.log, lambda _: identity)
    count += _scrub_entries(Connection, connection_ids, redaction.log, redaction.text)
    return count + _scrub_entries(Meeting, [str(attendee.meeting_id)], redaction.log, redaction.text)


def _scrub_entries(
    model: type[Model], ids: Sequence[str], said: Callable[[str], str], shown: Callable[[str], str]
) -> int:
    from django.contrib.admin.models import LogEntry
    from django.contrib.contenttypes.models import ContentType

    count = 0
    for entry in LogEntry.objects.filter(content_type=ContentType.objects.get_for_model(model), object_id__in=ids):
        message, title = said(entry.change_message), shown(entry.object_repr)
        if (message, title) != (entry.change_message, entry.object_repr):
            entry.change_message, entry.object_repr = message, title
            entry.save(update_fields=["change_message", "object_repr"])
            count += 1
    return count
