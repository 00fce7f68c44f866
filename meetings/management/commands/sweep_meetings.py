"""`manage.py sweep_meetings`: do what is overdue, once or for ever."""

from __future__ import annotations

import logging
import time
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, close_old_connections

from meetings.sweeping import sweep

logger = logging.getLogger(__name__)


class Command(BaseCommand):
    help = (
        "Close meetings whose duration is over, repeat disconnects that are owed, count out people whose connection "
        "went silent, forget old idempotency keys. Safe to run every minute, and several times at once."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--every", type=int, help="Repeat every so many seconds until stopped.")

    def handle(self, *args: Any, **options: Any) -> None:
        every = options["every"]
        if every is not None and every < 1:
            raise CommandError("--every must be at least 1 second.")
        while True:
            self.sweep_once(is_repeated=every is not None)
            if every is None:
                return
            time.sleep(every)

    def sweep_once(self, *, is_repeated: bool) -> None:
        if is_repeated:
            close_old_connections()
        try:
            swept = sweep()
        except DatabaseError:
            if not is_repeated:
                raise
            logger.warning("The sweep failed; it is tried again", exc_info=True)
            return
        if not is_repeated:
            self.stdout.write(
                f"closed {swept.closed}, disconnected {swept.disconnected}, lost {swept.lost}, "
                f"forgotten {swept.forgotten}"
            )
