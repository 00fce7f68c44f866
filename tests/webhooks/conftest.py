"""Providers that take webhooks: signed with one secret, signed per kind, unsigned."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.webhooks.senders import SECRET, TwoSecretsProvider

Configure = Callable[..., None]


@pytest.fixture
def secrets(settings: Any) -> Configure:
    """`secrets("a", "b")`: the embedded provider's signature secrets, newest first."""

    def configure(*known: str) -> None:
        webrtc = settings.VIDEOCONF_PROVIDERS["webrtc"]
        options = webrtc["OPTIONS"] | {"WEBHOOK_SECRETS": list(known)}
        settings.VIDEOCONF_PROVIDERS = settings.VIDEOCONF_PROVIDERS | {"webrtc": webrtc | {"OPTIONS": options}}

    return configure


@pytest.fixture
def signed(secrets: Configure) -> None:
    """Webhooks must be signed with `SECRET`."""
    secrets(SECRET)


@pytest.fixture
def unsigned_allowed(settings: Any) -> None:
    """Where no secret is configured, unsigned events are taken."""
    settings.VIDEOCONF = settings.VIDEOCONF | {"ALLOW_UNSIGNED_WEBHOOKS": True}


@pytest.fixture
def two_secrets(settings: Any) -> Configure:
    """`two_secrets(session=["a"], archive=["b"])`: a provider `two` with secrets per kind."""

    def configure(**known: list[str]) -> None:
        options = {f"{kind.upper()}_SECRETS": values for kind, values in known.items()}
        backend = f"{TwoSecretsProvider.__module__}.{TwoSecretsProvider.__qualname__}"
        settings.VIDEOCONF_PROVIDERS = settings.VIDEOCONF_PROVIDERS | {"two": {"BACKEND": backend, "OPTIONS": options}}

    return configure
