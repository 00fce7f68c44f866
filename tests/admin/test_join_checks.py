"""`Who may join?`: the decision that tokens ask, in words, and what is known of the person."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from meetings import facts, services
from meetings.joining import Denied
from meetings.models import AttendanceFact, Attendee, Meeting
from tests.admin.conftest import NewStaff
from tests.admin.pages import AdminClient, address, errors_of, logged
from tests.factories import AttendeeFactory, ConnectionFactory, MeetingFactory

ANN = {"name": "Ann", "ext_id": "", "role": "publisher"}


def ask(client: AdminClient, meeting: Meeting, **values: str) -> str:
    return str(client.submit(address(meeting, "join-check"), ANN | values).content.decode())


def test_open_meeting(chief: AdminClient) -> None:
    meeting = MeetingFactory.create()
    page = ask(chief, meeting, role="moderator")
    assert "Ann may join</h2>" in page
    assert "As moderator, until" in page
    assert "She has not been in this meeting." in page
    assert "No link or token was made for her." in page
    meeting.refresh_from_db()
    assert meeting.start_time is None
    assert not AttendanceFact.objects.exists()
    assert logged() == []


@pytest.mark.parametrize(
    ("how", "sentence", "code"),
    [
        ({"ended": True}, "This meeting has been expired", "meeting_ended"),
        ({"deleted": True}, "The meeting is deleted; restore it first.", "meeting_deleted"),
        ({"max_participants": 1}, "This meeting is full.", "meeting_full"),
    ],
)
def test_why_not(chief: AdminClient, how: dict[str, Any], sentence: str, code: str) -> None:
    meeting = MeetingFactory.create(**how)
    ConnectionFactory.create(attendee=AttendeeFactory.create(meeting=meeting))
    page = ask(chief, meeting)
    assert "Ann can’t join</h2>" in page
    assert f"{sentence} (<code>{code}</code>)" in page


def test_when_that_changes(chief: AdminClient) -> None:
    meeting = MeetingFactory.create(is_scheduled=True, schedule_time=timezone.now() + timedelta(days=2))
    page = ask(chief, meeting)
    assert "<code>meeting_not_started</code>" in page
    assert "That changes on" in page


def test_what_is_known_of_her(chief: AdminClient) -> None:
    meeting = MeetingFactory.create()
    services.issue_token(meeting, data="Ann")
    ann = AttendeeFactory.create(meeting=meeting, attendee="Ann", identity=facts.identity_of(data="Ann"))
    page = ask(chief, meeting)
    assert "Ann is in the meeting now." in page
    assert "Her last link was made on" in page
    Attendee.objects.filter(pk=ann.pk).update(is_deleted=True, removed_on=timezone.now())
    page = ask(chief, meeting)
    assert "She was here before, and left on" in page
    assert "She was removed on" in page


def test_a_project_s_own_rule_about_nobody_in_particular(chief: AdminClient, settings: Any) -> None:
    callers = []

    def denies(caller: Any, *question: Any) -> Denied:
        callers.append(str(caller))
        return Denied(code="closed_today", message="We are closed today.")

    settings.VIDEOCONF = settings.VIDEOCONF | {"JOIN_POLICY": denies}
    page = ask(chief, MeetingFactory.create(), name="")
    assert "Somebody can’t join</h2>" in page
    assert "We are closed today. (<code>closed_today</code>)" in page
    assert callers == ["grace"]


def test_names_are_escaped_and_bad_input_is_told(chief: AdminClient) -> None:
    meeting = MeetingFactory.create()
    assert "<script>alert(1)" not in ask(chief, meeting, name="<script>alert(1)</script>")
    response = chief.submit(address(meeting, "join-check"), ANN | {"role": "queen", "name": "A\x07"})
    assert len(errors_of(response)) == 2


def test_only_who_may_hand_out_links_may_ask(staff: NewStaff) -> None:
    meeting = MeetingFactory.create()
    viewer = staff("GetMeetings")
    assert "Who may join?" not in viewer.page(address(meeting, "change"))
    viewer.page(address(meeting, "join-check"), 403)
    host = staff("GetMeetings", "GenerateMeetingToken", username="bea")
    assert "Who may join?" in host.page(address(meeting, "change"))
    assert "Who wants to join?" in host.page(address(meeting, "join-check"))
