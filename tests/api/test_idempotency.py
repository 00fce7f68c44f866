"""`Idempotency-Key`: the same request of the same caller is done once, for a day."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from rest_framework_simplejwt.tokens import AccessToken

from meetings import idempotency
from meetings.exceptions import ProviderUnavailable
from meetings.models import IdempotencyKey, Meeting
from meetings.providers.memory import MemoryProvider
from tests.api.errors import error_of, paths, refused
from tests.callers import PERMISSIONS, ApiClient, mint
from tests.conftest import Member

pytestmark = pytest.mark.django_db


def test_the_same_key_and_body_give_the_same_meeting(owner: ApiClient) -> None:
    first = owner.post("/session", {"title": "A", "duration": 5}, idempotency_key="k")
    again = owner.post("/session", {"duration": 5, "title": "A"}, idempotency_key="k")
    assert first.status_code == again.status_code == 200
    assert first.json() == again.json()
    text = owner.post("/session", {"title": "A", "duration": 5}, idempotency_key="k", accept="text/plain")
    assert text.content.decode() == f'"{first.json()["code"]}"'
    assert Meeting.objects.count() == 1


def test_another_key_or_none_makes_another_meeting(owner: ApiClient) -> None:
    codes = {owner.post("/session", {}, idempotency_key=key).json()["code"] for key in ("a", "b", "A")}
    codes.add(owner.post("/session", {}).json()["code"])
    assert len(codes) == Meeting.objects.count() == 4


def test_another_body_is_a_mismatch(owner: ApiClient) -> None:
    owner.post("/session", {"title": "A"}, idempotency_key="k")
    message = "This Idempotency-Key was used with another body; use a new key for a new request."
    for body in ({"title": "B"}, {}, {"title": "A", "extId": "e"}):
        refused(owner.post("/session", body, idempotency_key="k"), 409, "idempotency_mismatch", message)
    assert Meeting.objects.count() == 1


def test_keys_of_two_callers_or_tenants_do_not_meet(member: Member, settings: Any) -> None:
    settings.VIDEOCONF = settings.VIDEOCONF | {"TENANT_CLAIM": "tenantId"}
    callers = [
        member("CreateMeetingSession", id="ann"),
        member("CreateMeetingSession", id="bob"),
        member("CreateMeetingSession", id="ann", tenantId="t"),
        ApiClient(str(AccessToken.for_user(User.objects.create_superuser("ann")))),
    ]
    codes = [caller.post("/session", {}, idempotency_key="k").json()["code"] for caller in callers]
    assert len(set(codes)) == len(callers)
    assert [caller.post("/session", {}, idempotency_key="k").json()["code"] for caller in callers] == codes


def test_the_longest_names_fit(member: Member) -> None:
    caller = member("CreateMeetingSession", id="é" * 255)
    assert caller.post("/session", {}, idempotency_key="k" * 255).status_code == 200
    assert caller.post("/session", {}, idempotency_key="k" * 255).status_code == 200
    assert Meeting.objects.count() == 1


def test_while_the_first_is_at_work_the_second_shall_wait(owner: ApiClient) -> None:
    owner.post("/session", {}, idempotency_key="k")
    IdempotencyKey.objects.update(answer=None)
    answer = owner.post("/session", {}, idempotency_key="k")
    message = "The first request with this Idempotency-Key is still at work; try again shortly."
    refused(answer, 409, "idempotency_in_progress", message)
    assert int(answer["Retry-After"]) >= 1
    mismatch = owner.post("/session", {"title": "B"}, idempotency_key="k")
    assert error_of(mismatch, 409)["code"] == "idempotency_mismatch"


def test_a_process_that_died_at_work_does_not_hold_the_key(owner: ApiClient) -> None:
    owner.post("/session", {}, idempotency_key="k")
    IdempotencyKey.objects.update(answer=None, expires_on=timezone.now())
    assert owner.post("/session", {}, idempotency_key="k").status_code == 200


def test_only_a_success_is_remembered(owner: ApiClient, memory: MemoryProvider) -> None:
    body = {"provider": "memory"}
    memory.fail_with = ProviderUnavailable("down")
    assert owner.post("/session", body, idempotency_key="k").status_code == 503
    assert owner.post("/session", {"isScheduled": True}, idempotency_key="k").status_code == 400
    memory.fail_with = None
    answer = owner.post("/session", body, idempotency_key="k")
    assert answer.status_code == 200
    memory.fail_with = ProviderUnavailable("down again")
    assert owner.post("/session", body, idempotency_key="k").json() == answer.json()


def test_a_key_is_forgotten_after_a_day(owner: ApiClient) -> None:
    first = owner.post("/session", {}, idempotency_key="k").json()
    left = IdempotencyKey.objects.get().expires_on - timezone.now()
    assert timedelta(hours=23, minutes=59) < left <= timedelta(hours=24)
    assert idempotency.forget_expired(timezone.now() + timedelta(hours=23)) == 0
    IdempotencyKey.objects.update(expires_on=timezone.now())
    assert owner.post("/session", {}, idempotency_key="k").json() != first
    assert idempotency.forget_expired(timezone.now() + timedelta(hours=25)) == 1


@pytest.mark.parametrize("key", ["", "x" * 256, "a\tb", "é"])
def test_a_key_that_cannot_be_used_is_refused(owner: ApiClient, key: str) -> None:
    error = error_of(owner.post("/session", {}, idempotency_key=key), 400)
    assert (error["code"], paths(error)) == ("INVALID_PARAMETER_VALUE", ["Idempotency-Key"])
    assert "255" in error["message"]
    assert error_of(owner.post("/session", {"titel": "A"}, idempotency_key=key), 422)["code"] == "VALIDATION_FAILED"


def test_without_permission_no_remembered_answer_is_given(owner: ApiClient) -> None:
    owner.post("/session", {}, idempotency_key="k")
    others = [name for name in PERMISSIONS if name != "CreateMeetingSession"]
    answer = ApiClient(mint(*others)).post("/session", {}, idempotency_key="k")
    assert error_of(answer, 403)["code"] == "permission_denied"
