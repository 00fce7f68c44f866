"""`manage.py export_attendee`: all that is known of a person, as JSON."""

from __future__ import annotations

import os
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from meetings.management.person_options import add_person_options, person_of
from meetings.privacy import export


class Command(BaseCommand):
    help = (
        "Write all that is known of a person as JSON: the meetings that she was in, her connections, what was seen of "
        "her, the events that told of her, and the recordings that she may be in. Nothing is changed."
    )

    requires_system_checks = ()  # it serves nobody

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_person_options(parser)
        parser.add_argument(
            "--output", type=Path, metavar="FILE", help="A new file, for its owner alone (else stdout)."
        )
        parser.add_argument("--dry-run", action="store_true", help="Say how much that is, and write nothing.")

    def handle(self, *args: Any, **options: Any) -> None:
        person = person_of(options)
        known = export.export(person)
        text = export.as_text(known)
        if not options["dry_run"]:
            self._write(text, options["output"])
        counts = (  # and no name: what is printed here ends in logs
            f"meetings: {len(known['meetings'])}, connections: {_count(known, 'connections')}, "
            f"facts: {_count(known, 'facts') + len(known['tokens'])}, webhooks: {_count(known, 'webhooks')}, "
            f"recordings: {_count(known, 'recordings')}"
        )
        self.stderr.write(counts)

    def _write(self, text: str, path: Path | None) -> None:
        if path is None:
            self.stdout.write(text)
            return
        try:
            with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
                file.write(text)
        except OSError as error:
            raise CommandError(f"--output {path}: {error.strerror}.") from error


def _count(known: dict[str, Any], what: str) -> int:
    return sum(len(meeting.get(what, ())) for meeting in known["meetings"])
