"""The HTTP client in front of servers that do what a stand-in with good manners would not."""

from __future__ import annotations

import gzip
import multiprocessing
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from meetings.exceptions import ProviderError, ProviderUnavailable
from meetings.providers import http
from meetings.providers.http import HttpClient
from tests.certificates import write_certificate

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
Talk = Callable[[socket.socket], None]


@contextmanager
def listening(talk: Talk) -> Iterator[str]:
    """A server that talks to each connection as it is told; gives its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve(connection: socket.socket) -> None:
            with connection, suppress(OSError):
                talk(connection)

        def work() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    threading.Thread(target=serve, args=(connection,), daemon=True).start()

        threading.Thread(target=work, daemon=True).start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)


def client(address: str, *, scheme: str = "http", timeout: float = 5.0) -> HttpClient:
    return HttpClient(f"{scheme}://{address}", timeout=timeout, name="Far", user_agent="tests")


def request_of(connection: socket.socket) -> bytes:
    """Read one request to the end of its body."""
    read = b""
    while b"\r\n\r\n" not in read:
        part = connection.recv(65536)
        if not part:
            return b""
        read += part
    head, _, body = read.partition(b"\r\n\r\n")
    lengths = [line[15:] for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")]
    while lengths and len(body) < int(lengths[0]):
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


@pytest.mark.parametrize(
    ("method", "how"),
    [("POST", {"form": {"a": "1"}}), ("POST", {"document": {"a": 1}}), ("POST", {}), ("DELETE", {}), ("GET", {})],
)
def test_kept_connection_that_breaks_sends_nothing_twice(method: str, how: dict[str, Any]) -> None:
    requests: list[bytes] = []

    def talk(connection: socket.socket) -> None:
        requests.append(request_of(connection))
        connection.sendall(ANSWER)
        requests.append(request_of(connection))  # and nobody learns what became of it

    with listening(talk) as address:
        far = client(address)
        far.call(method, "/one", headers={}, **how)
        with pytest.raises(ProviderUnavailable, match="broke the connection off"):
            far.call(method, "/two", headers={}, **how)
        far.call(method, "/three", headers={}, **how)

    assert [request.split()[1] for request in requests if request] == [b"/one", b"/two", b"/three"]


def test_what_is_repeatable_is_sent_twice_at_most() -> None:
    requests: list[bytes] = []

    def talk(connection: socket.socket) -> None:
        requests.append(request_of(connection))

    with listening(talk) as address, pytest.raises(ProviderUnavailable):
        client(address).call("DELETE", "/", headers={}, repeatable=True)

    assert len([request for request in requests if request]) == 2


@pytest.mark.parametrize("dies", ["every one", "the first"])
@pytest.mark.parametrize("pause", [0.1, 1.2])
def test_connection_that_was_closed_meanwhile_is_not_used(dies: str, pause: float) -> None:
    connections: list[object] = []

    def talk(connection: socket.socket) -> None:
        connections.append(connection)
        while request_of(connection):
            connection.sendall(ANSWER)
            if dies == "every one" or len(connections) == 1:
                return

    with listening(talk) as address:
        far = client(address)
        for _ in range(4):
            assert far.call("POST", "/", headers={}, document={}).json() == {}
            time.sleep(pause)


def test_connections_are_kept() -> None:
    peers: list[object] = []

    def talk(connection: socket.socket) -> None:
        peers.append(connection.getpeername())
        while request_of(connection):
            connection.sendall(ANSWER)

    with listening(talk) as address:
        far = client(address)
        for _ in range(3):
            far.call("GET", "/", headers={})

    assert len(peers) == 1


DRIPS = {
    "status": (b"HTTP/1.1 200 O", b"k"),
    "headers": (b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n"),
    "body": (ANSWER.replace(b"Length: 2", b"Length: 200"), b" "),
}


@pytest.mark.parametrize("piece", DRIPS)
def test_answer_that_drips_is_bounded_by_the_time_out(piece: str) -> None:
    begun, drop = DRIPS[piece]

    def talk(connection: socket.socket) -> None:
        request_of(connection)
        connection.sendall(begun)
        for _ in range(100):
            connection.sendall(drop)
            time.sleep(0.1)

    began = time.monotonic()
    with listening(talk) as address, pytest.raises(ProviderUnavailable, match="did not answer in time"):
        client(address, timeout=1.0).call("GET", "/", headers={})

    assert 0.9 < time.monotonic() - began < 5  # the drops go on for ten seconds


def test_request_is_what_was_asked_for() -> None:
    requests: list[bytes] = []

    def talk(connection: socket.socket) -> None:
        while request := request_of(connection):
            requests.append(request)
            connection.sendall(ANSWER)

    with listening(talk) as address:
        far = HttpClient(f"http://{address}/base", timeout=5, name="Far", user_agent="tests")
        far.call("POST", "/a/../b", headers={"X-Key": "k"}, query={"q": "ä&"})
        far.call("PUT", "/c", headers={}, document={"text": "x" * 5000})

    first, second = (request.partition(b"\r\n\r\n") for request in requests)
    lines = first[0].lower().split(b"\r\n")
    assert lines[0] == b"post /base/a/../b?q=%c3%a4%26 http/1.1"
    assert {b"content-length: 0", b"x-key: k", b"user-agent: tests", b"accept: application/json"} <= set(lines)
    assert b"\r\nexpect:" not in second[0].lower()
    assert (second[0][:4], len(second[2])) == (b"PUT ", len('{"text": ""}') + 5000)


@pytest.mark.parametrize("name", ["\r\n", "\n", "\x00"])
def test_line_breaks_in_headers_are_no_requests(name: str) -> None:
    with pytest.raises(ValueError, match="line break"):
        client("127.0.0.1:9").call("GET", "/", headers={"X-A": f"b{name}DELETE /evil HTTP/1.1"})


def test_other_protocols_are_not_spoken(tmp_path: Path) -> None:
    (tmp_path / "answer").write_text("{}")
    with pytest.raises(ProviderUnavailable):
        HttpClient(f"file://{tmp_path}", timeout=5, name="Far", user_agent="tests").call("GET", "/answer", headers={})


def test_answer_may_be_compressed() -> None:
    body = gzip.compress(b'{"a": 1}')

    def talk(connection: socket.socket) -> None:
        request_of(connection)
        head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(body)}\r\n\r\n"
        connection.sendall(head.encode() + body)

    with listening(talk) as address:
        assert client(address).call("GET", "/", headers={}).json() == {"a": 1}


def test_process_that_was_forked_has_connections_of_its_own() -> None:
    peers: list[object] = []

    def talk(connection: socket.socket) -> None:
        while request_of(connection):
            peers.append(connection.getpeername())
            connection.sendall(ANSWER)

    with listening(talk) as address:
        far = client(address)
        far.call("GET", "/", headers={})
        child = multiprocessing.get_context("fork").Process(target=far.call, args=("GET", "/"), kwargs={"headers": {}})
        child.start()
        child.join()
        assert child.exitcode == 0
        far.call("GET", "/", headers={})

    assert len(set(peers)) == 2


def test_answer_that_is_too_long_is_not_read() -> None:
    def talk(connection: socket.socket) -> None:
        request_of(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            connection.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")

    with listening(talk) as address, pytest.raises(ProviderError, match=f"over {http.MAX_ANSWER} bytes"):
        client(address).call("GET", "/", headers={})


@pytest.mark.parametrize("trusted", ["no", "by file", "by folder"])
def test_only_certificates_that_this_machine_trusts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trusted: str
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    certificate, key = write_certificate(tmp_path)
    if trusted == "by file":
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
    elif trusted == "by folder":
        named = subprocess.run(
            ["openssl", "x509", "-hash", "-noout", "-in", str(certificate)], capture_output=True, text=True, check=True
        )
        (tmp_path / f"{named.stdout.strip()}.0").write_bytes(certificate.read_bytes())
        monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    requests: list[bytes] = []

    def talk(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secure:
            requests.append(request_of(secure))
            secure.sendall(ANSWER)

    with listening(talk) as address:
        far = client(address, scheme="https")
        if trusted == "no":
            with pytest.raises(ProviderUnavailable, match="certificate is not trusted"):
                far.call("GET", "/", headers={"X-Secret": "s"})
            assert not any(requests)
        else:
            assert far.call("GET", "/", headers={}).json() == {}


def test_connection_that_breaks_at_the_handshake_is_no_matter_of_trust() -> None:
    with listening(lambda connection: None) as address, pytest.raises(ProviderUnavailable, match="broke"):
        client(address, scheme="https").call("GET", "/", headers={})


def test_proxies_of_the_environment_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def talk(connection: socket.socket) -> None:
        request_of(connection)
        connection.sendall(ANSWER)

    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("all_proxy", "http://127.0.0.1:9")
    with listening(talk) as address:
        assert client(address).call("GET", "/", headers={}).status == 200
