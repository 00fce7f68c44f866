"""`Attendance`: the ledger as a table with a picture in it, the same for eyes and for screen readers."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone, translation

from meetings import attendance, facts
from meetings.facts import Fact
from meetings.models import Meeting
from tests.admin.conftest import NewStaff
from tests.admin.pages import AdminClient, address
from tests.factories import MeetingFactory

MINUTE = timedelta(minutes=1)


def rows_of(page: str) -> list[str]:
    """Return the rows of the table, as they are written."""
    return re.findall(r"<tr>(.*?)</tr>", page.partition("<tbody>")[2].partition("</tbody>")[0], re.DOTALL)


def crowd(count: int, **about: Any) -> Meeting:
    """A meeting of an hour's length that is over; every second one's good-bye was lost."""
    start = timezone.now() - timedelta(hours=2)
    meeting: Meeting = MeetingFactory.create(active=True, start_time=start, end_time=start + 60 * MINUTE)
    seen = []
    for number in range(count):
        who = {"data": f"Person {number}", **about}
        joined = start + (number % 30) * MINUTE
        seen.append(Fact(kind=facts.JOINED, at=joined, connection_id=f"c{number}", about=who))
        if number % 2 == 0:
            seen.append(Fact(kind=facts.LEFT, at=joined + 20 * MINUTE, connection_id=f"c{number}", about=who))
    attendance.record(meeting, seen, source="webhook")
    return meeting


def test_everybody_has_a_line_with_words_and_a_picture(chief: AdminClient) -> None:
    meeting = crowd(3)
    page = chief.page(address(meeting, "attendance"))
    first, second, third = rows_of(page)
    assert "Person 0" in first
    assert "33 %" in first
    assert re.findall(r'<rect x="([\d.]+)" y="0" width="([\d.]+)" height="12" class="(\S+)"', first) == [
        ("0.0", "333.3", "videoconf-sure")
    ]
    assert "(assumed)" in second
    bars = re.findall(r'<rect x="([\d.]+)" y="0" width="([\d.]+)" height="12" class="(\S+)"', second)
    assert bars == [("16.7", "0.0", "videoconf-sure"), ("16.7", "983.3", "videoconf-unsure")]
    assert "Person 2" in third
    assert page.count('aria-hidden="true" focusable="false"') == 3


def test_nobody_yet(chief: AdminClient) -> None:
    assert "Nobody has been in this meeting yet." in chief.page(address(MeetingFactory.create(), "attendance"))


def test_who_is_here_now(chief: AdminClient) -> None:
    meeting = MeetingFactory.create(active=True)
    since = timezone.now() - 5 * MINUTE
    attendance.record(meeting, [Fact(kind=facts.JOINED, at=since, connection_id="c")], source="webhook")
    (row,) = rows_of(chief.page(address(meeting, "attendance")))
    assert "here now" in row
    assert "it goes on" in chief.page(address(meeting, "attendance"))


def test_numbers_of_the_picture_are_the_same_in_every_language(chief: AdminClient, settings: Any) -> None:
    meeting = crowd(2)
    settings.LANGUAGE_CODE = "de"
    with translation.override("de"):
        page = chief.page(address(meeting, "attendance"))
    assert 'width="333.3"' in page or 'x="16.7"' in page
    assert not re.search(r'(?:x|width)="\d+,', page)


@pytest.mark.parametrize("count", [2, 500])
def test_it_costs_the_same_at_any_size(chief: AdminClient, django_assert_max_num_queries: Any, count: int) -> None:
    meeting = crowd(count)
    with django_assert_max_num_queries(8):
        page = chief.page(address(meeting, "attendance"))
    assert len(rows_of(page)) == count


def test_names_are_escaped(chief: AdminClient) -> None:
    page = chief.page(address(crowd(1, data="<img src=x onerror=alert(1)>"), "attendance"))
    assert "<img src=x" not in page
    assert "&lt;img" in page


def test_only_for_those_whose_business_it_is(staff: NewStaff) -> None:
    meeting = crowd(1)
    viewer = staff("GetMeetings")
    assert "/attendance/" not in viewer.page(address(meeting, "change"))
    viewer.page(address(meeting, "attendance"), 403)
    teacher = staff("GetMeetings", "GetMeetingAttendees", username="bea")
    assert "/attendance/" in teacher.page(address(meeting, "change"))
    teacher.page(address(meeting, "attendance"))
