"""The 203 recorded calls of the original service, replayed with Vonage behind the API; docs/compatibility.md says
which answers are the same, and why others are not.

Vonage is the stand-in, as a legacy project; webhooks are signed, in the order in which they were recorded.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from meetings.providers.signatures import sign
from tests.api.errors import error_of, paths
from tests.api.moments import wire
from tests.api.recorded_cases import CASES, EVERY, NOTHING, RECORDED, SHARED, WEBHOOK, Case
from tests.callers import NO_BODY, PERMISSIONS, Answer, ApiClient, mint
from tests.docs.pages import DOCS, code_in, table_under
from tests.opentok.conftest import stand_in
from tests.opentok.house import SESSION_SECRET, House, configure
from tests.vonage import StandIn, faults

PAGE = DOCS / "compatibility.md"
UNSEEN = frozenset({"details"})
"""Departures that no compared part of an answer shows: the original's `info`."""

TOMORROW, LATER = (timezone.now() + timedelta(days=days) for days in (1, 40))
TIMES: Mapping[str, Any] = {
    "<in a day>": wire(TOMORROW),
    "<in a day in ms>": round(TOMORROW.timestamp() * 1000),
    "<in 40 days in ms>": round(LATER.timestamp() * 1000),
    "<1001 characters>": "x" * 1001,
}
TOKENS: Mapping[str, Callable[[], str]] = {
    "all": lambda: f"Bearer {mint(*PERMISSIONS)}",
    "without permissions": lambda: f"Bearer {mint()}",
    "bad": lambda: f"Bearer {mint(*PERMISSIONS, key='another-key-0123456789-0123456789-0123456789')}",
    "expired": lambda: f"Bearer {mint(*PERMISSIONS, exp=1)}",
    "foreign": lambda: f"Bearer {mint(*PERMISSIONS, iss='else')}",
    "nonsense": lambda: "Bearer nonsense",
    "basic": lambda: "Basic YW5uOnNlY3JldA==",
    "empty": lambda: "",
}


@pytest.fixture(scope="module")
def vonage() -> Iterator[StandIn]:
    with stand_in("legacy") as found:
        yield found


@pytest.fixture
def house(settings: Any, owner: ApiClient, vonage: StandIn) -> House:
    """The service in front of a legacy project that others have used before."""
    vonage.heal()
    configure(settings, vonage)
    return House(vonage, owner, settings, delivered=len(vonage.callbacks))


class Rows:
    """What the calls need, made when it is named: `rows["ended"]` is the link id of a meeting that has ended."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.made: dict[str, str] = {}

    def __getitem__(self, name: str) -> str:
        if name not in self.made:
            self.made[name] = getattr(self, name)()
        return self.made[name]

    def open(self) -> str:
        return self.house.create(isScheduled=False)

    def session(self) -> str:
        return self.house.session_id(self["open"])

    def later(self) -> str:
        return self.house.create(isScheduled=True, scheduleTime=wire(timezone.now() + timedelta(minutes=60)))

    def soon(self) -> str:
        return self.house.create(isScheduled=True, scheduleTime=wire(timezone.now() + timedelta(minutes=5)))

    def ended(self) -> str:
        link = self.house.create()
        assert self.house.api.patch(f"/session/{link}/end").status_code == 204
        return link

    def met(self) -> str:
        """Ann is there, Bob was."""
        link = self.house.create()
        self.house.join(link, "ann")
        self.house.vonage.disconnect(self.house.join(link, "bob"))
        self.house.deliver()
        return link

    def archive(self) -> str:
        link = self.house.create()
        self.house.join(link, "ann")
        archive_id = self.house.start(link, name="rec")
        self.house.vonage.finish_archive(archive_id)
        self.house.deliver()
        return archive_id

    def missing(self) -> str:
        """One that Vonage does not know any more."""
        archive_id = self.archive()
        self.house.vonage.archives[archive_id].status = "deleted"
        return archive_id

    def deleted(self) -> str:
        archive_id = self.archive()
        assert self.house.api.delete(f"/archives/{archive_id}").status_code == 200
        return archive_id


def filled(value: Any, rows: Rows) -> Any:
    """Return what the file says, its times and rows filled in."""
    text = json.dumps(value)
    for placeholder, time in TIMES.items():
        text = text.replace(f'"{placeholder}"', json.dumps(time))
    return json.loads(text.replace("{session}", rows["session"]) if "{session}" in text else text)


def body_of(case: Case, rows: Rows) -> Any:
    """Return what a case sends."""
    if case.raw is not None:
        return case.raw.encode()
    return NO_BODY if case.sent is NOTHING else filled(case.sent, rows)


def send(case: Case, rows: Rows, **more: str) -> Answer:
    """Make a call as it was recorded."""
    method, _, path = case.call.partition(" ")
    path = re.sub(r"\{(\w+)\}", lambda found: rows[found.group(1)], path)
    headers = {**case.headers, **more}
    if case.token in TOKENS and "authorization" not in more:
        headers["authorization"] = TOKENS[case.token]()
    return ApiClient().send(method, path, body_of(case, rows), content_type=case.type, **headers)


def fits(answer: Any, shape: Any) -> bool:
    """Tell whether an answer has the names of a shape, no more and no less."""
    if isinstance(shape, dict):
        is_like = isinstance(answer, dict) and list(answer.keys() ^ shape.keys()) == []
        return is_like and all(fits(answer[name], inner) for name, inner in shape.items())
    if isinstance(shape, list):
        is_like = isinstance(answer, list) and bool(answer) is bool(shape)
        return is_like and all(fits(item, shape[0]) for item in answer)
    return True


def check(case: Case, answer: Answer) -> None:
    """Assert that an answer is the one that the case says is ours."""
    assert answer.status_code == case.here, answer.content
    if case.here >= 400:
        error = error_of(answer, case.here)
        assert error["message"] == case.says
        assert case.paths is None or paths(error) == list(case.paths)
    if case.here == 204 or case.body is not None:
        assert answer.content.decode() == (case.body or "")
    if case.shape is not NOTHING:
        assert fits(answer.json(), case.shape), answer.content
    if case.names is not None:
        assert sorted(one["attendee"] for one in answer.json()) == sorted(case.names)


# --- the calls ------------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("case", [case for case in CASES if case.step is None], ids=lambda case: case.id)
def test_a_recorded_call(house: House, case: Case) -> None:
    rows = Rows(house)
    if case.needs:
        assert rows[case.needs]
    if case.fault:
        assert rows["archive"]
        method, status = case.fault.split()
        house.vonage.fail(f"{method} /v2/project/*/archive/*", faults.status(int(status)), times=None)

    check(case, send(case, rows))

    if case.stored is not None:
        link = rows.made.get("later") or rows["open"]
        meeting = house.meeting(link)
        assert {name: meeting[name] for name in case.stored} == filled(case.stored, rows)


@pytest.mark.django_db
def test_the_recorded_webhooks_in_their_order(house: House) -> None:
    rows = Rows(house)
    hooks = sorted((case for case in CASES if case.step), key=lambda case: case.step or 0)
    assert [case.step for case in hooks] == list(range(1, RECORDED[WEBHOOK] + 1))
    for case in hooks:
        body = body_of(case, rows)
        raw = b"" if body is NO_BODY else body if isinstance(body, bytes) else json.dumps(body).encode()
        signature = (
            {} if case.token in TOKENS and "token" in case.title else {"authorization": sign(raw, SESSION_SECRET)}
        )

        check(case, send(case, rows, **signature))

        people = house.attendees(rows["open"])
        there = {one["attendee"]: "gone" if one["isDeleted"] else "here" for one in people}
        assert there == (case.then or {}), case.title


@pytest.mark.django_db
def test_recorded_webhooks_without_a_signature_are_refused(house: House) -> None:
    rows = Rows(house)
    for case in CASES:
        if case.operation == WEBHOOK and case.sent not in (NOTHING, {}) and "token" not in case.title:
            answer = ApiClient().post("/webhooks/session", body_of(case, rows))
            assert error_of(answer, 503)["code"] == "webhook_signature_missing", case.title
    assert house.attendees(rows["open"]) == []


# --- the page -------------------------------------------------------------------------------------------------


def test_every_recorded_call_is_here() -> None:
    assert Counter(case.operation for case in CASES) == RECORDED
    assert sum(RECORDED.values()) == len({(case.operation, case.title) for case in CASES}) == 203


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_what_differs_is_called_a_departure_and_nothing_else_is(case: Case) -> None:
    assert case.is_same or case.departs
    assert not case.is_same or set(case.departs) <= UNSEEN


def departures() -> dict[str, list[str]]:
    rows = list(table_under(PAGE, "## Departures"))
    assert all(len(cells) == 4 and all(cells) for cells in rows)
    return {code_in(cells[0])[0]: cells for cells in rows}


def test_every_departure_of_a_case_is_on_the_page_with_its_reason() -> None:
    assert {name for case in CASES for name in case.departs} <= set(departures())


def test_the_page_says_of_every_kind_of_case_what_the_cases_say() -> None:
    kinds: dict[tuple[str, str], list[Case]] = {}
    for case in CASES:
        operation = EVERY if case in SHARED else case.operation
        kinds.setdefault((operation, case.kind), []).append(case)
    rows = [[cell.strip("`") for cell in cells] for cells in table_under(PAGE, "## Every recorded case")]

    assert [tuple(cells[:2]) for cells in rows] == list(kinds)
    for operation, kind, count, original, here, verdict in rows:
        cases = kinds[operation, kind]
        statuses = {(str(case.original), str(case.here)) for case in cases}
        assert (int(count), statuses) == (len(cases), {(original, here)}), (operation, kind)
        (departs,) = {case.departs for case in cases}
        assert (verdict == "same") is (not departs), (operation, kind)
        assert verdict == "same" or verdict.startswith("departs, because "), (operation, kind)
        assert [name for name in code_in(verdict) if name in departures()] == list(departs), (operation, kind)
