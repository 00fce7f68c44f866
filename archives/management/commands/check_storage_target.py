"""`manage.py check_storage_target`: try out where archives are stored."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from archives.probing import Step, probe
from archives.targets import current_target


class Command(BaseCommand):
    help = (
        "Write a small file to the storage target in force (without one: to the folder), read it back, make a link to "
        "it, delete it. Exit status 1 if one of these does not work."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="Print one JSON object in place of lines.")

    def handle(self, *args: Any, **options: Any) -> None:
        target = current_target()
        name = "folder" if target is None else str(target)
        steps = probe(target)
        is_ok = all(step.is_ok for step in steps)
        if options["json"]:
            self.stdout.write(json.dumps({"target": name, "ok": is_ok, "steps": [_described(step) for step in steps]}))
        else:
            self.stdout.write(name)
            for step in steps:
                self.stdout.write(f"  {step.name}: {step.error or step.note or 'ok'}")
        if not is_ok:
            raise CommandError("The storage can't be used as it is.")


def _described(step: Step) -> dict[str, Any]:
    return {"name": step.name, "ok": step.is_ok, "error": step.error, "note": step.note}
