"""What a socket says and hears about the recording of its meeting (docs/signaling.md)."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from channels.db import database_sync_to_async

from meetings import extensions
from meetings.exceptions import VideoconfError
from meetings.signaling import door, frames
from meetings.signaling.door import Guest
from meetings.signaling.frames import BadFrame

logger = logging.getLogger(__name__)

KINDS = ("camera", "screen")
DECISIONS = ("agreed", "declined")
LAST_MS = 253402300799000


class RecordingFrames(ABC):
    """The part of a meeting's socket that recordings concern."""

    guest: Guest | None
    told: Mapping[str, Any] | None = None
    """The recording that this page knows of."""
    noted: Mapping[str, Any] | None = None
    """The one of which that is noted."""

    @abstractmethod
    async def _send(self, frame: dict[str, Any]) -> None: ...

    @abstractmethod
    async def _complain(self, code: str, message: str) -> None: ...

    async def _on_record(self, frame: dict[str, Any], guest: Guest) -> None:
        if not isinstance(frame.get("active"), bool):
            raise BadFrame("`active` must be true or false.")
        actor = f"attendee:{guest.name}"[:255]
        try:
            await database_sync_to_async(door.record)(guest.meeting, is_wanted=frame["active"], actor=actor)
        except VideoconfError as error:
            await self._complain(error.code, error.message)

    async def _on_track(self, frame: dict[str, Any], guest: Guest) -> None:
        track, kind, since = frames.text_of(frame, "track", 64), frame.get("kind"), frame.get("startedAt")
        if kind not in KINDS:
            raise BadFrame(f"`kind` must be one of {', '.join(KINDS)}.")
        if isinstance(since, bool) or not isinstance(since, (int, float)) or not 0 <= since <= LAST_MS:
            raise BadFrame("`startedAt` must be milliseconds since 1970, by the server's clock.")
        asked = {"track": track, "kind": kind, "startedAt": round(since)}
        try:
            ticket = await database_sync_to_async(extensions.open_track)(guest.meeting, guest.connection_id, asked)
        except VideoconfError as error:
            refused = {"code": error.code, "message": error.message}
            await self._send({"t": "ticket", "track": track, "refused": refused})
        else:
            await self._send({"t": "ticket", **ticket})

    async def _on_consent(self, frame: dict[str, Any], guest: Guest) -> None:
        said = {name: frames.text_of(frame, name, 64) for name in ("archive", "version", "decision")}
        if said["decision"] not in DECISIONS:
            raise BadFrame(f"`decision` must be one of {', '.join(DECISIONS)}.")
        try:
            await database_sync_to_async(extensions.recording_consent)(guest.meeting, guest.connection_id, said)
        except VideoconfError as error:
            await self._complain(error.code, error.message)

    async def room_recording(self, event: dict[str, Any]) -> None:
        """A recording started or stopped: a message of the channel layer, which says no more than that."""
        if self.guest is None:
            return
        try:
            await self._tell_recording(self.guest)
        except Exception:
            # The database is away; the socket stays, and its heartbeat tells what is not told yet.
            logger.warning("A page could not be told of a recording", exc_info=True)

    async def _tell_recording(self, guest: Guest) -> None:
        """Tell the page what runs now, and note that it was told, unless that is done."""
        notice = await database_sync_to_async(extensions.recording_notice)(guest.meeting)
        if notice != self.told:
            await self._send({"t": "recording", "active": notice is not None, "archive": notice})
            self.told = notice
        await self._note_told(guest)

    async def _welcomed(self, guest: Guest) -> None:
        """The page read in its welcome what runs; a note that fails is the next heartbeat's."""
        self.told = guest.welcome["archive"]
        try:
            await self._note_told(guest)
        except Exception:
            logger.warning("It could not be noted that a page was told of a recording", exc_info=True)

    async def _note_told(self, guest: Guest) -> None:
        told = self.told
        if told is not None and told != self.noted:
            await database_sync_to_async(extensions.recording_told)(guest.meeting, guest.connection_id, told)
        self.noted = told
