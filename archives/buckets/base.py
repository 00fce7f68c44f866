"""The face that every storage of archives shows, and the reasons that networks give."""

from __future__ import annotations

import socket
import ssl
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import IO
from urllib.parse import urlsplit

from django.core.files.storage import Storage

from meetings.exceptions import StorageError, StorageUnavailable

CHUNK = 256 * 1024
CONNECT_WITHIN = 5  # seconds
ATTEMPTS = 2
LONGEST_LINK = timedelta(days=7)  # the most that S3 signs for


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where and how to reach a storage; equal places share one client. Secrets stay out of `repr`.

    `timeout` is how many seconds of silence are waited for. `access` is the S3 key id, `secret` the key of either.
    """

    kind: str
    bucket: str = ""
    region: str = ""
    endpoint: str = ""
    account_name: str = ""
    container: str = ""
    domain: str = ""
    folder: str = ""
    timeout: float = 20
    access: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)


class Bucket(ABC):
    """One storage. Thread-safe; nothing is opened before it is needed.

    Every method raises `StorageError` and its kinds, never what the library below it raises. `StorageFileMissing` says
    that the storage answers and has no such file.
    """

    def __init__(self, place: Place) -> None:
        self.place = place

    @property
    @abstractmethod
    def storage(self) -> Storage:
        """Django's face of it; what that raises is not translated."""

    @abstractmethod
    def save(self, key: str, content: IO[bytes], content_type: str) -> None:
        """Store a file from its beginning, in place of an earlier one of that name."""

    @abstractmethod
    def size(self, key: str) -> int:
        """Return a file's size in bytes."""

    @abstractmethod
    def read(self, key: str, start: int, end: int) -> Iterator[bytes]:
        """Open a file and return its bytes from `start` up to, not with, `end`, in pieces.

        What can be refused is refused here, before the first piece.
        """

    @abstractmethod
    def delete(self, key: str) -> None:
        """Remove a file; one that is not there is fine."""

    @abstractmethod
    def link(self, key: str, *, expires: timedelta, disposition: str, content_type: str) -> str | None:
        """Return an address that opens this one file until it expires; `None` where there are no such addresses."""

    @property
    @abstractmethod
    def origin(self) -> str | None:
        """Where all its links lead (`https://host`), found without a call; `None` where there are no links."""


def origin_of(address: str) -> str:
    """Return scheme, host and port of an address, as a browser's policy names them."""
    parts = urlsplit(address)
    return f"{parts.scheme}://{parts.netloc}"


def network_error(error: BaseException, address: str, timeout: float) -> StorageError:
    """Return why a storage was not reached, in plain words, from the error of whatever library called it."""
    host = urlsplit(address).netloc.rpartition("@")[2] or address
    found = list(_chain(error))
    if _is_any(found, socket.gaierror, "NameResolution"):
        return StorageUnavailable(f"There is no host {host}: its name does not resolve here.")
    if _is_any(found, ssl.SSLError, "SSL"):
        return StorageUnavailable(f"{host} can't be trusted: its certificate is not valid here.")
    if _is_any(found, ConnectionRefusedError, "Refused"):
        return StorageUnavailable(f"{host} refuses connections: nothing is serving there.")
    if _is_any(found, TimeoutError, "Timeout"):
        return StorageUnavailable(f"{host} does not answer: nothing came within {timeout:g} seconds.")
    return StorageUnavailable(f"The connection to {host} broke.")


def _is_any(errors: list[BaseException], kind: type[BaseException], word: str) -> bool:
    """Whether one of them is of this kind, or of a library's own kind of that name."""
    return any(isinstance(error, kind) or word in type(error).__name__ for error in errors)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and all that it was made of: libraries keep that in places of their own."""
    waiting, seen = [error], set()
    while waiting:
        current = waiting.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        kept = getattr(current, "kwargs", None)
        parts = [
            current.__cause__,
            current.__context__,
            getattr(current, "reason", None),
            getattr(current, "inner_exception", None),
            kept.get("error") if isinstance(kept, dict) else None,
            *current.args,
        ]
        waiting += [part for part in parts if isinstance(part, BaseException)]
