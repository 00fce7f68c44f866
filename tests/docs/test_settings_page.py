"""docs/settings.md and the providers' pages against what the code reads."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from meetings.conf import SETTINGS, Setting
from meetings.providers.memory import MemoryProvider
from meetings.providers.opentok import OpenTokProvider
from meetings.providers.webrtc import WebRTCProvider
from tests.docs.pages import DOCS, ROOT, code_in, table_under

PAGE = DOCS / "settings.md"
INTERNAL = {"VIDEOCONF_MAKE_RUN"}  # set by `make run` itself
MAKE_RUN_ONLY = {"VIDEOCONF_DEMO"}
READ_NAMES = """
import json
from videoconf.environment import Environment

class Recorder(dict):
    names = set()
    def get(self, name, default=None):
        self.names.add(name)
        return super().get(name, default)
    def __contains__(self, name):
        self.names.add(name)
        return super().__contains__(name)

Environment.ENVIRON = Recorder(SECRET_KEY="a key for this test")
import videoconf.settings
print(json.dumps(sorted(Recorder.names)))
"""


def default_of(setting: Setting[Any]) -> str:
    """Return a default as the page shows it."""
    return "derived" if callable(setting.default) else shown(setting.default)


def shown(value: object) -> str:
    return "none" if value in (None, (), {}, "") else f"`{value!r}`".replace("'", '"')


def test_every_key_of_videoconf_is_described_as_in_the_code() -> None:
    described = {code_in(name)[0]: (default, meaning) for name, default, meaning in table_under(PAGE, "## VIDEOCONF")}

    assert described == {name: (default_of(setting), setting.doc) for name, setting in SETTINGS.items()}


@pytest.mark.parametrize(
    ("page", "heading", "provider"),
    [
        ("webrtc.md", "## Settings", WebRTCProvider),
        ("vonage.md", "### Options", OpenTokProvider),
        ("settings.md", "### memory", MemoryProvider),
    ],
)
def test_every_option_of_a_provider_is_described_with_its_default(page: str, heading: str, provider: Any) -> None:
    described = {code_in(name)[0]: default for name, default, _ in table_under(DOCS / page, heading)}

    assert described == {name: shown(default) for name, default in provider.options.items()}


def test_every_name_of_the_environment_is_described() -> None:
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", READ_NAMES], cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    described = [name for row in table_under(PAGE, "## The runnable project's environment") for name in code_in(row[0])]

    assert len(described) == len(set(described))
    assert set(described) == (set(json.loads(done.stdout)) | MAKE_RUN_ONLY) - INTERNAL
