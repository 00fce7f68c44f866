"""Storages that are not there, or say nothing: the wait is bounded, the reason is told in plain words."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress

import pytest

from archives import storage
from archives.buckets.base import ATTEMPTS
from archives.models import StorageTarget
from meetings.envelope import envelope_of, headers_of, status_of
from meetings.exceptions import StorageError, StorageRefused, StorageUnavailable
from tests.servers import free_port
from tests.storage.contract import KEY, link, save
from tests.storages import Configure

SECRET = "c2VjcmV0LW9mLW91cnM="  # base64, as Azure wants it


@pytest.fixture(autouse=True)
def _credentials(configure: Configure) -> None:
    configure(AWS_ACCESS_KEY="key-id", AWS_SECRET_KEY=SECRET, AZURE_ACCOUNT_KEY=SECRET, STORAGE_TIMEOUT=0.3)


def at(kind: str, address: str) -> StorageTarget:
    """Return a target of a kind at an address."""
    if kind == "AWSS3":
        return StorageTarget(name=kind, bucket="recordings", region="us-east-1", endpoint=address)
    return StorageTarget(name=kind, account_name="clinic", container="recordings", domain=f"{address}/clinic")


@pytest.fixture
def silent() -> Iterator[str]:
    """The address of a server that takes connections and never answers."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@contextmanager
def everyone_gets(answer: bytes) -> Iterator[str]:
    """Give the address of a server that answers like this and hangs up."""

    def serve(server: socket.socket) -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                if answer:
                    connection.recv(65536)
                    connection.sendall(answer)

    with closing(socket.create_server(("127.0.0.1", 0), backlog=64)) as server:
        threading.Thread(target=serve, args=(server,), daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)


@pytest.fixture(params=["AWSS3", "AZURE"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def refusals_of(target: StorageTarget) -> list[StorageError]:
    """Return what each call answers."""
    found = []
    for call in (
        lambda: save(target, b"content"),
        lambda: storage.size(target, KEY),
        lambda: storage.open_range(target, KEY, 0, 5),
        lambda: storage.delete(target, KEY),
    ):
        with pytest.raises(StorageError) as error:
            call()
        found.append(error.value)
    return found


def test_silence_ends_in_time(kind: str, silent: str) -> None:
    started = time.monotonic()
    host = silent.removeprefix("http://")

    for call in (save, lambda target: storage.open_range(target, KEY, 0, 5)):
        with pytest.raises(StorageUnavailable) as error:
            call(at(kind, silent))
        assert error.value.message == f"{host} does not answer: nothing came within 0.3 seconds."

    assert time.monotonic() - started < 2 * (ATTEMPTS * 0.3 + 3)


def test_nobody_serving_is_said(kind: str) -> None:
    host = f"127.0.0.1:{free_port()}"

    refusals = refusals_of(at(kind, f"http://{host}"))

    assert {error.message for error in refusals} == {f"{host} refuses connections: nothing is serving there."}


def test_broken_connection_is_said(kind: str) -> None:
    with everyone_gets(b"") as address:
        refusals = refusals_of(at(kind, address))

    assert {error.message for error in refusals} == {f"The connection to {address.removeprefix('http://')} broke."}


def test_connection_that_breaks_half_way_is_said(kind: str) -> None:
    head = b"HTTP/1.1 206 Partial Content\r\nContent-Length: 100000\r\nContent-Range: bytes 0-99999/100000\r\n\r\n"
    with everyone_gets(head + b"only this") as address, pytest.raises(StorageUnavailable, match="broke"):
        list(storage.open_range(at(kind, address), KEY, 0, 100000))


@pytest.mark.parametrize(
    ("status", "expected", "sentence"),
    [
        ("503 Slow Down", StorageUnavailable, "is too busy, or down for a while"),
        ("500 Oops", StorageError, "failed: 500"),
        ("418 Teapot", StorageRefused, "said no: 418"),
        ("403 Forbidden", StorageRefused, "is denied"),
    ],
)
def test_answer_of_whatever_stands_in_between_is_told_by_its_status(
    kind: str, status: str, expected: type[StorageError], sentence: str
) -> None:
    answer = f"HTTP/1.1 {status}\r\nContent-Type: text/html\r\nContent-Length: 15\r\n\r\n<p>a secret</p>".encode()
    with everyone_gets(answer) as address, pytest.raises(expected, match=sentence) as error:
        storage.open_range(at(kind, address), KEY, 0, 5)

    assert type(error.value) is expected
    assert "secret" not in error.value.message


def xml_of(status: str, code: str, more: str = "", header: str = "") -> bytes:
    """Return an answer as both vendors give it."""
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>Because.</Message>{more}</Error>"
    head = f"HTTP/1.1 {status}\r\n{header}Content-Type: application/xml\r\nContent-Length: {len(body)}\r\n\r\n"
    return f"{head}{body}".encode()


WRONG_CLOCK = "The clock of this machine differs too much from that of"
TOO_OLD = "<AuthenticationErrorDetail>Request date header too old: 'x'</AuthenticationErrorDetail>"


@pytest.mark.parametrize(
    ("kind", "answer", "sentence"),
    [
        ("AWSS3", xml_of("403 Forbidden", "RequestTimeTooSkewed"), WRONG_CLOCK),
        (
            "AWSS3",
            xml_of("301 Moved Permanently", "PermanentRedirect", header="x-amz-bucket-region: eu-west-1\r\n"),
            "The bucket “recordings” is in the region “eu-west-1”, not in the region “us-east-1”.",
        ),
        (
            "AWSS3",
            xml_of("400 Bad Request", "AuthorizationHeaderMalformed", "<Region>eu-west-1</Region>"),
            "The bucket “recordings” is in the region “eu-west-1”, not in the region “us-east-1”.",
        ),
        ("AWSS3", xml_of("503 Slow Down", "SlowDown"), "is too busy"),
        ("AWSS3", xml_of("403 Forbidden", "AccessDenied"), "Access to the bucket “recordings” is denied"),
        (
            "AZURE",
            xml_of("403 F", "AuthenticationFailed", TOO_OLD, "x-ms-error-code: AuthenticationFailed\r\n"),
            WRONG_CLOCK,
        ),
        (
            "AZURE",
            xml_of("403 F", "AuthorizationFailure", "", "x-ms-error-code: AuthorizationFailure\r\n"),
            "is denied",
        ),
        ("AZURE", xml_of("503 B", "ServerBusy", "", "x-ms-error-code: ServerBusy\r\n"), "is too busy"),
    ],
)
def test_vendors_reason_is_put_in_plain_words(kind: str, answer: bytes, sentence: str) -> None:
    with everyone_gets(answer) as address, pytest.raises(StorageError, match=sentence) as error:
        storage.open_range(at(kind, address), KEY, 0, 5)

    assert "Because" not in error.value.message


def test_unknown_host_is_said(kind: str) -> None:
    refusals = refusals_of(at(kind, "http://storage.invalid"))

    assert {error.message for error in refusals} == {
        "There is no host storage.invalid: its name does not resolve here."
    }


def test_caller_learns_that_it_may_try_again_and_nothing_of_the_storage(kind: str) -> None:
    with pytest.raises(StorageUnavailable) as error:
        storage.size(at(kind, f"http://127.0.0.1:{free_port()}"), KEY)

    assert status_of(error.value) == 503
    assert headers_of(error.value) == {"Retry-After": "5"}
    assert envelope_of(error.value)["error"]["message"] == (
        "The storage of archives can't be reached at the moment. Try again later."
    )
    assert SECRET not in f"{error.value!r}{error.value.__cause__!r}"


def test_links_do_not_wait_for_each_other_to_learn_the_region(configure: Configure) -> None:
    configure(STORAGE_TIMEOUT=5)
    together = threading.Barrier(2)
    answer = b"HTTP/1.1 200 OK\r\nx-amz-bucket-region: eu-west-1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"

    def serve(connection: socket.socket) -> None:
        with connection, suppress(threading.BrokenBarrierError):
            connection.recv(65536)
            together.wait(2)
            connection.sendall(answer)

    def accept(server: socket.socket) -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=serve, args=(server.accept()[0],), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor(2) as pool:
        threading.Thread(target=accept, args=(server,), daemon=True).start()
        target = at("AWSS3", f"http://127.0.0.1:{server.getsockname()[1]}")
        target.region = ""
        links = [pool.submit(link, target) for _ in range(2)]

        assert ["eu-west-1" in one.result() for one in links] == [True, True]
        server.shutdown(socket.SHUT_RDWR)
