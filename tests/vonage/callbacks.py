"""Callbacks out: signed, one URL and one secret a kind, repeated until a 2xx; and every way in which they go astray."""

from __future__ import annotations

import hashlib
import heapq
import http.client
import json
import random
import socket
import threading
import time
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any, Literal
from urllib.parse import urlsplit

import jwt

FIRST_PAUSE = 5.0  # seconds
LONGEST_PAUSE = 15 * 60.0
GIVES_UP_AFTER = 24 * 3600.0
OTHER_SECRET = "this-is-the-secret-of-somebody-else-0123456789"


class Kind(StrEnum):
    """Kinds of callback: each has a URL and a signature secret of its own."""

    SESSION = "session"
    ARCHIVE = "archive"


@dataclass(frozen=True, slots=True)
class Target:
    """Where a kind of callback goes; without a URL it is only recorded, without a secret it is not signed."""

    url: str = ""
    secret: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    """How a callback leaves. The default is as it should be.

    `signature`: `none`; `wrong` (by another secret); `tampered` (the body was changed afterwards). `age` (seconds)
    makes it an old one. `is_spaced`: the body has spaces; `hashes_compact`: the hash is that of the body without them.
    `copies` that are sent, each on its own; `delay` in seconds; `is_dropped`: never sent.
    """

    signature: Literal["good", "none", "wrong", "tampered"] = "good"
    age: float = 0
    is_spaced: bool = False
    hashes_compact: bool = False
    copies: int = 1
    delay: float = 0
    is_dropped: bool = False


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to deliver: when (epoch seconds), and the status or what went wrong instead."""

    at: float
    status: int | None
    error: str = ""

    @property
    def is_success(self) -> bool:
        return self.status is not None and 200 <= self.status < 300


@dataclass(slots=True)
class Callback:
    """A callback as it is sent. `name` is the event, or `archive.` and the status."""

    kind: Kind
    name: str
    document: dict[str, Any]
    url: str
    body: bytes
    headers: dict[str, str]
    is_dropped: bool = False
    attempts: list[Attempt] = field(default_factory=list)

    @property
    def is_delivered(self) -> bool:
        """Whether it was taken at last."""
        return any(attempt.is_success for attempt in self.attempts)

    def summary(self) -> dict[str, Any]:
        """Return it as JSON for the control API."""
        tries = [{"at": one.at, "status": one.status, "error": one.error} for one in self.attempts]
        return {
            "kind": self.kind,
            "name": self.name,
            "document": self.document,
            "url": self.url,
            "isDropped": self.is_dropped,
            "isDelivered": self.is_delivered,
            "attempts": tries,
        }


def sign(hashed: bytes, secret: str, claims: Mapping[str, Any], *, age: float = 0) -> str:
    """Return the `Authorization` header of a signed callback over the bytes to be hashed. It has no `exp`."""
    said = {
        "iat": int(time.time() - age),
        "jti": str(uuid.uuid4()),
        "iss": "Vonage",
        "payload_hash": hashlib.sha256(hashed).hexdigest(),
        **claims,
    }
    return "Bearer " + jwt.encode(said, secret, algorithm="HS256")


def build(
    kind: Kind, name: str, document: dict[str, Any], target: Target, claims: Mapping[str, Any], manner: Manner
) -> Callback:
    """Return the callback that leaves in a manner."""
    compact = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()
    body = json.dumps(document, ensure_ascii=False).encode() if manner.is_spaced else compact
    headers = {"Content-Type": "application/json", "User-Agent": "Vonage-stand-in"}
    if target.secret and manner.signature != "none":
        secret = OTHER_SECRET if manner.signature == "wrong" else target.secret
        hashed = compact if manner.hashes_compact else body
        headers["Authorization"] = sign(hashed, secret, claims, age=manner.age)
    if manner.signature == "tampered":
        body = json.dumps({**document, "tampered": True}, ensure_ascii=False, separators=(",", ":")).encode()
    return Callback(kind, name, document, target.url, body, headers, is_dropped=manner.is_dropped)


class Outbox:
    """Takes events, builds their callbacks and delivers them, in order unless something says otherwise.

    `retry_scale` shortens the pauses between tries (5 s, doubling to 15 min, for 24 h); `senders` is how many are sent
    at a time: with one they arrive in order, as long as none is refused.
    """

    def __init__(
        self, claims: Mapping[str, Any], *, retry_scale: float = 1.0, senders: int = 1, timeout: float = 10.0
    ) -> None:
        self.callbacks: list[Callback] = []
        """All of them, delivered or not, in the order in which things happened."""
        self.targets: dict[Kind, Target] = {}
        self._claims = claims
        self._retry_scale = retry_scale
        self._timeout = timeout
        self._changed = threading.Condition()
        self._due: list[tuple[float, int, Callback]] = []
        self._serial = 0
        self._in_flight = 0
        self._held: list[tuple[Callback, float]] | None = None
        self._manners: list[_Rule] = []
        self._senders = senders
        self._threads: list[threading.Thread] = []
        self._is_stopped = False

    def register(self, kind: Kind, target: Target) -> None:
        """Send this kind there from now on."""
        self.targets[kind] = target

    def treat(self, name: str, manner: Manner, times: int | None = 1) -> None:
        """Let the next `times` events (`None`: all) leave in a manner; `name` may hold `*`, as in `archive.*`."""
        with self._changed:
            self._manners.append(_Rule(name, manner, times))

    def put(self, kind: Kind, name: str, document: dict[str, Any]) -> None:
        """Take an event in; it is sent when its turn comes."""
        with self._changed:
            manner = self._manner_of(name)
            target = self.targets.get(kind, Target())
            for _ in range(manner.copies):
                callback = build(kind, name, document, target, self._claims, manner)
                self.callbacks.append(callback)
                if callback.is_dropped or not callback.url:
                    continue
                if self._held is not None:
                    self._held.append((callback, manner.delay))
                else:
                    self._push(callback, manner.delay)

    def hold(self) -> None:
        """Send nothing until `release`."""
        with self._changed:
            self._held = [] if self._held is None else self._held

    def release(self, order: Literal["forwards", "backwards", "shuffled"] = "forwards", *, seed: int = 0) -> int:
        """Send what was held, in this order; return how many."""
        with self._changed:
            held, self._held = self._held or [], None
            if order == "backwards":
                held.reverse()
            elif order == "shuffled":
                random.Random(seed).shuffle(held)
            for callback, delay in held:
                self._push(callback, delay)
            return len(held)

    def settle(self, within: float = 10.0) -> None:
        """Wait until nothing is on its way; raise `TimeoutError` if something still is."""
        with self._changed:
            if not self._changed.wait_for(lambda: not self._due and not self._in_flight, within):
                waiting = [f"{callback.name} {callback.attempts}" for _, _, callback in self._due]
                raise TimeoutError(f"not delivered within {within} s: {waiting}")

    def send_again(self, name: str) -> int:
        """Send what was sent before once more, signature and all; return how many."""
        with self._changed:
            again = [one for one in of(self.callbacks, name) if one.url]
            for one in again:
                copy = Callback(one.kind, one.name, one.document, one.url, one.body, one.headers)
                self.callbacks.append(copy)
                self._push(copy, 0)
            return len(again)

    def stop(self) -> None:
        """Send nothing any more."""
        with self._changed:
            self._is_stopped = True
            self._due.clear()
            self._changed.notify_all()
        for thread in self._threads:
            thread.join(1)

    def _manner_of(self, name: str) -> Manner:
        for rule in self._manners:
            if not fnmatchcase(name, rule.name):
                continue
            if rule.left is not None:
                rule.left -= 1
                if not rule.left:
                    self._manners.remove(rule)
            return rule.manner
        return Manner()

    def _push(self, callback: Callback, delay: float) -> None:
        self._serial += 1
        heapq.heappush(self._due, (time.monotonic() + delay, self._serial, callback))
        while len(self._threads) < self._senders:
            thread = threading.Thread(target=self._deliver, name="callbacks", daemon=True)
            self._threads.append(thread)
            thread.start()
        self._changed.notify_all()

    def _next(self) -> Callback | None:
        with self._changed:
            while not self._is_stopped:
                if not self._due:
                    self._changed.wait()
                elif (pause := self._due[0][0] - time.monotonic()) > 0:
                    self._changed.wait(pause)
                else:
                    self._in_flight += 1
                    return heapq.heappop(self._due)[2]
        return None

    def _deliver(self) -> None:
        while (callback := self._next()) is not None:
            attempt = _post(callback, self._timeout)
            with self._changed:
                callback.attempts.append(attempt)
                self._in_flight -= 1
                since = attempt.at - callback.attempts[0].at
                if not attempt.is_success and not self._is_stopped and since < GIVES_UP_AFTER * self._retry_scale:
                    pause = min(FIRST_PAUSE * 2 ** (len(callback.attempts) - 1), LONGEST_PAUSE)
                    self._push(callback, pause * self._retry_scale)
                self._changed.notify_all()


@dataclass(slots=True)
class _Rule:
    name: str
    manner: Manner
    left: int | None


def _post(callback: Callback, timeout: float) -> Attempt:
    at = time.time()
    url = urlsplit(callback.url)
    secure = url.scheme == "https"
    connect = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    client = connect(url.hostname or "", url.port, timeout=timeout)
    try:
        client.connect()
        client.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        path = (url.path or "/") + (f"?{url.query}" if url.query else "")
        client.request("POST", path, callback.body, {**callback.headers, "Connection": "close"})
        answer = client.getresponse()
        answer.read()
    except (OSError, http.client.HTTPException) as error:
        return Attempt(at, None, f"{type(error).__name__}: {error}")
    finally:
        client.close()
    return Attempt(at, answer.status)


def of(callbacks: Iterable[Callback], name: str) -> list[Callback]:
    """Return those of an event; `name` may hold `*`."""
    return [callback for callback in callbacks if fnmatchcase(callback.name, name)]
