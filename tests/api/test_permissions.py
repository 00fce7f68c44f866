"""The permission matrix: each operation, each single permission, each way of not being let in."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import jwt
import pytest
from django.conf import settings as django_settings
from django.core.checks import run_checks
from django.db import transaction
from django.urls import get_resolver, path
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from archives import permission_names as archive_names
from meetings import permission_names as meeting_names
from meetings.api.base import ApiViewSet
from tests.api.operations import OPERATIONS, PUBLIC, Operation, World, make_world
from tests.callers import PERMISSIONS, ApiClient, mint

pytestmark = pytest.mark.django_db
HOUR = 3600


@pytest.fixture(autouse=True)
def _configuration(settings: Any) -> None:
    settings.VIDEOCONF = settings.VIDEOCONF | {
        "TENANT_CLAIM": "tenantId",
        "AWS_ACCESS_KEY": "AKIAEXAMPLE",
        "AWS_SECRET_KEY": "not-a-secret",
    }


def unsigned(*permissions: str) -> str:
    claims = {"iss": "videoconf", "exp": int(time.time()) + HOUR, "permissions": list(permissions)}
    return jwt.encode(claims, None, algorithm="none")  # type: ignore[arg-type]


BAD_TOKENS: dict[str, Callable[[str], str | None]] = {
    "no token": lambda name: None,
    "bad signature": lambda name: mint(name, key="another-key-that-nobody-agreed-on-0123456789"),
    "expired": lambda name: mint(name, exp=int(time.time()) - 1),
    "foreign issuer": lambda name: mint(name, iss="somebody-else"),
    "no issuer": lambda name: mint(name, iss=None),
    "algorithm none": unsigned,
    "another algorithm": lambda name: mint(name, algorithm="HS384"),
    "no JWT": lambda name: "nonsense",
}


def status(operation: Operation, world: World, token: str | None) -> int:
    """Make the good call and undo what it did; return its status."""
    with transaction.atomic():
        answer = ApiClient(token).send(operation.method, world.path(operation), operation.body)
        transaction.set_rollback(True)
    return answer.status_code


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_only_the_operations_own_permission_opens_it(operation: Operation) -> None:
    world = make_world()
    found = {name: status(operation, world, mint(name)) for name in PERMISSIONS}
    assert found == {name: operation.success if name == operation.permission else 403 for name in PERMISSIONS}


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_no_permission_makes_a_bad_token_good(operation: Operation) -> None:
    world = make_world()
    found = {
        (kind, name): status(operation, world, make(name)) for kind, make in BAD_TOKENS.items() for name in PERMISSIONS
    }
    assert found == dict.fromkeys(found, 401)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_a_caller_of_another_tenant_finds_nothing(operation: Operation) -> None:
    world = make_world(tenant="ours")
    found = {name: status(operation, world, mint(name, tenantId="theirs")) for name in PERMISSIONS}
    assert found == {name: operation.other_tenant if name == operation.permission else 403 for name in PERMISSIONS}
    everything = status(operation, world, mint(*PERMISSIONS, tenantId="theirs"))
    assert everything == operation.other_tenant
    if "{" in operation.path:
        assert status(operation, world, mint(*PERMISSIONS, tenantId="ours")) == operation.success


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_a_caller_without_any_permission_is_refused(operation: Operation) -> None:
    world = make_world()
    assert status(operation, world, mint()) == 403
    assert status(operation, world, mint("createmeetingsession", "*", "superuser")) == 403


@pytest.mark.parametrize("operation", PUBLIC, ids=lambda operation: operation.name)
@pytest.mark.parametrize("token", [None, "nonsense", "expired"])
def test_public_operations_look_at_no_token(operation: Operation, token: str | None) -> None:
    sent = mint(exp=1) if token == "expired" else token
    assert status(operation, make_world(), sent) == operation.success


def routed() -> set[str]:
    """Return `route.action` of everything in the project's URLconf that is an API viewset."""

    def walk(resolver: Any) -> set[str]:
        found: set[str] = set()
        for pattern in resolver.url_patterns:
            if hasattr(pattern, "url_patterns"):
                found |= walk(pattern)
            elif issubclass(getattr(pattern.callback, "cls", object), ApiViewSet):
                methods = {method: name for method, name in pattern.callback.actions.items() if method != "head"}
                found |= {f"{pattern.name}.{action}" for action in methods.values()}
        return found

    return walk(get_resolver())


def test_the_matrix_forgets_no_operation() -> None:
    assert routed() == {operation.name for operation in (*OPERATIONS, *PUBLIC)}


def test_each_permission_opens_something() -> None:
    assert {operation.permission for operation in OPERATIONS} == set(PERMISSIONS)


def test_permissions_are_those_of_django_by_the_same_names() -> None:
    from django.contrib.auth.models import Permission

    ours = {"videoconf_meetings": meeting_names, "videoconf_archives": archive_names}
    for label, names in ours.items():
        stored = Permission.objects.filter(content_type__app_label=label).values_list("codename", flat=True)
        assert set(names.DESCRIPTIONS) <= set(stored)


class _Forgetful(ApiViewSet):
    permissions = {"list": AllowAny}

    def list(self, request: Request) -> Response:
        return Response([])

    def create(self, request: Request) -> Response:
        return Response({})


urlpatterns = [path("forgetful", _Forgetful.as_view({"get": "list", "post": "create"}))]


def test_an_action_without_an_entry_is_reported_and_denied(settings: Any) -> None:
    settings.ROOT_URLCONF = __name__
    found = [message for message in run_checks() if message.id == "videoconf.E030"]
    assert [str(message.msg) for message in found] == [
        "_Forgetful.create names no permission and is denied to everyone."
    ]
    assert ApiClient(mint(*PERMISSIONS)).get("/forgetful").status_code == 200
    assert ApiClient(mint(*PERMISSIONS)).post("/forgetful", {}).status_code == 403
    assert ApiClient().post("/forgetful", {}).status_code == 401


def test_the_projects_own_actions_are_all_named() -> None:
    assert django_settings.ROOT_URLCONF == "videoconf.urls"
    assert [message for message in run_checks() if message.id == "videoconf.E030"] == []
