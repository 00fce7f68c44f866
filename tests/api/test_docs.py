"""docs/api.md against the source: every operation, every permission and every stable code, and no other."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.operations import OPERATIONS, PUBLIC, Operation

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "api.md").read_text()
WIRE_NAMES = {"meeting_link": "{meetingLinkId}", "archive_id": "{archiveId}", "attendee_id": "{attendeeId}"}
POSITIONS = {"refuse": 1, "ApiError": 1, "envelope": 2, "answer": 2, "_refuse": 1, "ChunkRefused": 1}
"""Function -> which of its arguments is a code."""
DETAILS = {"type", "null", "required", "unknown_property"}
"""Codes of details that our fields and the REST framework give; those of values are in `default_error_messages`."""


def texts(node: ast.AST | None) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    if isinstance(node, ast.Name) and node.id == "VALIDATION_FAILED":  # a constant that is spelled like its value
        yield node.id
    if isinstance(node, ast.IfExp):
        yield from texts(node.body)
        yield from texts(node.orelse)


def codes_in(tree: ast.AST) -> Iterator[str]:
    """Yield every code that a module gives to an error."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            position = POSITIONS.get(name)
            if position is not None and len(node.args) > position:
                yield from texts(node.args[position])
            for keyword in node.keywords:
                if keyword.arg == "code":
                    yield from texts(keyword.value)
        if isinstance(node, ast.Assign) and any(getattr(target, "id", "") == "code" for target in node.targets):
            yield from texts(node.value)


def source_codes() -> set[str]:
    """Return the codes of errors that leave over HTTP: the API, webhooks, the page's token and the project's own."""
    found: set[str] = set()
    for folder in ("meetings", "archives", "videoconf"):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if not {"migrations", "signaling", "admin", "management"} & set(path.parts):
                found |= set(codes_in(ast.parse(path.read_text())))
    return {code for code in found if re.fullmatch(r"[A-Za-z_0-9]+", code)} - DETAILS


def test_the_search_for_codes_finds_those_of_each_kind() -> None:
    expected = {
        "meeting_not_found",  # keyword of an exception
        "schedule_time_past",  # argument of rules.refuse
        "body_too_large",  # argument of ApiError
        "provider_unavailable",  # class attribute
        "route_not_found",  # argument of envelope
        "internal_error",  # the project's own pages
    }
    assert expected <= source_codes()


def section(title: str) -> str:
    return PAGE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def documented_codes() -> set[str]:
    return set(re.findall(r"^\| `(\w+)` \|", section("Error codes"), re.MULTILINE))


def test_every_code_of_the_source_is_documented_and_no_other() -> None:
    assert documented_codes() == source_codes()


def test_every_code_of_a_detail_is_documented() -> None:
    from meetings.api import fields

    kinds = [kind for kind in vars(fields).values() if isinstance(kind, type) and issubclass(kind, fields.StrictField)]
    ours = {code for kind in kinds for code in vars(kind).get("default_error_messages", {})}
    listed = set(re.findall(r"`(\w+)`", section("Codes of details")))
    assert listed == ours | DETAILS


@pytest.mark.parametrize("operation", [*OPERATIONS, *PUBLIC], ids=lambda operation: operation.name)
def test_every_operation_is_documented_with_its_permission(operation: Operation) -> None:
    path = operation.path.format(**WIRE_NAMES)
    row = next((line for line in PAGE.splitlines() if line.startswith(f"| `{operation.method} {path}` |")), "")
    assert f"| {operation.permission or 'public'} |" in row
