"""Lists cost a fixed number of queries, whatever their length; the hot operations cost few."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from meetings.models import Meeting
from tests.callers import ApiClient
from tests.factories import ArchiveFactory, AttendeeFactory, ConnectionFactory, MeetingFactory


def stay(meeting: Meeting) -> None:
    ConnectionFactory.create(attendee=AttendeeFactory.create(meeting=meeting))


LISTS: dict[str, tuple[str, Callable[[Meeting], Any], int]] = {
    "meetings": ("/session?count=200", lambda meeting: MeetingFactory.create(), 1),
    "meetings by everything": (
        "/session?state=open&isScheduled=false&isArchived=false&search=meeting&from=2001-01-01T00:00:00Z",
        lambda meeting: MeetingFactory.create(),
        1,
    ),
    "attendees": ("/session/{}/attendees", stay, 2),
    "attendees now": ("/session/{}/attendees?active=true", stay, 2),
    "attendance": ("/session/{}/attendance", stay, 5),
    "archives": ("/archives?count=1000", lambda meeting: ArchiveFactory.create(meeting=meeting), 2),
    "archives by everything": (
        "/archives?status=available&from=2001-01-01T00:00:00Z&to=2099-01-01T00:00:00Z&offset=0",
        lambda meeting: ArchiveFactory.create(),
        2,
    ),
}


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("rows", [1, 30])
def test_a_list_costs_the_same_at_any_length(
    owner: ApiClient, django_assert_num_queries: Any, name: str, rows: int
) -> None:
    path, make, queries = LISTS[name]
    meeting = MeetingFactory.create(active=True)
    for _ in range(rows):
        make(meeting)
    with django_assert_num_queries(queries):
        answer = owner.get(path.format(meeting.meeting_link))
    assert answer.status_code == 200


def test_the_hot_operations_cost_few_queries(owner: ApiClient, django_assert_num_queries: Any) -> None:
    meeting, archive = MeetingFactory.create(active=True), ArchiveFactory.create()
    with django_assert_num_queries(2):
        assert owner.post(f"/session/{meeting.meeting_link}/token", {}).status_code == 200
    with django_assert_num_queries(1):
        assert owner.get(f"/archives/{archive.archive_id}").status_code == 200
    with django_assert_num_queries(1):
        assert owner.get(f"/session/{meeting.meeting_link}").status_code == 200


def test_who_may_not_costs_no_query(stranger: ApiClient, anonymous: ApiClient, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        assert stranger.get("/session").status_code == 403
        assert anonymous.get("/session").status_code == 401
