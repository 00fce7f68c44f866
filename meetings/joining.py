"""Who may join a meeting, as what, until when, and why not: one decision, for tokens, for checks and for staff.

A host's own rule is `VIDEOCONF["JOIN_POLICY"]`: a callable, or its dotted path, that gets caller, meeting and
`JoinGrant`, and returns `Allowed`, `Denied`, or `None` for "as it is". It is asked last, inside the transaction that
issues the token, so that what it writes is stored with it or not at all.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.utils import timezone
from django.utils.module_loading import import_string

from meetings import attendance, rules, seats
from meetings.conf import conf
from meetings.exceptions import Forbidden, VideoconfError
from meetings.models import Connection, Meeting
from meetings.providers.base import Provider
from meetings.providers.types import Role

ALLOWED = "allowed"
FOREIGN = "The meeting was made with other credentials of its provider than those that are set."
_CODE = re.compile(r"[a-z][a-z0-9_]{0,63}")


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinGrant:
    """What is asked for: a role, for whom (`identity` as in attendance, `data` the name, `ext_id`), until when."""

    role: Role
    identity: str = ""
    data: str = ""
    ext_id: str | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """A policy's yes. What it leaves out stays as it was asked for."""

    role: Role | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Denied:
    """A policy's no: a code of its own (small letters, digits, `_`), a sentence, and until when, if that is known."""

    code: str
    message: str
    until: datetime | None = None


JoinPolicy = Callable[[Any, Meeting, JoinGrant], Allowed | Denied | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Whether somebody may join. `changes_at` is when time alone changes that, `refusal` what a token's caller gets."""

    code: str
    message: str
    role: Role
    expires_at: datetime
    changes_at: datetime | None
    refusal: VideoconfError | None = None

    @property
    def is_allowed(self) -> bool:
        return self.code == ALLOWED


def policy() -> JoinPolicy | None:
    """Return the host's rule; `ImportError` and `ImproperlyConfigured` for one that there is not."""
    hook = conf.JOIN_POLICY
    function = import_string(hook) if isinstance(hook, str) else hook
    if function is not None and not callable(function):
        raise ImproperlyConfigured('VIDEOCONF["JOIN_POLICY"] must be callable.')
    found: JoinPolicy | None = function
    return found


def decide(
    meeting: Meeting, grant: JoinGrant, provider: Provider, *, caller: Any = None, now: datetime | None = None
) -> Decision:
    """Return whether a token may be issued. What the host's rule raises goes on; nothing is written here."""
    moment = now or timezone.now()
    lifetime = timedelta(seconds=provider.capabilities.default_token_lifetime)
    try:
        rules.refuse_join(meeting, now=moment)
        _refuse_grant(provider, grant, moment)
        grant = _by_policy(meeting, grant, provider, caller, moment)
    except VideoconfError as error:
        return Decision(
            code=error.code,
            message=error.message,
            role=grant.role,
            expires_at=grant.expires_at or moment + lifetime,
            changes_at=error.opens_at,
            refusal=error,
        )
    return Decision(
        code=ALLOWED,
        message="",
        role=grant.role,
        expires_at=grant.expires_at or moment + lifetime,
        changes_at=meeting.closes_at,
    )


def _refuse_grant(provider: Provider, grant: JoinGrant, now: datetime) -> None:
    rules.refuse_grant(provider, data=grant.data, identity=grant.identity, expires_at=grant.expires_at, now=now)


def _by_policy(meeting: Meeting, grant: JoinGrant, provider: Provider, caller: Any, now: datetime) -> JoinGrant:
    rule = policy()
    answer = None if rule is None else rule(caller, meeting, grant)
    if answer is None:
        return grant
    if isinstance(answer, Denied) and _CODE.fullmatch(answer.code):
        raise Forbidden(answer.message, code=answer.code, opens_at=answer.until)
    if not isinstance(answer, Allowed):
        raise ImproperlyConfigured(
            'VIDEOCONF["JOIN_POLICY"] must return Allowed, Denied with a code of small letters, or None, not '
            f"{answer!r:.100}."
        )
    changed = replace(grant, role=answer.role or grant.role, expires_at=answer.expires_at or grant.expires_at)
    _refuse_grant(provider, changed, now)
    return changed


def check(
    meeting: Meeting, grant: JoinGrant, provider: Provider, *, caller: Any = None, now: datetime | None = None
) -> Decision:
    """Decide, and look whether there is room, as the door does. The token of who is denied for that would be issued."""
    decision = decide(meeting, grant, provider, caller=caller, now=now)
    if decision.is_allowed and not provider.owns(meeting.session_id):
        return replace(decision, code="provider_refused", message=FOREIGN)
    if not decision.is_allowed or not is_full(meeting, provider, identity=grant.identity):
        return decision
    return replace(decision, code="meeting_full", message=seats.FULL, changes_at=None)


def is_full(meeting: Meeting, provider: Provider, *, identity: str = "") -> bool:
    """Whether everybody's place is taken by others than this person."""
    limits = [limit for limit in (meeting.max_participants, provider.capabilities.max_participants) if limit]
    if not limits:
        return False
    if provider.capabilities.heartbeats:
        attendance.close_silent(meeting)
    others = Connection.objects.filter(meeting=meeting).present()
    if identity:
        others = others.exclude(attendee__identity=identity)
    return bool(others.count() >= min(limits))
