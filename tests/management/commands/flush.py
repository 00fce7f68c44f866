"""Django's `flush`, tried again when a server under test holds a row: its heartbeats go on until it is killed."""

from __future__ import annotations

import time
from typing import Any

from django.core.management.base import CommandError
from django.core.management.commands import flush

TRIES = 5


class Command(flush.Command):
    """Empties the tables between tests; of two transactions in a deadlock PostgreSQL ends one, and it may be this."""

    def handle(self, **options: Any) -> None:
        for left in reversed(range(TRIES)):
            try:
                super().handle(**options)
            except CommandError:
                if not left:
                    raise
                time.sleep(0.5)
            else:
                return
