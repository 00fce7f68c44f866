"""The OpenAPI document, the page that shows it, and a client generated from it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from jsonschema_rs import validator_for
from openapi_spec_validator import validate

from meetings.models import Meeting
from tests.api.errors import error_of
from tests.api.operations import OPERATIONS, PUBLIC, Operation
from tests.callers import NO_BODY, PERMISSIONS, ApiClient, mint

ROOT = Path(__file__).resolve().parents[2]
WIRE_NAMES = {"meeting_link": "meetingLinkId", "archive_id": "archiveId", "attendee_id": "attendeeId"}


@pytest.fixture
def document(anonymous: ApiClient) -> dict[str, Any]:
    answer = anonymous.get("/schema", accept="application/json")
    assert answer.status_code == 200
    found: dict[str, Any] = json.loads(answer.content)
    return found


def described(document: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            yield method.upper(), path, operation


def wire_path(operation: Operation) -> str:
    return operation.path.format(**{ours: "{" + theirs + "}" for ours, theirs in WIRE_NAMES.items()})


def test_the_document_is_valid(document: dict[str, Any]) -> None:
    validate(document)
    assert document["openapi"].startswith("3.")


def test_the_document_has_every_operation_and_no_other(document: dict[str, Any]) -> None:
    webhooks = {("POST", "/webhooks/session"), ("POST", "/webhooks/{alias}")}
    ours = {(operation.method, wire_path(operation)) for operation in (*OPERATIONS, *PUBLIC)}
    assert {(method, path) for method, path, _ in described(document)} == ours | webhooks


@pytest.mark.parametrize("operation", [*OPERATIONS, *PUBLIC], ids=lambda operation: operation.name)
def test_each_operation_says_what_it_needs_and_answers(document: dict[str, Any], operation: Operation) -> None:
    said = document["paths"][wire_path(operation)][operation.method.lower()]
    statuses = set(said["responses"])
    assert said["summary"]
    assert said["operationId"]
    if operation.permission is None:
        assert (said["security"], "x-permissions" in said) == ([{}], False)
    else:
        assert (said["security"], said["x-permissions"]) == ([{"bearer": []}], [operation.permission])
        assert operation.permission in said["description"]
        assert {"401", "403"} <= statuses
    if "{" in operation.path:
        assert "404" in statuses
        assert {part["name"] for part in said["parameters"] if part["in"] == "path"} <= set(WIRE_NAMES.values())
    if operation.body is not NO_BODY:
        assert {"400", "411", "413", "415", "422"} <= statuses
        assert list(said["requestBody"]["content"]) == ["application/json"]
    assert str(operation.success) in statuses
    assert "500" not in statuses


def contents(document: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield every body of the document, sent or answered, and where it is."""
    for method, path, operation in described(document):
        for kind, media in operation.get("requestBody", {}).get("content", {}).items():
            yield f"{method} {path} {kind}", media
        for status, answer in operation["responses"].items():
            for kind, media in answer.get("content", {}).items():
                yield f"{method} {path} {status} {kind}", media


def test_every_body_has_an_example_that_fits_its_schema(document: dict[str, Any]) -> None:
    wrong: list[str] = []
    seen = 0
    for where, media in contents(document):
        schema = {**media["schema"], "components": document["components"]}
        examples = [example["value"] for example in media.get("examples", {}).values()]
        seen += len(examples)
        if not examples:
            wrong.append(f"{where}: none")
        wrong += [
            f"{where}: {error.message}" for value in examples for error in validator_for(schema).iter_errors(value)
        ]
    assert wrong == []
    assert seen > 100


def test_errors_are_described_as_what_they_are(document: dict[str, Any]) -> None:
    for where, media in contents(document):
        parts = where.split()
        if len(parts) == 4 and parts[2] >= "400" and "health" not in where:
            assert parts[3] == "application/json", where
            assert media["schema"] == {"$ref": "#/components/schemas/ErrorAnswer"}, where


def test_bodies_take_no_other_properties_than_described(document: dict[str, Any], settings: Any) -> None:
    bodies = {name: value for name, value in document["components"]["schemas"].items() if name.endswith("BodyRequest")}
    assert len(bodies) == 7
    assert {value["additionalProperties"] for value in bodies.values()} == {False}
    settings.VIDEOCONF = settings.VIDEOCONF | {"UNKNOWN_PROPERTIES": "ignore"}
    lenient = json.loads(ApiClient().get("/schema", accept="application/json").content)
    assert "additionalProperties" not in lenient["components"]["schemas"]["TokenBodyRequest"]


# --- where it is found ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("accept", ["*/*", "text/html", "image/png", "text/html,application/xhtml+xml"])
def test_the_document_is_yaml_for_those_who_ask_for_nothing_it_has(anonymous: ApiClient, accept: str) -> None:
    answer = anonymous.get("/schema", accept=accept)
    assert answer.status_code == 200
    assert answer.content.startswith(b"openapi: 3.")


def test_the_page_loads_nothing_from_elsewhere(anonymous: ApiClient) -> None:
    answer = anonymous.get("/docs", accept="text/html")
    assert answer.status_code == 200
    page = answer.content.decode()
    assert "swagger-ui" in page
    assert "://" not in page.replace("http://www.w3.org", "")
    script = anonymous.get("/docs?script=")
    assert script.status_code == 200
    assert "/schema" in script.content.decode()


@pytest.mark.parametrize("path", ["/docs", "/schema"])
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_no_other_method_is_a_route(owner: ApiClient, path: str, method: str) -> None:
    assert error_of(owner.send(method, path), 404)["code"] == "route_not_found"


def test_health(anonymous: ApiClient) -> None:
    assert anonymous.get("/health/live").json() == {"status": "ok"}
    assert anonymous.get("/health/ready").json() == {"status": "ok", "checks": {"database": "ok"}}
    assert anonymous.get("/health/ready", authorization="Bearer nonsense").status_code == 200


# --- a generated client ---------------------------------------------------------------------------------------

SCRIPT = """
import sys
from generated import AuthenticatedClient
from generated.api.meetings import create_meeting, end_meeting, generate_token, get_meeting
from generated.models import CreateMeetingBodyRequest, TokenBodyRequest

client = AuthenticatedClient(base_url=sys.argv[1], token=sys.argv[2])
created = create_meeting.sync(client=client, body=CreateMeetingBodyRequest(title="By a generated client"))
token = generate_token.sync(created.code, client=client, body=TokenBodyRequest())
read = get_meeting.sync(created.code, client=client)
assert (read.title, read.state.value, token.session_id) == ("By a generated client", "active", read.session_id), read
ended = end_meeting.sync_detailed(created.code, client=client)
again = end_meeting.sync(created.code, client=client)
assert get_meeting.sync(created.code, client=client).state.value == "ended"
print(created.code, ended.status_code.value, again.error.code)
"""


def test_a_generated_client_creates_and_ends_a_meeting(
    document: dict[str, Any], live_server: Any, tmp_path: Path, transactional_db: None
) -> None:
    (tmp_path / "schema.json").write_text(json.dumps(document))
    (tmp_path / "config.yml").write_text("package_name_override: generated\npost_hooks: []\n")
    generator = Path(sys.executable).with_name("openapi-python-client")
    options = ["--path", "schema.json", "--config", "config.yml", "--meta", "none", "--output-path", "generated"]
    made = subprocess.run([generator, "generate", *options], cwd=tmp_path, capture_output=True, text=True)
    assert made.returncode == 0, made.stdout + made.stderr
    assert "Unable" not in made.stdout + made.stderr
    command = [sys.executable, "-c", SCRIPT, live_server.url, mint(*PERMISSIONS)]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    code, ended, again = ran.stdout.split()
    assert (ended, again) == ("204", "meeting_already_ended")
    assert Meeting.objects.get(meeting_link=code).end_time is not None
