"""`manage.py compose_archive`: compose a recording of the embedded provider again, from its chunks."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from archives.composing import composer
from archives.models import Archive
from meetings.exceptions import VideoconfError


class Command(BaseCommand):
    help = (
        "Compose a recording of the embedded provider again, from the chunks that are still there. The worker does it; "
        "a file that the archive has stays until the new one is there."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("archive_id", help="The archive's id.")

    def handle(self, *args: Any, **options: Any) -> None:
        archive = Archive.objects.alive().filter(archive_id=options["archive_id"], is_ours=True).first()
        if archive is None:
            raise CommandError(f"There is no archive {options['archive_id']}.")
        try:
            composer.compose_again(archive)
        except VideoconfError as error:
            raise CommandError(error.message) from error
        self.stdout.write("The worker composes it.")
