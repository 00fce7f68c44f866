"""What the runnable project adds around the apps: answers to lost requests, throttled logins, headers, logs."""

from __future__ import annotations

import io
import logging
import logging.config
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as project
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client

from tests.browser.server import Server

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
UNKNOWN = {
    "error": {
        "statusCode": 404,
        "name": "NotFoundError",
        "message": "API not found !",
        "code": "route_not_found",
    }
}

pytestmark = pytest.mark.django_db


@pytest.fixture
def ada() -> User:
    return User.objects.create_superuser("ada", password="correct horse battery")


def fail_to_log_in(client: Client, times: int, **extra: Any) -> list[int]:
    form = {"username": "ada", "password": "wrong"}
    return [client.post("/admin/login/", form, **extra).status_code for _ in range(times)]


@pytest.mark.parametrize("method", ["get", "post", "put", "patch", "delete"])
def test_unknown_path_answers_a_program_in_the_envelope(method: str) -> None:
    answer = getattr(Client(enforce_csrf_checks=True), method)("/sesion", HTTP_ACCEPT="application/json")

    assert answer.status_code == 404
    assert answer.json() == UNKNOWN


def test_unknown_path_shows_a_browser_a_page(client: Client) -> None:
    answer = client.get("/nowhere", headers=BROWSER)

    assert answer.status_code == 404
    assert "There is no page at this address." in answer.content.decode()


@pytest.mark.parametrize("path", ["/session/", "/archives/a/b/c/d", "/auth/nothing", "/webhooks/a/b/c/d", "/health/x"])
def test_unknown_path_of_the_api_answers_a_browser_in_the_envelope(client: Client, path: str) -> None:
    answer = client.get(path, headers=BROWSER)

    assert answer.status_code == 404
    assert answer.json() == UNKNOWN


def test_foreign_host_header_is_refused_in_the_envelope(client: Client) -> None:
    answer = client.get("/session", HTTP_HOST="evil.example.com")

    assert answer.status_code == 400
    assert answer.json()["error"]["code"] == "bad_request"


def test_form_without_its_token_is_refused_with_a_way_on(ada: User) -> None:
    client = Client(enforce_csrf_checks=True)

    page = client.post("/admin/login/", {"username": "ada", "password": "x"}, headers=BROWSER)

    assert page.status_code == 403
    assert "load the page again" in page.content.decode()


def test_admin_login_is_locked_after_five_wrong_passwords_even_for_the_right_one(client: Client, ada: User) -> None:
    assert fail_to_log_in(client, 5) == [200, 200, 200, 200, 429]

    answer = client.post("/admin/login/", {"username": "ada", "password": "correct horse battery"}, headers=BROWSER)

    assert answer.status_code == 429
    assert answer["Retry-After"] == "900"
    assert "Too many failed logins." in answer.content.decode()


def test_token_login_is_locked_together_with_the_admin(client: Client, ada: User) -> None:
    fail_to_log_in(client, 4)
    wrong = {"username": "ada", "password": "wrong"}

    answers = [client.post("/auth/token", wrong, content_type="application/json") for _ in range(2)]

    assert [answer.status_code for answer in answers] == [429, 429]
    assert answers[1].json()["error"]["code"] == "too_many_attempts"
    assert int(answers[1]["Retry-After"]) > 0


def test_right_password_sets_the_count_back(client: Client, ada: User) -> None:
    fail_to_log_in(client, 4)
    client.post("/admin/login/", {"username": "ada", "password": "correct horse battery"})

    assert fail_to_log_in(Client(), 4) == [200] * 4


def test_lock_is_for_one_client_behind_the_proxies(client: Client, ada: User, settings: Any) -> None:
    settings.TRUSTED_PROXIES = 1
    locked = {"HTTP_X_FORWARDED_FOR": "6.6.6.6, 203.0.113.5"}
    spoofing = {"HTTP_X_FORWARDED_FOR": "7.7.7.7, 203.0.113.5"}
    other = {"HTTP_X_FORWARDED_FOR": "203.0.113.5, 203.0.113.9"}

    assert fail_to_log_in(client, 5, **locked)[-1] == 429

    assert fail_to_log_in(client, 1, **spoofing) == [429]
    assert fail_to_log_in(client, 1, **other) == [200]


def test_forwarded_address_is_not_believed_without_trusted_proxies(client: Client, ada: User) -> None:
    statuses = [fail_to_log_in(client, 1, HTTP_X_FORWARDED_FOR=f"203.0.113.{number}")[0] for number in range(5)]

    assert statuses[-1] == 429


def test_login_with_a_huge_name_or_a_null_is_no_server_error(client: Client) -> None:
    for name in ("x" * 5000, "a\0b"):
        assert client.post("/admin/login/", {"username": name, "password": "p"}).status_code == 200
        answer = client.post("/auth/token", {"username": name, "password": "p"}, content_type="application/json")
        assert 400 <= answer.status_code < 500


def test_failed_login_keeps_no_password_and_no_form_token(client: Client, ada: User) -> None:
    from axes.models import AccessAttempt

    client.post("/admin/login/", {"username": "ada", "password": "almost-right", "csrfmiddlewaretoken": "t" * 64})

    row = str(list(AccessAttempt.objects.values()))
    assert "ada" in row
    assert "almost-right" not in row
    assert "t" * 64 not in row


@pytest.mark.parametrize("path", ["/", "/docs", "/admin/login/"])
def test_pages_carry_the_security_headers(client: Client, path: str) -> None:
    answer = client.get(path, headers=BROWSER)

    assert answer.status_code == 200
    policy = answer["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert answer["X-Frame-Options"] == "DENY"
    assert answer["Referrer-Policy"] == "same-origin"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "camera=(self)" in answer["Permissions-Policy"]
    assert "geolocation=()" in answer["Permissions-Policy"]


def test_cors_preflight_of_the_api_needs_no_token(client: Client) -> None:
    answer = client.options(
        "/session",
        HTTP_ORIGIN="https://app.example.com",
        HTTP_ACCESS_CONTROL_REQUEST_METHOD="POST",
        HTTP_ACCESS_CONTROL_REQUEST_HEADERS="authorization,idempotency-key",
    )

    assert answer.status_code == 200
    assert answer["Access-Control-Allow-Origin"] == "*"
    assert "idempotency-key" in answer["Access-Control-Allow-Headers"]
    assert "Access-Control-Allow-Credentials" not in answer


@pytest.mark.parametrize("path", ["/", "/admin/login/", "/docs", "/meet/abcdefghij", "/webhooks/session"])
def test_pages_and_webhooks_answer_no_other_origin(client: Client, path: str) -> None:
    assert "Access-Control-Allow-Origin" not in client.get(path, HTTP_ORIGIN="https://app.example.com")


def test_cors_can_be_narrowed(client: Client, settings: Any) -> None:
    settings.CORS_ALLOW_ALL_ORIGINS = False
    settings.CORS_ALLOWED_ORIGINS = ["https://app.example.com"]

    mine = client.get("/health/live", HTTP_ORIGIN="https://app.example.com")
    other = client.get("/health/live", HTTP_ORIGIN="https://evil.example.com")

    assert mine["Access-Control-Allow-Origin"] == "https://app.example.com"
    assert "Access-Control-Allow-Origin" not in other


def test_plain_http_is_sent_to_https_but_for_health(client: Client, settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

    assert client.get("/docs")["Location"] == "https://testserver/docs"
    assert client.get("/docs", HTTP_X_FORWARDED_PROTO="https").status_code == 200
    assert client.get("/health/live").status_code == 200


def test_icon_is_found_by_browsers_that_were_told_of_none(client: Client) -> None:
    icon = client.get("/favicon.ico")

    assert icon.status_code == 302
    assert icon["Location"].endswith("icon.svg")


@pytest.fixture
def logged() -> Any:
    """The project's own log configuration, writing into memory."""
    config: dict[str, Any] = deepcopy(project.LOGGING)
    stream = io.StringIO()
    config["handlers"]["console"]["stream"] = stream
    logging.config.dictConfig(config)
    yield stream
    logging.config.dictConfig(project.LOGGING)


def test_log_shows_neither_secrets_nor_tokens(logged: io.StringIO) -> None:
    token = "eyJhbGciOiJIUzI1NiJ9.eyJpZCI6MX0.c2lnbmF0dXJl"
    logger = logging.getLogger("meetings.somewhere")

    logger.warning("called with Authorization: Bearer %s", "opaque-token-123")
    logger.warning("/meet/x?token=%s", token)
    try:
        raise ValueError(project.SECRET_KEY)
    except ValueError:
        logger.exception("failed")

    text = logged.getvalue()
    assert "Traceback" in text
    assert "[redacted]" in text
    for secret in ("opaque-token-123", token, project.SECRET_KEY):
        assert secret not in text


def test_log_has_no_line_for_a_clients_mistake(client: Client, logged: io.StringIO) -> None:
    client.get("/nowhere")

    assert logged.getvalue() == ""


@pytest.mark.postgres
def test_asgi_server_keeps_no_connection_of_a_request_that_is_over(tmp_path: Path) -> None:
    server = Server(tmp_path, DEBUG="true")
    server.start()
    try:
        with ThreadPoolExecutor(16) as pool:
            statuses = set(pool.map(lambda _: server.client.get("/health/ready").status_code, range(80)))
        assert statuses == {200}

        database = str(server.env["DATABASE_URL"]).rpartition("/")[2]
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = %s", [database])
            [open_connections] = cursor.fetchone()
        assert open_connections <= 4  # the worker's, and one or two of the server's own thread
    finally:
        server.stop()
