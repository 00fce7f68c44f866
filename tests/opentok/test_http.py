"""The HTTP client in front of servers that do what a stand-in with good manners would not."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from meetings.exceptions import ProviderError, ProviderUnavailable
from meetings.providers import http
from meetings.providers.http import HttpClient
from tests.docs.test_deploy import write_certificate

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
Talk = Callable[[socket.socket], None]


@contextmanager
def listening(talk: Talk) -> Iterator[str]:
    """A server that talks to one connection after the other as it is told; gives its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def work() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                with connection, suppress(OSError):
                    talk(connection)

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


@pytest.mark.parametrize("how", [{"form": {"a": "1"}}, {"document": {"a": 1}}])
def test_kept_connection_that_breaks_sends_nothing_twice(how: dict[str, dict[str, object]]) -> None:
    requests: list[bytes] = []

    def talk(connection: socket.socket) -> None:
        requests.append(request_of(connection))
        connection.sendall(ANSWER)
        requests.append(request_of(connection))  # and nobody learns what became of it

    with listening(talk) as address:
        far = client(address)
        far.call("POST", "/one", headers={}, **how)  # type: ignore[arg-type]
        with pytest.raises(ProviderUnavailable, match="broke the connection off"):
            far.call("POST", "/two", headers={}, **how)  # type: ignore[arg-type]

    assert [request.split()[1] for request in requests if request] == [b"/one", b"/two"]


def test_connection_that_was_closed_meanwhile_is_not_used() -> None:
    def talk(connection: socket.socket) -> None:
        request_of(connection)
        connection.sendall(ANSWER)

    with listening(talk) as address:
        far = client(address)
        for _ in range(3):
            assert far.call("POST", "/", headers={}, document={}).json() == {}
            time.sleep(0.1)


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


@pytest.mark.parametrize("piece", ["status", "headers", "body"])
def test_answer_that_drips_is_bounded_by_the_time_out(piece: str) -> None:
    text = {"status": b"", "headers": ANSWER[:17], "body": ANSWER.replace(b"Length: 2", b"Length: 200")}[piece]

    def talk(connection: socket.socket) -> None:
        request_of(connection)
        connection.sendall(text)
        for number in range(100):
            connection.sendall(b"X-A: b\r\n" if piece == "headers" and number % 9 == 0 else b" ")
            time.sleep(0.1)

    began = time.monotonic()
    with listening(talk) as address, pytest.raises(ProviderUnavailable, match=r"in time|broke"):
        client(address, timeout=1.0).call("GET", "/", headers={})

    assert time.monotonic() - began < 5  # the drops go on for ten seconds


def test_answer_that_is_too_long_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "MAX_ANSWER", 1000)

    def talk(connection: socket.socket) -> None:
        request_of(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            connection.sendall(b"64\r\n" + b"x" * 100 + b"\r\n")

    with listening(talk) as address, pytest.raises(ProviderError, match="over 1000 bytes"):
        client(address).call("GET", "/", headers={})


def test_certificate_that_nobody_vouches_for_is_refused(tmp_path: Path) -> None:
    write_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "fullchain.pem", tmp_path / "privkey.pem")
    requests: list[bytes] = []

    def talk(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secure:
            requests.append(request_of(secure))

    with listening(talk) as address, pytest.raises(ProviderUnavailable, match="certificate is not trusted"):
        client(address, scheme="https").call("GET", "/", headers={"X-Secret": "s"})

    assert not any(requests)


def test_proxies_of_the_environment_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def talk(connection: socket.socket) -> None:
        request_of(connection)
        connection.sendall(ANSWER)

    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    monkeypatch.setenv("all_proxy", "http://127.0.0.1:9")
    with listening(talk) as address:
        assert client(address).call("GET", "/", headers={}).status == 200
