"""The original's rows, read strictly: what we can't hold has a reason. Pure: no database.

Every value comes as PostgreSQL prints it, so that nothing (an infinite time, a number without end) breaks the driver.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from meetings import strict_json
from meetings.models import LINK
from meetings.providers.session_events import MAX_DATA

Raw = Mapping[str, str | None]
"""Column -> its text, or `None` for NULL and for a column that the original does not have."""

MEETINGS, ATTENDEES = "video_session_details", "session_attendees"
MEETING_COLUMNS = (
    "id",
    "session_id",
    "meeting_link",
    "is_scheduled",
    "schedule_time",
    "is_archived",
    "archive_id",
    "upload_target",
    "start_time",
    "end_time",
    "created_on",
    "modified_on",
    "created_by",
    "modified_by",
    "deleted",
    "deleted_on",
    "deleted_by",
    "ext_id",
    "ext_metadata",
)
ATTENDEE_COLUMNS = (
    "id",
    "session_id",
    "attendee",
    "created_on",
    "modified_on",
    "is_deleted",
    "ext_id",
    "ext_metadata",
)
NEEDED = {
    MEETINGS: {"id", "session_id", "meeting_link", "created_on", "deleted"},
    ATTENDEES: {"id", "session_id", "attendee", "created_on", "is_deleted"},
}
"""Without these columns it is another table; the rest may be missing."""
MAX_TEXT = 255


class Unfit(Exception):
    """A row that we can't hold; `reason` is one of `report.REASONS`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class OriginalMeeting:
    """A row of `video_session_details`; `values` are the columns of our `Meeting`."""

    id: str
    session_id: str
    meeting_link: str
    values: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class OriginalAttendee:
    """A row of `session_attendees`. `version` is a hash of all of it; `data` the name as it stands there, uncut."""

    id: str
    version: str
    session_id: str
    data: str
    is_deleted: bool
    created_on: datetime
    modified_on: datetime | None
    ext_id: str | None
    ext_metadata: dict[str, Any] | None

    @property
    def name(self) -> str:
        """The name, cut as it is in an event."""
        return self.data.encode()[:MAX_DATA].decode(errors="ignore")

    @property
    def payload(self) -> dict[str, Any]:
        """The last event about her, or nothing."""
        payload = (self.ext_metadata or {}).get("webhookPayload")
        return payload if isinstance(payload, dict) else {}


def read_meeting(raw: Raw) -> OriginalMeeting:
    """Return a row of `video_session_details`; raise `Unfit`.

    Only `deleted` says whether a row is deleted: later versions of the original give live rows a `deleted_on` too.
    """
    session_id, link = _text(raw, "session_id"), _text(raw, "meeting_link")
    if not session_id:
        raise Unfit("session_id_missing")
    if not link:
        raise Unfit("meeting_link_missing")
    if not LINK.fullmatch(link):
        raise Unfit("meeting_link_not_servable")
    created_on = _created_on(raw)
    modified_on = _moment(raw, "modified_on") or created_on
    is_deleted = _flag(raw, "deleted")
    deleted_on = _moment(raw, "deleted_on") if is_deleted else None
    values = {
        "is_scheduled": _flag(raw, "is_scheduled"),
        "schedule_time": _moment(raw, "schedule_time"),
        "is_archived": _flag(raw, "is_archived"),
        "archive_id": _text(raw, "archive_id"),
        "upload_target": _text(raw, "upload_target"),
        "start_time": _moment(raw, "start_time"),
        "end_time": _moment(raw, "end_time"),
        "ext_id": _text(raw, "ext_id"),
        "ext_metadata": _metadata(raw),
        "deleted": is_deleted,
        "deleted_on": deleted_on or modified_on if is_deleted else None,
        "deleted_by": _text(raw, "deleted_by") if is_deleted else None,
        "created_on": created_on,
        "created_by": _text(raw, "created_by") or "",
        "modified_on": modified_on,
        "modified_by": _text(raw, "modified_by") or "",
    }
    return OriginalMeeting(id=original_id(raw), session_id=session_id, meeting_link=link, values=values)


def read_attendee(raw: Raw) -> OriginalAttendee:
    """Return a row of `session_attendees`; raise `Unfit`."""
    session_id = _text(raw, "session_id")
    if not session_id:
        raise Unfit("session_id_missing")
    seen = [(name, raw.get(name)) for name in ATTENDEE_COLUMNS]
    return OriginalAttendee(
        id=original_id(raw),
        version=hashlib.sha256(repr(seen).encode(errors="surrogatepass")).hexdigest()[:16],
        session_id=session_id,
        data=_text(raw, "attendee", most=None) or "",
        is_deleted=_flag(raw, "is_deleted"),
        created_on=_created_on(raw),
        modified_on=_moment(raw, "modified_on"),
        ext_id=_text(raw, "ext_id"),
        ext_metadata=_metadata(raw),
    )


def original_id(raw: Raw) -> str:
    """Return the id that a row has in the original, for the report."""
    return str(raw.get("id"))


def _text(raw: Raw, name: str, most: int | None = MAX_TEXT) -> str | None:
    text = raw.get(name)
    if text is None:
        return None
    if strict_json.UNSTORABLE.search(text):
        raise Unfit("text_unstorable")
    if most is not None and len(text) > most:
        raise Unfit("text_too_long")
    return text


def _flag(raw: Raw, name: str) -> bool:
    return raw.get(name) in {"true", "t", "1"}


def _created_on(raw: Raw) -> datetime:
    moment = _moment(raw, "created_on")
    if moment is None:
        raise Unfit("time_missing")
    return moment


def _moment(raw: Raw, name: str) -> datetime | None:
    text = raw.get(name)
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise Unfit("time_unreadable") from None


def _metadata(raw: Raw) -> dict[str, Any] | None:
    text = raw.get("ext_metadata")
    if text is None:
        return None
    try:
        value = strict_json.loads(text.encode(errors="surrogatepass"))
    except strict_json.InvalidJSON:
        raise Unfit("ext_metadata_unstorable") from None
    if value is not None and not isinstance(value, dict):
        raise Unfit("ext_metadata_not_an_object")
    return value
