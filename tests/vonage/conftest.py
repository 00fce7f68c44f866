"""A stand-in per kind of account, and the vendor's SDK pointed at it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import opentok
import pytest

from tests.vonage import Application, LegacyProject, Project, StandIn, new_private_key
from tests.vonage.callers import APPLICATION_ID, KEY, SECRET
from tests.vonage.receivers import Receiver, receiving


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found


@pytest.fixture
def legacy() -> Iterator[StandIn]:
    """A stand-in for a legacy project whose callbacks are recorded, and repeated fast."""
    with StandIn(LegacyProject(KEY, SECRET), retry_scale=0.001, lingers=0) as stand_in:
        yield stand_in


@pytest.fixture(scope="session")
def private_key() -> str:
    return new_private_key()


@pytest.fixture(params=["legacy", "application"])
def project(request: pytest.FixtureRequest, private_key: str) -> Project:
    if request.param == "legacy":
        return LegacyProject(KEY, SECRET)
    return Application(APPLICATION_ID, private_key)


@pytest.fixture
def vonage(project: Project) -> Iterator[StandIn]:
    with StandIn(project) as stand_in:
        yield stand_in


@pytest.fixture
def sdk(vonage: StandIn, private_key: str, tmp_path: Path) -> Any:
    """The `opentok` SDK with the credentials of the stand-in's project."""
    secret = SECRET
    if isinstance(vonage.project, Application):
        path = tmp_path / "private.key"
        path.write_text(private_key)
        secret = str(path)
    client = opentok.Client(vonage.project.identifier, secret, timeout=5)
    client.endpoints.api_url = vonage.url
    return client
