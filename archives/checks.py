"""System checks of recordings: what would fail later fails at start, with the remedy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.core.exceptions import ImproperlyConfigured

from archives.recording.consent import REQUIRED
from meetings.conf import conf

CONSENTS = ("told", REQUIRED)
AT_LEAST_ONE = ("RECORDING_MAX_MINUTES", "RECORDING_MAX_TRACK_MB", "RECORDING_MAX_MB")
LONGEST_VERSION = 64


@register("videoconf")
def check_recording(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """`RECORDING_…` of `VIDEOCONF`: values out of range, an alias that is not there."""
    try:
        return [Error(message, id="videoconf.E060") for message in _mistakes()]
    except ImproperlyConfigured:
        return []  # a wrong type, which has a message of its own


def _mistakes() -> list[str]:
    found = [f'VIDEOCONF["{name}"] must be at least 1.' for name in AT_LEAST_ONE if getattr(conf, name) < 1]
    if conf.RECORDING_CONSENT not in CONSENTS:
        found.append(f'VIDEOCONF["RECORDING_CONSENT"] must be one of {", ".join(CONSENTS)}.')
    if conf.RECORDING_KEEP_HOURS < 0:
        found.append('VIDEOCONF["RECORDING_KEEP_HOURS"] must be 0 or more.')
    if not 1 <= len(conf.RECORDING_NOTICE_VERSION) <= LONGEST_VERSION:
        found.append(f'VIDEOCONF["RECORDING_NOTICE_VERSION"] must have 1 to {LONGEST_VERSION} characters.')
    alias = conf.RECORDING_CHUNK_STORAGE
    if alias is not None and alias not in settings.STORAGES:
        found.append(f'VIDEOCONF["RECORDING_CHUNK_STORAGE"] is {alias!r}, which STORAGES does not have.')
    return found
