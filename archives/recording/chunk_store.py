"""Where the bytes of chunks wait for the worker: a folder, or an alias in Django's `STORAGES`.

A chunk's name says its number and its hash, so that the same bytes may be stored again and other bytes never take their
place. Whoever serves files to the public must not serve these.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import shutil
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.core.files.base import ContentFile
from django.core.files.storage import FileSystemStorage, Storage, storages

from meetings.conf import conf
from meetings.exceptions import StorageError, StorageFileMissing, StorageRefused

ROOT = "chunks"
_PART = re.compile(r"[A-Za-z0-9-]{1,64}")


def chunk_store() -> ChunkStore:
    """Return the storage in force."""
    alias = conf.RECORDING_CHUNK_STORAGE
    if alias is None:
        return FolderChunks(media_folder())
    storage = storages[alias]
    return FolderChunks(Path(storage.location)) if isinstance(storage, FileSystemStorage) else AliasChunks(storage)


def media_folder() -> Path:
    """Return the folder of archives without a storage target."""
    return Path(conf.MEDIA_ROOT or settings.MEDIA_ROOT)


def key(archive_id: str, track_id: str, sequence: int, sha256: str) -> str:
    """Return the name of a chunk's file."""
    return f"{prefix(archive_id)}/{_plain(track_id)}/{sequence}-{sha256[:16]}.webm"


def prefix(archive_id: str) -> str:
    """Return what the names of all files of a recording begin with."""
    return f"{ROOT}/{_plain(archive_id)}"


def _plain(text: str) -> str:
    if not _PART.fullmatch(text):
        raise StorageRefused(f"“{text:.100}” can't be part of a file's name.")
    return text


class ChunkStore(ABC):
    """Small files by name. Methods raise `StorageError` and its kinds."""

    @abstractmethod
    def save(self, name: str, content: bytes) -> None:
        """Store a file whole or not at all; safe to repeat with the same bytes."""

    @abstractmethod
    def read(self, name: str) -> bytes:
        """Return a file; `StorageFileMissing` if it is not there."""

    @abstractmethod
    def delete(self, name: str) -> None:
        """Remove a file; one that is not there is fine."""

    @abstractmethod
    def delete_recording(self, archive_id: str, names: Iterator[str]) -> None:
        """Remove what is stored of a recording; `names` are the files that rows tell of."""

    @abstractmethod
    def recordings(self) -> list[str]:
        """Return the archive ids of which something is stored."""

    @abstractmethod
    def files(self, archive_id: str) -> Iterator[tuple[str, int]]:
        """Yield what is stored of a recording: names and sizes in bytes."""

    @abstractmethod
    def changed_at(self, name: str) -> float:
        """Return when a file was written, in seconds since the epoch."""


class FolderChunks(ChunkStore):
    """Chunks in a folder of this machine, or one that is mounted on all of them."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def save(self, name: str, content: bytes) -> None:
        path = self.root / name
        part = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
        with self._translated(name):
            try:
                try:
                    part.write_bytes(content)
                except FileNotFoundError:
                    path.parent.mkdir(parents=True, exist_ok=True)
                    part.write_bytes(content)
                part.replace(path)
            except BaseException:
                with contextlib.suppress(OSError):
                    part.unlink(missing_ok=True)
                raise

    def read(self, name: str) -> bytes:
        with self._translated(name):
            return (self.root / name).read_bytes()

    def delete(self, name: str) -> None:
        with self._translated(name):
            (self.root / name).unlink(missing_ok=True)

    def delete_recording(self, archive_id: str, names: Iterator[str]) -> None:
        folder = self.root / prefix(archive_id)
        with self._translated(str(folder)):
            if folder.exists():
                shutil.rmtree(folder)

    def recordings(self) -> list[str]:
        folder = self.root / ROOT
        return sorted(one.name for one in folder.iterdir() if one.is_dir()) if folder.is_dir() else []

    def files(self, archive_id: str) -> Iterator[tuple[str, int]]:
        for path in sorted((self.root / prefix(archive_id)).rglob("*")):
            if path.is_file():
                yield path.relative_to(self.root).as_posix(), path.stat().st_size

    def changed_at(self, name: str) -> float:
        with self._translated(name):
            return (self.root / name).stat().st_mtime

    @contextmanager
    def _translated(self, name: str) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError as error:
            raise StorageFileMissing(f"There is no file “{name}” in {self.root}.") from error
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise StorageRefused(f"There is no space left in {self.root}.") from error
            raise StorageError(f"{self.root} can't be used: {os.strerror(error.errno or 0)}.") from error


class AliasChunks(ChunkStore):
    """Chunks in a storage of the host's."""

    def __init__(self, storage: Storage) -> None:
        self.storage = storage

    def save(self, name: str, content: bytes) -> None:
        with self._translated(name):
            size = self._size_of(name)
            if size == len(content):
                return
            if size is not None:
                self.storage.delete(name)  # what a process that was killed left of it
            try:
                stored = self.storage.save(name, ContentFile(content))
            except Exception:
                if self._size_of(name) != len(content):  # else a copy of the same bytes was quicker
                    raise
            else:
                if stored != name:  # the same, at a storage that finds another name then
                    self.storage.delete(stored)

    def _size_of(self, name: str) -> int | None:
        return self.storage.size(name) if self.storage.exists(name) else None

    def read(self, name: str) -> bytes:
        with self._translated(name):
            if not self.storage.exists(name):
                raise FileNotFoundError(name)
            with self.storage.open(name, "rb") as file:
                content: bytes = file.read()
                return content

    def delete(self, name: str) -> None:
        with self._translated(name):
            self.storage.delete(name)

    def delete_recording(self, archive_id: str, names: Iterator[str]) -> None:
        for name in names:
            self.delete(name)

    def recordings(self) -> list[str]:
        return sorted({name.split("/")[1] for name in self._walk(ROOT)})

    def files(self, archive_id: str) -> Iterator[tuple[str, int]]:
        for name in self._walk(prefix(archive_id)):
            with self._translated(name):
                yield name, self.storage.size(name)

    def changed_at(self, name: str) -> float:
        with self._translated(name):
            return self.storage.get_modified_time(name).timestamp()

    def _walk(self, folder: str) -> Iterator[str]:
        """Yield the names below a folder; some storages list base names by folder, others all whole names at once."""
        with self._translated(folder):
            folders, names = self.storage.listdir(folder)
        for name in names:
            yield name if name.startswith(f"{folder}/") else f"{folder}/{name}"
        for one in folders:
            yield from self._walk(f"{folder}/{one}")

    @contextmanager
    def _translated(self, name: str) -> Iterator[None]:
        """Whatever a host's storage raises is a storage that does not work now."""
        try:
            yield
        except FileNotFoundError as error:
            raise StorageFileMissing(f"There is no file “{name}” in the storage of chunks.") from error
        except Exception as error:
            raise StorageError(f"The storage of chunks can't be used: {type(error).__name__}.") from error
