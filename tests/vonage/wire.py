"""HTTP/1.1 on a socket, as little as the stand-in needs: requests with a Content-Length, answers with one."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

MAX_HEAD = 64 * 1024
MAX_BODY = 8 * 1024 * 1024
CHUNK = 64 * 1024
JSON = "application/json"


class BadRequest(Exception):
    """What came is no request that can be read; the connection is closed after saying so."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass(slots=True)
class Request:
    """A request. Header names are lower case; `path` is as it came, percent signs and all."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    peer: str = ""
    body: bytes = b""
    status: int = 0
    """What it was answered with; 0 if it was not."""

    @property
    def media_type(self) -> str:
        """The body's type without parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    def json(self) -> Any:
        """Return the body as JSON."""
        return json.loads(self.body)


@dataclass(slots=True)
class Answer:
    """An answer; `content_type` goes out exactly as it stands here."""

    status: int = 200
    body: bytes = b""
    content_type: str = JSON
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, document: Any, status: int = 200) -> Answer:
        """Return an answer with a JSON body."""
        return cls(status, json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode())

    def head(self, *, length: int | None = None, closes: bool = False) -> bytes:
        """Return status line and headers; `length` overrides what the Content-Length says."""
        lines = [f"HTTP/1.1 {self.status} {_phrase(self.status)}"]
        if self.status != HTTPStatus.NO_CONTENT:
            lines.append(f"Content-Length: {len(self.body) if length is None else length}")
            if self.content_type and (self.body or length):
                lines.append(f"Content-Type: {self.content_type}")
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        if closes:
            lines.append("Connection: close")
        return "\r\n".join([*lines, "", ""]).encode("latin-1")


class Connection:
    """One client's connection: reads requests one after the other, and can break off as rudely as a network does."""

    def __init__(self, sock: socket.socket, peer: str) -> None:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = sock
        self.peer = peer
        self._buffer = bytearray()

    def read_head(self) -> Request | None:
        """Return the next request without its body, or `None` when the client has gone."""
        while (end := self._buffer.find(b"\r\n\r\n")) < 0:
            if len(self._buffer) > MAX_HEAD:
                raise BadRequest(431, "The head is too large.")
            if not (data := self.sock.recv(CHUNK)):
                return None
            self._buffer += data
        head = bytes(self._buffer[:end])
        del self._buffer[: end + 4]
        return _parse(head, self.peer)

    def read_body(self, request: Request) -> None:
        """Read the body that belongs to a head."""
        if "transfer-encoding" in request.headers:
            raise BadRequest(411, "Send a Content-Length.")
        length = request.headers.get("content-length", "0")
        if not (length.isascii() and length.isdigit()):
            raise BadRequest(400, "The Content-Length is no number.")
        size = int(length)
        if size > MAX_BODY:
            raise BadRequest(413, "The body is too large.")
        if size and request.headers.get("expect", "").lower() == "100-continue":
            self.sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        while len(self._buffer) < size:
            if not (data := self.sock.recv(CHUNK)):
                raise ConnectionResetError("the client broke off")
            self._buffer += data
        request.body = bytes(self._buffer[:size])
        del self._buffer[:size]

    def send(self, answer: Answer, *, closes: bool = False) -> None:
        """Send an answer whole."""
        body = b"" if answer.status == HTTPStatus.NO_CONTENT else answer.body
        self.sock.sendall(answer.head(closes=closes) + body)

    def reset(self) -> None:
        """Break off with a RST instead of a FIN."""
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


def _parse(head: bytes, peer: str) -> Request:
    first, *rest = head.decode("latin-1").split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1.") or not words[1].startswith("/"):
        raise BadRequest(400, "The request line is none.")
    headers: dict[str, str] = {}
    for line in rest:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise BadRequest(400, "A header line is none.")
        headers[name.lower()] = value.strip()
    if words[2] == "HTTP/1.0":
        headers.setdefault("connection", "close")
    path, _, query = words[1].partition("?")
    return Request(words[0], path, query, headers, peer)
