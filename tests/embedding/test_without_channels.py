"""A host whose meetings are all at Vonage needs no Channels."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = """
import sys

class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("channels", "channels_redis"):
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Absent())

import django
from django.conf import settings

settings.configure(
    SECRET_KEY="a-secret-of-fifty-characters-or-more-for-this-test-only",
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
    INSTALLED_APPS=[
        "django.contrib.auth", "django.contrib.contenttypes", "django_tasks", "django_tasks_db", "drf_spectacular",
        "drf_spectacular_sidecar", "archives.apps.ArchivesConfig", "meetings.apps.MeetingsConfig",
    ],
    TASKS={"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}},
    TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}],
    ROOT_URLCONF="meetings.urls",
    STATIC_URL="static/",
    USE_TZ=True,
    VIDEOCONF={"DEFAULT_PROVIDER": "opentok", "JWT_SECRET": "another-secret-of-fifty-characters-or-more-for-this"},
    VIDEOCONF_PROVIDERS={
        "opentok": {
            "BACKEND": "meetings.providers.opentok.OpenTokProvider",
            "OPTIONS": {"API_KEY": "46000001", "API_SECRET": "0123456789abcdef", "SESSION_SECRETS": ["x" * 40],
                        "ARCHIVE_SECRETS": ["y" * 40]},
        }
    },
)
django.setup()
from django.core.management import call_command

call_command("check")
call_command("migrate", verbosity=0)
call_command("sweep_meetings")
from django.test import Client

assert Client(HTTP_HOST="localhost").get("/meet/nobody").status_code in (400, 404)
assert "channels" not in sys.modules
print("went well")
"""


def test_a_host_with_vonage_alone_starts_without_channels() -> None:
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)}
    ran = subprocess.run([sys.executable, "-c", PROGRAM], env=env, cwd=ROOT, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    assert "went well" in ran.stdout
