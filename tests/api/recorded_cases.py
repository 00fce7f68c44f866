"""The 203 recorded calls of the original service, with its answers and ours: `recorded_cases.yaml`, read strictly.

The kinds that every operation with a token shares (no token, a bad one, no permission) are made here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml

FILE = Path(__file__).with_name("recorded_cases.yaml")
RECORDED: dict[str, int] = {
    "POST /session": 34,
    "POST /session/{id}/token": 32,
    "PATCH /session/{id}": 28,
    "PATCH /session/{id}/end": 12,
    "POST /webhooks/session": 24,
    "GET /session/{id}/attendees": 17,
    "GET /archives/{id}": 12,
    "GET /archives": 10,
    "DELETE /archives/{id}": 13,
    "PUT /archives/storage-target": 16,
    "other": 5,
}
"""Operation -> how many calls of it were recorded."""

WEBHOOK = "POST /webhooks/session"
EVERY = "all with a token"
PERMISSIONS: dict[str, str] = {
    "POST /session": "CreateMeetingSession",
    "POST /session/{id}/token": "GenerateMeetingToken",
    "PATCH /session/{id}": "EditMeeting",
    "PATCH /session/{id}/end": "StopMeeting",
    "GET /session/{id}/attendees": "GetMeetingAttendees",
    "GET /archives/{id}": "GetMeetingArchives",
    "GET /archives": "GetMeetingArchives",
    "DELETE /archives/{id}": "DeleteMeetingArchive",
    "PUT /archives/storage-target": "SetMeetingUploadTarget",
}
BEARER, EXPIRED = 'Bearer realm="Users"', {"message": "TokenExpired"}
ASKED = "Send a bearer token: `Authorization: Bearer <JWT>`."
TOKENS: dict[str, tuple[str, str | dict[str, str], str]] = {
    "no token": ("none at all", BEARER, ASKED),
    "bad signature": ("bad", EXPIRED, "The token is not valid."),
    "expired token": ("expired", EXPIRED, "The token has expired."),
    "wrong issuer": ("foreign", EXPIRED, "The token is not valid or has expired."),
    "not a JWT": ("nonsense", EXPIRED, "The token is no valid JWT."),
    "scheme Basic": ("basic", BEARER, ASKED),
    "empty Authorization": ("empty", BEARER, ASKED),
}
"""Title -> which token, the original's message, ours."""

NOTHING: Any = object()


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One recorded call: the original's answer and ours, what is common to its kind included.

    `said` and `says` are messages, `shape` the names in an answer, `paths` the properties that an error's details name,
    `stored` what a meeting is afterwards, `names` the attendees in a list. `recorded` and `then` say who is there after
    a webhook, `step` which one it was. `fault` is how Vonage fails, `needs` a row that must be there.
    """

    operation: str
    kind: str
    title: str
    original: int
    here: int
    departs: tuple[str, ...] = ()
    call: str
    sent: Any = NOTHING
    raw: str | None = None
    type: str = "application/json"
    token: str = "all"
    headers: Mapping[str, str] = field(default_factory=dict)
    said: str | dict[str, str] | None = None
    says: str | None = None
    said_shape: Any = NOTHING
    shape: Any = NOTHING
    said_paths: tuple[str, ...] | None = None
    paths: tuple[str, ...] | None = None
    said_stored: Mapping[str, Any] | None = None
    stored: Mapping[str, Any] | None = None
    names: tuple[str, ...] | None = None
    body: str | None = None
    fault: str | None = None
    needs: str | None = None
    step: int | None = None
    recorded: Mapping[str, str] | None = None
    then: Mapping[str, str] | None = None

    @property
    def id(self) -> str:
        return f"{self.operation} {self.title}".replace(" ", "-")

    @property
    def is_same(self) -> bool:
        """Whether nothing that was recorded of it differs."""
        theirs = (self.original, self.said, self.said_shape, self.said_paths, self.said_stored, self.recorded)
        return theirs == (self.here, self.says, self.shape, self.paths, self.stored, self.then)


TUPLES = ("departs", "said_paths", "paths", "names")
OURS = {"said": "says", "said_shape": "shape", "recorded": "then"}
"""What the original did -> what we do; the same where only one of them is given."""


def _case(operation: str, kind: str, title: str, given: Mapping[str, Any]) -> Case:
    known = {one.name for one in fields(Case)}
    assert set(given) <= known, f"{operation}, {title}: {set(given) - known}"
    said: dict[str, Any] = {"call": operation.replace("{id}", "{archive}" if "archives" in operation else "{open}")}
    said |= {name: tuple(value) if name in TUPLES else value for name, value in given.items()}
    for theirs, ours in OURS.items():
        if theirs in said:
            said.setdefault(ours, said[theirs])
        elif theirs == "said_shape" and ours in said:
            said[theirs] = said[ours]
    return Case(operation=operation, kind=kind, title=title, **said)


def _of_file() -> Iterator[Case]:
    for operation, kinds in yaml.safe_load(FILE.read_text(encoding="utf-8")).items():
        for kind, given in kinds.items():
            common = {name: value for name, value in given.items() if name != "cases"}
            for title, own in given["cases"].items():
                yield _case(operation, kind, title, common | own)


def _of_callers() -> Iterator[Case]:
    """The same eight calls at each operation that needs a token."""
    for operation, permission in PERMISSIONS.items():
        body: dict[str, Any] = {"sent": {}} if operation.startswith(("POST", "PUT")) else {}
        for title, (token, said, says) in TOKENS.items():
            given = {"original": 401, "here": 401, "departs": ["error-401"], "token": token, "said": said, "says": says}
            yield _case(operation, "no token, or none that is good", title, given | body)
        says = f"NotAllowedAccess: the permission {permission} is needed."
        given = {"original": 403, "here": 403, "departs": ["error-403"], "token": "without permissions"}
        given |= {"said": "NotAllowedAccess", "says": says}
        yield _case(operation, "no permission", "missing permission", given | body)


SHARED = tuple(_of_callers())
CASES: tuple[Case, ...] = (*SHARED, *_of_file())
