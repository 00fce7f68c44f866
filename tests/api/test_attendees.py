"""Attendees, attendance and moderation: what the contract says of them."""

from __future__ import annotations

import csv
import io
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from django.utils import timezone

from meetings import attendance, facts
from meetings.exceptions import ProviderUnavailable
from meetings.facts import Fact
from meetings.models import Attendee, Meeting
from meetings.providers.memory import MemoryProvider
from tests.api.errors import error_of, refused
from tests.api.moments import wire
from tests.callers import ApiClient
from tests.conftest import Member, NewMeeting
from tests.factories import AttendeeFactory, ConnectionFactory, MeetingFactory

MINUTE = timedelta(minutes=1)
KEYS = {"id", "sessionId", "attendee", "createdOn", "modifiedOn", "isDeleted", "extId", "extMetadata"}


def people(client: ApiClient, meeting: Meeting, query: str = "") -> list[dict[str, Any]]:
    answer = client.get(f"/session/{meeting.meeting_link}/attendees{query}")
    assert answer.status_code == 200, answer.content
    rows: list[dict[str, Any]] = answer.json()
    return rows


# --- GET attendees --------------------------------------------------------------------------------------------


def test_attendees_of_a_meeting_without_any(owner: ApiClient, meeting: Meeting) -> None:
    assert people(owner, meeting) == []


def test_attendees_have_the_documents_properties(owner: ApiClient, meeting: Meeting) -> None:
    ann = AttendeeFactory.create(meeting=meeting, attendee="Ann", ext_id="u1", ext_metadata={"webhookPayload": {}})
    AttendeeFactory.create()  # of another meeting
    assert people(owner, meeting) == [
        {
            "id": ann.pk,
            "sessionId": meeting.session_id,
            "attendee": "Ann",
            "createdOn": wire(ann.created_on),
            "modifiedOn": None,
            "isDeleted": False,
            "extId": "u1",
            "extMetadata": {"webhookPayload": {}},
        }
    ]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["here", "gone"]),
        ("?active=true", ["here"]),
        ("?active=false", ["here", "gone"]),
        ("?active=TRUE", ["here", "gone"]),
        ("?active=1", ["here", "gone"]),
        ("?active=", ["here", "gone"]),
        ("?other=true", ["here", "gone"]),
    ],
)
def test_only_the_exact_word_true_filters(owner: ApiClient, meeting: Meeting, query: str, names: list[str]) -> None:
    AttendeeFactory.create(meeting=meeting, attendee="here")
    AttendeeFactory.create(meeting=meeting, attendee="gone", gone=True)
    assert [row["attendee"] for row in people(owner, meeting, query)] == names
    assert [row["isDeleted"] for row in people(owner, meeting)] == [False, True]


def test_active_twice_is_refused(owner: ApiClient, meeting: Meeting) -> None:
    answer = owner.get(f"/session/{meeting.meeting_link}/attendees?active=true&active=false")
    message = "The parameter active is there 2 times; send it once."
    refused(answer, 400, "INVALID_PARAMETER_VALUE", message, "active")


def test_attendees_come_as_text_where_that_is_asked(owner: ApiClient, meeting: Meeting) -> None:
    answer = owner.get(f"/session/{meeting.meeting_link}/attendees", accept="text/plain")
    assert (answer["Content-Type"], answer.content) == ("text/plain; charset=utf-8", b"[]")


def test_who_went_silent_is_gone(owner: ApiClient) -> None:
    meeting = MeetingFactory.create(active=True)
    ann = AttendeeFactory.create(meeting=meeting)
    seen = timezone.now() - MINUTE
    ConnectionFactory.create(attendee=ann, last_seen_at=seen, joined_at=seen - MINUTE)
    assert people(owner, meeting, "?active=true") == []


# --- attendance -----------------------------------------------------------------------------------------------


@pytest.fixture
def report() -> Meeting:
    """Ann was there twice on two devices; =Bob is still there."""
    start = timezone.now().replace(microsecond=0) - 60 * MINUTE
    meeting: Meeting = MeetingFactory.create(active=True, start_time=start)
    ann, bob = {"data": "Ann", "extId": "u1"}, {"data": "=Bob", "identity": "guest:b"}
    seen = [Fact(kind=facts.JOINED, at=start + 50 * MINUTE, connection_id="b", about=bob)]
    for number, (begin, end) in enumerate(((0, 10), (5, 15), (30, 40))):
        seen += [
            Fact(kind=facts.JOINED, at=start + begin * MINUTE, connection_id=f"a{number}", about=ann),
            Fact(kind=facts.LEFT, at=start + end * MINUTE, connection_id=f"a{number}", about=ann),
        ]
    attendance.record(meeting, seen, source="webhook")
    AttendeeFactory.create(meeting=meeting, attendee="never joined")
    return meeting


def test_attendance_is_the_union_of_the_stays(owner: ApiClient, report: Meeting) -> None:
    answer = owner.get(f"/session/{report.meeting_link}/attendance")
    assert answer["Content-Type"] == "application/json"
    ann, bob = answer.json()
    keys = {"id", "attendee", "extId", "firstJoin", "lastLeave", "totalSeconds", "intervals"}
    assert set(ann) == set(bob) == keys | {"devices", "presence", "lateSeconds", "earlySeconds"}
    assert (ann["devices"], bob["devices"], ann["lateSeconds"], ann["earlySeconds"]) == (3, 1, None, None)
    assert (ann["attendee"], ann["extId"], ann["totalSeconds"]) == ("Ann", "u1", 25 * 60)
    assert [list(stay) for stay in ann["intervals"]] == [["joinedAt", "leftAt", "joined", "left"]] * 2
    first = ann["firstJoin"]
    assert ann["intervals"][0]["joined"] == {
        "certainty": "exact",
        "toldBy": "webhook",
        "notBefore": first,
        "notAfter": first,
    }
    assert (ann["firstJoin"], ann["lastLeave"]) == (ann["intervals"][0]["joinedAt"], ann["intervals"][1]["leftAt"])
    assert (bob["attendee"], bob["extId"], bob["lastLeave"]) == ("=Bob", None, None)
    (stay,) = bob["intervals"]
    assert (stay["joinedAt"], stay["leftAt"], stay["left"]) == (bob["firstJoin"], None, None)
    assert 600 <= bob["totalSeconds"] < 700


def test_attendance_as_csv_has_a_line_a_stay(owner: ApiClient, report: Meeting) -> None:
    answer = owner.get(f"/session/{report.meeting_link}/attendance", accept="text/csv")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    head, *lines = list(csv.reader(io.StringIO(answer.content.decode())))
    assert head[:6] == ["id", "attendee", "extId", "joinedAt", "leftAt", "totalSeconds"]
    assert head[6:9] == ["joinedCertainty", "leftCertainty", "presence"]
    assert head[9:] == ["isPresentEnough", "lateSeconds", "earlySeconds"]
    assert [line[6:8] for line in lines] == [["exact", "exact"], ["exact", "exact"], ["exact", ""]]
    assert [line[1] for line in lines] == ["Ann", "Ann", "'=Bob"]
    assert (lines[0][2], lines[0][5], lines[2][4]) == ("u1", "1500", "")


def test_who_was_there_for_long_enough_is_marked(owner: ApiClient, report: Meeting) -> None:
    assert report.start_time is not None
    Meeting.objects.update(end_time=report.start_time + 50 * MINUTE)
    path = f"/session/{report.meeting_link}/attendance"
    ann, bob = owner.get(f"{path}?minPresence=0.5").json()
    assert (ann["presence"], ann["isPresentEnough"]) == (0.5, True)
    assert (bob["presence"], bob["isPresentEnough"], bob["totalSeconds"]) == (0.0, False, 0)
    assert bob["intervals"][0]["left"]["certainty"] == "assumed"
    assert [one["isPresentEnough"] for one in owner.get(f"{path}?minPresence=0.51").json()] == [False, False]
    lines = list(csv.reader(io.StringIO(owner.get(f"{path}?minPresence=.5", accept="text/csv").content.decode())))
    assert [line[9] for line in lines[1:]] == ["true", "true", "false"]


@pytest.mark.parametrize("value", ["", "0", "0.0", "1.1", "-0.5", "2", "85%", "nan", "1e-1", ".", "0,85", "٠.٨"])
def test_shares_that_are_none(owner: ApiClient, meeting: Meeting, value: str) -> None:
    answer = owner.get(f"/session/{meeting.meeting_link}/attendance?minPresence={quote(value)}")
    message = "minPresence must be a number above 0 and up to 1, as in 0.85."
    refused(answer, 400, "INVALID_PARAMETER_VALUE", message, "minPresence")


def test_late_and_early_against_the_schedule(owner: ApiClient, report: Meeting) -> None:
    assert report.start_time is not None
    Meeting.objects.update(is_scheduled=True, schedule_time=report.start_time - 5 * MINUTE, duration=60)
    ann, bob = owner.get(f"/session/{report.meeting_link}/attendance").json()
    assert (ann["lateSeconds"], ann["earlySeconds"], ann["presence"]) == (300, 15 * 60, round(25 / 60, 4))
    assert (bob["lateSeconds"], bob["earlySeconds"]) == (55 * 60, None)


@pytest.mark.parametrize(("gap", "stays"), [(60, 2), (15 * 60 - 1, 2), (15 * 60, 1)])
def test_who_is_back_soon_was_never_away(
    owner: ApiClient, report: Meeting, settings: Any, gap: int, stays: int
) -> None:
    settings.VIDEOCONF = settings.VIDEOCONF | {"MERGE_GAP": gap}
    ann, _ = owner.get(f"/session/{report.meeting_link}/attendance").json()
    assert (len(ann["intervals"]), ann["totalSeconds"]) == (stays, (25 if stays == 2 else 40) * 60)


@pytest.mark.parametrize(
    ("accept", "is_csv"),
    [
        ("text/csv", True),
        ("text/csv, */*", True),
        ("text/csv;q=0.5, application/json", False),
        ("application/json, text/csv;q=0.9", False),
        ("text/csv;q=0.5, */*;q=0.1", True),
        ("text/csv;q=0", False),
        ("*/*", False),
        ("text/*", False),
        ("text/plain", False),
    ],
)
def test_csv_is_for_those_who_name_it(owner: ApiClient, meeting: Meeting, accept: str, is_csv: bool) -> None:
    answer = owner.get(f"/session/{meeting.meeting_link}/attendance", accept=accept)
    assert answer["Content-Type"].startswith("text/csv" if is_csv else "application/json")


# --- moderation -----------------------------------------------------------------------------------------------


@pytest.fixture
def ann(new_meeting: NewMeeting, memory: MemoryProvider) -> Attendee:
    meeting = new_meeting(provider="memory")
    attendee: Attendee = AttendeeFactory.create(meeting=meeting, attendee="Ann")
    ConnectionFactory.create(attendee=attendee, connection_id="open")
    ConnectionFactory.create(attendee=attendee, connection_id="closed", closed=True)
    return attendee


def test_remove_puts_out_and_says_who_did_it(member: Member, ann: Attendee, memory: MemoryProvider) -> None:
    path = f"/session/{ann.meeting.meeting_link}/attendees/{ann.pk}/remove"
    for _ in range(2):
        answer = member("ModerateMeeting", id="warden").post(path)
        assert (answer.status_code, answer.content) == (204, b"")
    assert set(memory.removed) == {"open"}
    ann.refresh_from_db()
    assert ann.removed_by == "warden"
    assert ann.removed_on is not None


def test_mute_one_and_all(owner: ApiClient, ann: Attendee, memory: MemoryProvider) -> None:
    base = f"/session/{ann.meeting.meeting_link}"
    ConnectionFactory.create(attendee=AttendeeFactory.create(meeting=ann.meeting), connection_id="other")
    assert owner.post(f"{base}/attendees/{ann.pk}/mute").status_code == 204
    assert memory.muted == ["open"]
    assert owner.post(f"{base}/mute").status_code == 204
    assert sorted(memory.muted) == ["open", "open", "other"]


@pytest.mark.parametrize("tail", ["remove", "mute"])
@pytest.mark.parametrize("attendee_id", ["0", "999999", "x", "-1", "9" * 30, "１", "1.0"])
def test_an_unknown_attendee(owner: ApiClient, meeting: Meeting, tail: str, attendee_id: str) -> None:
    answer = owner.post(f"/session/{meeting.meeting_link}/attendees/{attendee_id}/{tail}")
    refused(answer, 404, "attendee_not_found", "Attendee Not Found")


@pytest.mark.parametrize("tail", ["remove", "mute"])
def test_an_attendee_of_another_meeting_is_unknown(
    owner: ApiClient, meeting: Meeting, ann: Attendee, tail: str
) -> None:
    answer = owner.post(f"/session/{meeting.meeting_link}/attendees/{ann.pk}/{tail}")
    refused(answer, 404, "attendee_not_found", "Attendee Not Found")


def moderations(ann: Attendee) -> list[str]:
    base = f"/session/{ann.meeting.meeting_link}"
    return [f"{base}/attendees/{ann.pk}/remove", f"{base}/attendees/{ann.pk}/mute", f"{base}/mute"]


def test_nobody_can_be_moderated_in_a_meeting_that_has_ended(owner: ApiClient, ann: Attendee) -> None:
    Meeting.objects.update(end_time=timezone.now())
    for path in moderations(ann):
        refused(owner.post(path), 409, "meeting_ended", "This meeting has ended; nobody is in it.")


def test_provider_trouble_removes_nobody(owner: ApiClient, ann: Attendee, memory: MemoryProvider) -> None:
    memory.fail_with = ProviderUnavailable("down")
    for path in moderations(ann):
        assert error_of(owner.post(path), 503)["code"] == "provider_unavailable"
    ann.refresh_from_db()
    assert ann.removed_on is None


def test_a_provider_that_cannot_moderate_says_so(owner: ApiClient, settings: Any) -> None:
    backend = {"BACKEND": "meetings.providers.memory.MemoryProvider", "OPTIONS": {"MODERATION": False}}
    settings.VIDEOCONF_PROVIDERS = settings.VIDEOCONF_PROVIDERS | {"bare": backend}
    ann = AttendeeFactory.create(meeting=MeetingFactory.create(provider="bare"))
    for path in moderations(ann):
        error = error_of(owner.post(path), 400)
        assert error["code"] == "feature_not_available"
        assert error["message"].endswith("this feature is not available for this provider")
