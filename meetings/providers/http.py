"""One HTTP client for providers that have a REST API: bounded in time and size, connections kept, statuses kept.

Never logs headers or bodies; what an answer says goes into the error, which stays on this side of the wire.
"""

from __future__ import annotations

import json
import logging
import os
import re
import select
import ssl
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

import certifi
import pycurl

from meetings.exceptions import (
    ProviderConflict,
    ProviderCredentialsRefused,
    ProviderError,
    ProviderNotFound,
    ProviderRefused,
    ProviderUnavailable,
)

logger = logging.getLogger(__name__)

CONNECT_WITHIN = 5.0  # seconds
PAUSE = 0.2  # seconds, before a repetition
KEPT = 32
"""How many connections at most wait for the next call."""
LONGEST_TIMEOUT = 2**31 - 1
"""Milliseconds that libcurl can count to."""
MAX_ANSWER = 8 * 1024 * 1024
MAX_REASON = 300
WORTH_REPEATING = frozenset({502, 503, 504})
LONGEST_WAIT = 3600  # seconds that a `Retry-After` of ours may say


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A whole answer with a status below 300."""

    status: int
    body: bytes

    def json(self) -> Any:
        """Return the body as JSON; `ProviderError` if it is none."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise ProviderError("The answer is no JSON.", status=self.status) from error


class HttpClient:
    """Calls under one base address. Thread-safe; connections are kept and shared.

    `timeout` (seconds) bounds a whole call, repetitions included, however slowly an answer drips. A call is repeated
    once, and only if it is `repeatable` and the answer was lost or a gateway's. The environment's proxies are not used.
    What an error says of the `secrets` is left out of its reason.
    """

    def __init__(
        self, base_url: str, *, timeout: float, name: str, user_agent: str, secrets: Sequence[str] = ()
    ) -> None:
        self.base_url = base_url.rstrip("/")
        self.timeout = timeout
        self.name = name
        self.user_agent = user_agent
        self._secrets = [secret.encode() for secret in secrets if secret]
        self._path = urlsplit(self.base_url).path
        self._idle: deque[_Line] = deque(maxlen=KEPT)
        self._process = os.getpid()
        self._authorities = _authorities()

    def call(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str],
        query: Mapping[str, Any] | None = None,
        form: Mapping[str, str] | None = None,
        document: Any = None,
        repeatable: bool = False,
        timeout: float | None = None,
    ) -> Answer:
        """Make one call; `form` or `document` (JSON) is its body. Return the answer if its status is below 300.

        Raises `ProviderUnavailable` (not reached, timed out, 429), `ProviderCredentialsRefused` (401, 403),
        `ProviderNotFound` (404), `ProviderConflict` (409), `ProviderRefused` (other 4xx), `ProviderError` (the rest).
        """
        target = path + (f"?{urlencode(query)}" if query else "")
        sent = {"Accept": "application/json", "User-Agent": self.user_agent, **headers}
        body: bytes | None = None
        if form is not None:
            body, sent["Content-Type"] = urlencode(form).encode(), "application/x-www-form-urlencoded"
        elif document is not None:
            body, sent["Content-Type"] = json.dumps(document).encode(), "application/json"
        deadline = time.monotonic() + (timeout or self.timeout)
        try:
            return self._attempt(method, target, sent, body, deadline)
        except ProviderError as error:
            if not repeatable or not _is_worth_repeating(error) or time.monotonic() + PAUSE >= deadline:
                raise
        time.sleep(PAUSE)
        return self._attempt(method, target, sent, body, deadline)

    def _attempt(
        self, method: str, target: str, headers: Mapping[str, str], body: bytes | None, deadline: float
    ) -> Answer:
        path = self._path + target.partition("?")[0]
        answer = _Incoming()
        line = self._line()
        curl = line.curl
        try:
            _set(curl, method, self.base_url + target, headers, body)
            for option, value in self._authorities.items():
                curl.setopt(option, value)
            left = min(max(round((deadline - time.monotonic()) * 1000), 1), LONGEST_TIMEOUT)
            curl.setopt(pycurl.TIMEOUT_MS, left)
            curl.setopt(pycurl.CONNECTTIMEOUT_MS, min(left, round(CONNECT_WITHIN * 1000)))
            curl.setopt(pycurl.HEADERFUNCTION, answer.headers.append)
            curl.setopt(pycurl.WRITEFUNCTION, answer.take)
            curl.setopt(pycurl.FRESH_CONNECT, line.was_closed())
            line.socket = -1
            curl.perform()
            line.socket = curl.getinfo(pycurl.ACTIVESOCKET)
            status = int(curl.getinfo(pycurl.RESPONSE_CODE))
        except pycurl.error as error:
            why = _unreached(error.args[0], self.name, answer)
            logger.warning("%s %s at %s failed: %s", method, path, self.name, why.message)
            raise why from error
        finally:
            curl.reset()  # options alone: a connection that is sound stays
            self._idle.append(line)
        content = b"".join(answer.parts)
        if status >= 300:
            for secret in self._secrets:
                content = content.replace(secret, b"[redacted]")
            refused = _refusal(status, content, answer.retry_after())
            logger.warning("%s %s at %s was answered with %s: %s", method, path, self.name, status, refused.message)
            raise refused
        if content.lstrip()[:1] == b"<":
            raise ProviderError("The answer is a page, or XML: it is not the provider's.", status=status)
        return Answer(status=status, body=content)

    def _line(self) -> _Line:
        if self._process != os.getpid():  # a connection that two processes have would mix their words
            self._idle, self._process = deque(maxlen=KEPT), os.getpid()
        try:
            return self._idle.pop()
        except IndexError:
            return _Line(pycurl.Curl())


class _Line:
    """A handle of libcurl with the connection that it keeps; one call at a time."""

    def __init__(self, curl: pycurl.Curl) -> None:
        self.curl = curl
        self.socket = -1

    def was_closed(self) -> bool:
        """Whether the other side has closed the connection (or says something that nobody asked for).

        libcurl looks once a second; a call that goes out in between would be lost.
        """
        if self.socket < 0:
            return False
        poll = select.poll()
        poll.register(self.socket, select.POLLIN)
        return bool(poll.poll(0))


class _Incoming:
    """What has come of an answer."""

    def __init__(self) -> None:
        self.headers: list[bytes] = []
        self.parts: list[bytes] = []
        self.is_too_long = False
        self._size = 0

    def take(self, part: bytes) -> int | None:
        self._size += len(part)
        if self._size > MAX_ANSWER:
            self.is_too_long = True
            return -1  # which ends the call
        self.parts.append(part)
        return None

    def retry_after(self) -> str:
        """Return the value of the last header of that name; the lines of a `100 Continue` stand before the others."""
        found = [line for line in self.headers if line[:12].lower() == b"retry-after:"]
        return found[-1][12:].decode("latin-1").strip() if found else ""


class _Once:
    """Lets a request be sent once.

    If a kept connection breaks, libcurl would send it again, also what was taken and only not answered; that is for
    `call` to decide.
    """

    def __init__(self) -> None:
        self._is_sent = False

    def __call__(self, *connection: Any) -> int:
        if self._is_sent:
            return int(pycurl.PREREQFUNC_ABORT)
        self._is_sent = True
        return int(pycurl.PREREQFUNC_OK)


def _set(curl: pycurl.Curl, method: str, url: str, headers: Mapping[str, str], body: bytes | None) -> None:
    curl.setopt(pycurl.URL, url)
    curl.setopt(pycurl.CUSTOMREQUEST, method)
    lines = [f"{name}: {value}" for name, value in headers.items()]
    if _BREAK.search(method + "".join(lines)):
        raise ValueError("A method or header must not hold a line break.")
    if body is not None:
        curl.setopt(pycurl.POSTFIELDS, body)
        lines.append("Expect:")  # nobody waits for a 100
    elif method not in {"GET", "DELETE"}:
        lines.append("Content-Length: 0")
    curl.setopt(pycurl.HTTPHEADER, lines)
    curl.setopt(pycurl.PREREQFUNCTION, _Once())
    curl.setopt(pycurl.MAXCONNECTS, 1)  # the one that is looked at before it is used again
    curl.setopt(pycurl.ACCEPT_ENCODING, "gzip")
    curl.setopt(pycurl.HTTP_VERSION, pycurl.CURL_HTTP_VERSION_1_1)
    curl.setopt(pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS)
    curl.setopt(pycurl.PATH_AS_IS, 1)
    curl.setopt(pycurl.NOSIGNAL, 1)
    curl.setopt(pycurl.PROXY, "")


_BREAK = re.compile(r"[\r\n\x00]")


def _authorities() -> dict[int, str]:
    """Return whose certificates are trusted: this machine's (`SSL_CERT_FILE`, `SSL_CERT_DIR` name others), and where it
    has no file of them, certifi's."""
    known = ssl.get_default_verify_paths()
    folder = {pycurl.CAPATH: known.capath} if known.capath else {}
    return {pycurl.CAINFO: known.cafile or certifi.where(), **folder}


def _is_worth_repeating(error: ProviderError) -> bool:
    return error.status in WORTH_REPEATING or (isinstance(error, ProviderUnavailable) and error.status is None)


_NO_CONNECTION = frozenset({pycurl.E_COULDNT_RESOLVE_HOST, pycurl.E_COULDNT_CONNECT})
_NO_TRUST = frozenset({pycurl.E_PEER_FAILED_VERIFICATION, pycurl.E_SSL_CACERT_BADFILE})


def _unreached(code: int, name: str, answer: _Incoming) -> ProviderError:
    if answer.is_too_long:
        return ProviderError(f"The answer has over {MAX_ANSWER} bytes.")
    if code in _NO_TRUST:
        return ProviderUnavailable(f"{name} could not be reached: its certificate is not trusted here.")
    if code in _NO_CONNECTION:
        return ProviderUnavailable(f"{name} could not be reached: no connection. Check the address and the network.")
    if code == pycurl.E_OPERATION_TIMEDOUT:
        return ProviderUnavailable(f"{name} did not answer in time.")
    return ProviderUnavailable(f"{name} broke the connection off.")


def _refusal(status: int, body: bytes, retry_after: str) -> ProviderError:
    reason = reason_of(body)
    if status in {401, 403}:
        return ProviderCredentialsRefused(
            f"The credentials were refused ({reason}). Check the pair, and this machine's clock (NTP): what seems to "
            "come from another time is refused too.",
            status=status,
        )
    if status == 429:
        return ProviderUnavailable(f"Too many calls ({reason}).", status=status, retry_after=_wait_of(retry_after))
    if status == 404:
        return ProviderNotFound(reason, status=status)
    if status == 409:
        return ProviderConflict(reason, status=status)
    if 400 <= status < 500:
        return ProviderRefused(reason, status=status)
    return ProviderError(reason, status=status)


def reason_of(body: bytes) -> str:
    """Return what an error answer says, as one short line of plain text."""
    try:
        said = json.loads(body)
    except (ValueError, RecursionError):
        return "no readable reason was given"
    found = (said.get("message") or said.get("description")) if isinstance(said, dict) else None
    if not isinstance(found, str) or not found.strip():
        return "no reason was given"
    line = " ".join("".join(char if char.isprintable() else " " for char in found).split())
    return line if len(line) <= MAX_REASON else f"{line[:MAX_REASON]}…"


def _wait_of(value: str) -> int | None:
    if value.isascii() and value.isdigit() and len(value) < 9:
        return max(1, min(int(value), LONGEST_WAIT))
    try:
        seconds = (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError):
        return None
    return max(1, min(round(seconds), LONGEST_WAIT))
