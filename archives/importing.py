"""Archives of meetings that came from the original service."""

from __future__ import annotations

from collections.abc import Iterable

from archives.models import Archive
from meetings.abstract_models import SYSTEM_ACTOR
from meetings.models import Meeting


def store_archives_of(meetings: Iterable[Meeting]) -> None:
    """Make a row of each archive id that the original had; without one nobody can ask for it. Safe to repeat.

    All that is known is that it once ran: `stopped` is the state that every later word of the provider overrides.
    """
    Archive.objects.bulk_create(
        [
            Archive(
                meeting=meeting,
                archive_id=meeting.archive_id,
                tenant=meeting.tenant,
                provider=meeting.provider,
                status="stopped",
                created_on=meeting.start_time or meeting.created_on,
                created_by=meeting.created_by or SYSTEM_ACTOR,
                modified_by=SYSTEM_ACTOR,
            )
            for meeting in meetings
            if meeting.archive_id and not meeting.deleted
        ],
        ignore_conflicts=True,
    )
