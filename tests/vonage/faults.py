"""What can go wrong with a call: everything between a refusal and a silent network, told to the stand-in beforehand."""

from __future__ import annotations

import fnmatch
import re
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from tests.vonage.wire import JSON, Answer

REASONS = {400: "Bad request", 401: "Unauthorized", 403: "Invalid signature", 404: "Not found", 409: "Conflict"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One way to fail. What is `None` is left as the call itself would have it.

    `is_carried_out` says that the call takes effect all the same and only its answer is spoiled. `delay` (seconds)
    comes before the answer; `drip` (seconds) between its bytes; `cut` is how many bytes of the body are sent before the
    connection ends. `reset` breaks off with a RST: `before` the body is read, or `after` the call.
    """

    status: int | None = None
    body: bytes | None = None
    content_type: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    is_carried_out: bool = False
    delay: float = 0
    drip: float = 0
    cut: int | None = None
    reset: Literal["", "before", "after"] = ""

    @property
    def needs_answer(self) -> bool:
        """Whether the call must be carried out to answer it."""
        return self.is_carried_out or (self.status is None and not self.reset)

    def spoil(self, answer: Answer) -> Answer:
        """Return the answer as this fault leaves it."""
        return Answer(
            answer.status if self.status is None else self.status,
            answer.body if self.body is None else self.body,
            answer.content_type if self.content_type is None else self.content_type,
            {**answer.headers, **self.headers},
        )

    def carried_out(self) -> Fault:
        """Return the same fault for a call that takes effect all the same."""
        return replace(self, is_carried_out=True)


def status(code: int, message: str = "", *, retry_after: int | str | None = None) -> Fault:
    """Refuse with a status and Vonage's JSON."""
    said = Answer.of({"code": -1, "message": message or REASONS.get(code, "Failed"), "description": ""})
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return Fault(status=code, body=said.body, content_type=JSON, headers=headers)


def html(code: int = 502) -> Fault:
    """Answer as a gateway does whose backend is down."""
    page = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>\n"
    return Fault(status=code, body=page, content_type="text/html")


def empty(code: int = 200) -> Fault:
    """Answer with no body at all."""
    return Fault(status=code, body=b"", content_type="")


def garbage(body: str = '[{"session_id": "1_', code: int = 200) -> Fault:
    """Answer with something that is said to be JSON."""
    return Fault(status=code, body=body.encode(), content_type=JSON)


def redirect(location: str, code: int = 302) -> Fault:
    """Send the caller, and the header that signs its call, somewhere else."""
    return Fault(status=code, body=b"", content_type="", headers={"Location": location})


def labelled(content_type: str) -> Fault:
    """Carry the call out and give the proper answer another content type."""
    return Fault(content_type=content_type)


def reset(when: Literal["before", "after"] = "before") -> Fault:
    """Break the connection off: before the request is read, or after it was carried out."""
    return Fault(reset=when, is_carried_out=when == "after")


def silent(seconds: float = 60) -> Fault:
    """Say nothing for so long, then break off; the call is not carried out."""
    return Fault(delay=seconds, reset="after")


def late(seconds: float) -> Fault:
    """Carry the call out and answer properly, but late."""
    return Fault(delay=seconds)


def dripping(seconds: float = 0.2) -> Fault:
    """Carry the call out and send the answer byte by byte, with so many seconds between."""
    return Fault(drip=seconds)


def huge(size: int = 32 * 1024 * 1024) -> Fault:
    """Answer with a body of that many bytes, all valid JSON."""
    return Fault(status=200, body=b'["' + b"x" * max(size - 4, 0) + b'"]', content_type=JSON)


def cut(size: int = 10) -> Fault:
    """Carry the call out, and close after so many bytes of the body."""
    return Fault(cut=size)


KINDS: Mapping[str, Callable[..., Fault]] = {
    kind.__name__: kind
    for kind in (status, html, empty, garbage, redirect, labelled, reset, silent, late, dripping, huge, cut)
}


class Plan:
    """Which calls are to fail, and how. A pattern is `METHOD /path`; `*` is one segment (or any method), `**` any."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: list[_Entry] = []

    def add(self, pattern: str, fault: Fault, times: int | None) -> None:
        method, _, path = pattern.partition(" ")
        if not path.startswith(("/", "**")):
            raise ValueError(f"{pattern!r} is no `METHOD /path`.")
        with self._lock:
            self._entries.append(_Entry(method, _compiled(path), fault, times))

    def clear(self) -> None:
        with self._lock:
            self._entries.clear()

    def take(self, method: str, path: str) -> Fault | None:
        """Return the fault for a call and count it; the one that was added first comes first."""
        if not self._entries:
            return None
        with self._lock:
            for entry in self._entries:
                if not fnmatch.fnmatchcase(method, entry.method) or not entry.path.fullmatch(path):
                    continue
                if entry.left is not None:
                    entry.left -= 1
                    if not entry.left:
                        self._entries.remove(entry)
                return entry.fault
        return None


@dataclass(slots=True)
class _Entry:
    method: str
    path: re.Pattern[str]
    fault: Fault
    left: int | None


def _compiled(path: str) -> re.Pattern[str]:
    wild = {"**": ".*", "*": "[^/]*"}
    return re.compile("".join(wild.get(part, re.escape(part)) for part in re.split(r"(\*\*|\*)", path)))


def named(name: str, arguments: Mapping[str, Any], *, carried_out: bool = False) -> Fault:
    """Return a fault by its name in this module; `ValueError` or `TypeError` if there is none such."""
    kind = KINDS.get(name)
    if kind is None:
        raise ValueError(f"`fault` must be one of {', '.join(KINDS)}.")
    fault = kind(**arguments)
    return fault.carried_out() if carried_out else fault


@contextmanager
def unanswering_address() -> Iterator[str]:
    """Give an address (`http://127.0.0.1:port`) where connecting hangs: its backlog is full and nobody accepts."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        address = listener.getsockname()
        waiting: list[socket.socket] = []
        try:
            for _ in range(8):  # until connecting hangs
                caller = socket.socket()
                waiting.append(caller)
                caller.settimeout(0.2)
                with suppress(ConnectionRefusedError):
                    caller.connect(address)
        except TimeoutError:
            yield f"http://127.0.0.1:{address[1]}"
        else:
            raise RuntimeError("This machine takes connections that nobody accepts.")
        finally:
            for caller in waiting:
                caller.close()
