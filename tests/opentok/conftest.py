"""The house in both of Vonage's environments, or in one where that is enough."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.callers import ApiClient
from tests.opentok.house import ARCHIVE_SECRET, SESSION_SECRET, House, configure, project_of
from tests.vonage import StandIn


@contextmanager
def stand_in(mode: str, **how: Any) -> Iterator[StandIn]:
    """Give a stand-in whose callbacks are signed and recorded; a test brings them when it likes."""
    with StandIn(project_of(mode), lingers=0, **how) as vonage:
        vonage.register("session", secret=SESSION_SECRET)
        vonage.register("archive", secret=ARCHIVE_SECRET)
        yield vonage


@pytest.fixture(params=["legacy", "application"])
def house(request: pytest.FixtureRequest, settings: Any, owner: ApiClient) -> Iterator[House]:
    """The service in front of a legacy project, and of an application."""
    with stand_in(request.param) as vonage:
        configure(settings, vonage)
        yield House(vonage, owner, settings)


@pytest.fixture
def legacy(settings: Any, owner: ApiClient) -> Iterator[House]:
    """The service in front of a legacy project."""
    with stand_in("legacy") as vonage:
        configure(settings, vonage)
        yield House(vonage, owner, settings)
