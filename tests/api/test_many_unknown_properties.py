"""An answer names some unknown properties, and comparing names is not work to be ordered by the thousand."""

from __future__ import annotations

from tests.callers import ApiClient


def test_answer_names_twenty_at_most(owner: ApiClient) -> None:
    answer = owner.post("/session", {f"unknown{number}": 1 for number in range(5000)})
    assert answer.status_code == 422
    details = answer.json()["error"]["details"]
    assert [problem["code"] for problem in details] == ["unknown_property"] * 20
