"""A resume key carries one's own connection on, and no right of another token."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from meetings import services
from meetings.exceptions import JoinRefused
from meetings.models import Meeting
from meetings.providers.types import Role
from meetings.signaling import door

pytestmark = pytest.mark.django_db


def token_of(meeting: Meeting, name: str, role: Role, *, is_expired: bool = False) -> str:
    now = timezone.now() - timedelta(hours=2 if is_expired else 0)
    token = services.issue_token(meeting, role=role, data=name, expires_at=now + timedelta(hours=1), now=now)
    return token.value


def resume_of(guest: door.Guest) -> dict[str, str]:
    return {"id": guest.connection_id, "key": guest.welcome["resume"]}


def test_expired_token_of_another_role_does_not_ride_on_ones_own_connection(meeting: Meeting) -> None:
    eve = door.open_door(meeting.meeting_link, {"token": token_of(meeting, "Eve", Role.SUBSCRIBER)}, "s1")
    boss = token_of(meeting, "Boss", Role.MODERATOR, is_expired=True)
    with pytest.raises(JoinRefused) as refused:
        door.open_door(meeting.meeting_link, {"token": boss, "resume": resume_of(eve)}, "s2")
    assert refused.value.code == "token_expired"


def test_other_name_gets_a_seat_of_its_own(meeting: Meeting) -> None:
    eve = door.open_door(meeting.meeting_link, {"token": token_of(meeting, "Eve", Role.PUBLISHER)}, "s1")
    ann = {"token": token_of(meeting, "Ann", Role.PUBLISHER), "resume": resume_of(eve)}
    seat = door.open_door(meeting.meeting_link, ann, "s2")
    assert not seat.resumed
    assert seat.connection_id != eve.connection_id


def test_own_expired_token_carries_on(meeting: Meeting) -> None:
    first = door.open_door(meeting.meeting_link, {"token": token_of(meeting, "Eve", Role.PUBLISHER)}, "s1")
    old = {"token": token_of(meeting, "Eve", Role.PUBLISHER, is_expired=True), "resume": resume_of(first)}
    assert door.open_door(meeting.meeting_link, old, "s2").resumed
