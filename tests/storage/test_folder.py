"""The folder, while there is no storage target."""

from __future__ import annotations

import io
from datetime import timedelta
from pathlib import Path

import pytest

from archives import storage
from meetings.exceptions import StorageError, StorageRefused
from tests.storage.contract import KEY, StorageContract, save


class TestFolder(StorageContract):
    @pytest.fixture
    def target(self, folder: Path) -> None:
        return None


class Broken(io.BytesIO):
    """A file whose disk breaks while it is read."""

    def read(self, size: int | None = -1) -> bytes:
        raise OSError(5, "Input/output error")


def test_there_are_no_links(folder: Path) -> None:
    save(None)

    assert storage.link(None, KEY, expires=timedelta(minutes=1), filename="a", content_type="video/mp4") is None


def test_the_folder_of_a_removed_file_goes_when_it_is_empty(folder: Path) -> None:
    for key in ("a/1/film.mp4", "a/1/other.mp4", "film.mp4"):
        storage.save(None, key, io.BytesIO(b"x"), content_type="video/mp4")
    storage.delete(None, "a/1/film.mp4")
    assert (folder / "a" / "1" / "other.mp4").exists()
    storage.delete(None, "a/1/other.mp4")
    storage.delete(None, "film.mp4")
    assert [path.name for path in folder.rglob("*")] == ["a"]


def test_file_appears_whole_or_not_at_all(folder: Path) -> None:
    save(None, b"earlier")

    with pytest.raises(StorageError, match="Input/output error"):
        storage.save(None, KEY, Broken(b"later"), content_type="video/mp4")

    assert (folder / KEY).read_bytes() == b"earlier"
    assert [path.name for path in folder.rglob("*") if path.is_file()] == ["archive.mp4"]


def test_folder_in_the_way_of_a_folder_is_an_error(folder: Path) -> None:
    folder.write_text("not a folder")

    with pytest.raises(StorageError, match="can't be used: Not a directory"):
        save(None)


def test_link_out_of_the_folder_is_followed_by_nobody(folder: Path) -> None:
    folder.mkdir()

    with pytest.raises(StorageRefused, match="can't be used"):
        storage.size(None, "../archive.mp4")
