"""`manage.py erase_attendee`: a person is forgotten."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from meetings.management.person_options import add_person_options, person_of
from meetings.privacy import erasing
from meetings.privacy.report import in_words


class Command(BaseCommand):
    help = (
        "Erase a person: her names and ids go from the database, recordings that she may be in from the storage and "
        "from the provider. How many people were in a meeting, and when, stays. This can't be undone: try --dry-run "
        "first. Meetings on legal hold, and those that she is in now, are left alone. Safe to repeat."
    )

    requires_system_checks = ()  # it serves nobody

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_person_options(parser)
        parser.add_argument("--keep-recordings", action="store_true", help="Leave recordings that she may be in.")
        parser.add_argument("--dry-run", action="store_true", help="Say what would be erased, and do nothing.")

    def handle(self, *args: Any, **options: Any) -> None:
        person, is_dry = person_of(options), options["dry_run"]
        done = erasing.erase(person, actor="erase_attendee", is_dry=is_dry, keep_recordings=options["keep_recordings"])
        self.stdout.write(f"{'would be erased' if is_dry else 'erased'}: {in_words(done.counts)}")
        for pk, why in done.left:
            self.stdout.write(f"left alone: attendee {pk}. {why}")
        if done.left:
            raise CommandError(f"{len(done.left)} of her meetings were left alone; run this again when that is over.")
