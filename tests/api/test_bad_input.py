"""Bad input on purpose: each field of each body with each odd value gets a 4xx that names it, or is rightly taken."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from django.db import transaction

from archives.api.serializers import StartArchiveBody, StorageTargetBody
from meetings.api import fields
from meetings.api.bodies import BodySerializer
from meetings.api.serializers import CreateMeetingBody, CredentialsBody, EditMeetingBody, RefreshBody, TokenBody
from tests.api.operations import BY_NAME, Operation, make_world
from tests.callers import Answer, ApiClient
from tests.factories import MeetingFactory

pytestmark = pytest.mark.django_db

DATES: dict[str, str] = {
    "bare date": "2030-01-31",
    "naive time": "2030-01-31T09:30:00",
    "leap second": "2016-12-31T23:59:60Z",
    "hour 24": "2030-01-31T24:00:00Z",
    "no such day": "2030-02-30T00:00:00Z",
    "no such month": "2030-13-01T00:00:00Z",
    "minute 60": "2030-01-31T09:60:00Z",
    "year 0": "0000-01-01T00:00:00Z",
    "year 10000": "10000-01-01T00:00:00Z",
    "before the calendar": "0001-01-01T00:00:00+14:00",
    "after the calendar": "9999-12-31T23:59:59-14:00",
    "offset of a day": "2030-01-31T09:30:00+24:00",
    "two fractions": "2030-01-31T09:30:00.1.2Z",
    "arabic digits": "٢٠٣٠-01-31T09:30:00Z",
    "week date": "2030-W05-4",
    "trailing text": "2030-01-31T09:30:00Z!",
    "trailing line": "2030-01-31T09:30:00Z\\n",
}
RAW: dict[str, str] = {
    "null": "null",
    "true": "true",
    "one": "1",
    "minus one": "-1",
    "fraction": "1.5",
    "huge number": "1e300",
    "overflowing number": "1e400",
    "endless number": "9" * 401,
    "NaN": "NaN",
    "Infinity": "-Infinity",
    "empty text": '""',
    "word": '"soon"',
    "huge text": f'"{"x" * 300_000}"',
    "NUL": '"a\\u0000b"',
    "lone surrogate": '"a\\ud800b"',
    "bell": '"a\\u0007b"',
    "C1 control": '"a\\u0085b"',
    "list": "[]",
    "object": "{}",
    "deep object": '{"a":' * 30 + "1" + "}" * 30,
    "deepest list": "[" * 5000 + "]" * 5000,
    "huge object": '{"a": "' + "x" * 70_000 + '"}',
    "NUL in a name": '{"a\\u0000": 1}',
    "NaN inside": '{"a": [NaN]}',
    **{name: f'"{text}"' for name, text in DATES.items()},
}
TEXTS = {"word", *DATES} - {"trailing line"}
HOSTS = {"word", "week date", "bare date"}
"""Texts that could be a server's name."""
TAKEN: dict[type[fields.StrictField], set[str]] = {
    fields.BooleanProperty: {"true"},
    fields.TextProperty: {"empty text", *TEXTS},
    fields.ChoiceProperty: set(),
    fields.IntegerProperty: {"one"},
    fields.NumberProperty: {"one", "minus one", "fraction", "huge number"},
    fields.InstantProperty: set(),
    fields.ObjectProperty: {"object"},
}
"""Kind of field -> values that are right for it; every other is refused."""
ALSO_TAKEN: dict[tuple[type[BodySerializer], str], set[str]] = {
    (CreateMeetingBody, "scheduleTime"): {"one", "fraction"},  # a past time without isScheduled is ignored
    (TokenBody, "data"): {"trailing line"},
}
NEVER: dict[tuple[type[BodySerializer], str], set[str]] = {
    (EditMeetingBody, "isScheduled"): {"true"},  # without a time; names scheduleTime
    (CreateMeetingBody, "isScheduled"): {"true"},
    (CreateMeetingBody, "provider"): {"empty text", *TEXTS},
    (StorageTargetBody, "name"): {"empty text", *TEXTS},
    (StorageTargetBody, "bucket"): {"empty text", *(TEXTS - HOSTS)},
    (StorageTargetBody, "region"): TEXTS - HOSTS,
    (StorageTargetBody, "accountName"): TEXTS - {"word"},
    (StorageTargetBody, "container"): TEXTS - {"word", "bare date"},
    (StorageTargetBody, "endpoint"): TEXTS - HOSTS,
    (StorageTargetBody, "domain"): TEXTS - HOSTS,
    (CredentialsBody, "username"): {"empty text"},
    (CredentialsBody, "password"): {"empty text"},
    (RefreshBody, "refresh"): {"empty text"},
}
BODIES: dict[type[BodySerializer], tuple[Operation, Mapping[str, str]]] = {
    CreateMeetingBody: (BY_NAME["session-list.create"], {}),
    EditMeetingBody: (BY_NAME["session.partial_update"], {}),
    TokenBody: (BY_NAME["session-token.token"], {}),
    StorageTargetBody: (BY_NAME["storage-target.update"], {"name": '"AWSS3"', "bucket": '"b"'}),
    StartArchiveBody: (BY_NAME["archive-start.start"], {}),
    CredentialsBody: (BY_NAME["auth-token.obtain"], {"username": '"a"', "password": '"b"'}),
    RefreshBody: (BY_NAME["auth-token-refresh.refresh"], {"refresh": '"a"'}),
}


FIELDS = [pytest.param(body, name, id=f"{body.__name__}.{name}") for body in BODIES for name in body().fields]


@pytest.fixture(autouse=True)
def _credentials(settings: Any) -> None:
    settings.VIDEOCONF = settings.VIDEOCONF | {"AWS_ACCESS_KEY": "AKIAEXAMPLE", "AWS_SECRET_KEY": "not-a-secret"}
    settings.AXES_ENABLED = False


def taken(body: type[BodySerializer], name: str) -> set[str]:
    """Return the values that are right for a field."""
    field = body().fields[name]
    right = {value for kind, values in TAKEN.items() if isinstance(field, kind) for value in values}
    may_be_null = {"null"} if field.allow_null or body.null_is_absent else set()
    return (right | may_be_null | ALSO_TAKEN.get((body, name), set())) - NEVER.get((body, name), set())


def send(client: ApiClient, operation: Operation, path: str, members: Mapping[str, str]) -> Answer:
    raw = "{" + ", ".join(f'"{name}": {value}' for name, value in members.items()) + "}"
    with transaction.atomic():
        answer = client.send(operation.method, path, raw.encode())
        transaction.set_rollback(True)
    return answer


def names_it(answer: Answer, name: str) -> bool:
    error = answer.json()["error"]
    details = [detail["path"] for detail in error.get("details", [])]
    related = {"isScheduled": "scheduleTime"}.get(name, name)
    return any(path in (name, related) or path.startswith(f"{name}.") for path in details)


@pytest.mark.parametrize(("body", "name"), FIELDS)
def test_each_odd_value_is_refused_by_name_or_rightly_taken(
    owner: ApiClient, body: type[BodySerializer], name: str
) -> None:
    operation, others = BODIES[body]
    path = operation.path.format(**{**make_world().ids, "meeting_link": MeetingFactory.create().meeting_link})
    right, found, expected = taken(body, name), {}, {}
    for label, value in RAW.items():
        answer = send(owner, operation, path, {**others, name: value})
        if label in right:
            expected[label] = "taken"
            found[label] = "taken" if answer.status_code == operation.success else f"{answer.status_code}"
        else:
            is_too_long = len(value) > body.max_bytes  # refused before it is read, so without a name
            expected[label] = "413" if is_too_long else "refused by name"
            if is_too_long:
                found[label] = f"{answer.status_code}"
                continue
            is_named = answer.status_code in (400, 422) and names_it(answer, name)
            found[label] = "refused by name" if is_named else f"{answer.status_code} {answer.content[:300]!r}"
    assert found == expected


@pytest.mark.parametrize(("body", "name"), FIELDS)
def test_a_property_that_is_there_twice_is_refused_by_name(
    owner: ApiClient, body: type[BodySerializer], name: str
) -> None:
    operation, _ = BODIES[body]
    raw = f'{{"{name}": true, "{name}": true}}'.encode()
    answer = owner.send(operation.method, make_world().path(operation), raw)
    assert answer.status_code == 400
    assert names_it(answer, name)


@pytest.mark.parametrize("operation", [pair[0] for pair in BODIES.values()], ids=lambda operation: operation.name)
@pytest.mark.parametrize(
    "name", ["", " ", "x" * 5000, "a\\nb", "__proto__", "self", "data.x", "é", "\\ud83d\\ude00", "constructor"]
)
def test_odd_names_are_refused_by_name(owner: ApiClient, operation: Operation, name: str) -> None:
    answer = owner.send(operation.method, make_world().path(operation), f'{{"{name}": 1}}'.encode())
    assert answer.status_code == 422
    error = answer.json()["error"]
    assert len(answer.content) < 3000
    assert "unknown_property" in {detail["code"] for detail in error["details"]}


@pytest.mark.parametrize("text", ["\\ud800", "\\u0000"])
def test_names_that_no_row_can_hold_are_refused(owner: ApiClient, text: str) -> None:
    assert owner.post("/session", f'{{"{text}": 1}}'.encode()).status_code == 400


@pytest.mark.parametrize(
    "path", ["/session/%00", "/session/..%2f..%2fetc", "/session/" + "a" * 5000, "/archives/%ff", "/archives/😀"]
)
def test_odd_paths(owner: ApiClient, path: str) -> None:
    assert owner.get(path).status_code == 404


@pytest.mark.parametrize("query", ["?" + "&".join(f"a{n}=1" for n in range(5000)), "?%00=%00", "?=", "?a[]=1;b=%zz"])
def test_odd_queries(owner: ApiClient, query: str) -> None:
    for path in ("/session", "/archives"):
        assert owner.get(path + query).status_code in (200, 400)
