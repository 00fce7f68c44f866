"""A schema of the original beside our tables."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import LazySettings

from tests.sourceloop.original import Original
from tests.webhooks.senders import SECRET

API_KEY, API_SECRET = "4700001", "the-api-secret-of-the-original-0123456789"


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
    """The alias that imported meetings get: Vonage's provider, as far as it needs no network."""
    options = {"API_KEY": API_KEY, "API_SECRET": API_SECRET, "SESSION_SECRETS": [SECRET], "ARCHIVE_SECRETS": [SECRET]}
    settings.VIDEOCONF_PROVIDERS = settings.VIDEOCONF_PROVIDERS | {
        "opentok": {"BACKEND": "meetings.providers.opentok.OpenTokProvider", "OPTIONS": options}
    }
    return "opentok"
