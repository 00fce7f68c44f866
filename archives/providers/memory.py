"""`MemoryArchives`: the recording side of `MemoryProvider`, for the tests of host projects. It records nothing."""

from __future__ import annotations

import uuid
from dataclasses import replace
from datetime import UTC, datetime

from archives.facts import ArchiveFacts
from archives.providers.base import ArchivePage, ArchiveProvider, ArchiveSpec, UploadTarget
from meetings.exceptions import ProviderConflict, ProviderNotFound
from meetings.providers.base import Provider
from meetings.providers.memory import MemoryProvider
from meetings.providers.types import RoomRef


class MemoryArchives(ArchiveProvider):
    """Keeps archives in `MemoryProvider.archives`, and the storage target in `MemoryProvider.upload_target`."""

    def __init__(self, provider: Provider) -> None:
        super().__init__(provider)
        assert isinstance(provider, MemoryProvider)
        self.memory = provider

    def start(self, room: RoomRef, spec: ArchiveSpec) -> ArchiveFacts:
        self.memory.maybe_fail()
        known: list[ArchiveFacts] = list(self.memory.archives.values())
        if any(one.session_id == room.session_id and one.is_running for one in known):
            raise ProviderConflict("The room is being recorded already.", status=409)
        started = ArchiveFacts(
            archive_id=str(uuid.uuid4()),
            status="started",
            session_id=room.session_id,
            name=spec.name,
            resolution=spec.resolution,
            output_mode=spec.output_mode or "composed",
            created_at=datetime.now(UTC),
        )
        self.memory.archives[started.archive_id] = started
        return started

    def stop(self, archive_id: str) -> ArchiveFacts:
        running = self.describe(archive_id)
        if not running.is_running:
            raise ProviderConflict("The archive is not running.", status=409)
        self.memory.archives[archive_id] = stopped = replace(running, status="stopped")
        return stopped

    def describe(self, archive_id: str) -> ArchiveFacts:
        self.memory.maybe_fail()
        if archive_id not in self.memory.archives:
            raise ProviderNotFound("There is no such archive.", status=404)
        found: ArchiveFacts = self.memory.archives[archive_id]
        return found

    def list(self, *, session_id: str | None = None, offset: int = 0, count: int = 1000) -> ArchivePage:
        self.memory.maybe_fail()
        found = [one for one in self.memory.archives.values() if session_id in (None, one.session_id)]
        return ArchivePage(total=len(found), items=tuple(reversed(found))[offset : offset + count])

    def delete(self, archive_id: str) -> None:
        self.memory.maybe_fail()
        self.memory.archives.pop(archive_id, None)

    def set_storage_target(self, target: UploadTarget) -> None:
        self.memory.maybe_fail()
        self.memory.upload_target = target

    def clear_storage_target(self) -> None:
        self.memory.maybe_fail()
        self.memory.upload_target = None

    def storage_key(self, facts: ArchiveFacts) -> str:
        return f"memory/{facts.archive_id}/archive.{'zip' if facts.output_mode == 'individual' else 'mp4'}"
