"""Where chunks wait: a folder, S3 and Azure by an alias of `STORAGES`; the same to who asks."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from archives.recording import chunk_store
from archives.recording.chunk_store import ChunkStore
from meetings.exceptions import StorageError, StorageFileMissing, StorageRefused
from tests.emulators import AZURE_ACCOUNT, AZURE_KEY, AzureEmulator, S3Emulator

ARCHIVE, OTHER, TRACK = "a1", "a2", "t1"


def alias(settings: Any, backend: str, **options: Any) -> None:
    settings.STORAGES = settings.STORAGES | {"waiting": {"BACKEND": backend, "OPTIONS": options}}
    settings.VIDEOCONF = settings.VIDEOCONF | {"RECORDING_CHUNK_STORAGE": "waiting"}


@pytest.fixture(params=["folder", "alias of a folder", "s3", "azure"])
def store(request: pytest.FixtureRequest, settings: Any, tmp_path: Path) -> ChunkStore:
    if request.param == "alias of a folder":
        alias(settings, "django.core.files.storage.FileSystemStorage", location=str(tmp_path / "waiting"))
    if request.param == "s3":
        s3: S3Emulator = request.getfixturevalue("s3")
        keys = {"access_key": "key", "secret_key": "secret", "region_name": "us-east-1", "endpoint_url": s3.url}
        alias(settings, "storages.backends.s3.S3Storage", bucket_name=s3.new_bucket(), addressing_style="path", **keys)
    if request.param == "azure":
        azure: AzureEmulator = request.getfixturevalue("azure")
        connection = f"DefaultEndpointsProtocol=http;AccountName={AZURE_ACCOUNT};AccountKey={AZURE_KEY};"
        options = {"connection_string": f"{connection}BlobEndpoint={azure.account_url};"}
        alias(
            settings, "storages.backends.azure_storage.AzureStorage", azure_container=azure.new_container(), **options
        )
    return chunk_store.chunk_store()


def name(sequence: int, archive: str = ARCHIVE) -> str:
    return chunk_store.key(archive, TRACK, sequence, f"{sequence:064x}")


def test_a_chunk_is_stored_again_read_and_removed(store: ChunkStore) -> None:
    for _ in range(2):
        store.save(name(0), b"first")
    assert store.read(name(0)) == b"first"
    assert list(store.files(ARCHIVE)) == [(name(0), 5)]
    assert abs(store.changed_at(name(0)) - time.time()) < 60
    for _ in range(2):
        store.delete(name(0))
    with pytest.raises(StorageFileMissing):
        store.read(name(0))


def test_a_recording_is_removed_and_others_stay(store: ChunkStore) -> None:
    assert store.recordings() == []
    for sequence in range(3):
        store.save(name(sequence), b"x")
    store.save(name(0, OTHER), b"y")
    assert store.recordings() == [ARCHIVE, OTHER]
    for _ in range(2):
        store.delete_recording(ARCHIVE, iter([name(sequence) for sequence in range(3)]))
    assert store.recordings() == [OTHER]
    assert list(store.files(ARCHIVE)) == []
    assert store.read(name(0, OTHER)) == b"y"


def test_copies_at_once_are_one(store: ChunkStore) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: store.save(name(0), b"same" * 1000), range(16)))
    assert store.read(name(0)) == b"same" * 1000


@pytest.mark.parametrize("part", ["", ".", "..", "a/b", "a\\b", "\x00", "é", "x" * 65, "a b"])
def test_a_name_leads_nowhere_else(part: str) -> None:
    with pytest.raises(StorageRefused):
        chunk_store.key(part, TRACK, 0, "00")
    with pytest.raises(StorageRefused):
        chunk_store.key(ARCHIVE, part, 0, "00")


def test_a_storage_that_is_away_is_an_error_of_storages(settings: Any, s3: S3Emulator) -> None:
    keys = {"access_key": "key", "secret_key": "secret", "region_name": "us-east-1", "endpoint_url": s3.url}
    alias(settings, "storages.backends.s3.S3Storage", bucket_name="no-such-bucket", addressing_style="path", **keys)
    with pytest.raises(StorageError):
        chunk_store.chunk_store().save(name(0), b"x")
