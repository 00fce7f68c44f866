from __future__ import annotations

import logging
import re
from collections.abc import Sequence

BEARER = re.compile(r"eyJ[\w-]+\.[\w-]+\.[\w-]*|(?<=Bearer )\S+")
SHORTEST = 8  # a shorter secret would blot out ordinary words


class RedactingFormatter(logging.Formatter):
    """Formats a record, traceback included, without this project's secrets and without anybody's tokens.

    Nothing should log them, but an address with the webhooks' path token or a quoted argument might.
    """

    def __init__(self, *, secrets: Sequence[str | None], fmt: str) -> None:
        super().__init__(fmt, style="{")
        known = sorted({text for text in secrets if text and len(text) >= SHORTEST}, key=len, reverse=True)
        self.known = re.compile("|".join(map(re.escape, known))) if known else None

    def format(self, record: logging.LogRecord) -> str:
        text = BEARER.sub("[redacted]", super().format(record))
        return self.known.sub("[redacted]", text) if self.known else text
