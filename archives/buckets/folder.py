"""A folder of this machine, for archives without a storage target."""

from __future__ import annotations

import errno
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import IO

from django.core.exceptions import SuspiciousOperation
from django.core.files.base import File
from django.core.files.storage import FileSystemStorage

from archives.buckets.base import CHUNK, Bucket
from meetings.exceptions import StorageError, StorageFileMissing, StorageRefused

TRIES = 5


class FolderBucket(Bucket):
    """Files in a folder. There are no links: a file is streamed by this service."""

    @cached_property
    def storage(self) -> FileSystemStorage:
        return FileSystemStorage(location=self.place.folder, allow_overwrite=True)

    def save(self, key: str, content: IO[bytes], content_type: str) -> None:
        """Store a file whole or not at all: it gets its name when it is complete."""
        part = f"{key}.{secrets.token_hex(4)}.part"
        with self._translated(key):
            try:
                self._write(part, content, key)
                Path(self.storage.path(part)).replace(self.storage.path(key))
            except BaseException:
                self.storage.delete(part)
                raise

    def _write(self, part: str, content: IO[bytes], key: str) -> None:
        for attempt in range(TRIES):
            content.seek(0)
            try:
                self.storage.save(part, File(content, name=key))
            except (
                FileNotFoundError,
                FileExistsError,
            ):  # the folder was empty, and somebody has just removed it (see `delete`)
                if attempt == TRIES - 1:
                    raise
            else:
                return

    def size(self, key: str) -> int:
        with self._translated(key):
            return self.storage.size(key)

    def read(self, key: str, start: int, end: int) -> Iterator[bytes]:
        with self._translated(key):
            file = Path(self.storage.path(key)).open("rb")  # noqa: SIM115  (closed by `_pieces`)
            file.seek(start)
        return self._pieces(key, file, end - start)

    def delete(self, key: str) -> None:
        """Remove a file, and the folder that was made for it once that is empty."""
        with self._translated(key):
            self.storage.delete(key)
            folder = Path(self.storage.path(key)).parent
            if folder != Path(self.storage.location):
                with suppress(OSError):
                    folder.rmdir()

    def link(self, key: str, *, expires: timedelta, disposition: str, content_type: str) -> str | None:
        return None

    @property
    def origin(self) -> str | None:
        return None

    def _pieces(self, key: str, file: IO[bytes], left: int) -> Iterator[bytes]:
        with file, self._translated(key):
            while left > 0 and (piece := file.read(min(CHUNK, left))):
                left -= len(piece)
                yield piece

    @contextmanager
    def _translated(self, key: str) -> Iterator[None]:
        folder = self.place.folder
        try:
            yield
        except (FileNotFoundError, IsADirectoryError) as error:
            raise StorageFileMissing(f"There is no file “{key}” in {folder}.") from error
        except (SuspiciousOperation, ValueError) as error:
            raise StorageRefused(f"The name “{key}” can't be used.") from error
        except PermissionError as error:
            raise StorageRefused(f"This service may not read or write in {folder}.") from error
        except OSError as error:
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise StorageRefused(f"There is no space left in {folder}.") from error
            raise StorageError(f"{folder} can't be used: {os.strerror(error.errno or 0)}.") from error
