"""Attendees of the original become facts, and from them connections and attendees, shown as they were.

People whom nobody knows here yet are stored in bulk, as `attendance.record` would have done it one by one; everybody
else goes through it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from meetings import attendance, facts
from meetings.facts import Fact
from meetings.models import AttendanceFact, Attendee, Connection, Meeting
from meetings.sourceloop import presence
from meetings.sourceloop.presence import SOURCE
from meetings.sourceloop.report import Tally
from meetings.sourceloop.rows import OriginalAttendee, Raw, Unfit, original_id, read_attendee
from meetings.sourceloop.sessions import Place

MANY = 50
"""Rows of one meeting in a batch from which on it is asked about by itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """A row with its meeting, and what it says."""

    row: OriginalAttendee
    meeting: Meeting
    connection_id: str
    identity: str
    facts: tuple[Fact, ...]

    @property
    def shown(self) -> dict[str, Any]:
        """The columns that the attendee list shows, as they stand in the original."""
        row = self.row
        return {
            "attendee": row.name,
            "is_deleted": row.is_deleted,
            "created_on": row.created_on,
            "modified_on": row.modified_on,
            "ext_id": row.ext_id,
            "ext_metadata": row.ext_metadata,
        }


def import_attendees(pairs: Sequence[tuple[Raw, Raw | None]], place: Place) -> Tally:
    """Store a batch of `session_attendees` (inside the caller's transaction); safe to repeat.

    Each comes with its session's row of the original, or `None`. Takes the row locks of the meetings that change.
    """
    tally = Tally(read=len(pairs))
    people = _people(pairs, place, tally)
    told = _existing(AttendanceFact, "fact_key", [(one, fact.key) for one in people for fact in one.facts])
    news = [one for one in people if any((one.meeting.pk, fact.key) not in told for fact in one.facts)]
    tally.unchanged += len(people) - len(news)
    if not news:
        return tally
    _lock({one.meeting.pk for one in news})
    strangers, acquainted = _split(news)
    _store(strangers)
    tally.created += len(strangers)
    for one in acquainted:
        tally.count(_merge(one), one.row.id)
    return tally


def person_of(row: OriginalAttendee, meeting: Meeting, connection_id: str | None = None) -> Person:
    """Return a row with what it says, about the connection that it names unless another is given."""
    named = connection_id or presence.connection_id_of(row)
    return Person(
        row=row,
        meeting=meeting,
        connection_id=named,
        identity=presence.identity_of(row, named),
        facts=tuple(presence.facts_of(row, named)),
    )


def _people(pairs: Sequence[tuple[Raw, Raw | None]], place: Place, tally: Tally) -> list[Person]:
    rows = []
    for raw, session in pairs:
        try:
            row = read_attendee(raw)
        except Unfit as unfit:
            tally.skip(unfit.reason, original_id(raw))
            continue
        if session is None:
            tally.skip("no_such_session", row.id)
        else:
            rows.append(row)
    here = Meeting.objects.filter(
        session_id__in={row.session_id for row in rows},
        provider=place.provider,
        tenant=place.tenant,
        imported__isnull=False,
    )
    meetings = {meeting.session_id: meeting for meeting in here}
    for row in rows:
        if row.session_id not in meetings:
            tally.skip("session_skipped", row.id)
    return [person_of(row, meetings[row.session_id]) for row in rows if row.session_id in meetings]


def _existing(model: Any, column: str, wanted: Sequence[tuple[Person, str]]) -> set[tuple[int, str]]:
    """Return which of these values of a column are there in the meeting of their person.

    A meeting with many rows in the batch is asked for its values alone, as it may have many more that are not wanted.
    """
    by_meeting: dict[int, set[str]] = {}
    for one, value in wanted:
        by_meeting.setdefault(one.meeting.pk, set()).add(value)
    many = {pk for pk, values in by_meeting.items() if len(values) >= MANY}
    found: set[tuple[int, str]] = set()
    for pk in many:
        rows = model.objects.filter(meeting_id=pk, **{f"{column}__in": by_meeting[pk]})
        found |= {(pk, value) for value in rows.values_list(column, flat=True)}
    rows = model.objects.filter(meeting_id__in=set(by_meeting) - many).order_by()
    for pk, value in rows.values_list("meeting_id", column).iterator():
        if value in by_meeting[pk]:
            found.add((pk, value))
    return found


def _lock(meeting_ids: set[int]) -> None:
    list(Meeting.objects.select_for_update(no_key=True).filter(pk__in=meeting_ids).order_by("pk").values_list("pk"))


def _split(news: Sequence[Person]) -> tuple[list[Person], list[Person]]:
    """Tell people of whom nothing is known here, nor in their session's ends, from the rest."""
    known = _existing(Attendee, "identity", [(one, one.identity) for one in news])
    connected = _existing(
        Connection, "connection_id", [(one, fact.connection_id) for one in news for fact in one.facts]
    )
    ended = _ended(news)
    strangers, acquainted = [], []
    for one in news:
        pk = one.meeting.pk
        connections = {(pk, fact.connection_id) for fact in one.facts}
        if pk in ended or (pk, one.identity) in known or connections & connected:
            acquainted.append(one)
        else:
            strangers.append(one)
        known.add((pk, one.identity))
        connected |= connections
    return strangers, acquainted


def _ended(people: Sequence[Person]) -> set[int]:
    """Return the meetings of whose session an end was seen here."""
    ends = AttendanceFact.objects.filter(meeting_id__in={one.meeting.pk for one in people}, kind=facts.SESSION_ENDED)
    return set(ends.values_list("meeting_id", flat=True))


def _store(strangers: Sequence[Person]) -> None:
    attendees = Attendee.objects.bulk_create(
        [Attendee(meeting=one.meeting, identity=one.identity, **one.shown) for one in strangers]
    )
    connections, told = [], []
    for one, attendee in zip(strangers, attendees, strict=True):
        told += [attendance.row_of(one.meeting, fact, source=SOURCE) for fact in one.facts]
        connections += [
            _connection(one, attendee, connection_id)
            for connection_id in dict.fromkeys(fact.connection_id for fact in one.facts)
        ]
    Connection.objects.bulk_create(connections)
    AttendanceFact.objects.bulk_create(told)


def _connection(one: Person, attendee: Attendee, connection_id: str) -> Connection:
    seen = [fact for fact in one.facts if fact.connection_id == connection_id]
    view = facts.connection_view(connection_id, seen, ())
    return Connection(
        meeting=one.meeting,
        attendee=attendee,
        connection_id=connection_id,
        joined_at=view.joined_at,
        left_at=view.left_at,
        reason=view.reason,
        name=view.name,
        role=view.role,
    )


def _merge(one: Person) -> str:
    """Bring someone who is known here up to date; return what became of the row.

    As long as all that is known of her was imported, the original leads. Once she was seen here, it can't change any
    more what it once told; what it never told is merged like any other fact.
    """
    one = _on_a_connection_of_her_own(one)
    known = list(
        AttendanceFact.objects.filter(
            meeting=one.meeting,
            connection_id__in=Connection.objects.filter(meeting=one.meeting, attendee__identity=one.identity).values(
                "connection_id"
            ),
        )
    )
    if {fact.key for fact in one.facts} <= {fact.fact_key for fact in known}:
        return "unchanged"
    others = [fact for fact in known if _row_id(fact) != one.row.id]
    earlier = [fact for fact in known if _row_id(fact) == one.row.id]
    was_seen_here = any(fact.source != SOURCE for fact in others)
    if earlier and was_seen_here:
        return "changed_here"
    attendance.record(one.meeting, [*one.facts, *_endings(one, earlier)], source=SOURCE)
    if not others and not _ended([one]):
        Attendee.objects.filter(meeting=one.meeting, identity=one.identity).update(**one.shown)
    return "updated" if earlier else "created"


def _on_a_connection_of_her_own(one: Person) -> Person:
    """Two rows may name one connection, as the original mixes up people without a name; it stays whose it was."""
    owner = Attendee.objects.filter(
        meeting=one.meeting, connections__meeting=one.meeting, connections__connection_id=one.connection_id
    ).first()
    is_hers = owner is None or owner.identity == one.identity or not one.row.name
    return one if is_hers else person_of(one.row, one.meeting, presence.own_connection_id(one.row))


def _row_id(fact: AttendanceFact) -> str | None:
    imported = fact.payload.get("import")
    return imported.get("id") if fact.source == SOURCE and isinstance(imported, dict) else None


def _endings(one: Person, earlier: Sequence[AttendanceFact]) -> list[Fact]:
    """Return the ends of connections that an earlier state of the row named, and this one does not."""
    now_on = {fact.connection_id for fact in one.facts}
    over = {fact.connection_id for fact in earlier if fact.kind == facts.LEFT}
    at = min(fact.at for fact in one.facts if fact.connection_id == one.connection_id)
    return [
        presence.ending_of(one.row, connection_id, at)
        for connection_id in sorted({fact.connection_id for fact in earlier} - over - now_on)
    ]
