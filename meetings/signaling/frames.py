"""Frames of the signalling protocol (docs/signaling.md): reading, limits, and what a role may send."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from meetings import strict_json

MAX_FRAME = 64 * 1024
MAX_BAD = 20
MAX_BYTES_PER_SECOND = 1024 * 1024
ROLL_PAUSE = 2.0
"""Seconds between two roll calls of one socket: each makes everyone answer."""
MAX_PER_SECOND = 300
"""Five peers' candidates come at once when someone joins; a page on a rich network sends a hundred in a second."""
PAGE_FRAMES = {
    *("join", "here", "sig", "media", "ping", "roll", "leave", "remove", "mute", "end"),
    *("record", "track", "consent"),
}
MODERATOR_FRAMES = {"remove", "mute", "end", "record"}
PROOF = {"commit": 64, "nonce": 32, "reveal": 32}
"""What makes the encryption code of a pair: field of a `sig` -> its hex digits."""
_HEX = re.compile("[0-9a-f]+")
_LINE_END = re.compile(r"\r\n|\r|\n")


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


def check_signal(data: Any) -> Mapping[str, Any]:
    """Return what one page tells another: an object whose `description`, if any, is an offer or an answer in text."""
    if not isinstance(data, dict):
        raise BadFrame("`data` must be an object with `description` or `candidate`.")
    for name, digits in PROOF.items():
        value = data.get(name, "0" * digits)
        if not (isinstance(value, str) and len(value) == digits and _HEX.fullmatch(value)):
            raise BadFrame(f"`{name}` must have {digits} lower-case hex digits.")
    if "description" in data:
        description = data["description"]
        is_session = isinstance(description, dict) and description.get("type") in ("offer", "answer")
        if not is_session or not isinstance(description.get("sdp"), str):
            raise BadFrame("`description` must have `type` (offer or answer) and `sdp` (text).")
    return data


def wants_to_send(data: Mapping[str, Any]) -> bool:
    """Whether a checked signal offers media of its sender's own (a subscriber's must not).

    Fails closed: each section that may carry media must say `recvonly` or `inactive`, once, and nothing that looks like
    another direction, however a lenient parser may read letters and line ends.
    """
    if "description" not in data:
        return False
    lines = [line.strip().lower() for line in _LINE_END.split(data["description"]["sdp"])]
    sections: list[list[str]] = []
    for line in lines:
        if line.startswith("m"):
            sections.append([line])
        elif sections:
            sections[-1].append(line)
        elif line.startswith("a=send"):
            return True
    return any(not _is_mute(section) for section in sections)


def _is_mute(section: list[str]) -> bool:
    directions = [line for line in section if line.startswith(("a=send", "a=recvonly", "a=inactive"))]
    return section[0].startswith("m=application") or (
        len(directions) == 1 and directions[0] in {"a=recvonly", "a=inactive"}
    )


@dataclass(slots=True)
class Budget:
    """How much a socket may send: frames a second, and frames that are no good."""

    bad: int = 0
    second: int = 0
    count: int = 0
    size: int = 0

    def spend(self, now: float, size: int = 0) -> bool:
        """Count a frame of `size` bytes at `now` (seconds); return whether it is still within the limits."""
        if int(now) != self.second:
            self.second, self.count, self.size = int(now), 0, 0
        self.count += 1
        self.size += size
        return self.count <= MAX_PER_SECOND and self.size <= MAX_BYTES_PER_SECOND

    def spend_bad(self) -> bool:
        """Count a bad frame; return whether it is still within the limit."""
        self.bad += 1
        return self.bad <= MAX_BAD
