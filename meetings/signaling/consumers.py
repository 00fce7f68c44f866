"""One socket of the embedded provider's room (docs/signaling.md)."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import secrets
import time
from datetime import UTC
from typing import Any
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer

from meetings import attendance, facts, seats, services
from meetings.exceptions import JoinRefused, Refused, VideoconfError
from meetings.providers.types import Role
from meetings.providers.webrtc import rooms
from meetings.signaling import door, frames
from meetings.signaling.door import Guest
from meetings.signaling.frames import BadFrame
from meetings.signaling.recording import RecordingFrames

logger = logging.getLogger(__name__)

JOIN_WITHIN = 10.0
HEARTBEAT = 4.0
SILENCE = 15.0
GRACE = 4.0
SWEEP_EVERY = 5.0

CLOSE_NORMAL, CLOSE_TRY_AGAIN = 1000, 1013
CLOSE_NO_JOIN, CLOSE_REFUSED, CLOSE_REMOVED, CLOSE_ENDED = 4401, 4402, 4403, 4404
CLOSE_ABUSE, CLOSE_REPLACED, CLOSE_LOST = 4408, 4409, 4410

UNAVAILABLE = "The server can't let anyone in at the moment."

_background: set[asyncio.Task[None]] = set()
_sweepers: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Task[None]] = WeakKeyDictionary()


def in_background(work: Any) -> asyncio.Task[None]:
    """Run a coroutine that outlives its socket; its errors are logged."""
    task: asyncio.Task[None] = asyncio.ensure_future(work)
    _background.add(task)
    task.add_done_callback(_done)
    return task


def _done(task: asyncio.Task[None]) -> None:
    _background.discard(task)
    if not task.cancelled() and task.exception() is not None:
        logger.error("Background work of a signalling socket failed", exc_info=task.exception())


class MeetingConsumer(RecordingFrames, AsyncWebsocketConsumer):
    """Relays between the pages of one meeting, keeps their connections alive in the database, enforces roles."""

    guest: Guest | None = None
    timer: asyncio.Task[None] | None = None
    is_open = False
    is_in = False
    is_leaving = False
    is_closing = False
    rolled = 0.0
    media: dict[str, bool]

    async def __call__(self, *arguments: Any) -> None:
        try:
            await super().__call__(*arguments)
        except Exception:
            # The layer or the database is away, or an error of ours.
            logger.exception("A signalling socket failed")
            await self._give_up()
        finally:
            # However the socket ended, an error of ours included: nobody may stay in the room without one.
            self._let_go()

    async def connect(self) -> None:
        if not self._is_own_origin():
            await self.close(code=CLOSE_REFUSED)
            return
        self.socket = secrets.token_urlsafe(12)
        self.budget = frames.Budget()
        self.heard = time.monotonic()
        with contextlib.suppress(OSError):
            await self.accept()
        self.is_open = True
        self.timer = in_background(self._expect_join())
        _ensure_sweeper()

    async def disconnect(self, code: int) -> None:
        self._let_go()

    def _let_go(self) -> None:
        self.is_closing = True
        if self.timer is not None:
            self.timer.cancel()
        guest, self.guest = self.guest, None
        if guest is not None:
            in_background(self._depart(guest))

    async def _depart(self, guest: Guest) -> None:
        """Leave the room; at once if the page said so, else after a while in which it may come back."""
        try:
            await self._leave_groups(guest)
        except Exception:
            logger.warning("A socket could not leave its groups", exc_info=True)
        if not self.is_leaving:
            await asyncio.sleep(GRACE)
        reason, word = (seats.LEFT_REASON, "left") if self.is_leaving else (facts.LOST_REASON, "lost")
        await self._count_out(guest, reason, word)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if self.is_closing:
            return
        self.heard = time.monotonic()
        size = len(text_data.encode("utf-8", "replace")) if text_data is not None else len(bytes_data or b"")
        if not self.budget.spend(self.heard, size):
            await self._shut(CLOSE_ABUSE)
            return
        try:
            await self._handle(frames.read(text_data, bytes_data))
        except BadFrame as error:
            await self._complain("bad_message", str(error))
        except JoinRefused as error:
            await self._refuse(error)

    async def _give_up(self) -> None:
        """Say that it is the server's fault, unless the page is in: that one comes back without a word."""
        with contextlib.suppress(Exception):
            if self.is_open and not self.is_in:
                await self._send({"t": "refused", "code": "unavailable", "message": UNAVAILABLE, "retry": True})
            await self._shut(CLOSE_TRY_AGAIN)

    async def _refuse(self, error: JoinRefused) -> None:
        frame = {"t": "refused", "code": error.code, "message": error.message, "retry": error.retry}
        if error.opens_at is not None:
            frame["opensAt"] = error.opens_at.astimezone(UTC).isoformat().replace("+00:00", "Z")
        await self._send(frame)
        await self._shut(CLOSE_REFUSED)

    async def _handle(self, frame: dict[str, Any]) -> None:
        kind = frame["t"]
        if kind == "join":
            await self._join(frame)
        elif self.guest is None:
            raise BadFrame("The first frame must be `join`.")
        elif kind in frames.MODERATOR_FRAMES and self.guest.role is not Role.MODERATOR:
            await self._complain("forbidden", "Only moderators may do this.")
        else:
            await getattr(self, f"_on_{kind}")(frame, self.guest)

    async def _join(self, frame: dict[str, Any]) -> None:
        if self.guest is not None:
            raise BadFrame("This socket has joined already.")
        media = frame.get("media")
        self.media = frames.media_of(media if isinstance(media, dict) else {})
        link = self.scope["url_route"]["kwargs"]["meeting_link"]
        guest = await database_sync_to_async(door.open_door)(link, frame, self.socket)
        if guest.role is Role.SUBSCRIBER:
            self.media = frames.media_of({})
        self.guest = guest
        await self.channel_layer.group_add(self._room(guest), self.channel_name)
        await self.channel_layer.group_add(self._peer(guest.connection_id, guest), self.channel_name)
        if self.timer is not None:
            self.timer.cancel()
        self.timer = in_background(self._keep_alive(guest))
        await self._send({**guest.welcome, "heartbeat": HEARTBEAT})
        self.is_in = True
        await self._welcomed(guest)
        taken_over = guest.replaces or (guest.connection_id if guest.resumed else "")
        if taken_over:
            message = {"type": "peer.taken.over", "by": self.socket}
            await self.channel_layer.group_send(self._peer(taken_over, guest), message)
        if guest.replaces:
            bye = {
                "t": "bye",
                "from": guest.replaces,
                "reason": "replaced",
                "replacedBy": guest.connection_id,
            }
            await self._to_room(guest, bye)
        await self._hello(guest)

    async def _hello(self, guest: Guest) -> None:
        hello = {"t": "hello", **self._introduction(guest)}
        await self._to_room(guest, hello | ({"replaces": guest.replaces} if guest.replaces else {}))

    def _introduction(self, guest: Guest) -> dict[str, Any]:
        return {
            "from": guest.connection_id,
            "name": guest.name,
            "attendee": guest.attendee_key,
            "role": guest.role.value,
            "media": self.media,
        }

    async def _on_here(self, frame: dict[str, Any], guest: Guest) -> None:
        await self._to_peer(guest, self._addressee(frame), {"t": "here", **self._introduction(guest)})

    async def _on_sig(self, frame: dict[str, Any], guest: Guest) -> None:
        data = frames.check_signal(frame.get("data"))
        if guest.role is Role.SUBSCRIBER and frames.wants_to_send(data):
            await self._complain("forbidden", "A subscriber sends no audio or video.")
            return
        await self._to_peer(guest, self._addressee(frame), {"t": "sig", "from": guest.connection_id, "data": data})

    async def _on_media(self, frame: dict[str, Any], guest: Guest) -> None:
        if guest.role is not Role.SUBSCRIBER:
            self.media = frames.media_of(frame)
            await self._to_room(guest, {"t": "media", "from": guest.connection_id, **self.media})

    async def _on_ping(self, frame: dict[str, Any], guest: Guest) -> None:
        n = frame.get("n")
        number = n if isinstance(n, int) else 0
        await self._send({"t": "pong", "n": number, "now": round(time.time() * 1000)})

    async def _on_roll(self, frame: dict[str, Any], guest: Guest) -> None:
        now = time.monotonic()
        if now - self.rolled >= frames.ROLL_PAUSE:
            self.rolled = now
            await self._hello(guest)

    async def _on_leave(self, frame: dict[str, Any], guest: Guest) -> None:
        self.is_leaving = True
        await self._shut(CLOSE_NORMAL)

    async def _on_remove(self, frame: dict[str, Any], guest: Guest) -> None:
        connection_id = frames.text_of(frame, "id", 255)
        actor = f"attendee:{guest.name}"[:255]
        try:
            found = await database_sync_to_async(door.remove)(guest.meeting, connection_id, actor)
        except VideoconfError as error:
            await self._complain(error.code, error.message)
            return
        if not found:
            await self._complain("unknown_peer", "There is no such person in this meeting.")

    async def _on_mute(self, frame: dict[str, Any], guest: Guest) -> None:
        connection_id = frames.text_of(frame, "id", 255)
        muted = await database_sync_to_async(door.mute)(guest.meeting, connection_id, by=guest.connection_id)
        if not muted and connection_id != "*":
            await self._complain("unknown_peer", "There is no such person in this meeting.")
        for muted_id in muted:
            await self._tell(self._peer(muted_id, guest), {"type": "peer.muted", "by": guest.name})

    async def _on_end(self, frame: dict[str, Any], guest: Guest) -> None:
        try:
            actor = f"attendee:{guest.name}"[:255]
            await database_sync_to_async(services.end_meeting)(guest.meeting, actor=actor)
        except Refused:
            logger.info("Meeting %s was ended by someone else at the same time", guest.meeting.pk)

    # Messages of the channel layer.

    async def room_frame(self, event: dict[str, Any]) -> None:
        if self.guest is not None and event["except"] != self.guest.connection_id:
            await self._send(event["frame"])

    async def peer_frame(self, event: dict[str, Any]) -> None:
        await self._send(event["frame"])

    async def room_ended(self, event: dict[str, Any]) -> None:
        self.is_leaving = True
        await self._send({"t": "ended", "message": seats.MEETING_ENDED})
        await self._shut(CLOSE_ENDED)

    async def peer_removed(self, event: dict[str, Any]) -> None:
        guest = self.guest
        if guest is None:
            return
        await self._send({"t": "removed", "message": seats.REMOVED})
        await self._count_out(guest, seats.FORCED_REASON, "removed")
        await self._shut(CLOSE_REMOVED)

    async def peer_muted(self, event: dict[str, Any]) -> None:
        guest = self.guest
        if guest is None:
            return
        await self._send({"t": "muted", "by": event["by"]})
        await database_sync_to_async(seats.mute_told)(guest.meeting, guest.connection_id)

    async def peer_taken_over(self, event: dict[str, Any]) -> None:
        if event["by"] != self.socket:
            await self._send({"t": "replaced"})
            await self._shut(CLOSE_REPLACED)

    # Inside.

    async def _expect_join(self) -> None:
        await asyncio.sleep(JOIN_WITHIN)
        await self._shut(CLOSE_NO_JOIN)

    async def _keep_alive(self, guest: Guest) -> None:
        while not self.is_closing:
            await asyncio.sleep(HEARTBEAT)
            try:
                await self._pulse(guest)
            except Exception:
                # The database or the layer is away; media goes on without them, and the next heartbeat tries again.
                logger.warning("A heartbeat failed", exc_info=True)

    async def _pulse(self, guest: Guest) -> None:
        if time.monotonic() - self.heard > SILENCE:
            await self._count_out(guest, facts.LOST_REASON, "lost")
            await self._shut(CLOSE_NO_JOIN)
            return
        pulse = await database_sync_to_async(seats.beat)(guest.meeting, guest.connection_id, socket=self.socket)
        if pulse is seats.Pulse.ENDED:
            await database_sync_to_async(services.close_if_due)(guest.meeting.pk)
            await self.room_ended({})
        elif pulse is seats.Pulse.REMOVED:
            await self.peer_removed({})
        elif pulse is seats.Pulse.MUTED:
            await self.peer_muted({"by": ""})
        elif pulse is seats.Pulse.TAKEN_OVER:
            await self.peer_taken_over({"by": ""})
        elif pulse is seats.Pulse.LOST:
            await self._shut(CLOSE_LOST)
        if pulse in (seats.Pulse.ALIVE, seats.Pulse.MUTED):
            await self._tell_recording(guest)

    async def _count_out(self, guest: Guest, reason: str, word: str) -> None:
        gone = await database_sync_to_async(seats.leave)(
            guest.meeting, guest.connection_id, socket=self.socket, reason=reason
        )
        self.is_leaving = True  # nothing is left to wait for when the socket closes
        if gone:
            await self.channel_layer.group_send(self._room(guest), rooms.bye(guest.connection_id, word))

    async def _leave_groups(self, guest: Guest) -> None:
        await self.channel_layer.group_discard(self._room(guest), self.channel_name)
        await self.channel_layer.group_discard(self._peer(guest.connection_id, guest), self.channel_name)

    async def _shut(self, code: int) -> None:
        """Close the socket, once: what comes in or would go out afterwards is dropped."""
        if not self.is_closing:
            self.is_closing = True
            with contextlib.suppress(OSError):  # the page has gone
                await self.close(code=code)

    async def _complain(self, code: str, message: str) -> None:
        if self.budget.spend_bad():
            await self._send({"t": "error", "code": code, "message": message})
        else:
            await self._shut(CLOSE_ABUSE)

    def _addressee(self, frame: dict[str, Any]) -> str:
        to = frames.text_of(frame, "to", 255)
        if not to:
            raise BadFrame("`to` must be the id of a peer.")
        return to

    async def _to_room(self, guest: Guest, frame: dict[str, Any]) -> None:
        message = {"type": "room.frame", "except": guest.connection_id, "frame": frame}
        await self._tell(self._room(guest), message)

    async def _to_peer(self, guest: Guest, to: str, frame: dict[str, Any]) -> None:
        await self._tell(self._peer(to, guest), {"type": "peer.frame", "frame": frame})

    async def _tell(self, group: str, message: dict[str, Any]) -> None:
        try:
            await self.channel_layer.group_send(group, message)
        except Exception:
            # The layer is away: this message is lost, the socket and the media of everyone go on.
            logger.warning("The channel layer did not take %s", message["type"], exc_info=True)

    async def _send(self, frame: dict[str, Any]) -> None:
        if self.is_closing:
            return
        # A page that has closed its end may have said something before, `leave` for one, that is still to be read.
        with contextlib.suppress(OSError):
            await self.send(text_data=json.dumps(frame, separators=(",", ":")))

    def _room(self, guest: Guest) -> str:
        return rooms.room_group(guest.meeting.session_id)

    def _peer(self, connection_id: str, guest: Guest) -> str:
        return rooms.peer_group(guest.meeting.session_id, connection_id)

    def _is_own_origin(self) -> bool:
        headers = dict(self.scope.get("headers", []))
        origin = headers.get(b"origin", b"").decode("latin-1")
        return not origin or urlsplit(origin).netloc == headers.get(b"host", b"").decode("latin-1")


def _ensure_sweeper() -> None:
    """One sweep a process: connections whose process was killed are ended by any other that has sockets."""
    loop = asyncio.get_running_loop()
    if loop not in _sweepers or _sweepers[loop].done():
        _sweepers[loop] = in_background(_sweep_for_ever())


async def _sweep_for_ever() -> None:
    while True:
        await asyncio.sleep(SWEEP_EVERY)
        try:
            await database_sync_to_async(attendance.close_silent)()
        except Exception:
            logger.warning("The sweep of silent connections failed; it is tried again", exc_info=True)
