"""The deferred work of archives; each may run twice without harm."""

from __future__ import annotations

from archives import services
from meetings.deferred import task


@task()
def repeat_removal(archive_id: int) -> bool:
    """Remove what is left of a deleted archive; return whether nothing is owed any more."""
    return services.repeat_removal(archive_id)


@task()
def stop_archives(meeting_id: int, attempt: int) -> bool:
    """Stop what still records an ended meeting; return whether nothing does any more."""
    return services.repeat_stopping(meeting_id, attempt)
