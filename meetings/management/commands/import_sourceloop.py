"""`manage.py import_sourceloop`: bring the original service's meetings and attendees over."""

from __future__ import annotations

import json
import time
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from meetings.models import Meeting
from meetings.providers.registry import is_configured
from meetings.sourceloop.move import Move
from meetings.sourceloop.report import Tally, table_of
from meetings.sourceloop.sessions import Place
from meetings.sourceloop.source import SourceError, opened

SPEAKS_EVERY = 2.0  # seconds
SKIPPED = 3
"""Exit code of `--strict` when rows were skipped."""


class Command(BaseCommand):
    help = (
        "Bring meetings and attendees of @sourceloop/video-conferencing-service over from its PostgreSQL database. "
        "Reads only. May be killed and run again at any time: it brings what is new or changed over there, and "
        "leaves alone what was changed here."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        source = parser.add_mutually_exclusive_group(required=True)
        source.add_argument(
            "--database-url",
            metavar="URL",
            help="The original's database, postgres://USER@HOST:5432/NAME. The password is better in PGPASSWORD or in "
            "~/.pgpass than here, where other users of this machine see it.",
        )
        source.add_argument(
            "--from-database", metavar="ALIAS", help="The original's database, by its name in DATABASES."
        )
        parser.add_argument("--schema", default="videochatms", help="The schema of its tables (default: %(default)s).")
        parser.add_argument(
            "--provider",
            default="opentok",
            help="Alias here of the provider that made the sessions (default: %(default)s).",
        )
        parser.add_argument("--tenant", default="", help="Tenant here that the meetings belong to (default: none).")
        parser.add_argument("--batch-size", type=int, default=1000, help="Rows a transaction (default: %(default)s).")
        parser.add_argument(
            "--timeout", type=int, default=300, help="Seconds that one read may take over there (default: %(default)s)."
        )
        parser.add_argument("--dry-run", action="store_true", help="Report what would be done, and store nothing.")
        parser.add_argument("--report", type=Path, metavar="FILE", help="Write the report there too, as JSON.")
        parser.add_argument("--strict", action="store_true", help=f"Exit with {SKIPPED} if rows were skipped.")

    def handle(self, *args: Any, **options: Any) -> None:
        self.verbosity: int = options["verbosity"]
        self.started = self.spoke = time.monotonic()
        place = Place(provider=options["provider"], tenant=options["tenant"])
        self.refuse_bad(options, place)
        move = self.moved(options, place)
        is_dry = options["dry_run"]
        self.stdout.write("\n".join([*table_of(move.tallies), *(["dry run: nothing was stored"] if is_dry else [])]))
        if options["report"]:
            told = {"dryRun": is_dry, "provider": place.provider, "tenant": place.tenant, "schema": options["schema"]}
            tables = {table: tally.as_json() for table, tally in move.tallies.items()}
            options["report"].write_text(json.dumps(told | {"tables": tables}, indent=2) + "\n", encoding="utf-8")
        skips = sum(tally.skips for tally in move.tallies.values())
        if options["strict"] and skips:
            raise CommandError(f"{skips} rows were skipped.", returncode=SKIPPED)

    def refuse_bad(self, options: dict[str, Any], place: Place) -> None:
        for name in ("batch_size", "timeout"):
            if options[name] < 1:
                raise CommandError(f"--{name.replace('_', '-')} must be at least 1.")
        for name in ("provider", "tenant"):
            most = getattr(Meeting._meta.get_field(name), "max_length", 0)
            if len(options[name]) > most:
                raise CommandError(f"--{name} can have at most {most} characters.")
        report: Path | None = options["report"]
        if report is not None and not report.absolute().parent.is_dir():
            raise CommandError(f"--report: there is no folder {report.absolute().parent}.")
        if not is_configured(place.provider):
            self.stderr.write(
                f"There is no provider {place.provider!r} here yet: meetings are stored, and give tokens once there is."
            )

    def moved(self, options: dict[str, Any], place: Place) -> Move:
        try:
            with opened(
                url=options["database_url"],
                alias=options["from_database"],
                schema=options["schema"],
                timeout=options["timeout"],
            ) as source:
                for table, names in source.missing.items():
                    if names and self.verbosity:
                        self.stderr.write(f"{table} has no {', '.join(names)}: taken as empty")
                move = Move(
                    source=source,
                    place=place,
                    batch_size=options["batch_size"],
                    is_dry=options["dry_run"],
                    told=self.tell,
                )
                move.run()
        except SourceError as error:
            raise CommandError(f"{error} What was stored before stays; run it again.") from None
        for table, tally in move.tallies.items():
            self.tell(table, tally, is_last=True)
        return move

    def tell(self, table: str, tally: Tally, *, is_last: bool = False) -> None:
        """Say on stderr how far it is, every now and then."""
        now = time.monotonic()
        if not self.verbosity or (now - self.spoke < SPEAKS_EVERY and not is_last):
            return
        self.spoke = now
        self.stderr.write(f"{table}: {tally.read:,} read, {tally.created:,} new, {now - self.started:.0f} s")
