"""What a meeting and a join token may be: every refusal, with the original's sentences. Changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from meetings import extensions
from meetings.conf import conf
from meetings.exceptions import Problem, Refused, UnsupportedFeature
from meetings.providers.base import Provider
from meetings.providers.registry import aliases, is_configured

if TYPE_CHECKING:
    from meetings.models import Meeting
    from meetings.plans import MeetingPlan

EXPIRED = "This meeting has been expired"
EDITABLE_AFTER_END = {"ext_id", "ext_metadata"}
"""What may still be changed once a meeting is over: the caller's own notes."""


def refuse(path: str, code: str, message: str) -> None:
    """Raise `Refused` about one property."""
    raise Refused(message, code=code, problems=(Problem(path=path, code=code, message=message),))


def refuse_unknown_provider(alias: str) -> None:
    """Refuse an alias that is not configured."""
    if not is_configured(alias):
        refuse(
            "provider",
            "provider_unknown",
            f"There is no provider {alias!r}; there is {', '.join(aliases())}.",
        )


def refuse_unsupported(provider: Provider, capability: str, what: str, path: str = "") -> None:
    """Refuse what the provider can't do, by name."""
    able = extensions.can_archive(provider) if capability == "archive" else getattr(provider.capabilities, capability)
    if not able:
        message = provider.refusal(what)
        raise UnsupportedFeature(
            message,
            problems=(Problem(path=path, code="feature_not_available", message=message),) if path else (),
        )


def refuse_plan(plan: MeetingPlan, provider: Provider, *, now: datetime) -> None:
    """Refuse a new meeting that can't be (order as in the original)."""
    if plan.is_scheduled:
        refuse_unsupported(provider, "schedule", "schedule meeting", "isScheduled")
        if plan.schedule_time is None:
            refuse("scheduleTime", "schedule_time_missing", "Schedule time is not set.")
        elif plan.schedule_time < now:
            refuse("scheduleTime", "schedule_time_past", "Meeting can't be scheduled with schedule time in past!")
    if plan.end_to_end_encryption and plan.enable_archiving:
        refuse(
            "endToEndEncryption",
            "encryption_with_archiving",
            "End to end Encryption along with archiving is not possible",
        )
    if plan.end_to_end_encryption:
        refuse_unsupported(provider, "end_to_end_encryption", "encrypt meeting", "endToEndEncryption")
    if plan.enable_archiving:
        refuse_unsupported(provider, "archive", "archive meeting", "enableArchiving")
    _refuse_too_many(plan.max_participants, provider)


def _refuse_too_many(wanted: int | None, provider: Provider) -> None:
    limit = provider.capabilities.max_participants
    if wanted and limit and wanted > limit:
        refuse("maxParticipants", "max_participants_too_large", f"maxParticipants can be at most {limit} here.")


def refuse_edit(
    meeting: Meeting, changes: dict[str, Any], provider_of_meeting: Callable[[], Provider], *, now: datetime
) -> None:
    """Refuse a change that can't be made, or not any more; the provider is asked for only where it matters."""
    if meeting.is_over(now) and set(changes) - EDITABLE_AFTER_END:
        raise Refused(EXPIRED, code="meeting_ended")
    schedule_time = changes.get("schedule_time", meeting.schedule_time)
    if changes.get("is_scheduled"):
        refuse_unsupported(provider_of_meeting(), "schedule", "schedule meeting", "isScheduled")
        if schedule_time is None:
            refuse(
                "scheduleTime",
                "schedule_time_missing",
                "Schedule Time is required if isScheduled is set to true",
            )
    if changes.get("schedule_time") is not None and changes["schedule_time"] < now:
        refuse("scheduleTime", "schedule_time_past", "Schedule Time cannot be set in the past")
    if changes.get("max_participants"):
        _refuse_too_many(changes["max_participants"], provider_of_meeting())
    if "is_archived" in changes and changes["is_archived"] != meeting.is_archived:
        _refuse_archiving_change(meeting, changes, provider_of_meeting())


def _refuse_archiving_change(meeting: Meeting, changes: dict[str, Any], provider: Provider) -> None:
    if provider.capabilities.fixes_archiving or changes["is_archived"]:
        refuse_unsupported(provider, "archive", "change archiving of meeting", "isArchived")
    if provider.capabilities.fixes_archiving:
        raise UnsupportedFeature(
            provider.refusal("change archiving of meeting"),
            problems=(Problem(path="isArchived", code="feature_not_available", message="It is fixed at creation."),),
        )
    if changes["is_archived"] and meeting.end_to_end_encryption:
        refuse(
            "isArchived",
            "encryption_with_archiving",
            "End to end Encryption along with archiving is not possible",
        )
    if meeting.connections.exists():
        refuse("isArchived", "already_joined", "isArchived can be changed until the first join only.")


def refuse_over(meeting: Meeting, *, now: datetime) -> None:
    """Refuse what makes no sense any more once a meeting is over."""
    if meeting.is_over(now):
        raise Refused(EXPIRED, code="meeting_ended")


def refuse_join(meeting: Meeting, *, now: datetime) -> None:
    """Refuse a token for a meeting that is over or not open yet."""
    refuse_over(meeting, now=now)
    minutes = conf.TIME_TO_START
    window = timedelta(minutes=minutes)
    if meeting.is_early(now, window):
        raise Refused(
            f"Meeting can only be started {minutes} minutes before the scheduled time",
            code="meeting_not_started",
            opens_at=meeting.opens_at(window),
        )


def refuse_grant(provider: Provider, *, data: str, identity: str, expires_at: datetime | None, now: datetime) -> None:
    """Refuse a token's `data` and expiry beyond the provider's limits, naming them."""
    capabilities = provider.capabilities
    limit, size = capabilities.max_data_bytes, len(data.encode())
    if size > limit:
        refuse("data", "data_too_long", f"data can have at most {limit} bytes of UTF-8; it has {size}.")
    whole = provider.data_bytes(data=data, identity=identity)
    if whole > limit:
        refuse(
            "data",
            "data_too_long",
            f"data and extId together can have at most {limit} bytes at this provider; they take {whole}.",
        )
    if expires_at is None:
        return
    if expires_at <= now:
        refuse("expireTime", "expire_time_past", "Expire time cannot be in the past.")
    days = capabilities.max_token_lifetime / 86400
    if expires_at > now + timedelta(seconds=capabilities.max_token_lifetime):
        refuse(
            "expireTime",
            "expire_time_too_far",
            f"Expire time can be at most {days:g} days ahead for this provider.",
        )
