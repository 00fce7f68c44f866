"""Recording on the embedded provider: browsers send what they record, a worker of ours composes it.

Nobody else takes part, so there is nobody to ask: the rows are all that there is to know (`is_remote`). What a start,
an end and a removal mean is in `archives.recording` and `archives.composing`.
"""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime
from typing import ClassVar

from archives.facts import ArchiveFacts
from archives.providers import layouts
from archives.providers.base import ArchivePage, ArchiveProvider, ArchiveSpec, UploadTarget
from meetings.providers.types import RoomRef

RESOLUTION = "1280x720"


class WebRTCArchives(ArchiveProvider):
    """The recording side of the embedded provider."""

    is_remote: ClassVar[bool] = False

    def refuse(self, spec: ArchiveSpec) -> None:
        layouts.refuse(spec.layout or {}, names=("type",), types=layouts.TYPES)

    def start(self, room: RoomRef, spec: ArchiveSpec) -> ArchiveFacts:
        return ArchiveFacts(
            archive_id=str(uuid.uuid4()),
            status="started",
            session_id=room.session_id,
            name=spec.name,
            created_at=datetime.now(UTC),
            resolution=spec.resolution or RESOLUTION,
            output_mode=spec.output_mode or "composed",
        )

    def stop(self, archive_id: str) -> ArchiveFacts:
        return replace(self.describe(archive_id), status="stopped")

    def describe(self, archive_id: str) -> ArchiveFacts:
        """Say what is true of every archive: it was started. The row knows more."""
        return ArchiveFacts(archive_id=archive_id, status="started")

    def list(self, *, session_id: str | None = None, offset: int = 0, count: int = 1000) -> ArchivePage:
        return ArchivePage(total=0, items=())

    def delete(self, archive_id: str) -> None:
        """There is nothing outside; what we hold ourselves is removed by who deletes the row."""

    def set_storage_target(self, target: UploadTarget) -> None:
        """Nobody has to be told: the worker reads the target in force."""

    def clear_storage_target(self) -> None:
        """Nobody has to be told."""

    def storage_key(self, facts: ArchiveFacts) -> str:
        return f"webrtc/{facts.archive_id}/archive.{'zip' if facts.output_mode == 'individual' else 'mp4'}"
