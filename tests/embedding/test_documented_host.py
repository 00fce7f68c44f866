"""docs/embedding.md, word for word: its files make a project that checks, migrates and passes its own tests."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, blocks_of
from tests.embedding.hosts import Host, documented_host

README_IMPORTS = {
    "settings": "",
    "urls": "from django.urls import include\n",
    "asgi": """from channels.routing import ProtocolTypeRouter, URLRouter
from django.urls import path
from meetings.signaling.routing import websocket_urlpatterns
""",
}
OWN_MODEL = """from django.db import models


class Meeting(models.Model):
    topic = models.CharField(max_length=64)
"""
LEFT_OUT = '\nINSTALLED_APPS.remove("archives.apps.ArchivesConfig")\n'
OWN_APP = '\nINSTALLED_APPS.append("clinic.meetings.apps.ClinicMeetingsConfig")\n'


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Host:
    return documented_host(tmp_path_factory.mktemp("host"))


def test_documented_host_needs_no_migration(host: Host) -> None:
    assert "No changes" in host.manage("makemigrations", "--check", "--dry-run")


def test_documented_tests_pass(host: Host) -> None:
    printed = host.manage("test", "visits")

    assert "Ran 5 tests" in printed
    assert "no issues" in printed


def test_documented_host_behaves_as_documented(host: Host) -> None:
    host.test("page", "api")


def test_five_lines_of_the_readme_and_its_first_meeting_work(tmp_path: Path) -> None:
    host = Host(tmp_path)
    host.run("-m", "django", "startproject", "clinic", ".")
    five, first = [block.text for block in blocks_of(ROOT / "README.md") if block.language == "python"]
    for part in re.split(r"^# (?=\w+\.py$)", five, flags=re.MULTILINE)[1:]:
        name, _, lines = part.partition(".py\n")
        path = host.folder / "clinic" / f"{name}.py"
        path.write_text(path.read_text() + README_IMPORTS[name] + lines)
    host.write("clinic/settings.py", 'VIDEOCONF = {"SIGNALING_PATH": "/video/ws/meet/"}\n')

    assert "no issues" in host.manage("check")
    host.manage("migrate", "--verbosity", "0")
    script = f"import clinic.asgi\n{first}\nprint(address)"
    assert re.search(r"^/video/meet/[\w-]{10}#token=eyJ", host.manage("shell", "-c", script), re.MULTILINE)


def test_host_without_archives_has_meetings_and_no_archives(host: Host, tmp_path: Path) -> None:
    without = host.copy(tmp_path)
    without.write("clinic/settings.py", LEFT_OUT)
    urls = without.folder / "clinic/urls.py"
    urls.write_text(urls.read_text().replace('    path("video/", include("archives.urls")),\n', ""))

    assert "no issues" in without.test("no_archives")


def test_host_with_an_app_called_meetings_keeps_both(host: Host, tmp_path: Path) -> None:
    own = host.copy(tmp_path)
    own.write("clinic/settings.py", OWN_APP)
    own.write("clinic/meetings/models.py", OWN_MODEL)
    own.write("clinic/meetings/templates/meetings/meet.html", "theirs")
    own.manage("makemigrations", "meetings")

    assert "no issues" in own.test("own_meetings")
