"""Trying a storage out: may we write, read, link and delete there?"""

from __future__ import annotations

import io
import secrets
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta

from archives import storage
from archives.models import StorageTarget
from meetings.exceptions import ConfigurationMissing, StorageError, VideoconfError

FOLDER = "videoconf-probe"
LINK_LASTS = timedelta(minutes=1)
UNTRIED = "not tried"


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One thing that was tried; `error` is empty where it works, else why not, for staff."""

    name: str
    error: str = ""
    note: str = ""

    @property
    def is_ok(self) -> bool:
        """Whether it works."""
        return not self.error


def probe(target: StorageTarget | None) -> list[Step]:
    """Write a small file under `videoconf-probe/`, read it back, make a link to it, delete it; `None`: the folder.

    Never raises for what is wrong with the storage or its settings. Nothing stays behind, unless the deletion is what
    does not work. The link is made, not opened.
    """
    key, content = f"{FOLDER}/{secrets.token_hex(16)}.txt", secrets.token_hex(16).encode()
    first = _try("write", lambda: storage.save(target, key, io.BytesIO(content), content_type="text/plain"))
    if not first.is_ok:
        return [first, *(Step(name=name, error=UNTRIED) for name in ("read", "link", "delete"))]
    return [
        first,
        _try("read", lambda: _read_back(target, key, content)),
        _try("link", lambda: _make_link(target, key)),
        _try("delete", lambda: storage.delete(target, key)),
    ]


def _try(name: str, action: Callable[[], str | None]) -> Step:
    try:
        return Step(name=name, note=action() or "")
    except (StorageError, ConfigurationMissing) as error:
        return Step(name=name, error=error.message)


def _read_back(target: StorageTarget | None, key: str, content: bytes) -> None:
    length = storage.size(target, key)
    with closing(storage.open_range(target, key, 0, length)) as pieces:  # type: ignore[type-var]
        found = b"".join(pieces)
    if found != content:
        raise StorageError("What comes back is not what was written.")


def _make_link(target: StorageTarget | None, key: str) -> str | None:
    address = storage.link(target, key, expires=LINK_LASTS, filename="probe.txt", content_type="text/plain")
    return None if address else "no links here: files go through this service"


def failure_of(steps: list[Step]) -> VideoconfError | None:
    """Return what does not work and was tried, as an error to raise."""
    failed = [f"{step.name}: {step.error}" for step in steps if not step.is_ok and step.error != UNTRIED]
    return StorageError(" ".join(failed)) if failed else None
