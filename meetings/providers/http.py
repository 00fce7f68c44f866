"""One HTTP client for providers that have a REST API: bounded in time and size, connections kept, statuses kept.

Never logs headers or bodies; what an answer says goes into the error, which stays on this side of the wire.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlencode, urlsplit

import urllib3
from urllib3.exceptions import HTTPError, NewConnectionError, ProxyError, ReadTimeoutError, SSLError, TimeoutError

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
POOL_SIZE = 32
CHUNK = 65536
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

    `timeout` (seconds) bounds a whole call, repetitions included; only a server whose status line and headers drip can
    draw it out, as each wait for a piece of those is bounded by itself. A call is repeated once, and only if it is
    `repeatable` and the answer was lost or a gateway's.
    """

    def __init__(self, base_url: str, *, timeout: float, name: str, user_agent: str) -> None:
        self.base_url = base_url.rstrip("/")
        self.timeout = timeout
        self.name = name
        self.user_agent = user_agent
        self._prefix = urlsplit(self.base_url).path
        self._pool = urllib3.connection_from_url(self.base_url, maxsize=POOL_SIZE, block=False, retries=False)

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
        target = f"{self._prefix}{path}" + (f"?{urlencode(query)}" if query else "")
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
        left = max(deadline - time.monotonic(), 0.001)
        limit = urllib3.Timeout(total=left, connect=min(CONNECT_WITHIN, left))
        path = target.partition("?")[0]
        try:
            response = self._pool.urlopen(
                method, target, body=body, headers=headers, timeout=limit, redirect=False, preload_content=False
            )
            try:
                content = self._read(response, deadline)
            finally:
                response.release_conn()
        except HTTPError as error:
            logger.warning("%s %s at %s failed: %s", method, path, self.name, type(error).__name__)
            raise _unreached(error, self.name) from error
        status = response.status
        if status >= 300:
            refused = _refusal(status, content, response.headers)
            logger.warning("%s %s at %s was answered with %s: %s", method, path, self.name, status, refused.message)
            raise refused
        if content.lstrip()[:1] == b"<":
            raise ProviderError("The answer is a page, or XML: it is not the provider's.", status=status)
        return Answer(status=status, body=content)

    def _read(self, response: urllib3.BaseHTTPResponse, deadline: float) -> bytes:
        """Read a body to its end, however slowly it drips, until the deadline."""
        parts: list[bytes] = []
        size = 0
        while part := response.read1(CHUNK):
            parts.append(part)
            size += len(part)
            if size > MAX_ANSWER:
                response.close()
                raise ProviderError(f"The answer has over {MAX_ANSWER} bytes.", status=response.status)
            if time.monotonic() > deadline:
                response.close()
                raise ProviderUnavailable(f"{self.name} did not finish its answer in time.")
        return b"".join(parts)


def _is_worth_repeating(error: ProviderError) -> bool:
    return error.status in WORTH_REPEATING or (isinstance(error, ProviderUnavailable) and error.status is None)


def _unreached(error: HTTPError, name: str) -> ProviderUnavailable:
    if isinstance(error, SSLError):
        return ProviderUnavailable(f"{name} could not be reached: its certificate is not trusted here.")
    if isinstance(error, NewConnectionError):
        return ProviderUnavailable(f"{name} could not be reached: no connection. Check the address and the network.")
    if isinstance(error, (TimeoutError, ReadTimeoutError)):
        return ProviderUnavailable(f"{name} did not answer in time.")
    if isinstance(error, ProxyError):
        return ProviderUnavailable(f"{name} could not be reached through the proxy.")
    return ProviderUnavailable(f"{name} broke the connection off.")


def _refusal(status: int, body: bytes, headers: Mapping[str, str]) -> ProviderError:
    reason = reason_of(body)
    if status in {401, 403}:
        return ProviderCredentialsRefused(
            f"The credentials were refused ({reason}). Check the pair, and this machine's clock (NTP): what seems to "
            "come from another time is refused too.",
            status=status,
        )
    if status == 429:
        return ProviderUnavailable(f"Too many calls ({reason}).", status=status, retry_after=_wait_of(headers))
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


def _wait_of(headers: Mapping[str, str]) -> int | None:
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.isdigit() and len(value) < 9:
        return max(1, min(int(value), LONGEST_WAIT))
    try:
        seconds = (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds()
    except (ValueError, TypeError):
        return None
    return max(1, min(round(seconds), LONGEST_WAIT))
