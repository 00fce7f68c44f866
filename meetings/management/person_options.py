"""How commands are told which person is meant."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import CommandError

from meetings.privacy.people import Person


def add_person_options(parser: ArgumentParser) -> None:
    """Add the options that say who is meant, and where."""
    who = parser.add_mutually_exclusive_group(required=True)
    who.add_argument("--ext-id", default="", help="Her external id, as it is in tokens.")
    who.add_argument("--name", default="", help="Her name, exactly as it is in attendance. Others may have it too.")
    who.add_argument(
        "--attendee",
        type=int,
        action="append",
        default=[],
        metavar="ID",
        help="The id of an attendee; may be repeated.",
    )
    parser.add_argument("--tenant", help="Only meetings of this tenant.")
    parser.add_argument("--meeting", default="", metavar="LINK_ID", help="Only this meeting.")


def person_of(options: dict[str, Any]) -> Person:
    """Return who is meant; raise `CommandError` for an empty text."""
    if not (options["ext_id"] or options["name"] or options["attendee"]):
        raise CommandError("--ext-id and --name must not be empty.")
    return Person(
        ext_id=options["ext_id"],
        name=options["name"],
        attendees=tuple(options["attendee"]),
        tenant=options["tenant"],
        meeting_link=options["meeting"],
    )
