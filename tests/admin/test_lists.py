"""The lists: pages by cursor, search, filters, and what they cost."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.db.models import Model
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from archives.models import Archive, StorageTarget
from meetings.facts import JOINED
from meetings.models import AttendanceFact, Attendee, Connection, Meeting, WebhookDelivery
from tests.admin.pages import AdminClient, address, rows_of
from tests.factories import (
    ArchiveFactory,
    AttendeeFactory,
    ConnectionFactory,
    MeetingFactory,
    StorageTargetFactory,
    WebhookDeliveryFactory,
)

LISTS = (Meeting, Attendee, Connection, WebhookDelivery, AttendanceFact, Archive, StorageTarget)


def make(model: type[Model], number: int) -> None:
    """Make rows, each with a meeting of its own where it has one."""
    for _ in range(number):
        if model is AttendanceFact:
            meeting = MeetingFactory.create()
            AttendanceFact.objects.create(
                meeting=meeting, kind=JOINED, at=timezone.now(), source="webhook", fact_key=meeting.session_id
            )
        elif model is WebhookDelivery:
            WebhookDeliveryFactory.create(meeting=MeetingFactory.create())
        else:
            factories: dict[type[Model], Any] = {
                Meeting: MeetingFactory,
                Attendee: AttendeeFactory,
                Connection: ConnectionFactory,
                Archive: ArchiveFactory,
                StorageTarget: StorageTargetFactory,
            }
            factories[model].create()


def statements(client: AdminClient, path: str) -> list[str]:
    with CaptureQueriesContext(
        connection,
    ) as captured:
        client.page(path)
    return [query["sql"] for query in captured.captured_queries]


@pytest.mark.parametrize("model", LISTS)
def test_list_costs_the_same_for_three_rows_and_thirty(chief: AdminClient, model: type[Model]) -> None:
    chief.page(address(model))  # content types are cached from here on
    make(model, 3)
    few = statements(chief, address(model))
    make(model, 27)
    many = statements(chief, address(model))

    assert len(rows_of(chief.page(address(model)))) == 30
    assert len(few) == len(many) == 3  # session, user, rows


@pytest.mark.parametrize("query", ["", "?q=Meeting", "?state=open", "?tenant=a", "?deleted=yes&provider=webrtc"])
def test_meeting_list_counts_nothing_and_asks_for_no_distinct_values(chief: AdminClient, query: str) -> None:
    make(Meeting, 3)

    for statement in statements(chief, address(Meeting) + query):
        assert "COUNT(" not in statement.upper()
        assert "DISTINCT" not in statement.upper()


def test_list_reads_no_large_columns(chief: AdminClient) -> None:
    make(WebhookDelivery, 1)

    [rows] = [text for text in statements(chief, address(WebhookDelivery)) if 'FROM "videoconf_meetings_web' in text]

    assert '"body"' not in rows


def test_pages_lead_to_older_rows_and_back(chief: AdminClient) -> None:
    made = MeetingFactory.create_batch(120)
    newest_first = [str(meeting) for meeting in reversed(made)]

    def follow(page: str, label: str) -> str:
        link = re.search(rf'<a href="(\?[^"]*)"[^>]*>[^<]*{label}', page)
        assert link is not None
        return chief.page(address(Meeting) + link.group(1).replace("&amp;", "&"))

    first = chief.page(address(Meeting))
    second = follow(first, "Older")
    third = follow(second, "Older")

    titles = [re.match(r"Meeting \d+", row).group() for page in (first, second, third) for row in rows_of(page)]  # type: ignore[union-attr]
    assert titles == newest_first
    assert "Newer" not in first
    assert "Older" not in third
    assert rows_of(follow(third, "Newer")) == rows_of(second)
    assert rows_of(follow(second, "Newer")) == rows_of(first)


def test_page_keeps_the_filters_and_a_new_filter_starts_at_the_first_page(chief: AdminClient) -> None:
    MeetingFactory.create_batch(60, tenant="a")
    MeetingFactory.create_batch(5, tenant="b")

    page = chief.page(f"{address(Meeting)}?tenant=a&state=open")

    assert len(rows_of(page)) == 50
    older = re.search(r'href="(\?[^"]*p=\d+[^"]*)"', page)
    assert older is not None
    rest = chief.page(address(Meeting) + older.group(1).replace("&amp;", "&"))
    assert len(rows_of(rest)) == 10
    assert not re.search(r'href="\?[^"]*p=\d+[^"]*state=(active|ended)', rest)


@pytest.mark.parametrize("cursor", ["0", "-0", "x", "9" * 25, "-" + "9" * 25, "1e3"])
def test_cursor_that_is_none_shows_the_first_page(chief: AdminClient, cursor: str) -> None:
    make(Meeting, 2)

    assert len(rows_of(chief.page(f"{address(Meeting)}?p={cursor}"))) == 2


def test_order_can_not_be_asked_for(chief: AdminClient) -> None:
    MeetingFactory.create(title="B")
    MeetingFactory.create(title="A")

    rows = rows_of(chief.page(f"{address(Meeting)}?o=2"))

    assert [row[0] for row in rows] == ["A", "B"]


# --- search -----------------------------------------------------------------------------------------------------


def test_meetings_are_found_by_exact_ids_and_by_the_beginning_of_a_title(chief: AdminClient) -> None:
    wanted = MeetingFactory.create(title="Ward round of Monday", ext_id="ward-7", session_id="rtc_wanted")
    MeetingFactory.create(title="The ward round", ext_id="ward-77")

    for text in (wanted.meeting_link, "rtc_wanted", "ward-7", "ward ROUND", "  ward-7  "):
        [row] = rows_of(chief.page(f"{address(Meeting)}?q={text}"))
        assert row.startswith("Ward round of Monday")
    assert rows_of(chief.page(f"{address(Meeting)}?q=wanted")) == []


def test_search_for_nothing_that_a_database_can_hold_finds_nothing_bad(chief: AdminClient) -> None:
    for text in ("%00", "%25", "_", "%27%22", "x" * 2000):
        chief.page(f"{address(Meeting)}?q={text}")
        chief.page(f"{address(Attendee)}?q={text}")


def test_attendees_are_found_by_name_external_id_and_meeting(chief: AdminClient) -> None:
    wanted = AttendeeFactory.create(attendee="Ada Lovelace", ext_id="nurse-7")
    AttendeeFactory.create(attendee="Ada", ext_id="nurse-77")

    for text in ("Ada Lovelace", "nurse-7", wanted.meeting.meeting_link, wanted.meeting.session_id):
        [row] = rows_of(chief.page(f"{address(Attendee)}?q={text}"))
        assert row.startswith("Ada Lovelace")
    assert rows_of(chief.page(f"{address(Attendee)}?q=Lovelace")) == []


@pytest.mark.parametrize("model", [Connection, WebhookDelivery, AttendanceFact, Archive])
def test_rows_are_found_by_their_meeting(chief: AdminClient, model: Any) -> None:
    make(model, 3)
    meeting = model.objects.order_by("pk")[1].meeting

    for text in (f"?q={meeting.meeting_link}", f"?q={meeting.session_id}", f"?meeting={meeting.meeting_link}"):
        assert len(rows_of(chief.page(address(model) + text))) == 1
    assert rows_of(chief.page(f"{address(model)}?meeting=nowhere")) == []


# --- filters ----------------------------------------------------------------------------------------------------


def titles(client: AdminClient, query: str) -> set[str]:
    return {row.split()[0] for row in rows_of(client.page(f"{address(Meeting)}?{query}"))}


def test_states_are_told_apart(chief: AdminClient) -> None:
    MeetingFactory.create(title="Open")
    MeetingFactory.create(title="Scheduled", scheduled=True)
    MeetingFactory.create(title="Active", active=True)
    MeetingFactory.create(title="Ended", ended=True)

    for state in ("open", "scheduled", "active", "ended"):
        assert titles(chief, f"state={state}") == {state.capitalize()}
        [row] = rows_of(chief.page(f"{address(Meeting)}?state={state}"))
        assert row.count(state.capitalize()) == 2


def test_tenants_are_filtered_by_typing_them(chief: AdminClient) -> None:
    MeetingFactory.create(title="North", tenant="north")
    MeetingFactory.create(title="Nobody")

    assert titles(chief, "tenant=north") == {"North"}
    assert titles(chief, "tenant=") == {"North", "Nobody"}
    assert titles(chief, "tenant_empty=1") == {"Nobody"}
    page = chief.page(f"{address(Meeting)}?tenant=north&state=open&q=No")
    form = re.search(r'<form method="get" class="videoconf-filter">(.*?)</form>', page, re.DOTALL)
    assert form is not None
    assert 'name="state" value="open"' in form.group(1)
    assert 'name="q" value="No"' in form.group(1)
    assert 'value="north"' in form.group(1)


def test_days_are_inclusive_in_the_time_zone_of_the_page(chief: AdminClient, settings: Any) -> None:
    settings.TIME_ZONE = "Pacific/Auckland"
    day = datetime(2030, 5, 4, 12, tzinfo=UTC)  # midnight in Auckland, the 5th
    MeetingFactory.create(title="Before", created_on=day - timedelta(seconds=1))
    MeetingFactory.create(title="First", created_on=day)
    MeetingFactory.create(title="Last", created_on=day + timedelta(hours=24, seconds=-1))
    MeetingFactory.create(title="After", created_on=day + timedelta(hours=24))

    assert titles(chief, "created_from=2030-05-05&created_to=2030-05-05") == {"First", "Last"}
    assert titles(chief, "created_from=2030-05-05") == {"First", "Last", "After"}
    assert titles(chief, "created_to=2030-05-05") == {"Before", "First", "Last"}


def test_schedule_times_are_filtered_from_and_to(chief: AdminClient) -> None:
    MeetingFactory.create(title="May", is_scheduled=True, schedule_time=datetime(2030, 5, 5, 9, tzinfo=UTC))
    MeetingFactory.create(title="June", is_scheduled=True, schedule_time=datetime(2030, 6, 5, 9, tzinfo=UTC))
    MeetingFactory.create(title="Never")

    assert titles(chief, "from=2030-05-05&to=2030-05-31") == {"May"}


@pytest.mark.parametrize(
    "query",
    ["created_from=yesterday", "created_to=9999-12-31", "from=0001-01-01", "to=2030-02-30", "tenant=%00", "state=no"],
)
def test_filter_that_makes_no_sense_leads_back_to_the_whole_list(chief: AdminClient, query: str) -> None:
    response = chief.get(f"{address(Meeting)}?{query}", follow=True)

    assert response.status_code == 200


def test_deleted_meetings_are_shown_when_asked_for(chief: AdminClient) -> None:
    MeetingFactory.create(title="Here")
    MeetingFactory.create(title="Gone").soft_delete("someone")

    assert titles(chief, "") == {"Here"}
    assert titles(chief, "deleted=yes") == {"Gone"}


def test_meetings_that_owe_a_disconnect_are_found(chief: AdminClient) -> None:
    MeetingFactory.create(title="Quiet", ended=True)
    MeetingFactory.create(title="Owing", ended=True, disconnect_due_at=timezone.now())

    assert titles(chief, "disconnect=owed") == {"Owing"}
    assert "people not put out yet" in chief.page(f"{address(Meeting)}?disconnect=owed")


def test_presence_and_open_connections_are_filtered(chief: AdminClient) -> None:
    ConnectionFactory.create(attendee__attendee="Ada", connection_id="open")
    ConnectionFactory.create(attendee__attendee="Grace", attendee__gone=True, closed=True, connection_id="closed")

    assert [row.split()[0] for row in rows_of(chief.page(f"{address(Attendee)}?here=yes"))] == ["Ada"]
    assert [row.split()[0] for row in rows_of(chief.page(f"{address(Attendee)}?here=no"))] == ["Grace"]
    assert [row.split()[0] for row in rows_of(chief.page(f"{address(Connection)}?open=yes"))] == ["open"]
    assert [row.split()[0] for row in rows_of(chief.page(f"{address(Connection)}?open=no"))] == ["closed"]


def test_lookup_of_ones_own_making_is_refused(chief: AdminClient) -> None:
    assert chief.get(f"{address(Meeting)}?title__icontains=a").status_code == 400
    assert chief.get(f"{address(Attendee)}?meeting__session_id__contains=a").status_code == 400
