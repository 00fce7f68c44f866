"""What a browser's client script asks: `client/opentok.js` and the calls that it makes, from any page.

Like Vonage's own, it comes in with a client token and is known by its connection afterwards. Calls are `POST`s with
JSON under `text/plain`, which a browser sends to another origin without asking first; a token or the secret of a
connection is in each.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.vonage.auth import TokenRefused
from tests.vonage.refusals import Refused, invalid, not_found
from tests.vonage.sessions import Connection, Stream
from tests.vonage.state import CLIENT
from tests.vonage.wire import Answer, Request

if TYPE_CHECKING:
    from tests.vonage.stand_in import StandIn

PREFIX = "/client/"
SCRIPT = Path(__file__).with_name("client") / "opentok.js"
OPEN = {"Access-Control-Allow-Origin": "*", "Cache-Control": "no-store"}


@dataclass(slots=True)
class Sound:
    """What a stream carries, by its own client's word."""

    audio: bool
    video: bool


class Clients:
    """Serves the script and answers its calls."""

    def __init__(self, stand_in: StandIn) -> None:
        self.stand_in = stand_in
        self._ids: dict[str, str] = {}
        """Secret -> connection id."""
        self._carried: dict[str, Sound] = {}
        self.calls: Mapping[str, Callable[..., Any]] = {
            "connect": self._connect,
            "poll": self._poll,
            "publish": self._publish,
            "change": self._change,
            "unpublish": self._unpublish,
            "disconnect": self._disconnect,
        }

    def answer(self, request: Request) -> Answer:
        """Answer one call; a refusal is an answer too."""
        name = request.path.removeprefix(PREFIX)
        if (request.method, name) == ("GET", SCRIPT.name):
            return Answer(200, SCRIPT.read_bytes(), "text/javascript; charset=utf-8", OPEN)
        try:
            if request.method != "POST" or name not in self.calls:
                raise not_found("Not found")
            said = json.loads(request.body)
            if not isinstance(said, dict):
                raise invalid("Send an object.")
            with self.stand_in.state.lock:
                found = self.calls[name](**said)
            answer = Answer.of(found)
        except Refused as refused:
            answer = Answer.of({"message": refused.message}, refused.status)
        except TokenRefused as refused:
            answer = Answer.of({"message": str(refused)}, 403)
        except (TypeError, ValueError) as error:
            answer = Answer.of({"message": str(error)}, 400)
        answer.headers = OPEN
        return answer

    def _connect(self, key: str, session: str, token: str) -> dict[str, Any]:
        if key != self.stand_in.project.identifier:
            raise TokenRefused("the key is another project's")
        connection_id = self.stand_in.connect(session, token=token)
        secret = secrets.token_urlsafe(16)
        self._ids[secret] = connection_id
        is_encrypted = self.stand_in.state.session(session).is_encrypted
        connection = _told(self.stand_in.state.connection(connection_id))
        return {"secret": secret, "connection": connection, "isEncrypted": is_encrypted}

    def _poll(self, secret: str) -> dict[str, Any]:
        state, connection_id = self.stand_in.state, self._id(secret)
        connection = state.connections.get(connection_id)
        if connection is None:
            return {"ended": self._reason(connection_id)}
        session = state.session(connection.session_id)
        return {
            "ended": None,
            "connections": [_told(one) for one in session.connections.values()],
            "gone": self._gone(session.id),
            "streams": [self._stream(one) for one in session.streams.values()],
            "archives": [
                {"id": one.id, "name": str(one.asked.get("name") or "")}
                for one in self.stand_in.archives.values()
                if one.session_id == session.id and one.is_running
            ],
        }

    def _publish(self, secret: str, name: str, kind: str | None, *, audio: bool, video: bool) -> dict[str, Any]:
        stream_id = self.stand_in.publish(self._id(secret), name=name, video_type=kind)
        self._carried[stream_id] = Sound(audio, video)
        return {"stream": self._stream(self.stand_in.state.stream(stream_id))}

    def _change(self, secret: str, stream: str, *, audio: bool, video: bool) -> dict[str, Any]:
        found = self._own(secret, stream)
        if found is None:
            return {}
        if audio and not self._carried[stream].audio:
            found.is_muted = False  # who was muted may speak again
        self._carried[stream] = Sound(audio, video)
        return {}

    def _unpublish(self, secret: str, stream: str) -> dict[str, Any]:
        if self._own(secret, stream) is not None:
            self.stand_in.unpublish(stream)
        return {}

    def _disconnect(self, secret: str) -> dict[str, Any]:
        connection_id = self._id(secret)
        if connection_id in self.stand_in.state.connections:
            self.stand_in.disconnect(connection_id)
        return {}

    def _id(self, secret: str) -> str:
        if secret not in self._ids:
            raise TokenRefused("there is no such connection")
        return self._ids[secret]

    def _own(self, secret: str, stream_id: str) -> Stream | None:
        """Return a client's own stream; none if it has ended, as by a call that overtook this one."""
        stream = self.stand_in.state.streams.get(stream_id)
        if stream is not None and stream.connection.id != self._id(secret):
            raise TokenRefused("the stream is another client's")
        return stream

    def _stream(self, stream: Stream) -> dict[str, Any]:
        carried = self._carried.get(stream.id, Sound(audio=True, video=stream.video_type is not None))
        return {
            "id": stream.id,
            "connection": stream.connection.id,
            "name": stream.name,
            "kind": stream.video_type,
            "audio": carried.audio and not stream.is_muted,
            "video": carried.video,
            "isMuted": stream.is_muted,
        }

    def _gone(self, session_id: str) -> dict[str, str]:
        """Return why those left who are not here any more."""
        ends = [one.document for one in self.stand_in.callbacks_of("connectionDestroyed")]
        return {end["connection"]["id"]: end["reason"] for end in ends if end["sessionId"] == session_id}

    def _reason(self, connection_id: str) -> str:
        ends = [one.document for one in self.stand_in.callbacks_of("connectionDestroyed")]
        return next((end["reason"] for end in ends if end["connection"]["id"] == connection_id), CLIENT)


def _told(connection: Connection) -> dict[str, Any]:
    return connection.document()
