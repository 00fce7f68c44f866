"""Vonage's part of the runnable project's environment: which account it is, and what can't be one."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.test_settings_env import DUMP, KEY, PRODUCTION, copy_project, run_python
from tests.vonage import new_private_key

SECRET = "0123456789abcdef0123456789abcdef01234567"
APPLICATION_ID = "78d335fa-323d-0114-9c3d-d6f0d48968cf"
PEM = new_private_key()
LEGACY = {"VONAGE_API_KEY": "46000001", "VONAGE_API_SECRET": SECRET}
APPLICATION = {"VONAGE_APPLICATION_ID": APPLICATION_ID, "VONAGE_PRIVATE_KEY": PEM}
SIGNED = {"VONAGE_SESSION_SECRETS": "new-session, old-session", "VONAGE_ARCHIVE_SECRETS": "archive"}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_project(tmp_path_factory.mktemp("project"))


def read(project: Path, **env: str) -> dict[str, Any]:
    done = run_python(project, ["-c", DUMP], {"SECRET_KEY": KEY} | env)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def check(project: Path, **env: str) -> subprocess.CompletedProcess[str]:
    return run_python(project, ["manage.py", "check", "--deploy", "--fail-level", "WARNING"], PRODUCTION | env)


def locked(pem: str) -> str:
    key = serialization.load_pem_private_key(pem.encode(), password=None)
    locking = serialization.BestAvailableEncryption(b"passphrase")
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, locking).decode()


def of_curve() -> str:
    return (
        ec.generate_private_key(ec.SECP256R1())
        .private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        .decode()
    )


def test_without_credentials_there_is_no_such_provider(project: Path) -> None:
    settings = read(project, VONAGE_API_URL="https://proxy.example.com", **SIGNED)

    assert list(settings["VIDEOCONF_PROVIDERS"]) == ["webrtc"]


@pytest.mark.parametrize("default", ["webrtc", "opentok"])
def test_with_credentials_there_is_one_beside_the_embedded_one(project: Path, default: str) -> None:
    settings = read(project, VIDEOCONF_PROVIDER=default, **LEGACY)

    assert settings["VIDEOCONF"]["DEFAULT_PROVIDER"] == default
    assert list(settings["VIDEOCONF_PROVIDERS"]) == ["webrtc", "opentok"]
    opentok = settings["VIDEOCONF_PROVIDERS"]["opentok"]
    assert opentok["BACKEND"] == "meetings.providers.opentok.OpenTokProvider"
    assert opentok["OPTIONS"] == {
        "API_KEY": "46000001",
        "API_SECRET": SECRET,
        "TIMEOUT": 10,
        "SESSION_SECRETS": [],
        "ARCHIVE_SECRETS": [],
    }


def test_names_of_vonage_reach_their_options(project: Path) -> None:
    settings = read(project, **LEGACY, **SIGNED, VONAGE_TIMEOUT="3", VONAGE_API_URL="http://127.0.0.1:8090")

    options = settings["VIDEOCONF_PROVIDERS"]["opentok"]["OPTIONS"]
    assert options["SESSION_SECRETS"] == ["new-session", "old-session"]
    assert options["ARCHIVE_SECRETS"] == ["archive"]
    assert (options["TIMEOUT"], options["API_URL"]) == (3, "http://127.0.0.1:8090")


@pytest.mark.parametrize("way", ["text", "text on one line", "file", "file without an extension"])
def test_private_key_is_taken_as_text_or_as_a_file(project: Path, tmp_path: Path, way: str) -> None:
    given = PEM.replace("\n", "\\n") if way == "text on one line" else PEM
    if way.startswith("file"):
        path = tmp_path / ("vonage_key" if "without" in way else "private.key")
        path.write_text(PEM)
        given = str(path)

    options = read(project, VONAGE_APPLICATION_ID=APPLICATION_ID, VONAGE_PRIVATE_KEY=given)["VIDEOCONF_PROVIDERS"][
        "opentok"
    ]["OPTIONS"]

    assert options["APPLICATION_ID"] == APPLICATION_ID
    assert options["PRIVATE_KEY"].strip() == PEM.strip()
    assert "API_KEY" not in options


@pytest.mark.parametrize("pair", [LEGACY, APPLICATION], ids=["legacy", "application"])
def test_checks_of_a_complete_set_up_find_nothing(project: Path, pair: dict[str, str]) -> None:
    done = check(project, VIDEOCONF_PROVIDER="opentok", **pair, **SIGNED)

    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout


def test_checks_name_the_kind_whose_webhooks_have_no_secret(project: Path) -> None:
    done = check(project, VIDEOCONF_PROVIDER="opentok", **LEGACY, VONAGE_SESSION_SECRETS="session")

    assert done.returncode != 0
    assert "has no ARCHIVE_SECRETS: archive events are refused" in done.stderr
    assert "SESSION_SECRETS: session" not in done.stderr


@pytest.mark.parametrize(
    ("env", "named", "remedy"),
    [
        (LEGACY | {"VONAGE_API_KEY": "a1b2c3d4"}, "VONAGE_API_KEY", "it is no number"),
        (LEGACY | {"VONAGE_API_KEY": APPLICATION_ID}, "VONAGE_API_KEY", "VONAGE_APPLICATION_ID and VONAGE_PRIVATE_KEY"),
        (LEGACY | {"VONAGE_API_KEY": SECRET}, "VONAGE_API_KEY", "it is no number"),
        (LEGACY | {"VONAGE_API_SECRET": PEM}, "VONAGE_API_SECRET", "it is a private key"),
        (APPLICATION | {"VONAGE_APPLICATION_ID": "46000001"}, "VONAGE_APPLICATION_ID", "it is no UUID"),
        (APPLICATION | {"VONAGE_PRIVATE_KEY": SECRET}, "VONAGE_PRIVATE_KEY", "neither PEM text nor the path"),
        (APPLICATION | {"VONAGE_PRIVATE_KEY": "/nowhere.key"}, "VONAGE_PRIVATE_KEY", "neither PEM text nor the path"),
        (APPLICATION | {"VONAGE_PRIVATE_KEY": PEM[:200]}, "VONAGE_PRIVATE_KEY", "no PEM private key"),
        (APPLICATION | {"VONAGE_PRIVATE_KEY": locked(PEM)}, "VONAGE_PRIVATE_KEY", "without a passphrase"),
        (APPLICATION | {"VONAGE_PRIVATE_KEY": of_curve()}, "VONAGE_PRIVATE_KEY", "no RSA key"),
        ({"VONAGE_API_SECRET": SECRET}, "VONAGE_API_KEY", "Set both"),
        ({"VONAGE_APPLICATION_ID": APPLICATION_ID}, "VONAGE_PRIVATE_KEY", "Set both"),
        (LEGACY | {"VONAGE_PRIVATE_KEY": PEM}, "VONAGE_APPLICATION_ID", "Set both"),
        (LEGACY | APPLICATION, ", ".join([*LEGACY, *APPLICATION]), "both pairs are set"),
        ({"VIDEOCONF_PROVIDER": "opentok"}, "VIDEOCONF_PROVIDER", "opentok needs credentials"),
        ({"VIDEOCONF_PROVIDER": "opentok"} | SIGNED, "VIDEOCONF_PROVIDER", "opentok needs credentials"),
    ],
    ids=lambda value: value.replace(" ", "-") if isinstance(value, str) else None,
)
def test_credentials_that_cannot_be_used_stop_the_start(
    project: Path, env: dict[str, str], named: str, remedy: str
) -> None:
    done = run_python(project, ["-c", DUMP], {"SECRET_KEY": KEY} | env)

    assert done.returncode != 0, "the settings were accepted"
    line = done.stderr.strip().splitlines()[-1]
    assert f"ImproperlyConfigured: {named}: " in line
    assert remedy in line
    assert SECRET not in line
    assert PEM.splitlines()[1] not in line


@pytest.mark.parametrize("form", ["{}", '"{}"', "'{}'"])
@pytest.mark.parametrize("part", [PEM, PEM.partition("\n")[2], PEM[:200]])
def test_a_key_is_taken_in_quotes_and_never_shown(project: Path, form: str, part: str) -> None:
    env = {"SECRET_KEY": KEY} | APPLICATION | {"VONAGE_PRIVATE_KEY": form.format(part)}
    done = run_python(project, ["-c", DUMP], env)
    assert (done.returncode == 0) == (part == PEM)
    if part != PEM:
        assert "VONAGE_PRIVATE_KEY: it is" in done.stderr
        assert not any(line in done.stderr for line in PEM.splitlines()[1:-1])


def test_commands_say_in_one_line_what_is_wrong_with_the_settings(project: Path) -> None:
    done = run_python(project, ["manage.py", "check"], {"SECRET_KEY": KEY} | LEGACY | {"VONAGE_API_KEY": "a1b2"})
    assert done.returncode != 0
    assert done.stderr.strip().startswith("VONAGE_API_KEY: it is no number.")
    assert len(done.stderr.strip().splitlines()) == 1


def test_an_unreadable_file_is_named_and_not_shown(project: Path, tmp_path: Path) -> None:
    path = tmp_path / "binary.key"
    path.write_bytes(b"\xff\xfe not a key")

    done = run_python(project, ["-c", DUMP], {"SECRET_KEY": KEY} | APPLICATION | {"VONAGE_PRIVATE_KEY": str(path)})

    assert "VONAGE_PRIVATE_KEY: it is neither PEM text nor the path of a readable PEM file." in done.stderr
    assert "not a key" not in done.stderr


def test_start_of_the_server_ends_with_one_line(project: Path) -> None:
    done = run_python(project, ["-m", "videoconf.run"], LEGACY | {"VONAGE_API_KEY": "a1b2c3d4"})

    assert done.returncode != 0
    assert done.stderr.strip().splitlines()[-1].startswith("VONAGE_API_KEY: it is no number.")
