"""Attendees of the original: shown as they were, and still right once events come in here."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from meetings import attendance
from meetings.models import AttendanceFact, Attendee, Connection, Meeting, WebhookDelivery
from meetings.sourceloop.attendees import person_of
from meetings.sourceloop.rows import read_attendee
from meetings.sourceloop.source import opened
from tests.callers import ApiClient
from tests.factories import MeetingFactory
from tests.servers import database_url
from tests.sourceloop.original import ATTENDEES, SESSIONS, Original, Report, counts_of, payload_of
from tests.webhooks.senders import SECRET, connected, post

pytestmark = pytest.mark.postgres
FIRST, LAST = datetime(2024, 5, 1, 10, 0, 0, 123456, tzinfo=UTC), datetime(2024, 5, 1, 11, 0, 0, tzinfo=UTC)
ADDRESS = "/webhooks/opentok"


def ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def shown(owner: ApiClient, query: str = "", link: str = "link-one") -> list[dict[str, Any]]:
    """Return GET attendees of the meeting, without our ids."""
    answer = owner.get(f"/session/{link}/attendees{query}")
    assert answer.status_code == 200
    return [{name: value for name, value in row.items() if name != "id"} for row in answer.json()]


def send(event: dict[str, Any]) -> None:
    assert post(event, secret=SECRET, address=ADDRESS).status_code == 200


def presence_rows() -> list[dict[str, Any]]:
    models: tuple[Any, ...] = (Attendee, Connection, AttendanceFact)
    return [row for model in models for row in model.objects.order_by("pk").values()]


def outcome(report: Report) -> dict[str, Any]:
    return counts_of(report[ATTENDEES])


ROWS: dict[str, dict[str, Any]] = {
    "bare": {},
    "there": {"modified_on": LAST, "ext_metadata": payload_of("2_one", "c1", "Ann", at=ms(FIRST) - 300)},
    "gone": {
        "modified_on": LAST,
        "is_deleted": True,
        "ext_metadata": payload_of(
            "2_one", "c1", "", "connectionDestroyed", ms(LAST) - 400, reason="clientDisconnected"
        ),
    },
    "back on another connection": {
        "modified_on": LAST,
        "ext_metadata": payload_of("2_one", "c2", "Ann", at=ms(LAST) - 1000),
    },
    "gone by a stream": {
        "modified_on": LAST,
        "is_deleted": True,
        "ext_metadata": {
            "webhookPayload": {
                "event": "streamDestroyed",
                "timestamp": ms(LAST),
                "stream": {"id": "s", "connection": {"id": "c3", "createdAt": ms(FIRST), "data": "Ann"}},
            }
        },
    },
    "gone without a time": {"is_deleted": True},
    "with more than the event": {"ext_id": "x1", "ext_metadata": {"note": [1], "webhookPayload": {"event": "e"}}},
    "with metadata of another kind": {"ext_metadata": {"webhookPayload": "text", "a": 1}},
    "with an odd connection": {"ext_metadata": {"webhookPayload": {"connection": {"id": 7, "createdAt": "x"}}}},
    "with another's connection": {"ext_metadata": payload_of("2_one", "c9", "Bob")},
    "without a name": {"name": "", "modified_on": LAST, "ext_metadata": payload_of("2_one", "c1", "", at=ms(LAST))},
    "changed before it was made": {"modified_on": FIRST - timedelta(hours=1), "is_deleted": True},
}


def add_rows(original: Original) -> None:
    """Add each of `ROWS`, in a session of its own: `2_<what it is>`, link `link-<number>`."""
    for number, (what, row) in enumerate(ROWS.items()):
        original.session(what, meeting_link=f"link-{number}")
        original.attendee(session=what, created_on=FIRST, **{"name": "Ann"} | row)


def test_attendees_are_shown_as_in_the_original(original: Original, owner: ApiClient) -> None:
    add_rows(original)

    assert outcome(original.move("--provider", "memory")) == {"created": len(ROWS)}

    for number, (what, row) in enumerate(ROWS.items()):
        modified_on = row.get("modified_on")
        (attendee,) = shown(owner, link=f"link-{number}")
        assert attendee == {
            "sessionId": f"2_{what}",
            "attendee": row.get("name", "Ann"),
            "createdOn": "2024-05-01T10:00:00.123Z",
            "modifiedOn": modified_on and modified_on.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "isDeleted": row.get("is_deleted", False),
            "extId": row.get("ext_id"),
            "extMetadata": row.get("ext_metadata"),
        }
        assert shown(owner, "?active=true", f"link-{number}") == ([] if row.get("is_deleted") else [attendee])


def test_later_projection_tells_the_same(original: Original, owner: ApiClient) -> None:
    """Everything shown follows from the facts, but for what no fact tells: that nothing has changed since."""
    add_rows(original)
    original.move()
    links = [f"link-{number}" for number in range(len(ROWS))]
    before = [shown(owner, link=link)[0] | {"modifiedOn": ""} for link in links]

    for meeting in Meeting.objects.all():
        attendance._project(meeting, list(meeting.connections.values_list("connection_id", flat=True)))

    assert [shown(owner, link=link)[0] | {"modifiedOn": ""} for link in links] == before


def test_bulk_way_and_record_give_the_same_rows(original: Original) -> None:
    add_rows(original)
    original.move()

    with opened(url=database_url(), alias=None, schema=original.schema, timeout=10) as source:
        (pairs,) = source.attendees(100)
    for raw, _ in pairs:
        row = read_attendee(raw)
        bulk = Meeting.objects.get(session_id=row.session_id)
        one_by_one = MeetingFactory.create()
        attendance.record(one_by_one, person_of(row, one_by_one).facts, source="import")
        assert stored_of(bulk) == stored_of(one_by_one), row


def stored_of(meeting: Meeting) -> list[set[Any]]:
    """Return what is stored about presence, but for what `record` can't know: that nothing has changed since."""
    told = meeting.facts.values_list("fact_key", "source", "connection_id", "at", "kind")
    stays = meeting.connections.values_list(
        "connection_id", "attendee__identity", "name", "joined_at", "left_at", "reason", "role"
    )
    people = meeting.attendees.values_list("identity", "attendee", "is_deleted", "ext_id")
    return [set(told), set(stays), set(people)]


@pytest.mark.parametrize("options", [[], ["--batch-size", "1"], ["--from-database", "default"]])
def test_second_run_changes_nothing(any_original: Original, options: list[str]) -> None:
    add_rows(any_original)
    any_original.move(*options)
    before = presence_rows()

    again = outcome(any_original.move(*options))

    assert again == {"unchanged": len(ROWS)}
    assert presence_rows() == before


class TestEventsAfterwards:
    @pytest.fixture(autouse=True)
    def _imported(self, original: Original, opentok: str) -> None:
        original.session()
        original.attendee("Ann", created_on=FIRST, ext_id="x1", ext_metadata=payload_of("2_one", "c1", "Ann"))
        original.move()

    def test_end_of_the_connection_ends_the_imported_stay(self, owner: ApiClient) -> None:
        end = connected("2_one", "c1", "") | {"event": "connectionDestroyed", "reason": "clientDisconnected"}
        send(end)

        (ann,) = shown(owner)
        assert (ann["attendee"], ann["isDeleted"], ann["extId"]) == ("Ann", True, "x1")
        assert ann["createdOn"] == "2024-05-01T10:00:00.123Z"
        assert ann["extMetadata"] == {"webhookPayload": end}

    def test_end_of_an_older_tab_does_not(self, owner: ApiClient) -> None:
        send(connected("2_one", "c0", "Ann") | {"event": "connectionDestroyed"})

        (ann,) = shown(owner, "?active=true")
        assert ann["attendee"] == "Ann"

    def test_second_tab_is_the_same_person(self, owner: ApiClient) -> None:
        send(connected("2_one", "c2", "Ann"))
        send(connected("2_one", "c2", "") | {"event": "connectionDestroyed"})

        (ann,) = shown(owner, "?active=true")
        assert (ann["attendee"], ann["createdOn"]) == ("Ann", "2024-05-01T10:00:00.123Z")

    def test_end_of_the_session_ends_every_stay(self, original: Original, owner: ApiClient) -> None:
        original.attendee("Bea", created_on=FIRST)
        original.move()
        send({"event": "sessionDestroyed", "sessionId": "2_one", "timestamp": ms(datetime.now(UTC))})

        assert [row["isDeleted"] for row in shown(owner)] == [True, True]

    def test_copy_of_the_imported_event_changes_nothing_but_the_moment(self, owner: ApiClient) -> None:
        (before,) = shown(owner)
        send(payload_of("2_one", "c1", "Ann")["webhookPayload"])

        (after,) = shown(owner)
        assert {name: after[name] for name in ("attendee", "isDeleted", "extId", "extMetadata")} == {
            name: before[name] for name in ("attendee", "isDeleted", "extId", "extMetadata")
        }

    def test_stranger_is_another_person(self, owner: ApiClient) -> None:
        send(connected("2_one", "c5", "Bob"))

        assert [row["attendee"] for row in shown(owner, "?active=true")] == ["Ann", "Bob"]

    def test_once_she_was_seen_here_the_original_can_not_change_her(self, original: Original, owner: ApiClient) -> None:
        send(connected("2_one", "c2", "Ann"))
        before = shown(owner)
        (row,) = original.execute("SELECT id FROM {schema}.session_attendees")[0]
        original.change(ATTENDEES, row, is_deleted=True)

        for _ in range(2):
            assert outcome(original.move()) == {"skipped": {"changed_here": [str(row)]}}
        assert shown(owner) == before


class TestChangesInTheOriginal:
    @pytest.fixture
    def row(self, original: Original) -> int:
        original.session()
        row = original.attendee(created_on=FIRST, ext_metadata=payload_of("2_one", "c1", "Ann"))
        original.move()
        return row

    def test_leaving_is_brought(self, original: Original, owner: ApiClient, row: int) -> None:
        end = payload_of("2_one", "c1", "", "connectionDestroyed", ms(LAST), since=ms(FIRST))
        original.change(ATTENDEES, row, is_deleted=True, modified_on=LAST, ext_metadata=end)

        assert outcome(original.move()) == {"updated": 1}
        (ann,) = shown(owner)
        assert (ann["isDeleted"], ann["modifiedOn"], ann["extMetadata"]) == (True, "2024-05-01T11:00:00.000Z", end)
        assert Connection.objects.get().left_at == LAST
        assert outcome(original.move()) == {"unchanged": 1}

    def test_coming_back_on_another_connection_ends_the_first(
        self, original: Original, owner: ApiClient, row: int
    ) -> None:
        back = payload_of("2_one", "c2", "Ann", at=ms(LAST) - 60_000)
        original.change(ATTENDEES, row, modified_on=LAST, ext_metadata=back)
        original.move()

        assert shown(owner, "?active=true")[0]["extMetadata"] == back
        present = Connection.objects.present()
        assert [(stay.connection_id, stay.joined_at) for stay in present] == [("c2", LAST - timedelta(minutes=1))]

        end = payload_of("2_one", "c2", "", "connectionDestroyed", ms(LAST) + 60_000, since=ms(LAST) - 60_000)
        later = LAST + timedelta(minutes=2)
        original.change(ATTENDEES, row, is_deleted=True, modified_on=later, ext_metadata=end)

        assert outcome(original.move()) == {"updated": 1}
        assert shown(owner)[0]["isDeleted"] is True
        assert not Connection.objects.present().exists()
        assert outcome(original.move()) == {"unchanged": 1}

    def test_touch_by_a_stream_is_brought(self, original: Original, owner: ApiClient, row: int) -> None:
        touched = payload_of("2_one", "c1", "Ann", "streamCreated", ms(LAST))
        original.change(ATTENDEES, row, modified_on=LAST, ext_metadata=touched)

        assert outcome(original.move()) == {"updated": 1}
        (ann,) = shown(owner, "?active=true")
        assert (ann["modifiedOn"], ann["extMetadata"]) == ("2024-05-01T11:00:00.000Z", touched)

    def test_opened_again_by_a_late_event_is_shown_so(self, original: Original, owner: ApiClient, row: int) -> None:
        original.change(ATTENDEES, row, is_deleted=True, modified_on=LAST)
        original.move()
        original.change(ATTENDEES, row, is_deleted=False, modified_on=LAST + timedelta(minutes=1))

        assert outcome(original.move()) == {"updated": 1}
        assert shown(owner)[0]["isDeleted"] is False
        assert outcome(original.move()) == {"unchanged": 1}


class TestMixedUpRows:
    @pytest.mark.parametrize("size", ["1", "100"])
    def test_rows_of_one_name_are_one_person_who_is_there_while_one_of_them_is(
        self, original: Original, owner: ApiClient, size: str
    ) -> None:
        original.session()
        original.attendee(created_on=FIRST, is_deleted=True, ext_metadata=payload_of("2_one", "c1", "Ann"))
        second = original.attendee(created_on=LAST, ext_metadata=payload_of("2_one", "c2", "Ann"))

        assert outcome(original.move("--batch-size", size)) == {"created": 2}
        (ann,) = shown(owner)
        assert (ann["isDeleted"], ann["createdOn"]) == (False, "2024-05-01T10:00:00.123Z")
        assert outcome(original.move("--batch-size", size)) == {"unchanged": 2}

        original.change(ATTENDEES, second, is_deleted=True)
        assert outcome(original.move("--batch-size", size)) == {"updated": 1, "unchanged": 1}
        assert [row["isDeleted"] for row in shown(owner)] == [True]

    @pytest.mark.parametrize("size", ["1", "100"])
    def test_rows_that_name_one_connection_are_two_people(
        self, original: Original, owner: ApiClient, size: str
    ) -> None:
        original.session()
        for name in ("Ann", "Bob"):
            original.attendee(name, ext_metadata={"webhookPayload": {"connection": {"id": "c"}}})

        assert outcome(original.move("--batch-size", size)) == {"created": 2}
        assert [row["attendee"] for row in shown(owner, "?active=true")] == ["Ann", "Bob"]
        assert outcome(original.move("--batch-size", size)) == {"unchanged": 2}

    def test_connection_that_no_event_names_looks_like_one_of_vonage_s(self, original: Original) -> None:
        original.session()
        original.attendee()
        original.move()

        assert UUID(Connection.objects.get().connection_id)

    def test_row_without_a_name_is_a_person(self, original: Original, owner: ApiClient) -> None:
        original.session()
        original.attendee("", created_on=FIRST, ext_metadata=payload_of("2_one", "c1", ""))

        assert outcome(original.move()) == {"created": 1}
        assert shown(owner)[0]["attendee"] == ""

    def test_long_name_is_cut_as_in_an_event(self, original: Original, owner: ApiClient, opentok: str) -> None:
        name = "ß" * 700
        original.session()
        original.attendee(name, ext_metadata=payload_of("2_one", "c1", name))
        original.move()

        send(connected("2_one", "c2", name))

        assert [row["attendee"] for row in shown(owner)] == ["ß" * 500]

    @pytest.mark.parametrize(
        ("reason", "values"),
        [
            ("text_too_long", {"ext_id": "x" * 256}),
            ("session_id_missing", {"session_id": ""}),
            ("ext_metadata_not_an_object", {"ext_metadata": "[1]"}),
            ("ext_metadata_unstorable", {"ext_metadata": "[" * 70 + "]" * 70}),
            ("time_unreadable", {"modified_on": "infinity"}),
            ("no_such_session", {"session_id": "2_nowhere"}),
            ("text_too_long", {"session_id": "x" * 300}),
        ],
    )
    def test_broken_row_is_reported_and_left_out(self, original: Original, reason: str, values: dict[str, Any]) -> None:
        original.session()
        original.attendee("Ann")
        broken = original.attendee("Broken", **values)
        original.attendee("Bea")

        assert outcome(original.move()) == {"created": 2, "skipped": {reason: [str(broken)]}}
        assert list(Attendee.objects.order_by("pk").values_list("attendee", flat=True)) == ["Ann", "Bea"]

    def test_attendees_of_a_session_that_was_skipped_are_too(self, original: Original) -> None:
        original.session(meeting_link=None)
        row = original.attendee()

        assert outcome(original.move()) == {"skipped": {"session_skipped": [str(row)]}}


class TestEventsBefore:
    def test_that_waited_for_their_meeting_are_applied(
        self, original: Original, owner: ApiClient, opentok: str
    ) -> None:
        send(connected("2_one", "c1", "") | {"event": "connectionDestroyed"})
        send(connected("2_one", "c7", "Eve"))
        original.session()
        original.attendee("Ann", created_on=FIRST, ext_metadata=payload_of("2_one", "c1", "Ann"))

        original.move()

        assert [(row["attendee"], row["isDeleted"]) for row in shown(owner)] == [("Ann", True), ("Eve", False)]
        assert set(WebhookDelivery.objects.values_list("verdict", flat=True)) == {"applied"}

    def test_that_found_their_meeting_are_merged_with_what_is_imported_then(
        self, original: Original, owner: ApiClient, opentok: str
    ) -> None:
        original.session()
        original.move()
        send(connected("2_one", "c1", "Ann"))
        send(connected("2_one", "c1", "") | {"event": "connectionDestroyed"})
        original.attendee("Ann", created_on=FIRST, ext_metadata=payload_of("2_one", "c1", "Ann"))

        assert outcome(original.move()) == {"created": 1}
        (ann,) = shown(owner)
        assert (ann["isDeleted"], ann["createdOn"]) == (True, "2024-05-01T10:00:00.123Z")
        assert outcome(original.move()) == {"unchanged": 1}

    def test_end_of_the_session_that_came_first_ends_what_is_imported_then(
        self, original: Original, owner: ApiClient, opentok: str
    ) -> None:
        original.session()
        original.move()
        send({"event": "sessionDestroyed", "sessionId": "2_one", "timestamp": ms(datetime.now(UTC))})
        original.attendee("Ann", created_on=FIRST)

        original.move()

        assert shown(owner)[0]["isDeleted"] is True


def test_meeting_of_a_thousand_attendees_is_asked_about_by_itself(original: Original) -> None:
    original.session()
    original.session("two")
    original.execute(
        "INSERT INTO {schema}.session_attendees (session_id, attendee) "
        "SELECT CASE WHEN n % 10 = 0 THEN '2_two' ELSE '2_one' END, 'Person ' || n FROM generate_series(1, 1000) n"
    )

    assert outcome(original.move("--batch-size", "300")) == {"created": 1000}
    assert outcome(original.move("--batch-size", "300")) == {"unchanged": 1000}
    assert Meeting.objects.get(session_id="2_two").attendees.count() == 100
    assert counts_of(original.move()[SESSIONS]) == {"unchanged": 2}
