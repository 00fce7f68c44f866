"""An archive as the wire has it."""

from __future__ import annotations

from typing import Any

from archives.models import Archive
from meetings.providers.session_events import milliseconds


def archive_answer(archive: Archive, url: str | None = None) -> dict[str, Any]:
    """Return one archive as the wire has it; `url` is a link to its file that expires."""
    session_id = getattr(archive, "session_id", None) or archive.meeting.session_id
    return {
        "name": archive.name,
        "sessionId": session_id,
        "metaData": {
            "id": archive.archive_id,
            "status": archive.status,
            "reason": archive.reason,
            "createdAt": milliseconds(archive.created_on),
            "duration": archive.duration,
            "size": archive.size,
            "resolution": archive.resolution,
            "outputMode": archive.output_mode,
            "hasAudio": archive.has_audio,
            "hasVideo": archive.has_video,
            "url": url,
            "progress": archive.progress,
            **(archive.report or {}),
        },
    }


def listed_answer(archive: Archive) -> dict[str, Any]:
    """Return one archive of a list: without what is missing in it, part by part."""
    said = archive_answer(archive)
    for name in ("missing", "more"):
        said["metaData"].pop(name, None)
    return said
