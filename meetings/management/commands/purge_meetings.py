"""`manage.py purge_meetings`: old meetings go."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from meetings.privacy import purging
from meetings.privacy.report import in_words

MOST_DAYS = 36_500


class Command(BaseCommand):
    help = (
        "Remove meetings that have been over for --older-than days, or never came about, with everything of theirs: "
        "attendees, facts, events, recordings in the storage and at the provider. This can't be undone: try --dry-run "
        "first. Meetings on legal hold stay. Safe to repeat."
    )

    requires_system_checks = ()  # it serves nobody

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--older-than", type=int, required=True, metavar="DAYS", help="Days since it was over.")
        parser.add_argument("--tenant", help="Only meetings of this tenant.")
        parser.add_argument("--dry-run", action="store_true", help="Say what would be removed, and do nothing.")

    def handle(self, *args: Any, **options: Any) -> None:
        if not 1 <= options["older_than"] <= MOST_DAYS:
            raise CommandError(f"--older-than must be a number of days from 1 to {MOST_DAYS}.")
        done = purging.purge(
            timezone.now() - timedelta(days=options["older_than"]),
            tenant=options["tenant"],
            is_dry=options["dry_run"],
        )
        verb = "would be removed" if options["dry_run"] else "removed"
        self.stdout.write(f"{verb}: {in_words(done.counts)}; on legal hold: {done.held}")
        for link, why in done.left:
            self.stdout.write(f"left alone: meeting {link}. {why}")
        if done.left:
            raise CommandError(f"{len(done.left)} meetings were left alone; the next run tries them again.")
