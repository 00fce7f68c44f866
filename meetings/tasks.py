"""The deferred work of meetings; each may run twice without harm."""

from __future__ import annotations

from meetings import moderation, services
from meetings.deferred import task


@task()
def close_meeting_when_due(meeting_id: int) -> bool:
    """End a meeting whose `duration` has run out; return whether this call did."""
    return services.close_if_due(meeting_id)


@task()
def repeat_disconnect(meeting_id: int) -> bool:
    """Put out who is left of an ended meeting; return whether nothing is owed any more."""
    return services.repeat_disconnect(meeting_id)


@task()
def lift_mute(meeting_id: int, attempt: int) -> bool:
    """Let those who come be heard, after muting everybody broke off; return whether that is so."""
    return moderation.lift_mute(meeting_id, attempt)
