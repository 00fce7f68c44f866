"""`manage.py prune_recordings`: remove what recordings left behind; without `--apply` only say what."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.template.defaultfilters import filesizeformat

from archives.composing import pruning
from meetings.exceptions import StorageError


class Command(BaseCommand):
    help = (
        "Say what recordings of the embedded provider left behind: chunks whose time is over, chunks and unfinished "
        "work that belong to no recording, broken uploads. With --apply it is removed. Finished files stay."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--apply", action="store_true", help="Remove it.")

    def handle(self, *args: Any, **options: Any) -> None:
        failures, total, count = [], 0, 0
        for leftover in pruning.leftovers():
            try:
                if options["apply"]:
                    leftover.remove()
            except StorageError as error:
                failures.append(f"{leftover.what}: {error.message}")
                continue
            count, total = count + 1, total + leftover.size
            self.stdout.write(f"{leftover.what}: {filesizeformat(leftover.size)}")
        word = "removed" if options["apply"] else "would be removed (--apply does it)"
        self.stdout.write(f"{count} {word}, {filesizeformat(total)}")
        if failures:
            raise CommandError("\n".join(failures))
