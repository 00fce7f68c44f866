"""A schema of the original beside our tables."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import LazySettings

from meetings.providers.memory import MemoryProvider
from tests.sourceloop.original import Original
from tests.webhooks.senders import SECRET


@pytest.fixture
def original(transactional_db: None, tmp_path: Path) -> Iterator[Original]:
    """The original's tables as its later versions have them."""
    made = Original("videochatms", tmp_path / "report.json")
    made.drop()
    made.make()
    yield made
    made.drop()


@pytest.fixture(params=["old", "later"])
def any_original(request: pytest.FixtureRequest, transactional_db: None, tmp_path: Path) -> Iterator[Original]:
    """The original's tables in both column sets."""
    made = Original("videochatms", tmp_path / "report.json")
    made.drop()
    made.make(later_columns=request.param == "later")
    yield made
    made.drop()


@pytest.fixture
def opentok(settings: LazySettings) -> str:
    """The alias that imported meetings get; the provider behind it needs no network, its webhooks are signed."""
    double: dict[str, Any] = {
        "BACKEND": f"{MemoryProvider.__module__}.{MemoryProvider.__qualname__}",
        "OPTIONS": {"WEBHOOK_SECRETS": [SECRET]},
    }
    settings.VIDEOCONF_PROVIDERS = settings.VIDEOCONF_PROVIDERS | {"opentok": double}
    return "opentok"
