"""The move itself: batch after batch, each in a transaction of its own, so that it can be killed and run again."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import DataError, IntegrityError, reset_queries, transaction

from meetings import intake
from meetings.models import Meeting, WebhookDelivery
from meetings.sourceloop.attendees import import_attendees
from meetings.sourceloop.report import Tally
from meetings.sourceloop.rows import ATTENDEES, MEETINGS, Raw, original_id
from meetings.sourceloop.sessions import Place, import_meetings
from meetings.sourceloop.source import Source

logger = logging.getLogger(__name__)
Pair = tuple[Raw, Raw | None]


@dataclass(slots=True, kw_only=True)
class Move:
    """One run. `told` is called after each batch with the table's name and its tally so far.

    A dry run does everything and rolls each batch back.
    """

    source: Source
    place: Place
    batch_size: int = 1000
    is_dry: bool = False
    told: Callable[[str, Tally], None] = lambda table, tally: None
    tallies: dict[str, Tally] = field(default_factory=lambda: {MEETINGS: Tally(), ATTENDEES: Tally()})

    def run(self) -> dict[str, Tally]:
        """Bring over what is new or changed; return the tallies by table. Raises `SourceError`. Safe to repeat."""
        for meetings in self.source.meetings(self.batch_size):
            self._store(MEETINGS, meetings, lambda raws: import_meetings(raws, self.place), original_id)
        for attendees in self.source.attendees(self.batch_size, whole_sessions=self.is_dry):
            self._store(ATTENDEES, attendees, self._attendees, lambda pair: original_id(pair[0]))
        if not self.is_dry:
            self._apply_waiting()
        return self.tallies

    def _attendees(self, pairs: Sequence[Pair]) -> Tally:
        if self.is_dry:  # their meetings were rolled back
            sessions = {session["session_id"]: session for _, session in pairs if session is not None}
            import_meetings(list(sessions.values()), self.place)
        return import_attendees(pairs, self.place)

    def _store(
        self, table: str, rows: Sequence[Any], work: Callable[[Sequence[Any]], Tally], id_of: Callable[[Any], str]
    ) -> None:
        self.tallies[table].add(self._stored(rows, work, id_of))
        self.told(table, self.tallies[table])
        reset_queries()  # under DEBUG Django remembers the statements

    def _stored(
        self, rows: Sequence[Any], work: Callable[[Sequence[Any]], Tally], id_of: Callable[[Any], str]
    ) -> Tally:
        """Do the work in a transaction; a row that the database refuses is looked for by halves and left out."""
        try:
            with transaction.atomic():
                tally = work(rows)
                if self.is_dry:
                    transaction.set_rollback(True)
                return tally
        except (IntegrityError, DataError) as error:
            if len(rows) > 1:
                half = len(rows) // 2
                tally = self._stored(rows[:half], work, id_of)
                tally.add(self._stored(rows[half:], work, id_of))
                return tally
            logger.warning("The database refused row %s: %s", id_of(rows[0]), type(error).__name__)
            tally = Tally(read=1)
            tally.skip("refused_by_database", id_of(rows[0]))
            return tally

    def _apply_waiting(self) -> None:
        """Apply the events that came before their meeting did."""
        waiting = WebhookDelivery.objects.filter(provider=self.place.provider, verdict__in=intake.WAITING).values(
            "session_id"
        )
        found = Meeting.objects.filter(provider=self.place.provider, session_id__in=waiting, imported__isnull=False)
        for meeting in found.order_by("pk").iterator():
            intake.apply_waiting(meeting)
