"""Our access to where archives are: a storage target's bucket, or the folder while there is no target.

Targets are rows without secrets; the secrets come from the settings at each call. Keys are names of files in the
bucket: relative, `/` between their parts.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from datetime import timedelta
from functools import lru_cache
from typing import IO

from django.conf import settings
from django.core.files.storage import Storage
from django.utils.module_loading import import_string

from archives.buckets.base import LONGEST_LINK, Bucket, Place
from archives.filenames import attachment
from archives.models import StorageTarget
from meetings.conf import conf
from meetings.exceptions import ConfigurationMissing, StorageFileMissing, StorageRefused

FOLDER = "folder"
BACKENDS: dict[str, tuple[str, str]] = {
    StorageTarget.Name.AWS_S3: ("archives.buckets.s3.S3Bucket", "s3"),
    StorageTarget.Name.AZURE: ("archives.buckets.azure.AzureBucket", "azure"),
    FOLDER: ("archives.buckets.folder.FolderBucket", ""),
}
"""Kind -> what speaks to it, imported when it is needed, and the extra of the wheel that this takes."""
LIBRARIES = frozenset({"storages", "boto3", "botocore", "s3transfer", "azure"})
MAX_KEY = 1024  # bytes: the most that both S3 and Azure take


def storage_of(target: StorageTarget | None) -> Storage:
    """Return Django's face of a target (`None`: the folder); what that raises is its library's own.

    Raises `ConfigurationMissing`: `storage_credentials_missing`, or `storage_library_missing` with the extra to
    install. Nothing is sent.
    """
    return _bucket_of(target).storage


def save(target: StorageTarget | None, key: str, content: IO[bytes], *, content_type: str) -> None:
    """Store a file, from its beginning, in place of an earlier one of that name. Safe to repeat.

    This and all below raise `ConfigurationMissing` and `StorageError` with its kinds.
    """
    _bucket_of(target).save(_usable(key), content, content_type)


def size(target: StorageTarget | None, key: str) -> int:
    """Return a file's size in bytes; `StorageFileMissing` if there is none."""
    return _bucket_of(target).size(_usable(key))


def exists(target: StorageTarget | None, key: str) -> bool:
    """Whether there is such a file; a missing bucket is an error, no `False`."""
    try:
        size(target, key)
    except StorageFileMissing:
        return False
    return True


def open_range(target: StorageTarget | None, key: str, start: int, end: int) -> Iterator[bytes]:
    """Open a file and return its bytes from `start` up to, not with, `end`, in pieces of at most 256 KiB.

    What can be refused is refused before it returns. Close it (a generator's `close`) or read it to the end.
    """
    return _bucket_of(target).read(_usable(key), start, end)


def delete(target: StorageTarget | None, key: str) -> None:
    """Remove a file; one that is not there is fine."""
    _bucket_of(target).delete(_usable(key))


def link(target: StorageTarget | None, key: str, *, expires: timedelta, filename: str, content_type: str) -> str | None:
    """Return an address that downloads this one file, without any credentials, until it expires (7 days at most).

    The browser saves it as `filename`. `None`: the storage has no such addresses (the folder); stream it then. Whether
    the file is there is not looked at. Never store or log the address: it is a secret while it lasts.
    """
    lifetime = min(max(expires, timedelta(seconds=1)), LONGEST_LINK)
    return _bucket_of(target).link(
        _usable(key), expires=lifetime, disposition=attachment(filename), content_type=content_type
    )


def origin(target: StorageTarget | None) -> str | None:
    """Return where links into a target lead, `https://host`; nothing is signed or sent. `None`: it has no links."""
    return _bucket_of(target).origin


def _bucket_of(target: StorageTarget | None) -> Bucket:
    return _open(_place_of(target))


@lru_cache(maxsize=32)
def _open(place: Place) -> Bucket:
    path, extra = BACKENDS[place.kind]
    try:
        backend: type[Bucket] = import_string(path)
    except ImportError as error:
        if (error.name or "").partition(".")[0] not in LIBRARIES:
            raise
        raise ConfigurationMissing(
            f"A library is missing for this storage target: pip install 'django-videoconf[{extra}]'.",
            code="storage_library_missing",
        ) from error
    return backend(place)


def _place_of(target: StorageTarget | None) -> Place:
    if target is None:
        return Place(kind=FOLDER, folder=str(conf.MEDIA_ROOT or settings.MEDIA_ROOT))
    if target.name == StorageTarget.Name.AWS_S3:
        return Place(
            kind=target.name,
            bucket=target.bucket,
            region=target.region,
            endpoint=target.endpoint,
            timeout=conf.STORAGE_TIMEOUT,
            access=_credential("AWS_ACCESS_KEY", conf.AWS_ACCESS_KEY),
            secret=_credential("AWS_SECRET_KEY", conf.AWS_SECRET_KEY),
        )
    return Place(
        kind=target.name,
        account_name=target.account_name,
        container=target.container or _credential("AZURE_CONTAINER", conf.AZURE_CONTAINER),
        domain=target.domain,
        timeout=conf.STORAGE_TIMEOUT,
        secret=_credential("AZURE_ACCOUNT_KEY", conf.AZURE_ACCOUNT_KEY),
    )


def _credential(name: str, value: str | None) -> str:
    if not value:
        raise ConfigurationMissing(
            f"The storage target can't be used without {name}: set it.", code="storage_credentials_missing"
        )
    return value


def _usable(key: str) -> str:
    """Refuse names that mean different files to different storages."""
    is_plain = key.isprintable() and "\\" not in key and posixpath.normpath(key) == key.strip()
    if not is_plain or key.startswith(("/", ".")) or key.endswith(".") or len(key.encode()) > MAX_KEY:
        raise StorageRefused(f"The name “{key:.100}” can't be used.")
    return key
