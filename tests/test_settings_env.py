"""The runnable project's settings, read in a process of their own from a made-up environment."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

ROOT = Path(__file__).resolve().parent.parent
KEY = "a-secret-of-fifty-characters-or-more-for-these-tests-only"
PRODUCTION = {
    "SECRET_KEY": "r4nd0m-and-long-enough-0123456789-ABCDEFGHIJKLMNOPQRSTUVWXYZ-abcdef",
    "ALLOWED_HOSTS": "meet.example.com",
    "TRUSTED_PROXIES": "1",
    "REDIS_URL": "redis://redis.example.com:6379/0",
    "DATABASE_URL": "postgres://videoconf:pw@db.example.com:5432/videoconf",
    "WEBHOOK_SECRETS": "0123456789-0123456789-0123456789-0123456789",
    "JWT_SECRET": "0123456789-0123456789-0123456789-0123456789-abc",
}
DUMP = """
import json, runpy
settings = runpy.run_module("videoconf.settings")
print(json.dumps({k: v for k, v in settings.items() if k.isupper()}, default=str))
"""

Read = Callable[..., dict[str, Any]]
Refusal = Callable[..., str]


def copy_project(folder: Path) -> Path:
    """Copy the project, so that nothing depends on what lies in the developer's `var/`."""
    ignore = shutil.ignore_patterns("__pycache__", "node_modules")
    for name in ("videoconf", "meetings", "archives", "templates"):
        shutil.copytree(ROOT / name, folder / name, ignore=ignore)
    shutil.copy(ROOT / "manage.py", folder)
    return folder


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return copy_project(tmp_path)


def run_python(project: Path, arguments: list[str], env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    own = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        [sys.executable, *arguments], cwd=project, env=own | env, capture_output=True, text=True, timeout=60
    )


@pytest.fixture
def read(project: Path) -> Read:
    """Read the settings under the given names, and SECRET_KEY unless it is given."""

    def read_settings(**env: str) -> dict[str, Any]:
        done = run_python(project, ["-c", DUMP], {"SECRET_KEY": KEY} | env)
        assert done.returncode == 0, done.stderr
        settings: dict[str, Any] = json.loads(done.stdout)
        return settings

    return read_settings


@pytest.fixture
def refusal(project: Path) -> Refusal:
    """Return the last line that a start with these names ends with."""

    def read_refusal(**env: str) -> str:
        done = run_python(project, ["-c", DUMP], {"SECRET_KEY": KEY} | env)
        assert done.returncode != 0, "the settings were accepted"
        return done.stderr.strip().splitlines()[-1]

    return read_refusal


@pytest.fixture(scope="module")
def public_pem() -> str:
    key = ec.generate_private_key(ec.SECP256R1()).public_key()
    return key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()


def test_settings_without_any_name_are_those_of_production(read: Read) -> None:
    settings = read()

    assert settings["DEBUG"] is False
    assert settings["ALLOWED_HOSTS"] == ["127.0.0.1", "localhost", "[::1]"]
    assert (settings["HOST"], settings["PORT"]) == ("127.0.0.1", 8000)
    assert settings["SESSION_COOKIE_SECURE"] is True
    assert settings["CSRF_COOKIE_SECURE"] is True
    assert settings["CORS_ALLOW_ALL_ORIGINS"] is True
    assert settings["CORS_ALLOW_CREDENTIALS"] is False
    videoconf = settings["VIDEOCONF"]
    assert videoconf["DEFAULT_PROVIDER"] == "webrtc"
    assert videoconf["GUEST_ROLE"] is None
    assert videoconf["ALLOW_UNSIGNED_WEBHOOKS"] is False
    assert videoconf["UNKNOWN_PROPERTIES"] == "refuse"
    assert videoconf["TIME_TO_START"] == 10
    assert videoconf["JWT_ISSUER"] == "videoconf"
    assert videoconf["JWT_SECRET"] is None


def test_settings_without_secret_key_are_refused(refusal: Refusal) -> None:
    assert "SECRET_KEY: it is not set" in refusal(SECRET_KEY="")


def test_settings_under_make_run_are_those_of_a_first_try(read: Read) -> None:
    settings = read(VIDEOCONF_MAKE_RUN="true")

    assert settings["DEBUG"] is True
    assert settings["ALLOWED_HOSTS"] == ["127.0.0.1", "localhost", "[::1]"]
    assert settings["SESSION_COOKIE_SECURE"] is False
    assert settings["VIDEOCONF"]["GUEST_ROLE"] == "publisher"
    assert settings["VIDEOCONF"]["ALLOW_UNSIGNED_WEBHOOKS"] is True
    assert len(settings["VIDEOCONF"]["JWT_SECRET"]) >= 32


def test_names_set_to_nothing_win_over_what_make_run_would_choose(read: Read) -> None:
    settings = read(
        VIDEOCONF_MAKE_RUN="true",
        DEBUG="",
        ALLOWED_HOSTS="",
        GUEST_ROLE="",
        ALLOW_UNSIGNED_WEBHOOKS="",
        JWT_SECRET="",
    )

    assert settings["DEBUG"] is False
    assert settings["ALLOWED_HOSTS"] == []
    assert settings["VIDEOCONF"]["GUEST_ROLE"] is None
    assert settings["VIDEOCONF"]["ALLOW_UNSIGNED_WEBHOOKS"] is False
    assert settings["VIDEOCONF"]["JWT_SECRET"] is None


def test_make_run_away_from_loopback_is_open_to_nobody(read: Read) -> None:
    settings = read(VIDEOCONF_MAKE_RUN="true", HOST="meet.example.com")

    assert settings["DEBUG"] is False
    assert settings["ALLOWED_HOSTS"] == ["meet.example.com"]
    assert settings["VIDEOCONF"]["GUEST_ROLE"] is None
    assert settings["VIDEOCONF"]["ALLOW_UNSIGNED_WEBHOOKS"] is False


def test_make_run_on_every_address_wants_to_know_its_names(refusal: Refusal) -> None:
    assert "ALLOWED_HOSTS: " in refusal(VIDEOCONF_MAKE_RUN="true", HOST="0.0.0.0")


def test_generated_keys_are_private_kept_and_read_by_later_commands(project: Path) -> None:
    first = json.loads(run_python(project, ["-c", DUMP], {"VIDEOCONF_MAKE_RUN": "true"}).stdout)
    second = json.loads(run_python(project, ["-c", DUMP], {"VIDEOCONF_MAKE_RUN": "true"}).stdout)
    command = json.loads(run_python(project, ["-c", DUMP], {}).stdout)

    keys = project / "var" / "keys.env"
    assert keys.stat().st_mode & 0o777 == 0o600
    assert len(first["SECRET_KEY"]) >= 50
    assert first["SECRET_KEY"] == second["SECRET_KEY"] == command["SECRET_KEY"]
    assert first["JWT_SECRET"] == second["JWT_SECRET"] == command["JWT_SECRET"] != first["SECRET_KEY"]
    assert [path.name for path in keys.parent.iterdir() if path.name.startswith("keys")] == ["keys.env"]


def test_public_key_takes_the_place_of_the_generated_secret(read: Read, public_pem: str) -> None:
    settings = read(VIDEOCONF_MAKE_RUN="true", JWT_PUBLIC_KEY=public_pem.replace("\n", "\\n"))

    assert settings["VIDEOCONF"]["JWT_PUBLIC_KEY"].strip() == public_pem.strip()
    assert settings["VIDEOCONF"]["JWT_SECRET"] is None


def test_public_key_may_be_a_file(read: Read, public_pem: str, tmp_path: Path) -> None:
    path = tmp_path / "callers.pem"
    path.write_text(public_pem)

    assert read(JWT_PUBLIC_KEY=str(path))["VIDEOCONF"]["JWT_PUBLIC_KEY"] == public_pem


def test_secret_that_starts_with_a_dollar_is_taken_as_it_stands(read: Read) -> None:
    assert read(JWT_SECRET="$HOME-and-more")["VIDEOCONF"]["JWT_SECRET"] == "$HOME-and-more"


@pytest.mark.parametrize(
    ("env", "named", "remedy"),
    [
        ({"PORT": "eighty"}, "PORT", "from 1 to 65535"),
        ({"PORT": "65536"}, "PORT", "from 1 to 65535"),
        ({"PORT": "-1"}, "PORT", "from 1 to 65535"),
        ({"PORT": "8²"}, "PORT", "from 1 to 65535"),
        ({"DEBUG": "maybe"}, "DEBUG", "true or false"),
        ({"TRUSTED_PROXIES": "all"}, "TRUSTED_PROXIES", "from 0 to 10"),
        ({"CSRF_TRUSTED_ORIGINS": "app.example.com"}, "CSRF_TRUSTED_ORIGINS", "https://app.example.com"),
        ({"DATABASE_URL": "mysql://db/videoconf"}, "DATABASE_URL", "postgres://"),
        ({"DATABASE_URL": "postgres://db.example.com:5432"}, "DATABASE_URL", "names no database"),
        ({"REDIS_URL": "http://redis"}, "REDIS_URL", "redis://"),
        ({"JWT_PUBLIC_KEY": "/nowhere/key.pem"}, "JWT_PUBLIC_KEY", "PEM"),
        ({"JWT_PUBLIC_KEY": "-----BEGIN PUBLIC KEY-----\\nnonsense"}, "JWT_PUBLIC_KEY", "PEM public key"),
        ({"VIDEOCONF_PROVIDER": "zoom"}, "VIDEOCONF_PROVIDER", "Use one of: webrtc"),
        ({"VIDEOCONF_PROVIDER": "opentok"}, "VIDEOCONF_PROVIDER", "VONAGE_API_KEY and VONAGE_API_SECRET"),
        ({"VONAGE_API_KEY": "1"}, "VONAGE_API_SECRET", "Set both"),
        ({"VONAGE_PRIVATE_KEY": "x"}, "VONAGE_APPLICATION_ID", "Set both"),
        ({"VONAGE_APPLICATION_ID": "1", "VONAGE_PRIVATE_KEY": "/no.pem"}, "VONAGE_PRIVATE_KEY", "PEM"),
        (
            {
                "VONAGE_API_KEY": "1",
                "VONAGE_API_SECRET": "2",
                "VONAGE_APPLICATION_ID": "3",
                "VONAGE_PRIVATE_KEY": "4",
            },
            "VONAGE_API_KEY, VONAGE_API_SECRET, VONAGE_APPLICATION_ID, VONAGE_PRIVATE_KEY",
            "Keep the pair",
        ),
        ({"VONAGE_API_URL": "api.vonage.com"}, "VONAGE_API_URL", "https:"),
        ({"VONAGE_TIMEOUT": "0"}, "VONAGE_TIMEOUT", "from 1 to 120"),
        ({"ALLOW_UNSIGNED_WEBHOOKS": "2"}, "ALLOW_UNSIGNED_WEBHOOKS", "true or false"),
        ({"UNKNOWN_PROPERTIES": "drop"}, "UNKNOWN_PROPERTIES", "refuse, ignore"),
        ({"FRAME_ANCESTORS": "*"}, "FRAME_ANCESTORS", "https://app.example.com"),
        ({"TIME_TO_START": "-5"}, "TIME_TO_START", "from 0 to"),
        ({"GUEST_ROLE": "boss"}, "GUEST_ROLE", "moderator, publisher, subscriber"),
        (
            {"CORS_ALLOWED_ORIGINS": "https://a.example/path"},
            "CORS_ALLOWED_ORIGINS",
            "https://app.example.com",
        ),
        ({"STUN_URLS": "https://stun.example"}, "STUN_URLS", "stun:"),
        ({"TURN_URLS": "turn:turn.example"}, "TURN_URLS, TURN_SECRET", "Set both"),
        ({"TURN_SECRET": "s"}, "TURN_URLS, TURN_SECRET", "Set both"),
    ],
    ids=lambda value: ",".join(value) if isinstance(value, dict) else None,
)
def test_value_that_cannot_be_used_stops_the_start(
    refusal: Refusal, env: dict[str, str], named: str, remedy: str
) -> None:
    line = refusal(**env)

    assert f"ImproperlyConfigured: {named}: " in line
    assert remedy in line


def test_both_ways_to_verify_callers_are_refused(refusal: Refusal, public_pem: str) -> None:
    line = refusal(JWT_SECRET="s" * 32, JWT_PUBLIC_KEY=public_pem)

    assert "JWT_SECRET, JWT_PUBLIC_KEY: both are set" in line


def test_values_reach_their_settings(read: Read) -> None:
    settings = read(
        TENANT_CLAIM="tenantId",
        UNKNOWN_PROPERTIES="ignore",
        TIME_TO_START="3",
        GUEST_ROLE="subscriber",
        FRAME_ANCESTORS="https://app.example.com, https://*.example.org",
        WEBHOOK_PATH_TOKEN="unguessable",
        WEBHOOK_SECRETS="new, old",
        STUN_URLS="stun:stun.example.com:3478",
        TURN_URLS="turn:turn.example.com,turns:turn.example.com",
        TURN_SECRET="shared",
        AWS_ACCESS_KEY="id",
        AWS_SECRET_KEY="aws",
        AZURE_ACCOUNT_KEY="azure",
        AZURE_CONTAINER="box",
        MEDIA_ROOT="/srv/media",
        CORS_ALLOWED_ORIGINS="https://app.example.com",
    )

    videoconf, options = settings["VIDEOCONF"], settings["VIDEOCONF_PROVIDERS"]["webrtc"]["OPTIONS"]
    assert videoconf["TENANT_CLAIM"] == "tenantId"
    assert videoconf["UNKNOWN_PROPERTIES"] == "ignore"
    assert videoconf["TIME_TO_START"] == 3
    assert videoconf["GUEST_ROLE"] == "subscriber"
    assert videoconf["FRAME_ANCESTORS"] == ["https://app.example.com", "https://*.example.org"]
    assert videoconf["WEBHOOK_PATH_TOKEN"] == "unguessable"
    assert videoconf["MEDIA_ROOT"] == settings["MEDIA_ROOT"] == "/srv/media"
    assert [videoconf[name] for name in ("AWS_ACCESS_KEY", "AWS_SECRET_KEY")] == ["id", "aws"]
    assert [videoconf[name] for name in ("AZURE_ACCOUNT_KEY", "AZURE_CONTAINER")] == ["azure", "box"]
    assert options["WEBHOOK_SECRETS"] == ["new", "old"]
    assert options["STUN_URLS"] == ["stun:stun.example.com:3478"]
    assert options["TURN_URLS"] == ["turn:turn.example.com", "turns:turn.example.com"]
    assert options["TURN_SECRET"] == "shared"
    assert settings["CORS_ALLOW_ALL_ORIGINS"] is False
    assert settings["CORS_ALLOWED_ORIGINS"] == ["https://app.example.com"]


def test_postgresql_and_redis_are_set_up_for_production(read: Read) -> None:
    settings = read(**PRODUCTION)

    database = settings["DATABASES"]["default"]
    assert database["ENGINE"] == "videoconf.postgresql"
    assert (database["HOST"], database["PORT"], database["NAME"]) == ("db.example.com", 5432, "videoconf")
    assert database["CONN_HEALTH_CHECKS"] is True
    assert database["OPTIONS"]["connect_timeout"] == 5
    layer = settings["CHANNEL_LAYERS"]["default"]
    assert layer["BACKEND"] == "channels_redis.core.RedisChannelLayer"
    assert layer["CONFIG"]["hosts"] == [{"address": PRODUCTION["REDIS_URL"], "socket_timeout": None}]
    assert settings["CACHES"]["default"]["LOCATION"] == PRODUCTION["REDIS_URL"]
    assert settings["CACHES"]["default"]["KEY_PREFIX"] != layer["CONFIG"]["prefix"]
    assert settings["SECURE_SSL_REDIRECT"] is True
    assert settings["SECURE_PROXY_SSL_HEADER"] == ["HTTP_X_FORWARDED_PROTO", "https"]


def test_database_on_a_unix_socket_is_understood(read: Read) -> None:
    database = read(DATABASE_URL="postgres://me@%2Fvar%2Frun%2Fpostgresql/videoconf")["DATABASES"]["default"]

    assert (database["HOST"], database["USER"], database["NAME"]) == (
        "/var/run/postgresql",
        "me",
        "videoconf",
    )


def test_deploy_check_under_production_settings_finds_nothing(project: Path) -> None:
    done = run_python(project, ["manage.py", "check", "--deploy", "--fail-level", "INFO"], PRODUCTION)

    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout


def test_deploy_check_of_an_open_set_up_reports_it(project: Path) -> None:
    careless = PRODUCTION | {"ALLOW_UNSIGNED_WEBHOOKS": "true", "TRUSTED_PROXIES": "0"}
    done = run_python(project, ["manage.py", "check", "--deploy", "--fail-level", "WARNING"], careless)

    assert done.returncode != 0
    assert "ALLOW_UNSIGNED_WEBHOOKS" in done.stderr
    assert "security.W008" in done.stderr
