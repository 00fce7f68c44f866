"""What a row of the original's attendees says about presence, as facts of ours. Pure: no database.

The original keeps one row a name and session: when she first came, whether she is there, and the last event about her.
That event names the connection that she was last seen on; an end of it that comes later must end the imported stay.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from meetings import facts
from meetings.facts import Fact
from meetings.providers.session_events import MAX_ID
from meetings.sourceloop.rows import OriginalAttendee

SOURCE = "import"
"""`AttendanceFact.source` of what was imported."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ENDS = {"connectionDestroyed", "streamDestroyed"}


def own_connection_id(row: OriginalAttendee) -> str:
    """Return an id for a connection that no event names.

    It has the shape of Vonage's, which answers 404 for one that it does not know, and 400 for an id that can't be.
    """
    return str(uuid5(NAMESPACE_URL, f"sourceloop:{row.session_id}/{row.id}"))


def connection_id_of(row: OriginalAttendee) -> str:
    """Return the connection that the last event names, unless it is somebody else's; else one of our own."""
    named = _connection(row)
    connection_id, data = named.get("id"), named.get("data")
    if not isinstance(connection_id, str) or not 0 < len(connection_id) <= MAX_ID:
        return own_connection_id(row)
    is_hers = not isinstance(data, str) or data in ("", row.data)
    return connection_id if is_hers else own_connection_id(row)


def identity_of(row: OriginalAttendee, connection_id: str) -> str:
    """Return who she is: the name, which is the original's key, so that later events of that name are hers."""
    return facts.identity_of(data=row.name) or f"conn:{connection_id}"


def facts_of(row: OriginalAttendee, connection_id: str) -> list[Fact]:
    """Return what a row says: she was first seen at `created_on`, is or was on that connection, and left it if gone.

    Where the connection is younger than the row, nobody knows how long she stayed the first time: it becomes a stay
    without length.
    """
    since = _since(row, connection_id)
    last = max(row.modified_on or row.created_on, row.created_on)
    told = []
    if since > row.created_on:
        own = own_connection_id(row)
        told += [
            _fact(row, facts.JOINED, own, row.created_on, since=row.created_on),
            _fact(row, facts.LEFT, own, row.created_on),
        ]
    joined_at = since if row.is_deleted else last
    told.append(_fact(row, facts.JOINED, connection_id, joined_at, since=since))
    if row.is_deleted:
        told.append(_fact(row, facts.LEFT, connection_id, max(_left_at(row, last), since), reason=_reason(row)))
    return told


def ending_of(row: OriginalAttendee, connection_id: str, at: datetime) -> Fact:
    """Return the fact that an earlier imported connection of hers is over, as the row names another."""
    return _fact(row, facts.LEFT, connection_id, at, reason=facts.REPLACED_REASON)


def _fact(row: OriginalAttendee, kind: str, connection_id: str, at: datetime, **more: Any) -> Fact:
    if "since" in more:
        more["since"] = (more["since"] - EPOCH) // timedelta(milliseconds=1)
    about = more | {
        "data": row.name,
        "extId": row.ext_id,
        "identity": facts.identity_of(data=row.name),
        "webhookPayload": row.payload,
        "extMetadata": None if row.ext_metadata == {"webhookPayload": row.payload} else row.ext_metadata,
        "import": {"id": row.id, "version": row.version},
    }
    return Fact(
        kind=kind,
        at=at,
        connection_id=connection_id,
        about={name: value for name, value in about.items() if value or name == "since"},
    )


def _connection(row: OriginalAttendee) -> Mapping[str, Any]:
    stream = row.payload.get("stream")
    for holder in (row.payload, stream if isinstance(stream, dict) else {}):
        connection = holder.get("connection")
        if isinstance(connection, dict):
            return connection
    return {}


def _since(row: OriginalAttendee, connection_id: str) -> datetime:
    began = _moment(_connection(row).get("createdAt"))
    is_known = row.name and connection_id != own_connection_id(row) and began is not None
    if is_known and began is not None and row.created_on < began <= (row.modified_on or row.created_on):
        return began
    return row.created_on


def _left_at(row: OriginalAttendee, last: datetime) -> datetime:
    told = _moment(row.payload.get("timestamp")) if row.payload.get("event") in ENDS else None
    return told if told is not None and row.created_on <= told <= last else last


def _reason(row: OriginalAttendee) -> str:
    reason = row.payload.get("reason")
    return reason[:64] if isinstance(reason, str) else ""


def _moment(value: Any) -> datetime | None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return EPOCH + timedelta(milliseconds=int(value)) if is_number and 0 <= value <= 253402300799000 else None
