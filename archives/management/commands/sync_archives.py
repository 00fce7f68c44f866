"""`manage.py sync_archives`: bring archives up to date with what the providers say."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from archives.syncing import WINDOW, sync


class Command(BaseCommand):
    help = (
        "Ask each provider for its archives and repair what callbacks lost; stop what records an ended meeting; repeat "
        "removals that are owed. Safe to run every minute, and several times at once."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        hours = int(WINDOW.total_seconds() // 3600)
        parser.add_argument(
            "--hours", type=int, default=hours, help=f"How far back to read a provider's list (default {hours})."
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["hours"] < 1:
            raise CommandError("--hours must be at least 1.")
        done = sync(window=timedelta(hours=options["hours"]))
        self.stdout.write(f"changed {done.changed}, gone {done.gone}, stopped {done.stopped}, removed {done.removed}")
        if done.failures:
            raise CommandError("\n".join(done.failures))
