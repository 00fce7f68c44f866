"""A host may install `meetings` alone: it works, and says that there are no archives."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import json
import django
from django.conf import settings

settings.configure(
    SECRET_KEY="only-for-this-test-0123456789-0123456789-0123456789",
    USE_TZ=True,
    ALLOWED_HOSTS=["testserver"],
    ROOT_URLCONF="meetings.urls",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    INSTALLED_APPS=[
        "django.contrib.auth", "django.contrib.contenttypes", "django_tasks", "django_tasks_db", "channels",
        "meetings.apps.MeetingsConfig",
    ],
    TASKS={"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}},
    CHANNEL_LAYERS={"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}},
    VIDEOCONF={"ALLOW_UNSIGNED_WEBHOOKS": True},
    VIDEOCONF_PROVIDERS={"webrtc": {"BACKEND": "meetings.providers.webrtc.WebRTCProvider",
                                    "OPTIONS": {"ALLOW_IN_MEMORY_LAYER": True}}},
)
django.setup()

from django.core.management import call_command
from meetings import extensions, intake, services
from meetings.exceptions import UnsupportedFeature
from meetings.models import Attendee, WebhookDelivery
from meetings.plans import MeetingPlan
from meetings.providers.registry import get_provider
from meetings.providers.types import WebhookMessage

call_command("migrate", verbosity=0)
said = {}
try:
    services.create_meeting(MeetingPlan(enable_archiving=True), actor="a")
except UnsupportedFeature as error:
    said["refusal"] = error.message
meeting = services.create_meeting(MeetingPlan(), actor="a")
services.issue_token(meeting)
for event in (
    {"event": "connectionCreated", "sessionId": meeting.session_id, "connection": {"id": "c", "data": "Ann"}},
    {"event": "archive", "id": "a", "status": "started", "sessionId": meeting.session_id},
):
    intake.receive(get_provider("webrtc"), WebhookMessage(body=json.dumps(event).encode()))
said["here"] = list(Attendee.objects.active().values_list("attendee", flat=True))
said["recording"] = extensions.is_recording(meeting)
services.end_meeting(meeting, actor="a")
said["left"] = Attendee.objects.active().count()
said["verdicts"] = sorted(WebhookDelivery.objects.values_list("verdict", flat=True))
import sys
said["archives"] = "archives" in sys.modules
print(json.dumps(said))
"""


def test_meetings_work_without_the_archives_app() -> None:
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, env=env, timeout=120)

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == {
        "refusal": "Cannot archive meeting, this feature is not available for this provider",
        "here": ["Ann"],
        "recording": False,
        "left": 0,
        "verdicts": ["applied", "unknown"],
        "archives": False,
    }
