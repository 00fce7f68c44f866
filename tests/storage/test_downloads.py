"""Files as HTTP answers: whole, in part, and what can't be satisfied."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponseBase
from django.test import RequestFactory
from hypothesis import given
from hypothesis import strategies as st

from archives import storage
from archives.downloads import FileStream, RangeNotSatisfiable, file_response, parse_range
from meetings.exceptions import StorageFileMissing
from tests.storage.contract import CONTENT, KEY, save

SIZE = 1000
BODY = bytes(index % 251 for index in range(SIZE))


class Recorder:
    """A storage of one file that keeps what was asked of it."""

    def __init__(self, body: bytes = BODY) -> None:
        self.body = body
        self.asked: list[tuple[int, int]] = []
        self.given = 0
        self.is_closed = False

    def read(self, start: int, end: int) -> Iterator[bytes]:
        self.asked.append((start, end))
        return self.pieces(start, end)

    def pieces(self, start: int, end: int) -> Iterator[bytes]:
        try:
            for position in range(start, end, 100):
                self.given += 1
                yield self.body[position : min(position + 100, end)]
        finally:
            self.is_closed = True


def answer_to(request: HttpRequest, recorder: Recorder | None = None, etag: str | None = None) -> HttpResponseBase:
    recorder = recorder or Recorder()
    size = len(recorder.body)
    return file_response(
        request, size=size, read=recorder.read, filename="Planning.mp4", content_type="video/mp4", etag=etag
    )


def get(wanted: str | None = None, **headers: str) -> HttpRequest:
    ranged = {} if wanted is None else {"Range": wanted}
    return RequestFactory().get("/", headers={**ranged, **headers})


def body_of(response: Any) -> bytes:
    return b"".join(response) if response.streaming else bytes(response.content)


def test_without_a_range_the_whole_file_is_sent() -> None:
    response = answer_to(get())

    assert response.status_code == 200
    assert body_of(response) == BODY
    assert response["Content-Length"] == "1000"
    assert response["Content-Type"] == "video/mp4"
    assert response["Content-Disposition"] == 'attachment; filename="Planning.mp4"'
    assert response["Accept-Ranges"] == "bytes"
    assert "Content-Range" not in response


@pytest.mark.parametrize(
    ("wanted", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=0-499", 0, 500),
        ("bytes=500-", 500, 1000),
        ("bytes=-200", 800, 1000),
        ("bytes=-5000", 0, 1000),
        ("bytes=990-5000", 990, 1000),
        (f"bytes=990-{'9' * 5000}", 990, 1000),
        ("Bytes=0-9", 0, 10),
        ("bytes= 0-9 ,", 0, 10),
    ],
)
def test_one_range_is_sent_as_a_part(wanted: str, start: int, end: int) -> None:
    recorder = Recorder()
    response = answer_to(get(wanted), recorder)

    assert response.status_code == 206
    assert response["Content-Range"] == f"bytes {start}-{end - 1}/1000"
    assert response["Content-Length"] == str(end - start)
    assert body_of(response) == BODY[start:end]
    assert recorder.asked == [(start, end)]


@pytest.mark.parametrize(
    "wanted",
    [
        "bytes=5-2",
        "bytes=a-b",
        "bytes=-",
        "bytes=",
        "bytes",
        "items=0-5",
        "bytes=0-5,x",
        "bytes=0 -5",
        "bytes=²-5",
        "0-5",
    ],
)
def test_what_is_no_range_is_left_aside(wanted: str) -> None:
    response = answer_to(get(wanted))

    assert response.status_code == 200
    assert body_of(response) == BODY


@pytest.mark.parametrize("wanted", ["bytes=0-1,5-6", "bytes=0-1,5000-", "bytes=0-1, 0-1"])
def test_several_ranges_get_the_whole_file(wanted: str) -> None:
    assert answer_to(get(wanted)).status_code == 200


@pytest.mark.parametrize(
    "wanted", ["bytes=1000-", "bytes=1000-2000", "bytes=-0", f"bytes={'9' * 5000}-", "bytes=2000-,3000-"]
)
def test_range_beyond_the_file_is_refused_with_its_size(wanted: str) -> None:
    recorder = Recorder()
    response = answer_to(get(wanted), recorder)

    assert response.status_code == 416
    assert response["Content-Range"] == "bytes */1000"
    assert recorder.asked == []


def test_empty_file_is_sent_whole_and_has_no_parts() -> None:
    assert body_of(answer_to(get(), Recorder(b""))) == b""
    assert answer_to(get("bytes=0-"), Recorder(b"")).status_code == 416


def test_head_reads_nothing() -> None:
    recorder = Recorder()
    response = answer_to(RequestFactory().head("/", headers={"Range": "bytes=0-5"}), recorder)

    assert response.status_code == 200
    assert response["Content-Length"] == "1000"
    assert recorder.asked == []


@pytest.mark.parametrize(
    ("etag", "if_range", "status"),
    [('"v1"', '"v1"', 206), ('"v1"', '"v0"', 200), ('"v1"', 'W/"v1"', 200), (None, '"v1"', 200)],
)
def test_if_range_continues_the_same_file_only(etag: str | None, if_range: str, status: int) -> None:
    assert answer_to(get("bytes=5-", **{"If-Range": if_range}), etag=etag).status_code == status


def test_asgi_takes_a_piece_at_a_time() -> None:
    recorder = Recorder()
    response = answer_to(get(), recorder)
    assert isinstance(response, FileStream)

    async def take() -> list[bytes]:
        found: list[bytes] = []
        async for piece in response:
            found.append(piece)
            assert recorder.given == len(found)
        return found

    assert b"".join(asyncio.run(take())) == BODY


@pytest.mark.django_db
def test_client_that_goes_away_closes_the_file() -> None:
    recorder = Recorder()
    response: Any = answer_to(get(), recorder)
    next(iter(response))

    response.close()

    assert recorder.is_closed
    assert recorder.given == 1


def test_file_of_the_folder_is_sent_in_part(folder: Path) -> None:
    save(None)
    size = storage.size(None, KEY)

    def read(start: int, end: int) -> Iterator[bytes]:
        return storage.open_range(None, KEY, start, end)

    response = file_response(get("bytes=-10"), size=size, read=read, filename="a.mp4", content_type="video/mp4")
    assert body_of(response) == CONTENT[-10:]

    storage.delete(None, KEY)
    with pytest.raises(StorageFileMissing):
        file_response(get(), size=size, read=read, filename="a.mp4", content_type="video/mp4")


numbers = st.one_of(st.integers(0, 30).map(str), st.integers(0, 10**25).map(str), st.just(""))
parts = st.one_of(st.builds("{}-{}".format, numbers, numbers), st.text(" -,=0123456789abé²\t", max_size=8))
headers = st.one_of(
    st.builds(
        "{}={}".format, st.sampled_from(["bytes", "BYTES", "items", ""]), st.lists(parts, max_size=3).map(",".join)
    ),
    st.text(max_size=20),
)


@given(header=headers, size=st.integers(0, 40))
def test_any_header_gives_a_part_of_the_file_the_whole_or_a_refusal(header: str, size: int) -> None:
    try:
        found = parse_range(header, size)
    except RangeNotSatisfiable:
        assert header.lower().lstrip().startswith("bytes")
        return
    if found is not None:
        start, end = found
        assert 0 <= start < end <= size
        assert len(re.findall(r"[0-9]+-|-[0-9]+", header)) >= 1


@given(size=st.integers(1, 10**15), data=st.data())
def test_ranges_within_a_file_are_given_as_asked(size: int, data: st.DataObject) -> None:
    first = data.draw(st.integers(0, size - 1))
    last = data.draw(st.integers(first, size - 1))

    assert parse_range(f"bytes={first}-{last}", size) == (first, last + 1)
    assert parse_range(f"bytes={first}-", size) == (first, size)
    assert parse_range(f"bytes=-{size - first}", size) == (first, size)
