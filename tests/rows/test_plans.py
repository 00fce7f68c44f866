"""Every query that an endpoint, a socket, the worker or an admin list runs has its index, and reads few rows.

The queries are the ones that really ran: each operation is called, and what it sent to PostgreSQL is planned again.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from meetings import attendance, intake, moderation, seats, services
from meetings.models import Attendee, Connection, Meeting, WebhookDelivery
from meetings.privacy import erasing, people, purging
from meetings.privacy.people import Person
from meetings.providers.types import Role
from meetings.providers.webrtc import tokens
from tests.callers import PERMISSIONS, ApiClient, mint
from tests.rows.large_tables import LARGE, LAST, PEOPLE, empty, fill
from tests.webhooks.senders import SECRET, archive, connected, post

pytestmark = [pytest.mark.postgres, pytest.mark.django_db]

MOST_ROWS = 2500
"""Of a large table, for one query: more than the largest page (200), and than the batches of background work."""
LINK, EARLIER = f"large{LAST - 7}", "large5003"
"""A meeting that people are in now, and one that was over long ago; both belong to the tenant of most."""
PERSON = PEOPLE * (LAST - 7)
"""Someone who is in the first."""


@pytest.fixture(scope="module", autouse=True)
def large(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    with django_db_blocker.unblock():
        fill()
    yield
    with django_db_blocker.unblock():
        empty()


def assert_indexed(work: Callable[[], Any], *, counts: bool = False) -> None:
    """Run something and plan again each query that it ran; `counts` allows a COUNT over what matches."""
    with CaptureQueriesContext(connection) as ran:
        work()
    queries = [query["sql"] for query in ran.captured_queries]
    asked = [sql for sql in queries if any(table in _text(sql) for table in LARGE)]
    assert asked, "nothing was asked of a large table"
    problems = [problem for sql in asked for problem in _problems(sql, counts=counts)]
    assert not problems, "\n".join(problems)


def _text(sql: str) -> str:
    """Return what a query says; of a prepared one, what it was prepared from."""
    if not sql.startswith("execute "):
        return sql
    with connection.cursor() as cursor:
        name = sql.removeprefix("execute ").partition("(")[0]
        cursor.execute("select statement from pg_prepared_statements where name = %s", [name])
        return str(cursor.fetchone()[0]).partition(" as ")[2]


def _problems(sql: str, *, counts: bool) -> list[str]:
    is_read = _text(sql).startswith("SELECT")
    if not is_read and not sql.startswith(("UPDATE", "DELETE")):
        return []
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON{', ANALYZE' if is_read else ''}) {sql}")
        (answer,) = cursor.fetchone()
    plan = (json.loads(answer) if isinstance(answer, str) else answer)[0]["Plan"]
    found = []
    for node in _nodes(plan):
        if node.get("Relation Name") not in LARGE:
            continue
        if node["Node Type"] == "Seq Scan":
            found.append(f"reads all of {node['Relation Name']}: {sql}")
        rows = (node.get("Actual Rows", 0) + node.get("Rows Removed by Filter", 0)) * node.get("Actual Loops", 1)
        if rows > MOST_ROWS and not (counts and "COUNT(" in sql):
            found.append(f"reads {rows:.0f} rows of {node['Relation Name']}: {sql}")
    return found


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", []):
        yield from _nodes(child)


@pytest.fixture(params=["", "t7"], ids=["most", "few"])
def caller(request: pytest.FixtureRequest, settings: Any) -> ApiClient:
    """A caller of the tenant that has most rows, and one of a tenant that has few."""
    settings.VIDEOCONF = settings.VIDEOCONF | {"TENANT_CLAIM": "tenantId"}
    return ApiClient(mint(*PERMISSIONS, tenantId=request.param))


@pytest.fixture
def owner(db: None) -> ApiClient:
    return ApiClient(mint(*PERMISSIONS))


MEETING_LISTS = [
    "",
    "count=200",
    *(f"state={state}" for state in ("scheduled", "open", "active", "ended")),
    *(f"{name}={value}" for name in ("isScheduled", "isArchived") for value in ("true", "false")),
    f"extId=ext-{LAST - 5}",
    "extId=nobody",
    f"search=large{LAST - 5}",
    f"search=rtc_large-{LAST - 5}",
    f"search=ext-{LAST - 5}",
    f"search=Title%20{str(LAST - 5)[:-1]}",
    "search=title",
    "search=nothing%20begins%20so",
    "from=2999-01-01T00:00:00Z",
    "to=2000-01-01T00:00:00Z",
    "isScheduled=true&from=2999-01-01T00:00:00Z",
    "state=scheduled&isScheduled=true",
    "state=active&isArchived=true",
    "state=ended&isScheduled=true",
]


@pytest.mark.parametrize("query", MEETING_LISTS)
def test_lists_of_meetings(caller: ApiClient, query: str) -> None:
    def walk() -> None:
        answer = caller.get(f"/session?{query}")
        assert answer.status_code == 200
        following = answer.json()["next"]
        if following:
            page = caller.get(following.removeprefix("http://testserver"))
            assert page.status_code == 200
            assert caller.get(page.json()["previous"].removeprefix("http://testserver")).status_code == 200

    assert_indexed(walk)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", f"/session/{LINK}", None),
        ("PATCH", f"/session/{LINK}", {"extId": "x"}),
        ("POST", f"/session/{LINK}/token", {"data": "Ann"}),
        ("GET", f"/session/{LINK}/attendees", None),
        ("GET", f"/session/{LINK}/attendees?active=true", None),
        ("GET", f"/session/{EARLIER}/attendees", None),
        ("GET", f"/session/{LINK}/attendance", None),
        ("POST", f"/session/{LINK}/mute", None),
        ("POST", f"/session/{LINK}/attendees/{PERSON}/mute", None),
        ("POST", f"/session/{LINK}/attendees/{PERSON}/remove", None),
        ("PATCH", f"/session/{LINK}/end", None),
        ("DELETE", f"/session/{LINK}", None),
        ("POST", "/session", {}),
        ("GET", "/archives/archive-99992", None),
        ("DELETE", "/archives/archive-99992", None),
        ("POST", "/archives/archive-99992/stop", None),
    ],
)
def test_operations(owner: ApiClient, method: str, path: str, body: Any) -> None:
    def call() -> None:
        answer = owner.send(method, path, body) if body is not None else owner.send(method, path)
        assert answer.status_code in ({409} if path.endswith("stop") else {200, 204}), answer.content

    assert_indexed(call)


def test_an_idempotent_create(owner: ApiClient) -> None:
    assert_indexed(lambda: [owner.post("/session", {}, idempotency_key="k") for _ in range(2)])


ARCHIVE_LISTS = [
    "sessionId=rtc_large-99992",
    "status=started",
    "from=2999-01-01T00:00:00Z",
    "count=10&sessionId=nobody",
]


@pytest.mark.parametrize("query", ARCHIVE_LISTS)
def test_lists_of_archives(caller: ApiClient, query: str) -> None:
    assert_indexed(lambda: caller.get(f"/archives?{query}"))


def test_the_one_count_is_over_an_index(settings: Any) -> None:
    settings.VIDEOCONF = settings.VIDEOCONF | {"TENANT_CLAIM": "tenantId"}
    few = ApiClient(mint(*PERMISSIONS, tenantId="t7"))
    assert_indexed(lambda: few.get("/archives?count=10"), counts=True)
    assert_indexed(lambda: few.get("/archives?count=10&offset=100"), counts=True)


class TestTheMeetingPage:
    def test_is_found_by_its_link(self) -> None:
        assert_indexed(lambda: Client().get(f"/meet/{LINK}"))


class TestWebhooks:
    @pytest.fixture(autouse=True)
    def signed(self, settings: Any) -> None:
        webrtc = settings.VIDEOCONF_PROVIDERS["webrtc"]
        options = webrtc["OPTIONS"] | {"WEBHOOK_SECRETS": [SECRET]}
        settings.VIDEOCONF_PROVIDERS = {"webrtc": webrtc | {"OPTIONS": options}}

    @pytest.mark.parametrize("session_id", [f"rtc_large-{LAST - 7}", "rtc_nowhere"])
    def test_session_events_and_their_copies(self, session_id: str) -> None:
        event = connected(session_id, "new")

        def deliver() -> None:
            for name in ("connectionCreated", "connectionCreated", "connectionDestroyed"):
                assert post(event | {"event": name}, secret=SECRET).status_code == 204
            assert post({"event": "sessionDestroyed", "sessionId": session_id}, secret=SECRET).status_code == 204

        assert_indexed(deliver)

    def test_archive_events(self) -> None:
        meeting = Meeting.objects.get(meeting_link=LINK)
        assert_indexed(lambda: [post(archive(meeting, status), secret=SECRET) for status in ("started", "available")])

    def test_rejected_ones_with_a_full_store(self) -> None:
        assert WebhookDelivery.objects.filter(verdict="rejected").count() == intake.REJECTED_KEPT
        assert_indexed(lambda: [post(connected(f"rtc_large-{number}")) for number in range(3)])

    def test_deliveries_that_wait_for_a_meeting(self) -> None:
        meeting = Meeting.objects.get(meeting_link=f"large{LAST - 500}")
        assert_indexed(lambda: intake.apply_waiting(meeting))


class TestSockets:
    def test_joining_beating_reloading_leaving(self) -> None:
        meeting = Meeting.objects.get(meeting_link=LINK)
        token = services.issue_token(meeting, role=Role.MODERATOR, data="Ann").value
        nameless = services.issue_token(meeting).value

        def live() -> None:
            claims = tokens.read(token, meeting.session_id)
            seat = seats.admit(meeting, claims, socket="s", name="Ann", limit=9)
            seats.admit(meeting, tokens.read(nameless, meeting.session_id), socket="n", name="N", limit=9)
            seats.beat(meeting, seat.connection_id, socket="s")
            assert seats.may_come_back(meeting, seat.connection_id)
            known = {"known_id": seat.connection_id, "limit": 9, "name": "Ann"}
            seats.admit(meeting, claims, socket="t", **known)  # type: ignore[arg-type]
            seats.admit(meeting, claims, socket="u", is_reload=True, **known)  # type: ignore[arg-type]
            moderation.remove_attendee(Attendee.objects.get(meeting=meeting, attendee="Ann"), actor="owner")
            seats.leave(meeting, seat.connection_id, socket="u")

        assert_indexed(live)

    def test_the_sweep_of_silent_connections(self) -> None:
        assert_indexed(lambda: attendance.close_silent(now=timezone.now() - timedelta(hours=1)))
        Connection.objects.filter(pk__gte=PEOPLE * LAST - 4).update(last_seen_at=timezone.now() - timedelta(minutes=1))
        assert_indexed(attendance.close_silent)


class TestTheWorker:
    def test_closing_and_disconnecting(self) -> None:
        assert_indexed(lambda: services.repeat_disconnect(50_000))
        Meeting.objects.filter(pk=LAST - 7).update(closes_at=timezone.now())
        assert_indexed(lambda: services.close_if_due(LAST - 7))


def _changelists() -> list[str]:
    ours = {"videoconf_meetings", "videoconf_archives"}
    names = [
        f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist"
        for model in admin.site._registry
        if model._meta.app_label in ours and model._meta.db_table in LARGE
    ]
    return sorted(names)


class TestTheAdmin:
    @pytest.fixture
    def staff(self, admin_client: Client) -> Client:
        return admin_client

    @pytest.mark.parametrize("name", _changelists())
    def test_lists_their_filters_and_their_search(self, staff: Client, name: str) -> None:
        address = reverse(name)
        page = staff.get(address)
        assert page.status_code == 200
        links = {html.unescape(link) for link in re.findall(r'href="(\?[^"]+)"', page.content.decode())}
        searches = {
            f"?q={text}"
            for text in (f"large{LAST - 5}", f"rtc_large-{LAST - 5}", "archive-99992", "nobody", f"title {LAST - 5}")
        }

        for query in ("", *sorted(links | searches)):
            assert_indexed(lambda query=query: staff.get(address + query))  # type: ignore[misc]

    @pytest.mark.parametrize("name", _changelists())
    def test_pages_of_one_row(self, staff: Client, name: str) -> None:
        model = next(row for row in admin.site._registry if name.split("_")[-2] == row._meta.model_name)
        newest = model._default_manager.order_by("-pk").values_list("pk", flat=True)[0]
        address = reverse(name.replace("changelist", "change"), args=[newest])

        def read() -> None:
            assert staff.get(address).status_code == 200

        assert_indexed(read)

    def test_what_is_going_on(self, staff: Client) -> None:
        address = reverse("admin:videoconf_meetings_meeting_now")
        assert_indexed(lambda: staff.get(address))
        assert_indexed(lambda: staff.get(f"{address}?part=1"))

    def test_a_meeting_that_people_are_in(self, staff: Client) -> None:
        for page in ("change", "attendance"):
            address = reverse(f"admin:videoconf_meetings_meeting_{page}", args=[LAST - 7])
            assert_indexed(lambda address=address: staff.get(address))  # type: ignore[misc]

    def test_exports(self, staff: Client) -> None:
        changelist = reverse("admin:videoconf_meetings_meeting_changelist")
        for action in ("export_meetings", "export_attendance"):
            form = {"action": action, "_selected_action": [LAST - 7, LAST - 8, 5003]}
            assert_indexed(lambda form=form: staff.post(changelist, form))  # type: ignore[misc]


class TestPrivacy:
    @pytest.mark.parametrize(
        "who", [{"ext_id": f"person-{PERSON}"}, {"name": f"Person {PERSON}"}, {"attendees": (PERSON,)}]
    )
    def test_somebody_is_found_and_what_is_known_of_her(self, who: dict[str, Any]) -> None:
        def know() -> None:
            (attendee,) = people.find(Person(**who))
            seen = people.facts_of(attendee, [f"c{PERSON}"])
            list(people.deliveries_of(attendee, [f"c{PERSON}"], seen))

        assert_indexed(know)

    def test_somebody_is_erased(self) -> None:
        Connection.objects.filter(attendee=PERSON).update(left_at=timezone.now())
        assert_indexed(lambda: erasing.erase(Person(name=f"Person {PERSON}"), actor="a"))

    def test_old_meetings_are_found_and_removed(self) -> None:
        """The oldest; more than one batch."""
        oldest = Meeting.objects.order_by("pk").values_list("created_on", flat=True)[300]
        assert_indexed(lambda: purging.purge(oldest, is_dry=True))
        few = Meeting.objects.order_by("pk").values_list("created_on", flat=True)[5]
        assert_indexed(lambda: purging.purge(few))
