"""Settings of recordings that can't be: named at start."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.checks import run_checks


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("RECORDING_CONSENT", "maybe", "must be one of told, required"),
        ("RECORDING_MAX_MINUTES", 0, "must be at least 1"),
        ("RECORDING_MAX_TRACK_MB", -1, "must be at least 1"),
        ("RECORDING_MAX_MB", 0, "must be at least 1"),
        ("RECORDING_KEEP_HOURS", -1, "must be 0 or more"),
        ("RECORDING_NOTICE_VERSION", "", "1 to 64 characters"),
        ("RECORDING_NOTICE_VERSION", "x" * 65, "1 to 64 characters"),
        ("RECORDING_CHUNK_STORAGE", "nowhere", "STORAGES does not have"),
        ("RECORDING_MAX_MINUTES", "240", "must be int"),
    ],
)
def test_a_setting_that_cannot_be_is_named(name: str, value: object, words: str, settings: Any) -> None:
    assert run_checks(tags=["videoconf"]) == []
    settings.VIDEOCONF = settings.VIDEOCONF | {name: value}
    (found,) = run_checks(tags=["videoconf"])
    assert found.msg.startswith(f'VIDEOCONF["{name}"]')
    assert words in found.msg
