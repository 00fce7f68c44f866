"""`Copy join link`: a token for a role and a name, in the page and nowhere else."""

from __future__ import annotations

import logging
import re
from datetime import timedelta

import jwt
import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.sessions.models import Session
from django.utils import timezone

from meetings.exceptions import ProviderUnavailable
from meetings.models import Meeting
from meetings.providers.memory import MemoryProvider
from tests.admin.conftest import NewStaff
from tests.admin.pages import AdminClient, address, errors_of, logged, messages_of
from tests.factories import MeetingFactory


def link_in(page: str) -> str:
    found = re.search(r'id="join-link" readonly value="([^"]*)"', page)
    assert found is not None
    return found.group(1)


def test_link_lets_in_as_asked(chief: AdminClient) -> None:
    meeting = MeetingFactory.create()

    response = chief.submit(
        address(meeting, "join-link"), {"name": "Ada Lovelace", "role": "moderator", "ext_id": "nurse-7"}
    )

    page, token = link_in(response.content.decode()).split("#token=")
    assert page == f"http://testserver/meet/{meeting.meeting_link}"
    claims = jwt.decode(token, options={"verify_signature": False})
    assert (claims["link"], claims["role"], claims["data"]) == (meeting.meeting_link, "moderator", "Ada Lovelace")
    assert claims["sub"] == "ext:nurse-7"
    meeting.refresh_from_db()
    assert meeting.start_time is not None
    assert logged() == ["grace: Join link as moderator."]


def test_token_is_in_no_address_no_log_and_no_row(chief: AdminClient, caplog: pytest.LogCaptureFixture) -> None:
    meeting = MeetingFactory.create()

    with caplog.at_level(logging.DEBUG):
        response = chief.submit(address(meeting, "join-link"), {"name": "Ada", "role": "publisher"})

    assert response.redirect_chain == []
    assert "no-store" in response["Cache-Control"]
    token = link_in(response.content.decode()).split("#token=")[1]
    signature = token.rsplit(".", 1)[1]
    assert signature not in caplog.text
    assert not any(signature in entry.change_message for entry in LogEntry.objects.all())
    assert not any(signature in str(row) for row in Meeting.objects.values())
    assert not any(signature in str(session.get_decoded()) for session in Session.objects.all())


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"name": "", "role": "publisher"}, "This field is required."),
        ({"name": "Ada", "role": "queen"}, "Select a valid choice. queen is not one of the available choices."),
        ({"name": "A\x07da", "role": "publisher"}, "It has the control character U+0007, which is not allowed."),
        (
            {"name": "😀" * 255, "role": "publisher"},
            "data can have at most 1000 bytes of UTF-8; it has 1020.",
        ),
    ],
)
def test_refused_link_is_an_error_of_the_form(chief: AdminClient, values: dict[str, str], sentence: str) -> None:
    meeting = MeetingFactory.create()

    response = chief.submit(address(meeting, "join-link"), values)

    assert errors_of(response) == [sentence]
    assert "join-link" not in re.findall(r'id="([^"]*)"', response.content.decode())
    meeting.refresh_from_db()
    assert meeting.start_time is None
    assert logged() == []


def test_provider_that_fails_is_an_error_of_the_form(chief: AdminClient, memory: MemoryProvider) -> None:
    meeting = MeetingFactory.create(provider="memory")
    memory.fail_with = ProviderUnavailable("The provider could not be reached in time.")

    response = chief.submit(address(meeting, "join-link"), {"name": "Ada", "role": "publisher"})

    assert errors_of(response) == ["The provider could not be reached in time."]
    meeting.refresh_from_db()
    assert meeting.start_time is None


def test_meeting_that_can_not_be_joined_gives_no_link(chief: AdminClient) -> None:
    ended = MeetingFactory.create(ended=True)
    early = MeetingFactory.create(is_scheduled=True, schedule_time=timezone.now() + timedelta(hours=1))
    deleted = MeetingFactory.create()
    deleted.soft_delete("ada")

    for meeting, sentence in (
        (ended, "This meeting has been expired"),
        (early, "Meeting can only be started 10 minutes before the scheduled time"),
        (deleted, "The meeting is deleted; restore it first."),
    ):
        for response in (
            chief.get(address(meeting, "join-link"), follow=True),
            chief.submit(address(meeting, "join-link"), {"name": "Ada", "role": "publisher"}),
        ):
            assert messages_of(response) == [sentence]
            assert "#token=" not in response.content.decode()
    assert logged() == []


def test_link_takes_its_permission_and_sight_of_meetings(staff: NewStaff) -> None:
    meeting = MeetingFactory.create()
    values = {"name": "Ada", "role": "publisher"}

    may = staff("GetMeetings", "GenerateMeetingToken", username="a")
    assert "Copy join link" in may.page(address(meeting, "change"))
    assert "#token=" in may.submit(address(meeting, "join-link"), values).content.decode()

    for number, held in enumerate((["GetMeetings"], ["GenerateMeetingToken"], ["GetMeetings", "EditMeeting"])):
        may_not = staff(*held, username=f"b{number}")
        assert may_not.get(address(meeting, "join-link")).status_code == 403
        assert may_not.submit(address(meeting, "join-link"), values).status_code == 403


def test_post_without_csrf_token_is_refused(chief: AdminClient) -> None:
    meeting = MeetingFactory.create()

    for page in ("join-link", "end", "soft-delete", "change"):
        assert chief.post(address(meeting, page), {"name": "Ada", "role": "publisher"}).status_code == 403
    meeting.refresh_from_db()
    assert (meeting.start_time, meeting.end_time, meeting.deleted) == (None, None, False)
