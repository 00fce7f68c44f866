"""A loop of joins ends; a reload, two tabs, six people with one link and a restarted server are no loop."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from meetings import seats
from meetings.exceptions import JoinRefused
from meetings.join_rate import PER_PERSON, PER_PLACE
from meetings.models import Connection, Meeting
from meetings.providers.types import Role
from meetings.providers.webrtc.tokens import JoinClaims

pytestmark = pytest.mark.django_db

NOW = datetime(2030, 1, 1, 12, 0, 1, tzinfo=UTC)
PLACES = 6


def claims(meeting: Meeting, identity: str) -> JoinClaims:
    return JoinClaims(
        session_id=meeting.session_id,
        identity=identity,
        role=Role.PUBLISHER,
        data="",
        ext_id=None,
        issued_at=NOW - timedelta(minutes=1),
        token_id="one link for all",
    )


def join(meeting: Meeting, identity: str = "", *, at: datetime = NOW, **how: Any) -> seats.Seat:
    known: Any = {"socket": "s", "name": "", "limit": PLACES, "now": at} | how
    return seats.admit(meeting, claims(meeting, identity), **known)


def join_and_leave(meeting: Meeting, identity: str = "", *, at: datetime = NOW) -> None:
    seats.leave(meeting, join(meeting, identity, at=at).connection_id, socket="s")


def refuses(meeting: Meeting, identity: str = "") -> None:
    before = Connection.objects.count()
    with pytest.raises(JoinRefused) as refused:
        join_and_leave(meeting, identity)
    assert (refused.value.code, refused.value.retry) == ("too_many_joins", True)
    assert refused.value.message == "There were too many joins just now. Wait a minute, then join again."
    assert Connection.objects.count() == before


def test_one_identity_in_a_loop_is_stopped_and_the_others_are_not(meeting: Meeting, new_meeting: Any) -> None:
    for _ in range(PER_PERSON):
        join_and_leave(meeting, "ext:eve")
    for _ in range(PER_PLACE * PLACES):
        refuses(meeting, "ext:eve")
    join(meeting, "ext:ann")
    join(new_meeting(), "ext:eve")
    join_and_leave(meeting, "ext:eve", at=NOW + timedelta(minutes=1))


def test_many_identities_in_a_loop_are_stopped(meeting: Meeting) -> None:
    for number in range(PER_PLACE * PLACES):
        join_and_leave(meeting, f"guest:{number}")
    refuses(meeting, "guest:new")
    refuses(meeting)


def test_six_people_with_one_link_may_each_reload_often(meeting: Meeting) -> None:
    there = [join(meeting) for _ in range(PLACES)]
    for _ in range(PER_PLACE - 1):
        there = [join(meeting, known_id=seat.connection_id, is_reload=True) for seat in there]
    assert Connection.objects.present().count() == PLACES


def test_two_tabs_reload_and_come_back(meeting: Meeting) -> None:
    tabs = [join(meeting, "ext:ann"), join(meeting, "ext:ann")]
    for _ in range(PER_PERSON // 2 - 1):
        tabs = [join(meeting, "ext:ann", known_id=tab.connection_id, is_reload=True) for tab in tabs]
    assert Connection.objects.present().count() == 2


def test_sockets_that_come_back_after_a_restart_are_not_counted(meeting: Meeting) -> None:
    there = [join(meeting, f"ext:{number}") for number in range(PLACES)]
    for _ in range(2 * PER_PERSON):
        assert all(
            join(meeting, f"ext:{number}", known_id=seat.connection_id).resumed for number, seat in enumerate(there)
        )


def test_full_meeting_that_is_asked_again_and_again_counts_nothing(meeting: Meeting) -> None:
    there = [join(meeting, f"ext:{number}") for number in range(PLACES)]
    for _ in range(2 * PER_PERSON):
        with pytest.raises(JoinRefused, match="full"):
            join(meeting, "ext:late")
    seats.leave(meeting, there[0].connection_id, socket="s")
    join(meeting, "ext:late")


@pytest.mark.parametrize("backend", ["django.core.cache.backends.dummy.DummyCache", "tests.signaling.caches.Broken"])
def test_cache_that_keeps_nothing_or_fails_lets_people_in(meeting: Meeting, settings: Any, backend: str) -> None:
    settings.CACHES = {"default": {"BACKEND": backend}}
    for _ in range(PER_PERSON + 1):
        join_and_leave(meeting, "ext:ann")
