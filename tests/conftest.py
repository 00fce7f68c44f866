"""Who uses the service in the tests: an owner may do everything, a member only what a test says, a stranger nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest
from django.core.cache import cache

from meetings.models import Meeting
from meetings.plans import MeetingPlan
from meetings.providers.memory import MemoryProvider
from meetings.providers.registry import get_provider
from meetings.services import create_meeting
from tests.callers import PERMISSIONS, ApiClient, mint
from tests.storages import azure, bucket, configure, container, folder, s3  # noqa: F401  (fixtures)

Member = Callable[..., ApiClient]
NewMeeting = Callable[..., Meeting]


@pytest.fixture(autouse=True)
def _empty_cache() -> Iterator[None]:
    """Throttles count in the cache; no test inherits another's count."""
    yield
    cache.clear()


@pytest.fixture
def caller_token() -> str:
    """A token with every permission, without a tenant."""
    return mint(*PERMISSIONS)


@pytest.fixture
def owner(db: None, caller_token: str) -> ApiClient:
    """A caller with every permission."""
    return ApiClient(caller_token)


@pytest.fixture
def member(db: None) -> Member:
    """`member("EditMeeting", tenantId="a")`: a caller with these permissions and claims."""

    def new(*permissions: str, **claims: Any) -> ApiClient:
        return ApiClient(mint(*permissions, **claims))

    return new


@pytest.fixture
def stranger(db: None) -> ApiClient:
    """A caller whose token is good and holds no permission."""
    return ApiClient(mint())


@pytest.fixture
def anonymous(db: None) -> ApiClient:
    """Someone without a token."""
    return ApiClient()


@pytest.fixture
def new_meeting(db: None) -> NewMeeting:
    """`new_meeting(title="A", tenant="t")`: a meeting, made by the service; names as in `MeetingPlan`."""

    def new(*, tenant: str = "", actor: str = "owner", **plan: Any) -> Meeting:
        return create_meeting(MeetingPlan(**plan), actor=actor, tenant=tenant)

    return new


@pytest.fixture
def meeting(new_meeting: NewMeeting) -> Meeting:
    """A meeting that anyone with a token may join now."""
    return new_meeting()


@pytest.fixture
def memory(settings: Any) -> MemoryProvider:
    """A second provider, alias `memory`, that keeps what it was asked and fails when told to."""
    settings.VIDEOCONF_PROVIDERS = settings.VIDEOCONF_PROVIDERS | {
        "memory": {"BACKEND": "meetings.providers.memory.MemoryProvider"}
    }
    return cast(MemoryProvider, get_provider("memory"))
