"""A stored file as an HTTP answer, whole or a part of it (RFC 9110, section 14), where a storage has no links."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Iterator
from typing import cast

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse

from archives.filenames import attachment, inline

Reader = Callable[[int, int], Iterator[bytes]]
"""`read(start, end)`: the bytes from `start` up to, not with, `end`."""
_RANGE = re.compile(r"([0-9]*)-([0-9]*)")
MAX_DIGITS = 18  # no file is longer; more digits only cost time


class RangeNotSatisfiable(Exception):
    """Nothing of the file lies in what was asked for."""


def parse_range(header: str | None, size: int) -> tuple[int, int] | None:
    """Return the one part of a file of `size` bytes that a `Range` header asks for, as `(start, end)`, `end` excluded.

    `None` means the whole file: no header, another unit, something that is no range, or several ranges, of which at
    least one lies in the file. Raises `RangeNotSatisfiable` if none does.
    """
    unit, _, ranges = (header or "").partition("=")
    if unit.strip().lower() != "bytes":
        return None
    asked = [_positions(part.strip(" \t")) for part in ranges.split(",") if part.strip(" \t")]
    if not asked or None in asked:
        return None
    found = [part for part in (_within(first, last, size) for first, last in filter(None, asked)) if part]
    if not found:
        raise RangeNotSatisfiable
    return found[0] if len(asked) == 1 else None


def _positions(text: str) -> tuple[int | None, int | None] | None:
    """Read `first-last`, `first-` or `-length`; `None` for what is none of them."""
    found = _RANGE.fullmatch(text)
    if found is None or text == "-":
        return None
    first, last = _number(found[1]), _number(found[2])
    return None if first is not None and last is not None and last < first else (first, last)


def _number(digits: str) -> int | None:
    if not digits:
        return None
    return int(digits) if len(digits.lstrip("0")) <= MAX_DIGITS else 10**MAX_DIGITS


def _within(first: int | None, last: int | None, size: int) -> tuple[int, int] | None:
    if first is None:
        length = min(last or 0, size)
        return (size - length, size) if length else None
    if first >= size:
        return None
    return first, size if last is None else min(last + 1, size)


def file_response(
    request: HttpRequest,
    *,
    size: int,
    read: Reader,
    filename: str,
    content_type: str,
    etag: str | None = None,
    is_inline: bool = False,
) -> HttpResponseBase:
    """Answer GET or HEAD with a file of `size` bytes: 200, 206 or 416, to be saved as `filename`, or shown.

    `read` is called once, and only for what is sent; what it raises before its first piece is the caller's to answer.
    `etag` (quoted, strong) makes `If-Range` work; without it, a request with `If-Range` gets the whole file. Pieces are
    read one at a time under WSGI and ASGI alike, so memory stays small.
    """
    wanted = request.headers.get("Range") if request.method == "GET" else None
    if "If-Range" in request.headers and request.headers["If-Range"].strip() != etag:
        wanted = None
    response: HttpResponseBase
    try:
        part = parse_range(wanted, size)
    except RangeNotSatisfiable:
        response = HttpResponse(status=416, headers={"Content-Range": f"bytes */{size}"})
    else:
        response = _sent(request, part, size, read)
        response["Content-Type"] = content_type
        response["Content-Disposition"] = inline(filename) if is_inline else attachment(filename)
    response["Accept-Ranges"] = "bytes"
    response["Cache-Control"] = "private, no-store"
    if etag is not None:
        response["ETag"] = etag
    return response


def _sent(request: HttpRequest, part: tuple[int, int] | None, size: int, read: Reader) -> HttpResponseBase:
    start, end = part or (0, size)
    is_head = request.method == "HEAD"
    response = HttpResponse() if is_head else FileStream(read(start, end), status=206 if part else 200)
    response["Content-Length"] = str(end - start)
    if part:
        response["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    return response


class FileStream(StreamingHttpResponse):
    """A streamed file that ASGI takes piece by piece too; Django would read all of a plain iterator into memory."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        pieces = iter(cast(Iterator[bytes], self.streaming_content))
        while (piece := await sync_to_async(_next_of, thread_sensitive=False)(pieces)) is not None:
            yield piece


def _next_of(pieces: Iterator[bytes]) -> bytes | None:
    return next(pieces, None)
