"""Names of strangers in the admin: shown clean, kept as they came."""

from __future__ import annotations

from meetings.models import Attendee
from tests.admin.conftest import NewStaff
from tests.admin.pages import address
from tests.factories import AttendeeFactory, ConnectionFactory

EVIL = "Ada\u202e gnp.exe\u200b\ufeff" + "e" + "\u0301" * 30


def test_admin_shows_clean_names_of_what_is_kept_as_it_came(staff: NewStaff) -> None:
    attendee = AttendeeFactory.create(attendee=EVIL)
    connection = ConnectionFactory.create(attendee=attendee, name=attendee.attendee)
    client = staff("GetMeetings", "GetMeetingAttendees")
    for page in (
        address(Attendee),
        address(attendee, "change"),
        address(attendee.meeting, "change"),
        address(type(connection)),
        address(connection, "change"),
    ):
        text = client.page(page)
        assert "\u202e" not in text, page
        assert "\u0301" * 5 not in text, page
        assert "Ada gnp.exe" in text, page
    assert Attendee.objects.get().attendee.startswith("Ada\u202e")
