"""The recording side of the embedded provider: what it can do, and that it needs nobody else."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from pathlib import Path

from archives.facts import ArchiveFacts
from archives.providers.base import ArchiveSpec, UploadTarget
from archives.providers.registry import archive_provider
from archives.providers.webrtc import WebRTCArchives
from meetings.providers.types import RoomRef
from meetings.providers.webrtc import WebRTCProvider

ROOT = Path(__file__).resolve().parents[2]
PROVIDER = WebRTCProvider("x", {"ALLOW_IN_MEMORY_LAYER": True})
LACKING = """
import json, sys
import django
django.setup()
from meetings.providers.webrtc import provider
provider.MEDIA_LIBRARIES = ("no_such_library",)
from meetings import extensions, services
from meetings.plans import MeetingPlan
from meetings.providers.registry import get_provider
said = {"can": extensions.can_archive(get_provider("webrtc"))}
try:
    services.create_meeting(MeetingPlan(enable_archiving=True), actor="a")
except Exception as error:
    said["refusal"] = str(error)
said["imported"] = sorted({"av", "numpy", "PIL"} & set(sys.modules))
print(json.dumps(said))
"""


def recorder() -> WebRTCArchives:
    found = archive_provider(PROVIDER)
    assert isinstance(found, WebRTCArchives)
    return found


def test_it_records_where_the_libraries_are() -> None:
    assert PROVIDER.capabilities.archive
    assert not recorder().is_remote


def test_a_start_names_the_archive_and_a_stop_is_one() -> None:
    said = recorder().start(RoomRef(session_id="s"), ArchiveSpec(name="Planning"))
    assert (said.status, said.session_id, said.name, said.resolution, said.output_mode) == (
        "started",
        "s",
        "Planning",
        "1280x720",
        "composed",
    )
    assert str(uuid.UUID(said.archive_id)) == said.archive_id
    assert recorder().stop(said.archive_id).status == "stopped"
    assert recorder().start(RoomRef(session_id="s"), ArchiveSpec()).archive_id != said.archive_id


def test_files_have_a_place_in_the_bucket() -> None:
    for mode, suffix in (("composed", "mp4"), ("individual", "zip")):
        facts = ArchiveFacts(archive_id="a", status="stopped", output_mode=mode)
        assert recorder().storage_key(facts) == f"webrtc/a/archive.{suffix}"


def test_nobody_has_to_be_told_of_anything() -> None:
    target = UploadTarget(kind="s3", place={"bucket": "b"}, credentials={})
    for _ in range(2):
        recorder().set_storage_target(target)
        recorder().clear_storage_target()
        recorder().delete("a")
    assert recorder().list().total == 0


def test_without_the_libraries_recording_is_refused_and_they_are_never_imported() -> None:
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "DJANGO_SETTINGS_MODULE": "tests.settings"}
    done = subprocess.run([sys.executable, "-c", LACKING], capture_output=True, text=True, env=env, timeout=120)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == {
        "can": False,
        "refusal": "Cannot archive meeting, this feature is not available for this provider",
        "imported": [],
    }
