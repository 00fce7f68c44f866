"""docs/deploy/: what is shipped there fits together, fits the application, and is what its programs accept."""

from __future__ import annotations

import os
import re
import secrets
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings
from django.utils.module_loading import import_string

from meetings.api.bodies import MAX_BODY
from meetings.conf import Conf
from meetings.signaling.frames import MAX_FRAME
from tests.certificates import write_certificate
from tests.docs.pages import DOCS, ROOT, blocks_of, code_in, table_under

DEPLOY = DOCS / "deploy"
NGINX = (DEPLOY / "nginx.conf").read_text()
SERVERS = {"python -m videoconf.serve": "videoconf.wsgi:application", "uvicorn": "videoconf.asgi:application"}
BIN = Path(sys.executable).parent
Services = dict[str, dict[str, Any]]


@pytest.fixture(scope="module")
def services() -> Services:
    found: Services = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]
    return found


@pytest.fixture(scope="module")
def example() -> dict[str, str]:
    """The example environment, with random text for everything between < and >."""
    lines = [line for line in (DEPLOY / "env.example").read_text().splitlines() if line and line[0] != "#"]
    pairs = [line.partition("=")[::2] for line in lines]
    return {name: re.sub(r"<[^>]+>", lambda _: secrets.token_urlsafe(48), value) for name, value in pairs}


def words_after(flag: str, command: str) -> str:
    words = shlex.split(command)
    return words[words.index(flag) + 1]


def server_commands(services: Services) -> list[str]:
    """Return every command of the servers, of the compose file and of the page."""
    on_page = [line for block in blocks_of(DOCS / "deploy.md") for line in block.text.replace("\\\n", " ").splitlines()]
    commands = [service.get("command", "") for service in services.values()] + on_page
    commands = [line.removeprefix("ExecStart=") for line in commands]
    return [line for line in commands if re.match(rf"(\S+/)?({'|'.join(SERVERS)}) ", line)]


def test_every_name_of_the_example_is_described(example: dict[str, str]) -> None:
    described = {
        name
        for row in table_under(DOCS / "settings.md", "## The runnable project's environment")
        for name in code_in(row[0])
    }

    assert set(example) <= described


def test_example_environment_passes_the_deployment_checks(example: dict[str, str]) -> None:
    env = {"PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "videoconf.settings"} | example
    command = [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("server", SERVERS)
def test_servers_know_the_options_they_are_started_with(services: Services, server: str) -> None:
    program, *words = server.split()
    asked = [str(BIN / program), *words, "--help"]
    known = subprocess.run(asked, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    commands = [command for command in server_commands(services) if f"{server} " in command]

    assert len(commands) >= 2
    for command in commands:
        assert [word for word in shlex.split(command) if word.startswith("--") and word not in known] == []
    assert import_string(SERVERS[server].replace(":", ".")) is not None


def test_management_commands_exist(services: Services) -> None:
    for service in services.values():
        if "manage.py" in str(service.get("command", "")):
            name = shlex.split(service["command"])[2]
            subprocess.run([sys.executable, "manage.py", name, "--help"], cwd=ROOT, check=True, capture_output=True)


def test_proxy_and_servers_agree_on_ports(services: Services) -> None:
    for name in ("http", "sockets"):
        port = words_after("--port", services[name]["command"])
        assert f"server {name}:{port};" in NGINX


def test_proxy_sends_the_signalling_path_to_the_sockets() -> None:
    sockets = re.search(r"location (\S+) \{\s*proxy_pass http://sockets_app;", NGINX)
    assert sockets is not None
    path = Conf.__dict__["SIGNALING_PATH"].default

    assert path.startswith(sockets.group(1))


def test_limits_let_the_application_answer_for_itself(services: Services) -> None:
    megabytes = re.search(r"client_max_body_size (\d+)m;", NGINX)
    assert megabytes is not None

    assert int(megabytes.group(1)) * 1024 * 1024 > MAX_BODY
    assert int(words_after("--ws-max-size", services["sockets"]["command"])) > MAX_FRAME


def test_proxy_adds_no_header_of_its_own_and_passes_the_host_on() -> None:
    assert "add_header" not in NGINX
    assert re.search(r"proxy_set_header Host\s+\$http_host;", NGINX)
    header, value = "HTTP_X_FORWARDED_PROTO", "https"
    assert settings.SECURE_PROXY_SSL_HEADER in (None, (header, value))
    assert re.search(r"proxy_set_header X-Forwarded-Proto\s+\$scheme;", NGINX)


def test_database_of_the_example_is_the_one_of_the_compose_file(services: Services, example: dict[str, str]) -> None:
    environment = services["postgres"]["environment"]
    user, name = environment["POSTGRES_USER"], environment["POSTGRES_DB"]

    assert re.fullmatch(rf"postgres://{user}:[^@]+@postgres:5432/{name}", example["DATABASE_URL"])
    assert example["REDIS_URL"].startswith("redis://redis:")


def test_mounted_files_are_shipped(services: Services) -> None:
    mounted = [entry.partition(":")[0] for service in services.values() for entry in service.get("volumes", [])]
    files = {entry for entry in mounted if entry.endswith(".conf")}

    assert files == {"./nginx.conf", "./coturn.conf"}
    assert all((DEPLOY / name).is_file() for name in files)
    ignored = (DEPLOY / ".gitignore").read_text().split()
    assert {"/.env", "/postgres-password", "/tls/"} <= set(ignored)


def test_turn_server_takes_the_ports_and_the_secret_that_the_example_names(example: dict[str, str]) -> None:
    lines = (DEPLOY / "coturn.conf").read_text().splitlines()
    options = dict(line.partition("=")[::2] for line in lines if line and line[0] != "#")
    ports = {int(url.partition("?")[0].rpartition(":")[2]) for url in example["TURN_URLS"].split(",")}

    assert "use-auth-secret" in options
    assert options["static-auth-secret"] == "<the value of TURN_SECRET>"
    assert ports == {int(options["listening-port"]), int(options["tls-listening-port"])}


@pytest.mark.nginx
def test_nginx_accepts_its_configuration(tmp_path: Path) -> None:
    write_certificate(tmp_path)
    folders = "".join(f"{name}_temp_path {tmp_path}/{name};\n" for name in ("client_body", "proxy", "fastcgi", "uwsgi"))
    text = re.sub(r"server (http|sockets):", "server 127.0.0.1:", NGINX)  # names that only the compose file has
    text = text.replace("/etc/nginx/tls", str(tmp_path)).replace("listen 80;", "listen 8080;")
    text = text.replace("listen 443 ", "listen 8443 ").replace(
        "http {", f"http {{\n{folders}scgi_temp_path {tmp_path}/scgi;", 1
    )
    (tmp_path / "nginx.conf").write_text(f"pid {tmp_path}/pid;\n{text}")
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    assert program is not None, "nginx is not installed"
    command = [program, "-t", "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf"), "-e", str(tmp_path / "log")]
    done = subprocess.run(command, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    assert "[warn]" not in done.stderr
