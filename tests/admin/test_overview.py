"""What is going on, what a meeting's page shows of it, and chosen meetings as files."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta
from html import unescape
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.timezone import localtime

from archives.models import Archive
from meetings.models import Attendee, Connection, Meeting, WebhookDelivery
from tests.admin.conftest import NewStaff
from tests.admin.pages import AdminClient, address, logged, messages_of
from tests.factories import (
    ArchiveFactory,
    AttendeeFactory,
    ConnectionFactory,
    MeetingFactory,
    WebhookDeliveryFactory,
)

Verdict = WebhookDelivery.Verdict


def panels_of(page: str) -> dict[str, str]:
    """Return the texts of a page's panels by their headings."""
    found = re.split(r'<h2 id="[a-z-]+-heading">', page)[1:]
    texts = [" ".join(unescape(re.sub(r"<[^>]+>", " ", part)).split()) for part in found]
    titles = [part.partition("</h2>")[0].strip() for part in found]
    return dict(zip(map(unescape, titles), texts, strict=True))


def going_on(client: AdminClient) -> dict[str, str]:
    return panels_of(client.page(address(Meeting, "now")))


def test_nothing_is_going_on(chief: AdminClient) -> None:
    said = going_on(chief)
    assert list(said) == [
        "Running now", "Today's schedule", "Recordings being made", "Webhooks in trouble",
        "Ended, and people not put out yet",
    ]  # fmt: skip
    assert "Nobody is in a meeting." in said["Running now"]


def test_who_meets_now_and_what_is_due_today(chief: AdminClient) -> None:
    weekly = MeetingFactory.create(title="Weekly <b>", active=True)
    for name in ("Ada", "Grace"):
        ConnectionFactory.create(attendee__meeting=weekly, attendee__attendee=name)
    ConnectionFactory.create(attendee__meeting__title="Over", closed=True)
    noon = localtime().replace(hour=12, minute=0)
    MeetingFactory.create(title="Lunch", is_scheduled=True, schedule_time=noon, duration=45)
    MeetingFactory.create(title="Tomorrow's", is_scheduled=True, schedule_time=noon + timedelta(days=1))
    MeetingFactory.create(title="Deleted", is_scheduled=True, schedule_time=noon, deleted=True)

    said = going_on(chief)
    assert "Weekly <b> 2" in said["Running now"]
    assert "Over" not in said["Running now"]
    assert "Lunch 12:00 45" in said["Today's schedule"]
    assert not re.search("Tomorrow|Deleted", said["Today's schedule"])


def test_what_is_in_trouble(chief: AdminClient) -> None:
    failed = WebhookDeliveryFactory.create(verdict=Verdict.FAILED, error="Traceback\n  x\nValueError: no such day")
    old = timezone.now() - timedelta(days=2)
    WebhookDeliveryFactory.create(verdict=Verdict.FAILED, error="ancient", received_at=old)
    WebhookDeliveryFactory.create(verdict=Verdict.APPLIED, kind="fine")
    MeetingFactory.create(title="Stuck", ended=True, disconnect_due_at=timezone.now(), disconnect_error="refused")
    ArchiveFactory.create(
        name="Slow",
        status="stopped",
        compose_due_at=timezone.now(),
        compose_error="disk full",
        progress={"phase": "composing", "percent": 40},
    )
    ArchiveFactory.create(name="Live", running=True)
    ArchiveFactory.create(name="Owed", deleted=True, removal_due_at=timezone.now(), removal_error="bucket refused")

    said = going_on(chief)
    assert f"{failed} our error, will be retried ValueError: no such day" in said["Webhooks in trouble"]
    assert not re.search("ancient|fine", said["Webhooks in trouble"])
    assert "Stuck 0 refused" in said["Ended, and people not put out yet"]
    made = said["Recordings being made"]
    assert re.search("Live.*started", made)
    assert re.search(r"Slow.*stopped \(composing, 40 %\) disk full", made)
    assert re.search("Owed.*bucket refused", made)


def test_a_part_of_the_page_refreshes_it(chief: AdminClient) -> None:
    whole = chief.get(address(Meeting, "now"))
    part = chief.get(address(Meeting, "now") + "?part=1")
    assert "no-store" in part["Cache-Control"]
    assert "<html" not in part.content.decode()
    assert list(panels_of(part.content.decode())) == list(panels_of(whole.content.decode()))


@pytest.mark.parametrize(
    ("held", "more"),
    [
        ("GetMeetings", []),
        ("view_webhookdelivery", ["Webhooks in trouble"]),
        ("GetMeetingArchives", ["Recordings being made"]),
    ],
)
def test_everybody_sees_what_is_her_business(staff: NewStaff, held: str, more: list[str]) -> None:
    everybody = ["Running now", "Today's schedule", "Ended, and people not put out yet"]
    assert sorted(going_on(staff(*{"GetMeetings", held}))) == sorted([*everybody, *more])
    other = staff(held, username="other") if held != "GetMeetings" else staff("StopMeeting", username="other")
    assert other.get(address(Meeting, "now")).status_code == 403


def test_queries_do_not_grow_with_what_goes_on(chief: AdminClient) -> None:
    def cost() -> int:
        with CaptureQueriesContext(connection) as ran:
            chief.page(address(Meeting, "now"))
        return len(ran)

    def more(count: int) -> None:
        for _ in range(count):
            ConnectionFactory.create()
            ArchiveFactory.create(running=True)
            WebhookDeliveryFactory.create(verdict=Verdict.UNMATCHED)
            MeetingFactory.create(ended=True, disconnect_due_at=timezone.now())

    more(1)
    few = cost()
    more(60)
    assert cost() == few


def test_a_meeting_s_page_shows_recordings_deliveries_and_what_was_done(chief: AdminClient) -> None:
    meeting = MeetingFactory.create(title="Weekly", active=True)
    ada = AttendeeFactory.create(meeting=meeting, attendee="Ada")
    ConnectionFactory.create(attendee=ada)
    ArchiveFactory.create(meeting=meeting, name="Film", storage_key="webrtc/a/archive.mp4", sha256="0" * 64)
    WebhookDeliveryFactory.create(session_id=meeting.session_id, kind="streamCreated")
    chief.submit(address(ada, "mute"))
    chief.submit(address(meeting, "hold"))

    page = chief.page(address(meeting, "change"))
    said = panels_of(page)
    assert "Film available" in said["Recordings"]
    assert page.count("<video") == 1
    assert "streamCreated" in said["Latest webhook deliveries"]
    assert "meeting Weekly Put on legal hold." in said["What staff have done"]
    assert "attendee Ada Muted." in said["What staff have done"]


def test_who_may_not_see_people_does_not_read_of_them_there(chief: AdminClient, staff: NewStaff) -> None:
    meeting = MeetingFactory.create(active=True)
    ada = AttendeeFactory.create(meeting=meeting, attendee="Ada Lovelace")
    ConnectionFactory.create(attendee=ada)
    chief.submit(address(ada, "mute"))
    ArchiveFactory.create(meeting=meeting, name="Film")
    page = staff("GetMeetings").page(address(meeting, "change"))
    assert not {"Attendees", "Recordings", "Latest webhook deliveries"} & panels_of(page).keys()
    assert not re.search("Ada Lovelace|Film", page)


def test_recording_is_started_and_stopped(chief: AdminClient) -> None:
    meeting = ConnectionFactory.create(attendee__meeting__title="Weekly", attendee__meeting__active=True).meeting
    assert messages_of(chief.submit(address(meeting, "record"))) == ["“Weekly”: Recording."]
    archive = Archive.objects.get(meeting=meeting)
    assert (archive.status, archive.created_by) == ("started", "grace")
    assert messages_of(chief.submit(address(meeting, "record"))) == [
        "“Weekly”: It is being recorded, can't be, or nobody is there."
    ]
    assert messages_of(chief.submit(address(meeting, "stop-recording"))) == ["“Weekly”: The recording was stopped."]
    archive.refresh_from_db()
    assert archive.status == "stopped"
    assert logged() == ["grace: Recording.", "grace: The recording was stopped."]


@pytest.mark.parametrize("why", ["nobody", "ended", "encrypted", "deleted"])
def test_recording_is_not_offered_where_it_makes_no_sense(chief: AdminClient, why: str) -> None:
    meeting = ConnectionFactory.create(attendee__meeting__active=True).meeting
    if why == "nobody":
        Connection.objects.update(left_at=timezone.now())
    else:
        changes: dict[str, dict[str, Any]] = {
            "ended": {"end_time": timezone.now()},
            "encrypted": {"end_to_end_encryption": True},
            "deleted": {"deleted": True},
        }
        Meeting.objects.filter(pk=meeting.pk).update(**changes[why])
    assert "Start recording" not in chief.page(address(meeting, "change"))
    chief.submit(address(meeting, "record"))
    assert not Archive.objects.exists()


def exported(client: AdminClient, action: str, *meetings: Meeting) -> list[dict[str, str]]:
    response = client.submit(address(Meeting), {"action": action, "_selected_action": [row.pk for row in meetings]})
    assert response.status_code == 200
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    assert "attachment" in response["Content-Disposition"]
    text = response.content.decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text)))


def test_chosen_meetings_are_exported(chief: AdminClient) -> None:
    first = MeetingFactory.create(title="=HYPERLINK(1)", active=True, ext_id="+1")
    for _ in range(3):
        AttendeeFactory.create(meeting=first)
    second = MeetingFactory.create(title="Zoë, weekly", ended=True, duration=30)
    MeetingFactory.create()

    rows = exported(chief, "export_meetings", first, second)
    assert [(row["title"], row["state"], row["attendees"], row["extId"]) for row in rows] == [
        ("Zoë, weekly", "ended", "0", ""), ("'=HYPERLINK(1)", "active", "3", "'+1"),
    ]  # fmt: skip
    assert rows[0]["durationMinutes"] == "30"
    assert logged() == ["grace: Exported as CSV (meetings)."] * 2


def test_attendance_of_chosen_meetings_is_exported_to_those_who_may_see_people(
    chief: AdminClient, staff: NewStaff
) -> None:
    from tests.admin.test_attendance_page import crowd

    meeting = crowd(3)
    rows = exported(chief, "export_attendance", meeting)
    assert [(row["attendee"], row["totalSeconds"], row["stays"]) for row in rows] == [
        ("Person 0", "1200", "1"), ("Person 1", "3540", "1"), ("Person 2", "1200", "1"),
    ]  # fmt: skip
    ticked = {"action": "export_attendance", "_selected_action": [meeting.pk]}
    blind = staff("GetMeetings")
    page = blind.submit(address(Meeting), ticked)
    assert "Person" not in page.content.decode()
    assert "export_attendance" not in blind.page(address(Meeting))
    assert Attendee.objects.count() == 3
