"""`manage.py reconcile_meetings`: close the presence of people of whom nothing has been heard."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from meetings.reconciling import STALE_AFTER, reconcile

MOST_HOURS = 876_000


class Command(BaseCommand):
    help = (
        "Ask the provider, where it can answer, who is still there, and close what is stale: connections of meetings "
        "that are over, and those of which nothing was heard for --stale-after hours. What is closed so is marked as "
        "assumed in attendance. Safe to repeat: a second run changes nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--dry-run", action="store_true", help="Say what would be done, and do nothing.")
        parser.add_argument(
            "--stale-after",
            type=int,
            default=STALE_AFTER // timedelta(hours=1),
            metavar="HOURS",
            help="Hours of silence in a meeting that goes on (%(default)s).",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if not 1 <= options["stale_after"] <= MOST_HOURS:
            raise CommandError(f"--stale-after must be from 1 to {MOST_HOURS} hours.")
        done = reconcile(stale_after=timedelta(hours=options["stale_after"]), is_dry=options["dry_run"])
        would = "would be " if options["dry_run"] else ""
        self.stdout.write(
            f"{would}closed in meetings that are over: {done.over}, {would}closed as stale: {done.stale}, "
            f"seen at the provider: {done.seen}"
        )
        if done.unasked:
            raise CommandError(
                f"{done.unasked} connections were left alone: their provider could not be asked. The log says why; run "
                "this again."
            )
