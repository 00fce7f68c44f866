"""Archive callbacks of a provider, applied inside the transaction of their delivery."""

from __future__ import annotations

from archives import facts, states
from archives.models import Archive
from archives.providers.registry import is_recorded_here
from meetings.models import Meeting
from meetings.providers.registry import get_provider
from meetings.providers.types import ProviderEvent


def apply(meeting: Meeting, event: ProviderEvent) -> Archive | None:
    """Bring the row of a callback's archive up to date; safe to repeat. `None` if it tells no state of an archive.

    Of a recording that this service makes itself nobody can tell it anything.
    """
    said = facts.of_payload(event.payload)
    if said is None:
        return None
    return _own(meeting, said.archive_id) or states.merge(meeting, said)


def _own(meeting: Meeting, archive_id: str) -> Archive | None:
    provider = get_provider(meeting.provider)
    if not is_recorded_here(provider):
        return None
    found: Archive | None = Archive.objects.filter(meeting=meeting, archive_id=archive_id, is_ours=True).first()
    return found
