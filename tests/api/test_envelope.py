"""What holds for every operation: one error shape, the order of refusals, bodies, media types, CORS."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from django.test import RequestFactory

from meetings.api.bodies import MAX_BODY, MAX_PUBLIC_BODY
from meetings.models import Meeting
from tests.api.errors import error_of, paths, refused
from tests.api.operations import OPERATIONS, PUBLIC, Operation, make_world
from tests.callers import NO_BODY, ApiClient, mint

pytestmark = pytest.mark.django_db
WITH_BODY = [operation for operation in (*OPERATIONS, *PUBLIC) if operation.body is not NO_BODY]
GUARDED_WITH_BODY = [operation for operation in WITH_BODY if operation.permission]
INVALID = "The request body is invalid. See error object `details` property for more info."


def named(operation: Operation) -> str:
    return operation.name


# --- routes ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/nope"),
        ("GET", "/session/x/nope"),
        ("POST", "/session/"),
        ("GET", "/session/x/"),
        ("PUT", "/session"),
        ("DELETE", "/session"),
        ("POST", "/session/x"),
        ("POST", "/session/x/end"),
        ("GET", "/session/x/token"),
        ("PATCH", "/archives"),
        ("POST", "/archives/storage-target"),
        ("GET", "/auth/token"),
        ("POST", "/health/live"),
        ("GET", "/webhooks/session"),
        ("PROPFIND", "/session"),
        ("TRACE", "/session"),
    ],
)
def test_what_is_no_route_is_a_404_before_anything_else(anonymous: ApiClient, method: str, path: str) -> None:
    answer = anonymous.send(method, path, b"{bad")
    error = error_of(answer, 404)
    assert (error["name"], error["message"], error["code"]) == ("NotFoundError", "API not found !", "route_not_found")


# --- order ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", GUARDED_WITH_BODY, ids=named)
def test_order_of_refusals(operation: Operation) -> None:
    """Each step mends what the one before was refused for."""
    assert operation.permission
    world = make_world()
    known, unknown = world.path(operation), operation.path.format(meeting_link="nope", archive_id="nope")
    with_permission, without = mint(operation.permission), mint()
    has_object = "{" in operation.path
    steps: list[tuple[str | None, str, Any, str, int]] = [
        (None, unknown, b"{bad", "text/html", 401),
        (without, unknown, b"{bad", "text/html", 403),
        (with_permission, unknown, b"{bad", "text/html", 415),
        (with_permission, unknown, b"{bad", "application/json", 400),
        (with_permission, unknown, {"zzz": 1}, "application/json", 422),
        (with_permission, unknown, [], "application/json", 422),
    ]
    if has_object:
        steps.append((with_permission, unknown, wrong_value(operation), "application/json", 404))
    steps.append((with_permission, known, wrong_value(operation), "application/json", 400))
    found = [
        ApiClient(token).send(operation.method, path, body, content_type=kind).status_code
        for token, path, body, kind, _ in steps
    ]
    assert found == [step[-1] for step in steps]


def wrong_value(operation: Operation) -> Mapping[str, Any]:
    """Return a body whose shape is right and whose value is refused."""
    bodies: dict[str, Mapping[str, Any]] = {
        "session-list.create": {"isScheduled": True, "scheduleTime": "soon"},
        "session.partial_update": {"scheduleTime": "soon"},
        "session-token.token": {"role": "king"},
        "archive-start.start": {"outputMode": "mixed"},
        "storage-target.update": {"name": "GCS"},
    }
    return bodies[operation.name]


# --- bodies ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("operation", WITH_BODY, ids=named)
@pytest.mark.parametrize("body", [b"[]", b"null", b'"text"', b"1", b"true"])
def test_a_body_that_is_no_object(owner: ApiClient, operation: Operation, body: bytes) -> None:
    error = error_of(owner.send(operation.method, make_world().path(operation), body), 422)
    assert (error["name"], error["code"], error["message"]) == (
        "UnprocessableEntityError",
        "VALIDATION_FAILED",
        INVALID,
    )
    assert error["details"] == [{"path": "", "code": "type", "message": "must be object"}]


@pytest.mark.parametrize("operation", WITH_BODY, ids=named)
@pytest.mark.parametrize("body", [b"{bad", b"{", b"\xff", b"{}{}", b"{'a': 1}", b'{"a": 1,}', b"NaN"])
def test_a_body_that_is_no_json(owner: ApiClient, operation: Operation, body: bytes) -> None:
    error = error_of(owner.send(operation.method, make_world().path(operation), body), 400)
    assert (error["name"], error["code"]) == ("SyntaxError", "invalid_json")


@pytest.mark.parametrize("operation", WITH_BODY, ids=named)
@pytest.mark.parametrize(
    "kind",
    [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=latin-1",
        "application/jsonp",
        "json",
        "*/*",
    ],
)
def test_another_content_type(owner: ApiClient, operation: Operation, kind: str) -> None:
    answer = owner.send(operation.method, make_world().path(operation), b"{}", content_type=kind)
    message = f"Content-type {kind} does not match [application/json]."
    refused(answer, 415, "UNSUPPORTED_MEDIA_TYPE", message)


@pytest.mark.parametrize(
    "kind", ["application/json", "Application/JSON; charset=UTF-8", 'application/json;charset="utf8"']
)
def test_json_by_any_spelling(owner: ApiClient, kind: str) -> None:
    assert owner.post("/session", b"{}", content_type=kind).status_code == 200


@pytest.mark.parametrize("operation", WITH_BODY, ids=named)
def test_a_large_body_is_refused_before_it_is_parsed(owner: ApiClient, operation: Operation) -> None:
    path = make_world().path(operation)
    limit = MAX_BODY if operation.permission else MAX_PUBLIC_BODY
    too_large = b"[" * (limit + 1)
    answer = owner.send(operation.method, path, too_large)
    refused(answer, 413, "body_too_large", f"A body can have at most {limit} bytes.")
    just_fits = b"[" * limit
    assert error_of(owner.send(operation.method, path, just_fits), 400)["code"] == "invalid_json"


@pytest.mark.parametrize("length", ["99999999999999999999", "-1", "1e3", "０"])
def test_a_length_that_is_none_is_refused(owner: ApiClient, length: str) -> None:
    request = RequestFactory().generic("POST", "/session", b"{}", content_type="application/json")
    request.META |= {"CONTENT_LENGTH": length, "HTTP_AUTHORIZATION": f"Bearer {owner.token}"}
    assert call(request) == 413


def test_a_body_of_unknown_length_is_not_taken_for_an_empty_one(owner: ApiClient) -> None:
    request = RequestFactory().generic("POST", "/session", b'{"title": "A"}', content_type="application/json")
    del request.META["CONTENT_LENGTH"]
    request.META |= {"HTTP_TRANSFER_ENCODING": "chunked", "HTTP_AUTHORIZATION": f"Bearer {owner.token}"}
    assert call(request) == 411
    assert not Meeting.objects.exists()


def call(request: Any) -> int:
    from django.urls import resolve

    match = resolve(request.path)
    status: int = match.func(request, *match.args, **match.kwargs).status_code
    return status


# --- unknown properties ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "tail", "sent", "nearest"),
    [
        ("POST", "", "endToEndEncription", "endToEndEncryption"),
        ("POST", "", "enableArchive", "enableArchiving"),
        ("POST", "", "schedule_time", "scheduleTime"),
        ("PATCH", "/{link}", "isSheduled", "isScheduled"),
        ("PATCH", "/{link}", "title", "deleted"),
        ("POST", "/{link}/token", "roles", "role"),
        ("POST", "/{link}/token", "expiretime", "expireTime"),
        ("POST", "/{link}/archives", "outputmode", "outputMode"),
    ],
)
def test_an_unknown_property_is_named_with_the_nearest(
    owner: ApiClient, meeting: Meeting, method: str, tail: str, sent: str, nearest: str
) -> None:
    answer = owner.send(method, f"/session{tail.format(link=meeting.meeting_link)}", {sent: True})
    error = error_of(answer, 422)
    assert (error["code"], paths(error)) == ("VALIDATION_FAILED", [sent])
    [detail] = error["details"]
    assert detail["code"] == "unknown_property"
    assert repr(sent) in detail["message"]
    assert nearest in detail["message"]


def test_every_wrong_property_is_in_the_details(owner: ApiClient) -> None:
    error = error_of(owner.post("/session", {"isScheduled": "a", "duration": "b", "zzz": 1, "title": 5}), 422)
    assert sorted(paths(error)) == ["duration", "isScheduled", "title", "zzz"]


def test_unknown_properties_can_be_ignored_by_setting(owner: ApiClient, settings: Any, meeting: Meeting) -> None:
    settings.VIDEOCONF = settings.VIDEOCONF | {
        "UNKNOWN_PROPERTIES": "ignore",
        "AWS_ACCESS_KEY": "a",
        "AWS_SECRET_KEY": "b",
    }
    path = f"/session/{meeting.meeting_link}"
    assert owner.post("/session", {"zzz": 1}).status_code == 200
    assert owner.patch(path, {"zzz": 1}).status_code == 204
    assert owner.post(f"{path}/token", {"zzz": 1}).status_code == 200
    assert owner.put("/archives/storage-target", {"zzz": 1, "name": "AWSS3", "bucket": "b"}).status_code == 200
    assert error_of(owner.post("/session", {"zzz": 1, "isScheduled": 1}), 422)["details"][0]["path"] == "isScheduled"


# --- text/plain -----------------------------------------------------------------------------------------------

NEGOTIATION = [
    ("text/plain", True),
    ("text/plain, application/json", True),
    ("application/json, text/plain", True),
    ("text/plain;q=0.5, application/json", False),
    ("text/plain;q=0.5, */*;q=0.1", True),
    ("application/json;q=0.2, text/plain;q=0.1", False),
    ("text/plain, */*", True),
    ("text/plain;q=0", False),
    ("application/json", False),
    ("*/*", False),
    ("text/*", False),
    ("text/html", False),
    ("image/png", False),
    ("", False),
    (";;;,,=", False),
    ("text/plain;q=nan", False),
    ("TEXT/PLAIN", True),
]


@pytest.mark.parametrize(("accept", "is_text"), NEGOTIATION)
def test_text_plain_is_for_those_who_name_it(owner: ApiClient, accept: str, is_text: bool) -> None:
    answer = owner.post("/session", {}, accept=accept)
    assert answer["Content-Type"] == ("text/plain; charset=utf-8" if is_text else "application/json")
    assert isinstance(json.loads(answer.content), str if is_text else dict)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/session"),
        ("GET", "/session/{meeting_link}"),
        ("POST", "/session/{meeting_link}/token"),
        ("GET", "/session/{meeting_link}/attendance"),
        ("GET", "/archives"),
        ("GET", "/archives/{archive_id}"),
        ("GET", "/archives/storage-target"),
        ("GET", "/health/live"),
    ],
)
def test_elsewhere_text_plain_gets_json(owner: ApiClient, method: str, path: str) -> None:
    answer = owner.send(method, path.format(**make_world().ids), accept="text/plain")
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")


def test_errors_are_json_whatever_is_asked_for(owner: ApiClient) -> None:
    assert error_of(owner.post("/session", {"a": 1}, accept="text/plain"), 422)
    assert error_of(owner.get("/session/nope/attendance", accept="text/csv"), 404)
    assert error_of(owner.get("/session/nope", accept="text/html"), 404)


# --- CORS -----------------------------------------------------------------------------------------------------

ORIGIN = "https://app.example.org"
API_PATHS = ["/session", "/session/x/end", "/archives", "/archives/x", "/auth/token", "/health/live", "/schema"]


@pytest.mark.parametrize("path", API_PATHS)
def test_any_origin_may_ask_and_needs_no_token_for_it(anonymous: ApiClient, path: str) -> None:
    answer = anonymous.send(
        "OPTIONS",
        path,
        origin=ORIGIN,
        access_control_request_method="PATCH",
        access_control_request_headers="authorization,content-type,idempotency-key",
    )
    assert answer.status_code in (200, 204)
    assert answer["Access-Control-Allow-Origin"] == "*"
    assert "PATCH" in answer["Access-Control-Allow-Methods"]
    assert {"authorization", "content-type", "idempotency-key"} <= set(
        answer["Access-Control-Allow-Headers"].replace(" ", "").split(",")
    )
    assert "Access-Control-Allow-Credentials" not in answer.headers


@pytest.mark.parametrize("path", API_PATHS[:-1])
def test_answers_and_errors_may_be_read_by_any_origin(owner: ApiClient, path: str) -> None:
    assert owner.get(path, origin=ORIGIN)["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("path", ["/", "/admin/login/", "/docs", "/meet/x", "/webhooks/session"])
def test_pages_admin_and_webhooks_answer_no_other_origin(anonymous: ApiClient, path: str) -> None:
    for method in ("GET", "POST", "OPTIONS"):
        answer = anonymous.send(method, path, origin=ORIGIN, access_control_request_method="POST")
        assert "Access-Control-Allow-Origin" not in answer.headers


def test_origins_can_be_narrowed(owner: ApiClient, settings: Any) -> None:
    settings.CORS_ALLOW_ALL_ORIGINS, settings.CORS_ALLOWED_ORIGINS = False, [ORIGIN]
    assert owner.get("/session", origin=ORIGIN)["Access-Control-Allow-Origin"] == ORIGIN
    assert "Access-Control-Allow-Origin" not in owner.get("/session", origin="https://evil.example").headers


def test_a_cookie_opens_nothing(anonymous: ApiClient, admin_user: Any) -> None:
    anonymous.client.force_login(admin_user)
    assert error_of(anonymous.get("/session"), 401)["code"] == "token_missing"


def test_options_says_what_a_path_takes(anonymous: ApiClient) -> None:
    answer = anonymous.send("OPTIONS", "/session/x")
    assert (answer.status_code, answer.content) == (204, b"")
    assert set(answer["Allow"].split(", ")) == {"GET", "PATCH", "DELETE", "HEAD", "OPTIONS"}
