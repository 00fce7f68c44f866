"""Storages that are not there, or say nothing: the wait is bounded, the reason is told in plain words."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from archives import storage
from archives.buckets.base import ATTEMPTS
from archives.models import StorageTarget
from meetings.envelope import envelope_of, headers_of, status_of
from meetings.exceptions import StorageError, StorageUnavailable
from tests.servers import free_port
from tests.storage.conftest import Configure
from tests.storage.contract import KEY, save

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


@pytest.fixture
def rude() -> Iterator[str]:
    """The address of a server that hangs up on everyone."""

    def hang_up(server: socket.socket) -> None:
        while True:
            try:
                server.accept()[0].close()
            except OSError:
                return

    with closing(socket.create_server(("127.0.0.1", 0), backlog=64)) as server:
        threading.Thread(target=hang_up, args=(server,), daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}"
        server.shutdown(socket.SHUT_RDWR)


@pytest.fixture(params=["AWSS3"])
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
    refusals = refusals_of(at(kind, silent))

    assert time.monotonic() - started < 4 * (ATTEMPTS * 0.3 + 3)
    host = silent.removeprefix("http://")
    assert {error.message for error in refusals} == {f"{host} does not answer: nothing came within 0.3 seconds."}


def test_nobody_serving_is_said(kind: str) -> None:
    host = f"127.0.0.1:{free_port()}"

    refusals = refusals_of(at(kind, f"http://{host}"))

    assert {error.message for error in refusals} == {f"{host} refuses connections: nothing is serving there."}


def test_broken_connection_is_said(kind: str, rude: str) -> None:
    refusals = refusals_of(at(kind, rude))

    assert {error.message for error in refusals} == {f"The connection to {rude.removeprefix('http://')} broke."}


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
