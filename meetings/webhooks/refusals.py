"""The log of refused webhooks: whoever floods the address must not flood the log."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from threading import Lock

logger = logging.getLogger(__name__)

EVERY = 60.0
"""Seconds between two lines about the same provider and reason, in each process."""


class RefusalLog:
    """One warning a minute for each provider's alias and error code, with how many there were since the last one.

    A line names no body, no header and no path: they are a stranger's words, or hold the path token.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = Lock()
        self._lines: dict[tuple[str, str], tuple[float, int]] = {}  # when the last one was, and refusals since

    def note(self, alias: str, code: str) -> None:
        """Count a refusal, and write a line if the last one is a minute old."""
        now = self._clock()
        with self._lock:
            last, since = self._lines.get((alias, code), (now - EVERY, 0))
            is_due = now - last >= EVERY
            self._lines[alias, code] = (now, 0) if is_due else (last, since + 1)
        if is_due:
            logger.warning("Webhooks of %s refused: %s (%d since the last such line)", alias, code, since + 1)

    def forget(self) -> None:
        """Start anew; for tests."""
        with self._lock:
            self._lines.clear()


refusals = RefusalLog()
