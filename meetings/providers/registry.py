"""Alias -> provider, built when first asked for."""

from __future__ import annotations

import threading
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.utils.module_loading import import_string

from meetings.conf import conf
from meetings.providers.base import Provider

_built: dict[str, Provider] = {}
_building = threading.Lock()
OUR_KEYS = {"BACKEND", "OPTIONS"}


def get_provider(alias: str) -> Provider:
    """Return the provider of an alias; `ImproperlyConfigured` with the remedy if there is none."""
    provider = _built.get(alias)
    if provider is None:
        with _building:
            provider = _built.get(alias) or _build(alias)
            _built[alias] = provider
    return provider


def is_configured(alias: str) -> bool:
    """Whether `VIDEOCONF_PROVIDERS` names this alias."""
    return alias in conf.PROVIDERS


def aliases() -> list[str]:
    """Return the configured aliases, sorted."""
    return sorted(conf.PROVIDERS)


def _build(alias: str) -> Provider:
    if not is_configured(alias):
        raise ImproperlyConfigured(
            f"VIDEOCONF_PROVIDERS has no provider {alias!r}; it has {', '.join(aliases()) or 'none'}."
        )
    entry = conf.PROVIDERS[alias]
    unknown = sorted(set(entry) - OUR_KEYS)
    if unknown or "BACKEND" not in entry:
        raise ImproperlyConfigured(
            f'VIDEOCONF_PROVIDERS["{alias}"] takes BACKEND (a dotted path) and OPTIONS'
            + (f", not {unknown[0]!r}." if unknown else "; BACKEND is missing.")
        )
    try:
        backend = import_string(entry["BACKEND"])
    except ImportError as error:
        raise ImproperlyConfigured(
            f'VIDEOCONF_PROVIDERS["{alias}"]["BACKEND"] {entry["BACKEND"]!r} can\'t be imported: {error}'
        ) from error
    if not (isinstance(backend, type) and issubclass(backend, Provider)):
        raise ImproperlyConfigured(
            f'VIDEOCONF_PROVIDERS["{alias}"]["BACKEND"] {entry["BACKEND"]!r} is no subclass of '
            f"{Provider.__module__}.{Provider.__name__}."
        )
    provider: Provider = backend(alias, entry.get("OPTIONS", {}))
    return provider


def reset_on_changed_settings() -> None:
    """Forget built providers whenever the settings change (tests)."""
    setting_changed.connect(_reset, dispatch_uid="videoconf.providers")


def _reset(*, setting: str, **_: Any) -> None:
    if setting in {"VIDEOCONF", "VIDEOCONF_PROVIDERS", "SECRET_KEY"}:
        _built.clear()
