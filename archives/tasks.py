"""The deferred work of archives; each may run twice without harm."""

from __future__ import annotations

from archives import automatic, services
from archives.composing import composer, keeping
from meetings.deferred import task


@task()
def repeat_removal(archive_id: int) -> bool:
    """Remove what is left of a deleted archive; return whether nothing is owed any more."""
    return services.repeat_removal(archive_id)


@task()
def stop_archives(meeting_id: int, attempt: int) -> bool:
    """Stop what still records an ended meeting; return whether nothing does any more."""
    return services.repeat_stopping(meeting_id, attempt)


@task()
def end_recording(archive_id: int) -> bool:
    """End a recording of our own that is due to end; return whether this call did."""
    return automatic.end_recording(archive_id)


@task()
def compose(archive_id: int, watched: str) -> bool:
    """Go on with a recording for some seconds; return whether this call did.

    `watched` is the claim whose holder this task looks after: it takes over should that one be dead.
    """
    return composer.go_on(archive_id, watched=watched)


@task()
def remove_chunks(archive_id: int) -> bool:
    """Remove the chunks of a recording that is composed, when their time is over; return whether this call did."""
    return keeping.remove_chunks_when_due(archive_id)
