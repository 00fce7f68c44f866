"""A bound on request bodies under ASGI, where Django writes a whole body to disk before any view sees the request."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from meetings.envelope import envelope

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[..., Awaitable[None]]

LARGEST = 4 * 1024 * 1024
"""Bytes: the largest that anything here takes is a chunk of a recording."""


class BoundedBodies:
    """Answers 413 for a body over the limit, announced or not, and reads no more of it."""

    def __init__(self, application: Application, largest: int = LARGEST) -> None:
        self.application, self.largest = application, largest

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if _announced(scope) > self.largest:
            await self._refuse(send)
            return
        size, is_answered = 0, False

        async def bounded() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            return {"type": "http.disconnect"} if size > self.largest else message

        async def noticed(message: Message) -> None:
            nonlocal is_answered
            is_answered = True
            await send(message)

        await self.application(scope, bounded, noticed)
        if size > self.largest and not is_answered:
            await self._refuse(send)

    async def _refuse(self, send: Send) -> None:
        text = f"A body can have at most {self.largest} bytes."
        body = json.dumps(envelope(413, text, "body_too_large")).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 413, "headers": [*headers, (b"connection", b"close")]})
        await send({"type": "http.response.body", "body": body})


def _announced(scope: Message) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() and len(value) < 19 else LARGEST + 1
    return 0
