"""What the original service answered (version 5.0.5, over HTTP), and what this one answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.utils import timezone

from tests.api.moments import wire
from tests.callers import NO_BODY

SOON = wire(timezone.now() + timedelta(days=1))


@dataclass(frozen=True, slots=True)
class Case:
    """A recorded call, the original's status and ours; `departure` names the row of the page where they differ."""

    title: str
    method: str
    path: str
    original: int
    ours: int
    body: Any = NO_BODY
    words: str | None = None
    departure: str | None = None
    token: str | None = "all"
    type: str = "application/json"


def same(title: str, method: str, path: str, status: int, body: Any = NO_BODY, words: str | None = None) -> Case:
    return Case(title, method, path, status, status, body, words)


FULL = [
    "POST /session",
    "POST /session/{open}/token",
    "PATCH /session/{open}",
    "PATCH /session/{open}/end",
    "GET /session/{open}/attendees",
    "GET /archives/{archive}",
    "GET /archives",
    "DELETE /archives/{archive}",
    "PUT /archives/storage-target",
]
REFUSED: list[Case] = [
    Case(f"{title} at {method} {path}", method, path, status, status, {}, words, None, token)
    for method, path in (call.split() for call in FULL)
    for title, token, status, words in (
        ("no token", None, 401, None),
        ("bad signature", "bad", 401, None),
        ("expired token", "expired", 401, None),
        ("wrong issuer", "foreign", 401, None),
        ("not a JWT", "nonsense", 401, None),
        ("missing permission", "none", 403, "NotAllowedAccess"),
    )
]
CASES: list[Case] = [
    same("not scheduled", "POST", "/session", 200, {"isScheduled": False}),
    same("scheduled", "POST", "/session", 200, {"isScheduled": True, "scheduleTime": SOON}),
    same("scheduled by number", "POST", "/session", 200, {"isScheduled": True, "scheduleTime": 4102444800000}),
    same("encrypted", "POST", "/session", 200, {"isScheduled": False, "endToEndEncryption": True}),
    same("past time without isScheduled", "POST", "/session", 200, {"scheduleTime": "2001-01-01T00:00:00Z"}),
    same("no time", "POST", "/session", 400, {"isScheduled": True}, "Schedule time is not set."),
    same(
        "past time",
        "POST",
        "/session",
        400,
        {"isScheduled": True, "scheduleTime": "2001-01-01T00:00:00.000Z"},
        "Meeting can't be scheduled with schedule time in past!",
    ),
    same(
        "encrypted and archived",
        "POST",
        "/session",
        400,
        {"enableArchiving": True, "endToEndEncryption": True},
        "End to end Encryption along with archiving is not possible",
    ),
    same("bad JSON", "POST", "/session", 400, b"{bad"),
    same("array", "POST", "/session", 422, []),
    Case("other content type", "POST", "/session", 415, 415, b"x", type="text/plain"),
    Case("no body", "POST", "/session", 500, 200, departure="no-body"),
    Case("unknown property", "POST", "/session", 200, 422, {"zzz": 1}, departure="unknown-property"),
    Case("archived", "POST", "/session", 200, 400, {"enableArchiving": True}, departure="capabilities"),
    Case("truthy text", "POST", "/session", 200, 422, {"isScheduled": "yes"}, departure="wrong-types"),
    same("token", "POST", "/session/{open}/token", 200, {}),
    same("token by number", "POST", "/session/{open}/token", 200, {"expireTime": None}),
    same("token inside the window", "POST", "/session/{soon}/token", 200, {}),
    same("token of an ended meeting", "POST", "/session/{ended}/token", 400, {}, "This meeting has been expired"),
    same(
        "token with a bad time",
        "POST",
        "/session/{open}/token",
        400,
        {"expireTime": "soon"},
        "Expire time is not in correct format.",
    ),
    same("token, bad JSON", "POST", "/session/{open}/token", 400, b"{bad"),
    same("token, array", "POST", "/session/{open}/token", 422, []),
    Case(
        "token before the window",
        "POST",
        "/session/{later}/token",
        400,
        400,
        {},
        "Meeting can only be started 10 minutes before the scheduled time",
        "window-message",
    ),
    Case(
        "token with a past time",
        "POST",
        "/session/{open}/token",
        400,
        400,
        {"expireTime": 1000000000000},
        "Expire time cannot be in the past.",
        "expire-message",
    ),
    Case(
        "token of an unknown meeting",
        "POST",
        "/session/nope/token",
        400,
        404,
        {},
        "Session does not exist",
        "token-404",
    ),
    Case("token without a body", "POST", "/session/{open}/token", 500, 200, departure="no-body"),
    Case(
        "token with an unknown property",
        "POST",
        "/session/{open}/token",
        200,
        422,
        {"zzz": 1},
        departure="unknown-property",
    ),
    Case(
        "token with another role", "POST", "/session/{open}/token", 500, 400, {"role": "king"}, departure="bad-values"
    ),
    Case(
        "token with a number for a role",
        "POST",
        "/session/{open}/token",
        500,
        422,
        {"role": 5},
        departure="wrong-types",
    ),
    Case(
        "token with an object for data",
        "POST",
        "/session/{open}/token",
        500,
        422,
        {"data": {"a": 1}},
        departure="wrong-types",
    ),
    Case(
        "token with long data",
        "POST",
        "/session/{open}/token",
        200,
        400,
        {"data": "x" * 1001},
        departure="token-limits",
    ),
    Case(
        "token for 40 days",
        "POST",
        "/session/{open}/token",
        200,
        400,
        {"expireTime": 4102444800000},
        departure="token-limits",
    ),
    Case(
        "token with a time as text",
        "POST",
        "/session/{open}/token",
        400,
        200,
        {"expireTime": SOON},
        departure="expire-iso",
    ),
    same("reschedule", "PATCH", "/session/{open}", 204, {"isScheduled": True, "scheduleTime": SOON}),
    same("unschedule", "PATCH", "/session/{open}", 204, {"isScheduled": False}),
    same("empty edit", "PATCH", "/session/{open}", 204, {}),
    same("edit of the server's own", "PATCH", "/session/{open}", 204, {"meetingLink": "changed"}),
    same("edit with a future time only", "PATCH", "/session/{open}", 204, {"isScheduled": False, "scheduleTime": SOON}),
    same(
        "edit of an unknown meeting",
        "PATCH",
        "/session/nope",
        404,
        {"isScheduled": False},
        "Meeting link nope not found",
    ),
    same(
        "edit without a time",
        "PATCH",
        "/session/{open}",
        400,
        {"isScheduled": True},
        "Schedule Time is required if isScheduled is set to true",
    ),
    same(
        "edit with a past time",
        "PATCH",
        "/session/{open}",
        400,
        {"isScheduled": True, "scheduleTime": "2001-01-01T00:00:00.000Z"},
        "Schedule Time cannot be set in the past",
    ),
    same("edit, wrong type", "PATCH", "/session/{open}", 422, {"isScheduled": "yes"}),
    same("edit, null", "PATCH", "/session/{open}", 422, {"isScheduled": None}),
    same(
        "edit, number for a time", "PATCH", "/session/{open}", 422, {"isScheduled": True, "scheduleTime": 4102444800000}
    ),
    same("edit, unknown property", "PATCH", "/session/{open}", 422, {"zzz": 1}),
    Case(
        "edit, no date",
        "PATCH",
        "/session/{open}",
        422,
        400,
        {"scheduleTime": "soon"},
        "Scheduled time is not in correct format.",
        "edit-date",
    ),
    Case("edit without a body", "PATCH", "/session/{open}", 500, 204, departure="no-body"),
    Case(
        "edit of an ended meeting",
        "PATCH",
        "/session/{ended}",
        204,
        400,
        {"isScheduled": False},
        "This meeting has been expired",
        "edit-ended",
    ),
    same("end", "PATCH", "/session/{open}/end", 204),
    same("end with a bad body", "PATCH", "/session/{open}/end", 204, b"{bad"),
    same("end again", "PATCH", "/session/{ended}/end", 400, words="Meeting has already been ended!"),
    same("end of an unknown meeting", "PATCH", "/session/nope/end", 404, words="Meeting Not Found"),
    same("attendees", "GET", "/session/{open}/attendees?active=true", 200),
    same("attendees, other words", "GET", "/session/{open}/attendees?active=1", 200),
    same("attendees, twice", "GET", "/session/{open}/attendees?active=true&active=false", 400),
    same("attendees of an unknown meeting", "GET", "/session/nope/attendees", 404, words="Meeting Not Found"),
    same("archives", "GET", "/archives", 200),
    same("an archive", "GET", "/archives/{archive}", 200),
    same("an unknown archive", "GET", "/archives/nope", 404, words="Archive Not Found"),
    same("delete of an unknown archive", "DELETE", "/archives/nope", 404, words="Archive Not Found"),
    Case("delete of an archive", "DELETE", "/archives/{archive}", 204, 200, departure="null-bodies"),
    Case("S3", "PUT", "/archives/storage-target", 204, 200, {"name": "AWSS3", "bucket": "b"}, departure="null-bodies"),
    Case(
        "S3 without a bucket",
        "PUT",
        "/archives/storage-target",
        204,
        400,
        {"name": "AWSS3"},
        "S3 bucket name is required",
        "storage-target",
    ),
    Case(
        "unknown storage",
        "PUT",
        "/archives/storage-target",
        204,
        400,
        {"name": "GCS"},
        "Unsupported storage type",
        "storage-target",
    ),
    Case("empty target", "PUT", "/archives/storage-target", 204, 400, {}, "Unsupported storage type", "storage-target"),
    same("unknown path", "GET", "/nope", 404, words="API not found !"),
    Case("bad JSON without a token", "POST", "/session", 400, 401, b"{bad", departure="order", token=None),
    same("webhook, empty object", "POST", "/webhooks/session", 204, {}),
    same("webhook, bad JSON", "POST", "/webhooks/session", 400, b"{bad"),
    same(
        "webhook, unknown event",
        "POST",
        "/webhooks/session",
        204,
        {"event": "sessionNotification", "sessionId": "{session}"},
    ),
    same(
        "webhook, unknown session",
        "POST",
        "/webhooks/session",
        204,
        {"event": "connectionCreated", "sessionId": "no-such", "connection": {"id": "c", "data": "x"}},
    ),
    same(
        "webhook, a join",
        "POST",
        "/webhooks/session",
        204,
        {"event": "connectionCreated", "sessionId": "{session}", "connection": {"id": "c", "data": "x"}},
    ),
    Case("webhook, array", "POST", "/webhooks/session", 422, 400, [], departure="webhook-shape"),
    Case(
        "webhook without a connection",
        "POST",
        "/webhooks/session",
        500,
        400,
        {"event": "connectionCreated", "sessionId": "{session}"},
        departure="webhook-shape",
    ),
]
