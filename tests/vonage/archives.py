"""Archives: what a start may ask for, what an archive says, and the file that comes of it."""

from __future__ import annotations

import io
import json
import secrets
import time
import uuid
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.vonage import documents
from tests.vonage.refusals import invalid
from tests.vonage.sessions import RESOLUTIONS, Session, now_ms
from tests.vonage.wire import Request

RUNNING = frozenset({"started", "paused"})
DELETABLE = frozenset({"available", "uploaded", "deleted"})
STATUSES = frozenset({*RUNNING, *DELETABLE, "stopped", "failed", "expired"})
LAYOUTS = frozenset({"bestFit", "pip", "verticalPresentation", "horizontalPresentation", "custom"})
LAYOUT = {"type": str, "stylesheet": str, "screenshareType": str}
START = {
    "sessionId": str,
    "name": str,
    "hasAudio": bool,
    "hasVideo": bool,
    "outputMode": str,
    "streamMode": str,
    "resolution": str,
    "layout": dict,
    "multiArchiveTag": str,
    "maxBitrate": int,
    "quantizationParameter": int,
    "hasTranscription": bool,
    "transcriptionProperties": dict,
}
FIRST_MEDIA_AFTER = 350  # milliseconds from the call to the first media
SAMPLE = Path(__file__).with_name("archive.mp4")
LINK_LIFETIME = 600  # seconds


@dataclass(slots=True)
class Archive:
    """A recording. `asked` is what the start call said, nulls left out; empty for one that began by itself."""

    id: str
    session_id: str
    asked: dict[str, Any] = field(default_factory=dict)
    is_automatic: bool = False
    status: str = "started"
    reason: str = ""
    created_at: int = field(default_factory=now_ms)
    updated_at: int = field(default_factory=now_ms)
    duration: int = 0
    size: int = 0
    streams: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def is_running(self) -> bool:
        return self.status in RUNNING

    @property
    def is_individual(self) -> bool:
        return self.asked.get("outputMode") == "individual"

    @property
    def file_name(self) -> str:
        """The name of the file; its key in a bucket is `{project}/{id}/{file_name}`."""
        return "archive.zip" if self.is_individual else "archive.mp4"

    def file(self) -> bytes:
        """Return the recording: a second of H.264 and AAC, or a ZIP with its manifest."""
        if not self.is_individual:
            return SAMPLE.read_bytes()
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            said: dict[str, Any] = {
                "createdAt": self.created_at,
                "files": [],
                "id": self.id,
                "name": self.asked.get("name"),
            }
            archive.writestr(f"{self.id}.json", json.dumps(said | {"sessionId": self.session_id}))
        return packed.getvalue()

    def document(self, owner: Mapping[str, Any], url: str | None) -> dict[str, Any]:
        """Return it as the REST API has it; `createdAt` is when media began. The tag is never told."""
        return {**self._common(url), **owner, **self._details(), "createdAt": self.created_at + FIRST_MEDIA_AFTER}

    def callback(self, owner: Mapping[str, Any], url: str | None) -> dict[str, Any]:
        """Return it as callbacks have it; `createdAt` is when the start was asked for, in whole seconds."""
        return {**self._common(url), **owner, "event": "archive", "createdAt": self.created_at // 1000 * 1000}

    def _common(self, url: str | None) -> dict[str, Any]:
        return {
            "id": self.id,
            "status": self.status,
            "name": self.asked.get("name"),
            "reason": self.reason,
            "sessionId": self.session_id,
            "duration": self.duration,
            "size": self.size,
            "resolution": None if self.is_individual else self.asked.get("resolution", "640x480"),
            "url": url,
            "streamMode": self.asked.get("streamMode", "auto"),
            "streams": list(self.streams.values()),
        }

    def _details(self) -> dict[str, Any]:
        names = ("maxBitrate", "quantizationParameter")
        return {
            "updatedAt": self.updated_at,
            "outputMode": self.asked.get("outputMode", "composed"),
            "hasAudio": self.asked.get("hasAudio", True),
            "hasVideo": self.asked.get("hasVideo", True),
            "hasTranscription": self.asked.get("hasTranscription", False),
            "sha256sum": None,
            "password": None,
            "event": "archive",
            **{name: self.asked[name] for name in names if name in self.asked},
        }


def read_start(request: Request) -> dict[str, Any]:
    """Return what a start asks for; a 400 for what Vonage does not take."""
    asked = documents.read(request, START)
    if not asked.get("sessionId"):
        raise invalid("Invalid sessionId")
    documents.one_of(asked, "outputMode", ("composed", "individual"))
    documents.one_of(asked, "streamMode", ("auto", "manual"))
    documents.one_of(asked, "resolution", RESOLUTIONS)
    documents.within(asked, "maxBitrate", 100_000, 6_000_000)
    documents.within(asked, "quantizationParameter", 15, 40)
    if not (asked.get("hasAudio", True) or asked.get("hasVideo", True)):
        raise invalid("hasAudio and hasVideo cannot both be false.")
    if "maxBitrate" in asked and "quantizationParameter" in asked:
        raise invalid("maxBitrate and quantizationParameter exclude each other.")
    if asked.get("outputMode") == "individual":
        for name in ("resolution", "layout", "quantizationParameter"):
            if name in asked:
                raise invalid(f"{name} cannot be set for individual archives.")
    if "layout" in asked:
        check_layout(asked["layout"])
    return asked


def check_layout(said: Any) -> dict[str, Any]:
    """Return a layout; a 400 if it is none."""
    layout = documents.check(said, LAYOUT, "layout.")
    documents.one_of(layout, "type", LAYOUTS)
    documents.one_of(layout, "screenshareType", LAYOUTS - {"custom"})
    is_custom = layout.get("type") == "custom"
    if "type" not in layout or is_custom is not ("stylesheet" in layout):
        raise invalid("Invalid layout: a stylesheet belongs to the type custom.")
    if "screenshareType" in layout and layout["type"] != "bestFit":
        raise invalid("Invalid layout: screenshareType needs the type bestFit.")
    return layout


def automatic(session: Session) -> Archive:
    """Return the archive that a session in always mode begins by itself."""
    asked = {"name": session.archive_name, "resolution": session.archive_resolution}
    known = {name: value for name, value in asked.items() if value is not None}
    return Archive(str(uuid.uuid4()), session.id, known, is_automatic=True)


class Links:
    """Download links, good for ten minutes."""

    def __init__(self, lifetime: float = LINK_LIFETIME) -> None:
        self.lifetime = lifetime
        self._known: dict[str, tuple[Archive, float]] = {}

    def new(self, archive: Archive) -> str:
        """Return the path of a fresh link."""
        token = secrets.token_urlsafe(16)
        self._known[token] = (archive, time.monotonic() + self.lifetime)
        return f"/files/{token}/{archive.file_name}"

    def open(self, token: str) -> Archive | None:
        """Return what a link leads to, if it is still good and the file still there."""
        archive, until = self._known.get(token, (None, 0.0))
        is_there = archive is not None and archive.status == "available"
        return archive if is_there and time.monotonic() < until else None
