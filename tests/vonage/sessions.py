"""Sessions, connections and streams: what Vonage's media servers would know."""

from __future__ import annotations

import base64
import secrets
import time
import uuid
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import Any
from urllib.parse import parse_qsl

from tests.vonage.refusals import Refused, invalid
from tests.vonage.wire import Request

RESOLUTIONS = frozenset({"640x480", "480x640", "1280x720", "720x1280", "1920x1080", "1080x1920"})
CHOICES = {
    "p2p.preference": ("enabled", "disabled"),
    "archiveMode": ("manual", "always"),
    "e2ee": ("true", "false"),
    "archiveResolution": tuple(sorted(RESOLUTIONS)),
}
FIELDS = frozenset({*CHOICES, "archiveName", "location"})


def now_ms() -> int:
    """Return milliseconds since 1970, as everything on the wire has them."""
    return time.time_ns() // 1_000_000


@dataclass(slots=True)
class Connection:
    """A client in a session. `data` and `role` come from its token, if there was one."""

    id: str
    session_id: str
    data: str = ""
    role: str = "publisher"
    created_at: int = field(default_factory=now_ms)

    def document(self, *, with_data: bool = True) -> dict[str, Any]:
        """Return it as callbacks have it; later events may come with empty data."""
        return {"id": self.id, "createdAt": self.created_at, "data": self.data if with_data else ""}


@dataclass(slots=True)
class Stream:
    """What a connection publishes; `video_type` is camera, screen or custom, and `None` for sound alone."""

    id: str
    connection: Connection
    name: str = ""
    video_type: str | None = "camera"
    created_at: int = field(default_factory=now_ms)
    is_muted: bool = False
    layout_classes: list[str] = field(default_factory=list)

    def document(self, *, with_data: bool = True) -> dict[str, Any]:
        """Return it as callbacks have it, the connection nested inside."""
        connection = self.connection.document(with_data=with_data)
        kind = {} if self.video_type is None else {"videoType": self.video_type}
        return {"id": self.id, "connection": connection, "createdAt": self.created_at, "name": self.name, **kind}

    def listed(self) -> dict[str, Any]:
        """Return it as `GET …/stream` has it; without its connection."""
        return {
            "id": self.id,
            "videoType": self.video_type or "",
            "name": self.name,
            "layoutClassList": self.layout_classes,
        }


@dataclass(slots=True)
class Session:
    """A session. It is `live` from the first client on until it is destroyed, and may then come to life again."""

    id: str
    is_relayed: bool = False
    is_archived_always: bool = False
    is_encrypted: bool = False
    archive_name: str | None = None
    archive_resolution: str | None = None
    location: str | None = None
    created_at: int = field(default_factory=now_ms)
    is_live: bool = False
    is_muted: bool = False
    connections: dict[str, Connection] = field(default_factory=dict)
    streams: dict[str, Stream] = field(default_factory=dict)
    signals: list[dict[str, Any]] = field(default_factory=list)


def new_session_id(identifier: str) -> str:
    """Return an id as SDKs expect it: `1_` and base64url of `1~identifier~~ms~x~y~~`, unpadded."""
    text = f"1~{identifier}~~{now_ms()}~{secrets.token_urlsafe(18)}~fn~~"
    return "1_" + base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_creation(request: Request, identifier: str) -> Session:
    """Return the session that a `POST /session/create` asks for; every field and value must be one we know."""
    if request.media_type != "application/x-www-form-urlencoded" and request.body:
        raise invalid("The body must be form-encoded.")
    form = _form(request)
    if "e2ee" in form:
        form["e2ee"] = form["e2ee"].lower()  # `False` is taken (Opentok-.NET-SDK#229), as is an empty location
    for name, allowed in CHOICES.items():
        if name in form and form[name] not in allowed:
            raise invalid(f"Invalid {name}: must be one of {', '.join(allowed)}.")
    session = Session(
        new_session_id(identifier),
        is_relayed=form.get("p2p.preference") == "enabled",
        is_archived_always=form.get("archiveMode") == "always",
        is_encrypted=form.get("e2ee") == "true",
        archive_name=form.get("archiveName"),
        archive_resolution=form.get("archiveResolution"),
        location=form.get("location") or None,
    )
    _check(session)
    return session


def _form(request: Request) -> dict[str, str]:
    try:
        pairs = parse_qsl(request.body.decode(), keep_blank_values=True, strict_parsing=bool(request.body))
    except ValueError as error:
        raise invalid("The body is no form.") from error
    form = dict(pairs)
    if len(form) < len(pairs):
        raise invalid("A field comes twice.")
    if unknown := sorted(form.keys() - FIELDS):
        raise invalid(f"Unknown field: {', '.join(unknown)}.")
    return form


def _check(session: Session) -> None:
    if session.is_relayed and session.is_archived_always:
        raise invalid("A session with always archive mode must also have the routed media mode.")
    if session.is_encrypted and session.is_relayed:
        raise invalid("End-to-end encryption needs the routed media mode.")
    if session.is_encrypted and session.is_archived_always:
        raise invalid("End-to-end encryption and archiving exclude each other.")
    if not session.is_archived_always and (session.archive_name or session.archive_resolution) is not None:
        raise invalid("archiveName and archiveResolution need the archive mode always.")
    if session.archive_name is not None and not 1 <= len(session.archive_name) <= 80:
        raise invalid("archiveName must have 1 to 80 characters.")
    if session.location is not None:
        try:
            IPv4Address(session.location)
        except ValueError as error:
            raise invalid("location must be an IPv4 address.") from error


def creation_document(session: Session, identifier: str) -> list[dict[str, Any]]:
    """Return the answer to a creation: an array of one, mostly nulls."""
    made = time.strftime("%a %b %d %H:%M:%S GMT %Y", time.gmtime(session.created_at // 1000))
    return [
        {
            "session_id": session.id,
            "project_id": identifier,
            "partner_id": identifier,
            "create_dt": made,
            "session_status": None,
            "status_invalid": None,
            "media_server_hostname": None,
            "messaging_server_url": None,
            "messaging_url": None,
            "symphony_address": None,
            "properties": None,
            "ice_server": None,
            "session_segment_id": str(uuid.uuid4()),
            "ice_servers": None,
            "ice_session_id": None,
            "ice_credential_expiration": 86100,
            "media_server_url": "",
        }
    ]


def session_of(sessions: dict[str, Session], session_id: str) -> Session:
    """Return a session; a 404 without one, a 400 for what is no session id at all."""
    session = sessions.get(session_id)
    if session is not None:
        return session
    if not session_id.startswith(("1_", "2_")):
        raise invalid("Invalid sessionId")
    raise Refused(404, "Session not found")
