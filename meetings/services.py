"""What can be done with a meeting: the place where the database and the provider meet.

Keyword-only after the subject. `actor` is who asks (an opaque string for the audit columns), `now` is for tests. A
provider that fails leaves no trace in what the API shows, but for ending a meeting, which always succeeds.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import transaction
from django.utils import timezone

from meetings import attendance, deferred, extensions, facts, intake, joining, rules, signals
from meetings.abstract_models import SYSTEM_ACTOR
from meetings.conf import conf
from meetings.exceptions import ConfigurationMissing, Conflict, ProviderError, Refused
from meetings.facts import Fact
from meetings.joining import Decision, JoinGrant
from meetings.models import Connection, Meeting, new_meeting_link, title_key
from meetings.plans import MeetingPlan
from meetings.prepared import insert
from meetings.providers.base import Provider
from meetings.providers.registry import get_provider, is_configured
from meetings.providers.types import AccessToken, Role, RoomRef, RoomSpec, TokenGrant

logger = logging.getLogger(__name__)
PURGER = "purge_meetings"
"""Who has deleted a meeting that is about to be removed for good; such a one is not put on hold any more."""


def create_meeting(
    plan: MeetingPlan,
    *,
    actor: str,
    tenant: str = "",
    stored: Callable[[Meeting], None] | None = None,
    now: datetime | None = None,
) -> Meeting:
    """Make a room at the provider, then the row; return the meeting.

    Raises `Refused` and `UnsupportedFeature` before anything is touched, `ProviderError` if the room could not be made.
    Sends `meeting_created`. Events that came before the row are applied after commit. `stored` is called with the row
    inside the transaction that stores it.
    """
    moment = now or timezone.now()
    alias = plan.provider or conf.DEFAULT_PROVIDER
    rules.refuse_unknown_provider(alias)
    provider = get_provider(alias)
    rules.refuse_plan(plan, provider, now=moment)
    link = new_meeting_link()
    room = provider.create_room(
        RoomSpec(
            meeting_link=link,
            end_to_end_encryption=plan.end_to_end_encryption,
            archive_always=plan.enable_archiving,
        )
    )
    with transaction.atomic() if stored is not None else nullcontext():  # one insert is a transaction by itself
        meeting = Meeting(
            session_id=room.session_id,
            meeting_link=link,
            is_scheduled=plan.is_scheduled,
            schedule_time=_kept_schedule_time(plan, moment),
            is_archived=plan.enable_archiving,
            end_to_end_encryption=plan.end_to_end_encryption,
            title=plan.title or None,
            title_key=title_key(plan.title),
            ext_id=plan.ext_id,
            ext_metadata=plan.ext_metadata,
            duration=plan.duration,
            max_participants=plan.max_participants,
            provider=alias,
            tenant=tenant,
            created_by=actor,
            modified_by=actor,
            created_on=moment,
            modified_on=moment,
        )
        insert(meeting)
        if stored is not None:
            stored(meeting)
        signals.send_on_commit(signals.meeting_created, meeting=meeting)
    intake.apply_waiting(meeting)
    return meeting


def _kept_schedule_time(plan: MeetingPlan, now: datetime) -> datetime | None:
    """A past time without `is_scheduled` is ignored, as in the original; a future one waits for `is_scheduled`."""
    if plan.schedule_time is None or (not plan.is_scheduled and plan.schedule_time < now):
        return None
    return plan.schedule_time


def edit_meeting(meeting: Meeting, changes: dict[str, Any], *, actor: str, now: datetime | None = None) -> Meeting:
    """Change what `changes` names (`is_scheduled`, `schedule_time`, `is_archived`, `ext_id`, `ext_metadata`, and for
    staff `title`, `duration`, `max_participants`) and nothing else; return the meeting as stored.

    Raises `Refused` with the original's sentences. Sends `meeting_changed`. Safe to repeat.
    """
    moment = now or timezone.now()
    with transaction.atomic():
        locked = attendance.lock(meeting)
        rules.refuse_edit(locked, changes, partial(provider_of, locked), now=moment)
        if not changes:
            return locked
        for name, value in changes.items():
            setattr(locked, name, value)
        if "duration" in changes and locked.start_time is not None:
            _move_close(locked)
        locked.modified_on, locked.modified_by = moment, actor
        locked.save(update_fields=[*changes, "title_key", "closes_at", "modified_on", "modified_by"])
        signals.send_on_commit(signals.meeting_changed, meeting=locked)
    return locked


def _move_close(meeting: Meeting) -> None:
    assert meeting.start_time is not None
    meeting.closes_at = meeting.start_time + timedelta(minutes=meeting.duration) if meeting.duration else None
    _close_later(meeting)


def _close_later(meeting: Meeting) -> None:
    if meeting.closes_at is not None:
        deferred.run_later("meetings.tasks.close_meeting_when_due", meeting.pk, at=meeting.closes_at)


def issue_token(
    meeting: Meeting,
    *,
    role: Role = Role.PUBLISHER,
    data: str = "",
    ext_id: str | None = None,
    guest_id: str | None = None,
    expires_at: datetime | None = None,
    caller: Any = None,
    now: datetime | None = None,
) -> AccessToken:
    """Mint a join token; the first one of a meeting sets its start time (and its closing time, if it has a duration).

    `caller` is who asks, for the host's `JOIN_POLICY`, which may change role and expiry. Raises `Refused`: ended, too
    early, expiry or `data` out of range; `Forbidden` with the host's own code. Sends `meeting_started` for the first.
    """
    moment = now or timezone.now()
    provider = provider_of(meeting)
    identity = facts.identity_of(ext_id=ext_id, guest_id=guest_id, data=data)
    grant = JoinGrant(role=role, identity=identity, data=data, ext_id=ext_id, expires_at=expires_at)
    with nullcontext() if conf.JOIN_POLICY is None else transaction.atomic():
        decision = joining.decide(meeting, grant, provider, caller=caller, now=moment)
        if decision.refusal is not None:
            raise decision.refusal
        token = provider.issue_token(
            room_of(meeting),
            TokenGrant(
                role=decision.role,
                identity=identity,
                issued_at=moment,
                expires_at=decision.expires_at,
                data=data,
                ext_id=ext_id,
            ),
        )
        if meeting.start_time is None:
            _start(meeting, moment)
        attendance.note_token(
            meeting, identity=identity, role=decision.role.value, at=moment, expires_at=token.expires_at
        )
    return replace(token, role=decision.role)


def check_join(
    meeting: Meeting, *, role: Role = Role.PUBLISHER, data: str = "", ext_id: str | None = None, caller: Any = None
) -> Decision:
    """Return what `issue_token` would say now, and whether there is room; nothing is issued, started or stored."""
    identity = facts.identity_of(ext_id=ext_id, data=data)
    grant = JoinGrant(role=role, identity=identity, data=data, ext_id=ext_id)
    with transaction.atomic():
        try:
            return joining.check(meeting, grant, provider_of(meeting), caller=caller)
        finally:
            transaction.set_rollback(True)  # what the host's rule wrote


def _start(meeting: Meeting, now: datetime) -> None:
    with transaction.atomic():
        if meeting.mark_started(now):
            _close_later(meeting)
            signals.send_on_commit(signals.meeting_started, meeting=meeting)
        elif Meeting.objects.filter(pk=meeting.pk).exclude(end_time__isnull=True, deleted=False).exists():
            raise Refused(rules.EXPIRED, code="meeting_ended")


def end_meeting(meeting: Meeting, *, actor: str, now: datetime | None = None) -> None:
    """End a meeting: no token from now on, a running archive stops, everybody is put out.

    Of racing calls one succeeds, the others get `Refused` (`meeting_already_ended`). If the provider fails to put
    people out, the meeting is ended all the same and the worker repeats it. Sends `meeting_ended`.
    """
    with transaction.atomic():
        attendance.lock(meeting)
        moment = now or timezone.now()  # with the lock held, so that no one has joined after it
        if not meeting.mark_ended(moment, actor):
            raise Refused("Meeting has already been ended!", code="meeting_already_ended")
        open_ids = _open_connection_ids(meeting)
        is_ours = not is_configured(meeting.provider) or get_provider(meeting.provider).capabilities.heartbeats
        kind = facts.SESSION_ENDED if is_ours else facts.MEETING_ENDED
        attendance.record(meeting, [Fact(kind=kind, at=moment)], source="api")
        _disconnect_later(meeting, moment + deferred.ABANDONED_AFTER)
        signals.send_on_commit(signals.meeting_ended, meeting=meeting)
    for extension in extensions.registered():
        try:
            extension.meeting_ended(meeting)
        except Exception:
            logger.exception("An extension failed at the end of meeting %s", meeting.pk)
    _disconnect(meeting, open_ids)


def close_if_due(meeting_id: int) -> bool:
    """End a meeting whose closing time has come; return whether this call did."""
    meeting = Meeting.objects.filter(pk=meeting_id, end_time__isnull=True, closes_at__lte=timezone.now()).first()
    if meeting is None:
        return False
    try:
        end_meeting(meeting, actor=SYSTEM_ACTOR)
    except Refused:
        return False
    return True


def repeat_disconnect(meeting_id: int) -> bool:
    """Ask the provider again to put out who is left of an ended meeting; return whether nothing is owed any more."""
    meeting = Meeting.objects.owing_disconnect().filter(pk=meeting_id).first()
    if meeting is None:
        return True
    now = timezone.now()
    with transaction.atomic():
        if not meeting.claim_disconnect(now, until=now + deferred.ABANDONED_AFTER):
            return False
        _disconnect_later(meeting, now + deferred.ABANDONED_AFTER)
    return _disconnect(meeting, _open_connection_ids(meeting))


def _disconnect(meeting: Meeting, connection_ids: list[str]) -> bool:
    try:
        if not is_configured(meeting.provider):
            raise ProviderError(f"The provider {meeting.provider!r} is not configured.")
        get_provider(meeting.provider).close_room(room_of(meeting), connection_ids)
    except ProviderError as error:
        logger.warning("Putting out meeting %s failed: %s", meeting.pk, error.code)
        _owe_disconnect(meeting, f"{error.code}: {error.message}")
        return False
    except Exception as error:
        logger.exception("Putting out meeting %s failed", meeting.pk)
        _owe_disconnect(meeting, f"error: {type(error).__name__}")
        return False
    return _note_disconnected(meeting, connection_ids)


def _note_disconnected(meeting: Meeting, connection_ids: list[str]) -> bool:
    """Nothing is owed any more, unless somebody's arrival was told while the others were put out."""
    with transaction.atomic():
        attendance.lock(meeting)
        meeting.mark_disconnected()
        if set(_open_connection_ids(meeting)) <= set(connection_ids):
            return True
        now = timezone.now()
        meeting.owe_disconnect(now)
        _disconnect_later(meeting, now)
    return False


def _owe_disconnect(meeting: Meeting, reason: str) -> None:
    again_at = deferred.retry_at(meeting.disconnect_attempts)
    with transaction.atomic():
        meeting.mark_disconnect_failed(reason, again_at)
        _disconnect_later(meeting, again_at)


def _disconnect_later(meeting: Meeting, at: datetime) -> None:
    deferred.run_later("meetings.tasks.repeat_disconnect", meeting.pk, at=at)


def delete_meeting(meeting: Meeting, *, actor: str) -> None:
    """Soft-delete a meeting; one that people are in is ended first, so that nobody is left in a room without a door."""
    with transaction.atomic():
        locked = attendance.lock(meeting)  # a first token can't slip in between: a deleted meeting doesn't start
        if locked.soft_delete(actor):
            signals.send_on_commit(signals.meeting_changed, meeting=locked)
    if locked.end_time is None and _is_going_on(locked):
        try:
            end_meeting(locked, actor=actor)
        except Refused:
            logger.info("Meeting %s was ended meanwhile", meeting.pk)
    meeting.refresh_from_db()


def _is_going_on(meeting: Meeting) -> bool:
    """Whether a meeting that has not ended was begun: by a token of ours, or by somebody with another one."""
    return (
        meeting.start_time is not None
        or Connection.objects.filter(meeting=meeting).present().exists()
        or extensions.is_recording(meeting)
    )


def restore_meeting(meeting: Meeting, *, actor: str) -> None:
    """Bring a soft-deleted meeting back as it was."""
    if meeting.restore(actor):
        signals.send_on_commit(signals.meeting_changed, meeting=meeting)


def hold_meeting(meeting: Meeting, *, is_held: bool, actor: str) -> None:
    """Put a meeting on legal hold, or lift that: nothing of it is purged or erased meanwhile. Safe to repeat."""
    with transaction.atomic():
        locked = attendance.lock(meeting)
        if is_held and locked.deleted and locked.deleted_by == PURGER:
            raise Conflict("The meeting is being purged; its recordings may be gone already.", code="meeting_purged")
        if locked.legal_hold != is_held:
            now = timezone.now()
            Meeting.objects.filter(pk=meeting.pk).update(legal_hold=is_held, modified_on=now, modified_by=actor)
            signals.send_on_commit(signals.meeting_changed, meeting=locked)
    meeting.legal_hold = is_held


def provider_of(meeting: Meeting) -> Provider:
    """Return a meeting's provider; raise `ConfigurationMissing` if its alias is not configured any more."""
    return provider_called(meeting.provider)


def provider_called(alias: str) -> Provider:
    """Return the provider that a row names; raise `ConfigurationMissing` if it is not configured any more."""
    if not is_configured(alias):
        raise ConfigurationMissing(
            f"The provider {alias!r} of this meeting is not configured here.", code="provider_not_configured"
        )
    return get_provider(alias)


def has_heartbeats(alias: str) -> bool:
    """Whether open connections at a provider report themselves, so that silence means absence."""
    return is_configured(alias) and get_provider(alias).capabilities.heartbeats


def room_of(meeting: Meeting) -> RoomRef:
    """Return the provider's view of a meeting."""
    return RoomRef(
        session_id=meeting.session_id,
        meeting_link=meeting.meeting_link,
        end_to_end_encryption=meeting.end_to_end_encryption,
        max_participants=meeting.max_participants,
    )


def _open_connection_ids(meeting: Meeting) -> list[str]:
    return list(Connection.objects.filter(meeting=meeting).present().values_list("connection_id", flat=True))
