"""The stand-in itself: the vendor's SDK is content with it, and what the vendor refuses is refused."""

from __future__ import annotations

import socket
import time
import urllib.parse
from typing import Any

import jwt
import opentok
import pytest
import requests
from opentok.exceptions import RequestError

from tests.vonage import StandIn, TokenRefused, faults, unanswering_address
from tests.vonage.callers import FORM, KEY, SECRET, create, signed


def test_sdk_creates_session_and_mints_token_that_is_accepted(vonage: StandIn, sdk: Any) -> None:
    session = sdk.create_session(media_mode=opentok.MediaModes.routed, archive_mode=opentok.ArchiveModes.always)
    assert vonage.sessions[session.session_id].is_archived_always
    assert not vonage.sessions[session.session_id].is_relayed
    token = sdk.generate_token(session.session_id, role=opentok.Roles.moderator, data="Ann")
    claims = vonage.token_claims(token)
    assert (claims["role"], claims["connection_data"]) == ("moderator", "Ann")


def test_sdk_with_wrong_credentials_is_refused(vonage: StandIn, sdk: Any) -> None:
    other = opentok.Client("1234567", "f" * 40, timeout=5)
    other.endpoints.api_url = vonage.url
    with pytest.raises(RequestError, match="invalid credentials"):
        other.create_session()
    assert not vonage.sessions


def test_old_token_is_read_and_a_changed_one_refused(legacy: StandIn) -> None:
    client = opentok.Client(KEY, SECRET)
    session_id = create(legacy).json()[0]["session_id"]
    token = client.generate_token(session_id, data="Ann & Bob", use_jwt=False)
    assert legacy.token_claims(token)["connection_data"] == "Ann & Bob"
    forged = opentok.Client(KEY, "f" * 40).generate_token(session_id, use_jwt=False)
    with pytest.raises(TokenRefused, match="signature"):
        legacy.token_claims(forged)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"role": "king"}, "role"),
        ({"role": ["publisher"]}, "no text"),
        ({"scope": "other"}, "scope"),
        ({"exp": int(time.time()) - 5}, "expired"),
        ({"exp": int(time.time()) + 31 * 24 * 3600}, "30 days"),
        ({"iat": int(time.time()) + 3600}, "future"),
        ({"connection_data": "x" * 1001}, "too long"),
        ({"session_id": "1_MX4xfn4"}, "another project"),
        ({"ist": "account"}, "project"),
        ({"iss": "1"}, "issuer"),
    ],
)
def test_token_that_opens_nothing_is_refused(legacy: StandIn, changes: dict[str, Any], reason: str) -> None:
    now = int(time.time())
    session_id = create(legacy).json()[0]["session_id"]
    claims = {"iss": KEY, "ist": "project", "iat": now, "exp": now + 60, "scope": "session.connect"}
    claims |= {"role": "publisher", "session_id": session_id} | changes
    with pytest.raises(TokenRefused, match=reason):
        legacy.token_claims(jwt.encode(claims, SECRET, algorithm="HS256"))


def test_answer_to_create_is_array_of_one_with_bare_content_type(legacy: StandIn) -> None:
    answer = create(legacy)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    (said,) = answer.json()
    assert set(legacy.sessions) == {said["session_id"]}
    assert said["project_id"] == KEY


@pytest.mark.parametrize(
    "changes",
    [
        {"iss": "1"},
        {"ist": "account"},
        {"ist": None},
        {"exp": None},
        {"iat": None},
        {"exp": int(time.time()) - 5},
        {"exp": int(time.time()) + 900},
        {"iat": int(time.time()) + 600},
        {"secret": "f" * 40},
    ],
)
def test_call_not_signed_as_it_must_be_is_403(legacy: StandIn, changes: dict[str, Any]) -> None:
    answer = create(legacy, headers=signed(**changes))
    assert answer.status_code == 403
    assert set(answer.json()) == {"code", "message", "description"}
    assert answer.json() | {"description": ""} == {"code": -1, "message": "Invalid signature", "description": ""}
    assert not legacy.sessions


def test_call_without_header_is_403_and_xml_for_who_does_not_want_json(legacy: StandIn) -> None:
    answer = create(legacy, headers={"Accept": "*/*"})
    assert (answer.status_code, answer.headers["Content-Type"]) == (403, "text/xml")
    assert answer.text.startswith("<errorPayload><code>-1</code>")


@pytest.mark.parametrize(
    "changes",
    [
        {"media_mode": "routed"},
        {"p2p.preference": "routed"},
        {"archiveMode": "sometimes"},
        {"e2ee": "maybe"},
        {"p2p.preference": "enabled", "archiveMode": "always"},
        {"p2p.preference": "enabled", "e2ee": "true"},
        {"archiveMode": "always", "e2ee": "true"},
        {"archiveName": "A"},
        {"archiveResolution": "640x480"},
        {"archiveMode": "always", "archiveResolution": "1x1"},
        {"archiveMode": "always", "archiveName": ""},
        {"archiveMode": "always", "archiveName": "n" * 81},
        {"location": "nowhere"},
    ],
)
def test_create_with_wrong_field_is_400(legacy: StandIn, changes: dict[str, str]) -> None:
    answer = create(legacy, FORM | changes)
    assert answer.status_code == 400
    assert set(answer.json()) == {"code", "message", "description"}
    assert not legacy.sessions


def test_create_with_json_body_or_field_twice_is_400(legacy: StandIn) -> None:
    address = f"{legacy.url}/session/create"
    assert requests.post(address, json=FORM, headers=signed(), timeout=5).status_code == 400
    labelled = signed() | {"Content-Type": "application/x-www-form-urlencoded"}
    twice = urllib.parse.urlencode([*FORM.items(), ("e2ee", "false")])
    assert requests.post(address, data=twice, headers=labelled, timeout=5).status_code == 400


def test_create_takes_all_documented_fields(legacy: StandIn) -> None:
    form = FORM | {"archiveMode": "always", "archiveName": "A", "archiveResolution": "1280x720", "location": "10.0.0.1"}
    session = legacy.sessions[create(legacy, form).json()[0]["session_id"]]
    assert (session.archive_name, session.archive_resolution, session.location) == ("A", "1280x720", "10.0.0.1")


def test_unknown_path_is_404_and_wrong_method_405(legacy: StandIn) -> None:
    assert requests.get(f"{legacy.url}/nowhere", headers=signed(), timeout=5).status_code == 404
    assert requests.get(f"{legacy.url}/session/create", headers=signed(), timeout=5).status_code == 405


def test_connection_is_kept(legacy: StandIn) -> None:
    with requests.Session() as client:
        for _ in range(3):
            assert client.post(f"{legacy.url}/session/create", data=FORM, headers=signed(), timeout=5).ok
        assert len(legacy._server._open) == 1


@pytest.mark.parametrize("code", [400, 401, 403, 404, 409, 429, 500])
def test_fault_refuses_with_status_as_often_as_told(legacy: StandIn, code: int) -> None:
    legacy.fail("POST /session/create", faults.status(code, retry_after=7 if code == 429 else None), times=2)
    answers = [create(legacy) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [code, code, 200]
    assert answers[0].json()["code"] == -1
    assert answers[0].headers.get("Retry-After") == ("7" if code == 429 else None)
    assert len(legacy.sessions) == 1


def test_fault_pattern_chooses_method_and_path(legacy: StandIn) -> None:
    legacy.fail("GET /session/create", faults.status(500))
    legacy.fail("* /v2/**", faults.status(500))
    legacy.fail("POST /session/*/more", faults.status(500))
    assert create(legacy).status_code == 200
    legacy.fail("* /session/*", faults.html(), times=None)
    assert [create(legacy).status_code for _ in range(3)] == [502] * 3
    legacy.heal()
    assert create(legacy).status_code == 200


def test_fault_spoils_body_and_content_type(legacy: StandIn) -> None:
    for fault in (faults.empty(), faults.garbage(), faults.html(), faults.labelled("application/json; charset=utf-8")):
        legacy.fail("POST /**", fault)
    nothing, broken, page, labelled = (create(legacy) for _ in range(4))
    assert (nothing.status_code, nothing.content) == (200, b"")
    with pytest.raises(ValueError, match="char"):
        broken.json()
    assert (page.status_code, page.headers["Content-Type"]) == (502, "text/html")
    assert labelled.headers["Content-Type"] == "application/json; charset=utf-8"
    assert labelled.json()[0]["session_id"] in legacy.sessions


def test_fault_sends_elsewhere(legacy: StandIn) -> None:
    legacy.fail("POST /**", faults.redirect("http://127.0.0.1:1/"))
    answer = create(legacy, allow_redirects=False)
    assert (answer.status_code, answer.headers["Location"]) == (302, "http://127.0.0.1:1/")
    assert not legacy.sessions


def test_fault_resets_before_or_after_the_call_is_carried_out(legacy: StandIn) -> None:
    legacy.fail("POST /**", faults.reset("before"))
    with pytest.raises(requests.ConnectionError):
        create(legacy)
    assert not legacy.sessions
    legacy.fail("POST /**", faults.reset("after"))
    with pytest.raises(requests.ConnectionError):
        create(legacy)
    assert len(legacy.sessions) == 1


def test_fault_that_is_carried_out_loses_only_the_answer(legacy: StandIn) -> None:
    legacy.fail("POST /**", faults.html(504).carried_out())
    assert create(legacy).status_code == 504
    assert len(legacy.sessions) == 1


def test_fault_is_silent_drips_cuts_or_floods(legacy: StandIn) -> None:
    address = f"{legacy.url}/session/create"
    legacy.fail("POST /**", faults.silent())
    with pytest.raises(requests.ReadTimeout):
        requests.post(address, data=FORM, headers=signed(), timeout=0.2)
    assert not legacy.sessions
    legacy.fail("POST /**", faults.dripping(0.001))
    assert create(legacy).json()[0]["session_id"] in legacy.sessions
    legacy.fail("POST /**", faults.cut(10))
    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
        create(legacy)
    legacy.fail("POST /**", faults.huge(1_000_000))
    assert len(create(legacy).content) == 1_000_000


def test_address_that_never_accepts_times_out_while_connecting() -> None:
    with unanswering_address() as address, pytest.raises(requests.ConnectTimeout):
        requests.get(address, timeout=0.3)


def test_stop_is_an_outage_and_start_brings_the_same_port_back(legacy: StandIn) -> None:
    create(legacy)
    address = legacy.url
    legacy.stop()
    with pytest.raises(requests.ConnectionError):
        create(legacy)
    legacy.start()
    assert legacy.url == address
    assert create(legacy).ok
    assert len(legacy.sessions) == 2


def test_last_requests_are_remembered(legacy: StandIn) -> None:
    create(legacy)
    (request,) = legacy.requests
    assert (request.method, request.path, request.status) == ("POST", "/session/create", 200)
    assert dict(urllib.parse.parse_qsl(request.body.decode())) == FORM


@pytest.mark.parametrize(
    "raw",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\nbroken\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: many\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
)
def test_what_is_no_request_is_answered_and_hung_up_on(legacy: StandIn, raw: bytes) -> None:
    with socket.create_connection(("127.0.0.1", legacy._server.port), timeout=5) as sock:
        sock.sendall(raw)
        said = b""
        while data := sock.recv(4096):
            said += data
    assert said.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 411 "))
