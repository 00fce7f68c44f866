"""Frames of the signalling protocol (docs/signaling.md): reading, limits, and what a role may send."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from meetings import strict_json

MAX_FRAME = 64 * 1024
MAX_BAD = 20
MAX_BYTES_PER_SECOND = 1024 * 1024
MAX_PER_SECOND = 300
"""Five peers' candidates come at once when someone joins; a page on a rich network sends a hundred in a second."""
MAX_NAME = 100
PAGE_FRAMES = {"join", "here", "sig", "media", "ping", "roll", "leave", "remove", "mute", "end"}
MODERATOR_FRAMES = {"remove", "mute", "end"}
_SENDING_SECTION = re.compile(r"^a=(sendrecv|sendonly)\s*$", re.MULTILINE)
_RECEIVING_SECTION = re.compile(r"^a=(recvonly|inactive)\s*$", re.MULTILINE)


class BadFrame(ValueError):
    """A frame that is not accepted; the text says why."""


def read(text: str | None, data: bytes | None) -> dict[str, Any]:
    """Return the object of a text frame; raise `BadFrame`.

    What others could not parse, or the database not hold, is refused here: it is relayed and stored as it is.
    """
    if data is not None or text is None:
        raise BadFrame("Send text frames with one JSON object each.")
    raw = text.encode("utf-8", "surrogatepass")
    if len(raw) > MAX_FRAME:
        raise BadFrame(f"A frame can have at most {MAX_FRAME} bytes.")
    try:
        frame = strict_json.loads(raw)
    except strict_json.InvalidJSON as error:
        raise BadFrame(error.message) from None
    if not isinstance(frame, dict) or not isinstance(frame.get("t"), str) or frame["t"] not in PAGE_FRAMES:
        raise BadFrame(f"`t` must be one of {', '.join(sorted(PAGE_FRAMES))}.")
    return frame


def text_of(frame: Mapping[str, Any], name: str, limit: int) -> str:
    """Return a text field; raise `BadFrame` if it is no text or too long. A missing one is empty."""
    value = frame.get(name, "")
    if not isinstance(value, str) or len(value) > limit:
        raise BadFrame(f"`{name}` must be a text of at most {limit} characters.")
    return value


def media_of(frame: Mapping[str, Any]) -> dict[str, bool]:
    """Return what a page sends: microphone, camera, screen."""
    return {name: frame.get(name) is True for name in ("mic", "camera", "screen")}


def display_name(text: str) -> str:
    """Return a name fit for others' eyes: no control or formatting characters, at most 100 characters."""
    kept = "".join(" " if unicodedata.category(char) in {"Cc", "Cf", "Zl", "Zp"} else char for char in text)
    return " ".join(kept.split())[:MAX_NAME]


def wants_to_send(data: Mapping[str, Any]) -> bool:
    """Whether a relayed description offers media of its sender's own (a subscriber's must not)."""
    description = data.get("description")
    sdp = description.get("sdp") if isinstance(description, dict) else None
    if not isinstance(sdp, str):
        return False
    sections = re.split(r"^(?=m=)", sdp, flags=re.MULTILINE)[1:]
    media = [section for section in sections if section.startswith(("m=audio", "m=video"))]
    # A section without a direction of its own counts as sending: that is the default (RFC 8866).
    return any(_SENDING_SECTION.search(section) or not _RECEIVING_SECTION.search(section) for section in media)


@dataclass(slots=True)
class Budget:
    """How much a socket may send: frames a second, and frames that are no good."""

    bad: int = 0
    second: int = 0
    count: int = 0
    size: int = 0

    def spend(self, now: float, size: int = 0) -> bool:
        """Count a frame of `size` characters at `now` (seconds); return whether it is still within the limits."""
        if int(now) != self.second:
            self.second, self.count, self.size = int(now), 0, 0
        self.count += 1
        self.size += size
        return self.count <= MAX_PER_SECOND and self.size <= MAX_BYTES_PER_SECOND

    def spend_bad(self) -> bool:
        """Count a bad frame; return whether it is still within the limit."""
        self.bad += 1
        return self.bad <= MAX_BAD
