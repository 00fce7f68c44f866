"""The face that every provider's recording side shows. One is made per call; it keeps nothing."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from archives.facts import ArchiveFacts
from meetings.providers.base import Provider
from meetings.providers.types import RoomRef


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveSpec:
    """A recording to be made; empty means the provider's own choice."""

    name: str = ""
    output_mode: str = ""
    resolution: str = ""
    layout: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadTarget:
    """Where a provider shall put its files, with the credentials for it. `kind` is `s3` or `azure`."""

    kind: str
    place: Mapping[str, str]
    """S3: `bucket`, `endpoint`, `region`; Azure: `account_name`, `container`, `domain`; what is not set is left out."""
    credentials: Mapping[str, str]
    """S3: `access_key`, `secret_key`; Azure: `account_key`."""
    fallback: str = "none"

    def __repr__(self) -> str:
        return f"UploadTarget({self.kind}, {dict(self.place)})"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivePage:
    """A part of a provider's archives, newest first; `total` counts all of them."""

    total: int
    items: tuple[ArchiveFacts, ...]


class ArchiveProvider(ABC):
    """The recording side of one provider.

    Methods raise `ProviderError` and its kinds: `ProviderNotFound` for an archive that it does not know,
    `ProviderConflict` for what can't be done now. None of them touches the database.
    """

    is_remote: ClassVar[bool] = True
    """Whether somebody else records, who is to be asked and told; else the rows are all that there is to know."""

    def __init__(self, provider: Provider) -> None:
        self.provider = provider

    def refuse(self, spec: ArchiveSpec) -> None:  # noqa: B027  (most refuse nothing)
        """Raise `Refused` for a start that can't be meant; nobody is asked."""

    @abstractmethod
    def start(self, room: RoomRef, spec: ArchiveSpec) -> ArchiveFacts:
        """Start recording a room. Not repeatable."""

    @abstractmethod
    def stop(self, archive_id: str) -> ArchiveFacts:
        """Stop a running archive."""

    @abstractmethod
    def describe(self, archive_id: str) -> ArchiveFacts:
        """Return what the provider knows of an archive, with a fresh link if it has the file."""

    @abstractmethod
    def list(self, *, session_id: str | None = None, offset: int = 0, count: int = 1000) -> ArchivePage:
        """Return a page of all archives, or of one session's."""

    @abstractmethod
    def delete(self, archive_id: str) -> None:
        """Remove an archive and the file that the provider has of it. May be repeated."""

    @abstractmethod
    def set_storage_target(self, target: UploadTarget) -> None:
        """Have files put into a bucket from now on. May be repeated."""

    @abstractmethod
    def clear_storage_target(self) -> None:
        """Have files kept by the provider from now on. May be repeated."""

    @abstractmethod
    def storage_key(self, facts: ArchiveFacts) -> str:
        """Return the name that an uploaded archive's file has in the bucket."""
