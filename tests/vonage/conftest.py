"""A stand-in per kind of account, and the vendor's SDK pointed at it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import opentok
import pytest

from tests.vonage import Application, LegacyProject, Project, StandIn, new_private_key

KEY = "47318661"
SECRET = "0123456789abcdef0123456789abcdef01234567"
APPLICATION_ID = "78d335fa-323d-0114-9c3d-d6f0d48968cf"


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
