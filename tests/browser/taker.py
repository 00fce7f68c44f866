"""A server that takes chunks as ours does, or fails in the way that a test wants: for the page's upload queue alone."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

JS = Path(__file__).resolve().parents[2] / "meetings" / "static" / "videoconf_meetings" / "js"
PAGE = b"""<!doctype html><html lang="en"><title>Uploads</title><link rel="icon" href="data:,">
<script type="module" src="/page.js"></script></html>"""
SCRIPT = Path(__file__).with_name("uploads.js").read_bytes()
TYPES = {".js": "text/javascript"}
_PATH = re.compile(r"/tracks/([^/]+)/(?:chunks/(\d+)|close)")


@dataclass(frozen=True, slots=True)
class Failure:
    """What is answered instead: a status, or nothing (0) while the connection is closed."""

    status: int
    code: str = ""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Came:
    """A request for a chunk, or for the end of a track (`sequence` is `None`)."""

    at: float
    track: str
    sequence: int | None
    ticket: str
    size: int
    status: int


class Taker:
    """What came, and what is to be answered; a ticket is `ticket-N`, and `tickets` are the good ones."""

    def __init__(self) -> None:
        self.failures: deque[Failure] = deque()
        self.is_down = False
        self.came: list[Came] = []
        self.asked: list[dict[str, Any]] = []
        self.closed: dict[str, int] = {}
        self.tickets: set[str] = set()
        self.refusal: dict[str, str] | None = None
        self.renewed = ""
        self.lock = threading.Lock()
        taker = self

        class Handler(_Handler):
            owner = taker

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.base = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self.http.shutdown()
        self.http.server_close()

    def page(self, **parameters: Any) -> str:
        query = "&".join(f"{name}={value}" for name, value in parameters.items())
        return f"{self.base}/page?{query}"

    def taken(self, track: str) -> list[int]:
        """Return the sequences that were taken of a track, as they came."""
        return [
            one.sequence for one in self.came if one.track == track and one.sequence is not None and one.status == 200
        ]

    def ticket(self, frame: dict[str, Any]) -> dict[str, Any]:
        """Answer a page that asks for a ticket."""
        with self.lock:
            self.asked.append(frame)
            if self.refusal is not None:
                return {"track": frame["track"], "refused": self.refusal}
            ticket = f"ticket-{len(self.asked)}"
            self.tickets.add(ticket)
        return {"track": frame["track"], "address": f"/tracks/{frame['track']}", "ticket": ticket}

    def answer(self, track: str, sequence: int | None, ticket: str, body: bytes) -> Failure | dict[str, Any]:
        with self.lock:
            failure: Failure | None = Failure(0) if self.is_down else None
            if failure is None and self.failures:
                failure = self.failures.popleft()
            if failure is None and ticket not in self.tickets:
                failure = Failure(401, "ticket_expired")
            status = 200 if failure is None else failure.status
            self.came.append(Came(time.monotonic(), track, sequence, ticket, len(body), status))
            if failure is not None:
                return failure
            if sequence is None:
                self.closed[track] = json.loads(body)["count"]
                return {}
            if self.renewed:
                self.tickets = {self.renewed}
            return {"received": sequence} | ({"ticket": self.renewed} if self.renewed else {})


class _Handler(BaseHTTPRequestHandler):
    owner: Taker
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        """Say nothing: a test looks at what came."""

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path == "/page":
            self._send(200, PAGE, "text/html")
        elif path == "/page.js":
            self._send(200, SCRIPT, TYPES[".js"])
        else:
            file = JS / path.removeprefix("/js/")
            self._send(200, file.read_bytes(), TYPES[file.suffix])

    def do_POST(self) -> None:
        body = self._body()
        if self.path == "/line":
            self._send(200, json.dumps(self.owner.ticket(json.loads(body))).encode())
        else:
            self._take(body)

    def do_PUT(self) -> None:
        self._take(self._body())

    def _take(self, body: bytes) -> None:
        found = _PATH.fullmatch(self.path)
        assert found is not None
        ticket = (self.headers["Authorization"] or "").removeprefix("Bearer ")
        sequence = None if found[2] is None else int(found[2])
        answer = self.owner.answer(found[1], sequence, ticket, body)
        if isinstance(answer, dict):
            self._send(200, json.dumps(answer).encode())
        elif answer.status == 0:
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
        else:
            text = json.dumps({"error": {"code": answer.code, "message": "No."}}).encode()
            self._send(answer.status, text, headers=answer.headers)

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers["Content-Length"]))

    def _send(
        self, status: int, body: bytes, kind: str = "application/json", headers: dict[str, str] | None = None
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
