"""A page's side of the signalling socket, over a real one."""

from __future__ import annotations

import json
import time
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.typing import Origin

from meetings import services
from meetings.models import Meeting
from meetings.providers.types import Role

Frame = dict[str, Any]
PATIENCE = 15.0
"""Seconds that a frame may take on a loaded machine; the protocol's own times are asserted apart."""


class Page:
    """One page load of the meeting page: `join`, `send`, `expect`."""

    def __init__(self, port: int, meeting_link: str, origin: str | None = None) -> None:
        own = f"http://127.0.0.1:{port}"
        opening = connect(
            f"ws://127.0.0.1:{port}/ws/meet/{meeting_link}",
            origin=Origin(own if origin is None else origin),
            proxy=None,
            open_timeout=30,
            ping_interval=None,
            compression=None,
            legacy=False,
        )
        self.socket = opening.__enter__()
        self.welcome: Frame = {}

    @property
    def id(self) -> str:
        return str(self.welcome["id"])

    def send(self, kind: str, **fields: Any) -> None:
        self.socket.send(json.dumps({"t": kind, **fields}))

    def join(self, token: str, **fields: Any) -> Frame:
        """Join and wait for `welcome`."""
        self.send("join", token=token, **fields)
        self.welcome = self.expect("welcome")
        return self.welcome

    def again(self) -> Frame:
        """Return what a page shows to take its connection up again."""
        return {"id": self.id, "key": self.welcome["resume"]}

    def expect(self, kind: str, *, within: float = PATIENCE, sender: str = "", **fields: Any) -> Frame:
        """Return the next frame of this kind, from this peer, with these fields; others before it are skipped."""
        fields |= {"from": sender} if sender else {}
        deadline, skipped = time.monotonic() + within, []
        while (left := deadline - time.monotonic()) > 0:
            try:
                frame: Frame = json.loads(self.socket.recv(timeout=left))
            except TimeoutError:
                break
            if frame["t"] == kind and all(frame.get(name) == value for name, value in fields.items()):
                return frame
            skipped.append(frame)
        raise AssertionError(f"no {kind} {fields} within {within} s; there came {skipped}")

    def quiet(self, *kinds: str, lasting: float = 0.5) -> None:
        """Assert that no frame of these kinds comes for a while (none at all, if no kind is named)."""
        deadline = time.monotonic() + lasting
        while (left := deadline - time.monotonic()) > 0:
            try:
                frame = json.loads(self.socket.recv(timeout=left))
            except TimeoutError:
                return
            assert kinds, frame
            assert frame["t"] not in kinds, frame

    def closed(self, *, within: float = PATIENCE) -> int | None:
        """Wait until the server closes the socket; return its code. Frames before that are skipped."""
        deadline = time.monotonic() + within
        while (left := deadline - time.monotonic()) > 0:
            try:
                self.socket.recv(timeout=left)
            except TimeoutError:
                break
            except ConnectionClosed as closed:
                return closed.rcvd.code if closed.rcvd else None
        raise AssertionError(f"the socket is still open after {within} s")

    def drop(self) -> None:
        """Break the connection as a network does: without a word."""
        self.socket.socket.close()


def token(meeting: Meeting, role: str = "publisher", data: str = "", ext_id: str | None = None, **more: Any) -> str:
    """Return a join token as the API gives it."""
    return services.issue_token(meeting, role=Role(role), data=data, ext_id=ext_id, **more).value
