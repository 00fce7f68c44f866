"""What holds for every storage; each kind's test module inherits it and gives a target."""

from __future__ import annotations

import io
import urllib.request
from datetime import timedelta

import pytest

from archives import storage
from archives.buckets.base import CHUNK
from archives.models import StorageTarget
from meetings.exceptions import StorageFileMissing, StorageRefused
from tests.threads import in_threads

KEY = "12345/6f1b2c9e-4a51-4c7e-9d0a-0d6c1f4f2a11/archive.mp4"
CONTENT = bytes(range(256)) * 8


def save(target: StorageTarget | None, content: bytes = CONTENT, key: str = KEY) -> None:
    storage.save(target, key, io.BytesIO(content), content_type="video/mp4")


def read(target: StorageTarget | None, start: int, end: int, key: str = KEY) -> bytes:
    return b"".join(storage.open_range(target, key, start, end))


def link(target: StorageTarget | None, filename: str = "Planning.mp4") -> str:
    address = storage.link(target, KEY, expires=timedelta(minutes=5), filename=filename, content_type="video/mp4")
    assert address is not None
    return address


class StorageContract:
    """Subclasses give the fixture `target`."""

    def test_file_is_stored_measured_read_and_removed(self, target: StorageTarget | None) -> None:
        save(target)

        assert storage.exists(target, KEY)
        assert storage.size(target, KEY) == len(CONTENT)
        assert read(target, 0, len(CONTENT)) == CONTENT

        storage.delete(target, KEY)
        assert not storage.exists(target, KEY)

    @pytest.mark.parametrize(("start", "end"), [(0, 1), (5, 300), (2047, 2048), (0, 2048), (7, 7)])
    def test_range_is_what_was_asked_for(self, target: StorageTarget | None, start: int, end: int) -> None:
        save(target)

        assert read(target, start, end) == CONTENT[start:end]

    def test_large_file_comes_in_pieces(self, target: StorageTarget | None) -> None:
        content = CONTENT * 5000  # 10 MB
        save(target, content)

        pieces = list(storage.open_range(target, KEY, 3, len(content)))

        assert max(map(len, pieces)) <= CHUNK
        assert b"".join(pieces) == content[3:]

    def test_later_file_of_a_name_takes_the_place_of_the_earlier(self, target: StorageTarget | None) -> None:
        save(target, b"a long earlier one")
        save(target, b"later")

        assert read(target, 0, storage.size(target, KEY)) == b"later"

    def test_file_is_stored_from_its_beginning(self, target: StorageTarget | None) -> None:
        content = io.BytesIO(b"whole")
        content.seek(3)

        storage.save(target, KEY, content, content_type="video/mp4")

        assert storage.size(target, KEY) == 5

    def test_missing_file_is_said_to_be_missing(self, target: StorageTarget | None) -> None:
        assert not storage.exists(target, KEY)
        with pytest.raises(StorageFileMissing, match="There is no file"):
            storage.size(target, KEY)
        with pytest.raises(StorageFileMissing, match="There is no file"):
            storage.open_range(target, KEY, 0, 5)  # before anything is iterated

    def test_removing_what_is_not_there_is_fine(self, target: StorageTarget | None) -> None:
        storage.delete(target, KEY)
        storage.delete(target, KEY)

    @pytest.mark.parametrize(
        "key", ["", "/etc/passwd", "../secret", "a/../../b", "a//b", "a\\b", "a\nb", "x" * 1025, "a/"]
    )
    def test_name_that_means_different_things_is_refused(self, target: StorageTarget | None, key: str) -> None:
        with pytest.raises(StorageRefused, match="can't be used"):
            save(target, key=key)
        with pytest.raises(StorageRefused, match="can't be used"):
            storage.delete(target, key)

    @pytest.mark.parametrize("key", ["a b/ü–日本.mp4", "100%/a+b&c=d#e?.mp4"])
    def test_name_with_unusual_letters_is_a_name(self, target: StorageTarget | None, key: str) -> None:
        save(target, key=key)

        assert read(target, 0, 4, key) == CONTENT[:4]
        storage.delete(target, key)
        assert not storage.exists(target, key)

    def test_many_threads_share_a_target(self, target: StorageTarget | None) -> None:
        def write_and_read(number: int) -> None:
            key, content = f"thread/{number}", bytes([number]) * 5000
            save(target, content, key)
            assert read(target, 0, 5000, key) == content
            storage.delete(target, key)

        in_threads(6, write_and_read)

    def test_unfinished_reading_can_be_given_up(self, target: StorageTarget | None) -> None:
        save(target, CONTENT * 5000)
        pieces = storage.open_range(target, KEY, 0, len(CONTENT) * 5000)

        next(pieces)
        pieces.close()  # type: ignore[attr-defined]

        assert list(pieces) == []


class LinkContract(StorageContract):
    """And for those that have links."""

    def test_link_downloads_under_a_name(self, target: StorageTarget | None) -> None:
        save(target)

        with urllib.request.urlopen(link(target, "Größe: \r\nX-Evil: 1/..\\plan.mp4")) as answer:
            assert answer.read() == CONTENT
            assert answer.headers["Content-Type"] == "video/mp4"
            disposition = answer.headers["Content-Disposition"]

        assert disposition.startswith("attachment; ")
        assert "filename*=utf-8''Gr%C3%B6%C3%9Fe_%20X-Evil_%201_.._plan.mp4" in disposition

    def test_link_leads_to_the_origin(self, target: StorageTarget | None) -> None:
        origin = storage.origin(target)

        assert origin
        assert link(target).startswith(f"{origin}/")

    def test_link_gives_a_range(self, target: StorageTarget | None) -> None:
        save(target)
        request = urllib.request.Request(link(target), headers={"Range": "bytes=5-9"})

        with urllib.request.urlopen(request) as answer:
            assert answer.status == 206
            assert answer.read() == CONTENT[5:10]
