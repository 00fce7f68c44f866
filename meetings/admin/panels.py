"""Tables on pages of our own: what is shown of something, a row a thing, with a limit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from meetings.admin.base import VideoconfAdmin
from meetings.models import Meeting

MOST_ROWS = 50
Cell = str | SafeString


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """A heading and a table; the first cell of each row says what the row is about.

    `note` stands below the table. `is_trouble`: somebody should look at it. `key` is unique on its page.
    """

    key: str
    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    empty: str
    note: Cell = ""
    is_trouble: bool = False


OfMeeting = Callable[[VideoconfAdmin, HttpRequest, Meeting], Panel | None]
"""Returns a panel of a meeting's page; `None`: nothing of it is this person's business. The admin is that of meetings,
on the site that is looked at."""
OfOverview = Callable[[VideoconfAdmin, HttpRequest], Panel | None]


def link(url: str, text: object) -> Cell:
    """Return a text as a link, where there is somewhere to go."""
    return format_html('<a href="{}">{}</a>', url, text) if url else str(text)


def and_more(found: Sequence[object], most: int = MOST_ROWS) -> str:
    """Return the note that there is more than is shown; `found` has one more than that then."""
    return f"The first {most} are shown." if len(found) > most else ""
