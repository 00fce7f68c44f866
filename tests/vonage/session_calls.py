"""REST calls about who is in a session and what they send."""

from __future__ import annotations

from typing import Any

from tests.vonage import documents
from tests.vonage.refusals import Refused, invalid, not_found
from tests.vonage.routes import Route, route
from tests.vonage.sessions import Session, Stream, now_ms
from tests.vonage.state import FORCED, State
from tests.vonage.wire import Answer, Request

MAX_SIGNAL_TYPE, MAX_SIGNAL_DATA = 128, 8 * 1024  # bytes


class SessionCalls:
    """`/session/{id}…` under a project; the session must have somebody in it."""

    def __init__(self, state: State, project: dict[str, Any]) -> None:
        self.state = state
        self.project = {**project, "status": "ACTIVE", "name": "Stand-in", "environment": "standard"}

    def routes(self) -> list[Route]:
        """Return the calls."""
        return [
            route("DELETE", "/session/{session_id}/connection/{connection_id}", self.disconnect),
            route("POST", "/session/{session_id}/connection/{connection_id}/signal", self.signal),
            route("POST", "/session/{session_id}/signal", self.signal),
            route("POST", "/session/{session_id}/mute", self.mute_session),
            route("GET", "/session/{session_id}/stream", self.list_streams),
            route("PUT", "/session/{session_id}/stream", self.set_layout_classes),
            route("GET", "/session/{session_id}/stream/{stream_id}", self.get_stream),
            route("POST", "/session/{session_id}/stream/{stream_id}/mute", self.mute_stream),
        ]

    def disconnect(self, request: Request, session_id: str, connection_id: str) -> Answer:
        """204; 400; 404 not connected."""
        with self.state.lock:
            session = self.state.session(session_id)
            if connection_id not in session.connections:
                raise _not_connected()
            self.state.disconnect(session.connections[connection_id], FORCED)
        return Answer(204)

    def signal(self, request: Request, session_id: str, connection_id: str | None = None) -> Answer:
        """204; 400; 404 not connected; 413 too large."""
        said = documents.read(request, {"type": str, "data": str})
        if "data" not in said:
            raise invalid("data is missing.")
        is_large = len(said["data"].encode()) > MAX_SIGNAL_DATA
        if is_large or len(said.get("type", "").encode()) > MAX_SIGNAL_TYPE:
            raise Refused(413, "The type has over 128 bytes or the data over 8 kB.")
        with self.state.lock:
            session = self.state.live(session_id)
            if connection_id not in (None, *session.connections):
                raise _not_connected()
            session.signals.append(said | {"connectionId": connection_id})
        return Answer(204)

    def mute_session(self, request: Request, session_id: str) -> Answer:
        """200 project; 400; 404. What is excluded may be called either way; which one Vonage takes is not known."""
        types: documents.Types = {"active": bool, "excludedStreamIds": list, "excludedStreams": list}
        said = documents.read(request, types)
        if "active" not in said:
            raise invalid("active is missing.")
        if "excludedStreamIds" in said and "excludedStreams" in said:
            raise invalid("excludedStreamIds and excludedStreams exclude each other.")
        excluded = {*documents.texts(said, "excludedStreamIds"), *documents.texts(said, "excludedStreams")}
        with self.state.lock:
            session = self.state.live(session_id)
            session.is_muted = said["active"]
            for stream in session.streams.values():
                stream.is_muted = stream.is_muted or (said["active"] and stream.id not in excluded)
        return self._project()

    def mute_stream(self, request: Request, session_id: str, stream_id: str) -> Answer:
        """200 project; 400; 404."""
        with self.state.lock:
            _stream(self.state.live(session_id), stream_id).is_muted = True
        return self._project()

    def list_streams(self, request: Request, session_id: str) -> Answer:
        """200 `{count, items}`; 404 when nobody is there. Connections are not told."""
        with self.state.lock:
            items = [stream.listed() for stream in self.state.live(session_id).streams.values()]
        return Answer.of({"count": len(items), "items": items})

    def get_stream(self, request: Request, session_id: str, stream_id: str) -> Answer:
        """200 stream; 404."""
        with self.state.lock:
            return Answer.of(_stream(self.state.live(session_id), stream_id).listed())

    def set_layout_classes(self, request: Request, session_id: str) -> Answer:
        """200 `{count, items}`; 400; 404."""
        said = documents.read(request, {"items": list})
        with self.state.lock:
            session = self.state.live(session_id)
            for item in said.get("items", []):
                found = documents.check(item, {"id": str, "layoutClassList": list}, "items.")
                _stream(session, found.get("id", "")).layout_classes = documents.texts(found, "layoutClassList")
        return self.list_streams(request, session_id)

    def _project(self) -> Answer:
        return Answer.of({**self.project, "createdAt": now_ms()})


def _stream(session: Session, stream_id: str) -> Stream:
    stream = session.streams.get(stream_id)
    if stream is None:
        raise not_found("Stream not found")
    return stream


def _not_connected() -> Refused:
    return not_found("The client specified by the connectionId property is not connected to the session.")
