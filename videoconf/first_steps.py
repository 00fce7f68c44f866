"""What a newcomer finds ready after `make run`: an administrator, a meeting, a token to call the API with."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from io import StringIO

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command

from meetings.conf import conf
from meetings.models import Meeting
from meetings.plans import MeetingPlan
from meetings.providers.registry import get_provider
from meetings.services import create_meeting
from videoconf.environment import refuse

READY_MEETING = "make-run"
TOKEN_MINUTES = 24 * 60


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstAdmin:
    """The administrator to sign in as; `password` is known only at the start that made her."""

    username: str
    password: str | None


def first_admin() -> FirstAdmin:
    """Return the first administrator; make one by ADMIN_USERNAME and ADMIN_PASSWORD where there is none."""
    users = get_user_model().objects
    if (admin := users.filter(is_superuser=True, is_active=True).order_by("pk").first()) is not None:
        return FirstAdmin(username=admin.get_username(), password=None)
    username = settings.ADMIN_USERNAME
    if users.filter(username=username).exists():
        raise refuse("ADMIN_USERNAME", f"{username!r} is there and is no administrator. Choose another name.")
    password = settings.ADMIN_PASSWORD or secrets.token_urlsafe(12)
    users.create_superuser(username=username, password=password)
    return FirstAdmin(username=username, password=password)


def find_ready_meeting() -> Meeting | None:
    """Return the meeting that `make run` keeps ready, if it has not ended."""
    mine = Meeting.objects.alive().filter(tenant="", ext_id=READY_MEETING, end_time=None)
    meeting: Meeting | None = mine.filter(provider=conf.DEFAULT_PROVIDER).first()
    is_known = meeting is not None and get_provider(meeting.provider).owns(meeting.session_id)  # by these credentials
    return meeting if is_known and not settings.DEMO else None  # the stand-in knows nothing of an earlier start


def ready_meeting() -> Meeting:
    """Return the meeting that `make run` keeps ready; create it where there is none."""
    plan = MeetingPlan(title="Ready meeting", ext_id=READY_MEETING)
    return find_ready_meeting() or create_meeting(plan, actor=READY_MEETING)


def demo_token() -> str | None:
    """Return a caller's token with every permission, good for a day; `None` without a JWT_SECRET."""
    if settings.JWT_SECRET is None:
        return None
    printed = StringIO()
    call_command("mint_token", permissions="all", minutes=TOKEN_MINUTES, actor=READY_MEETING, stdout=printed)
    return printed.getvalue().strip()
