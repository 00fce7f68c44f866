"""Sessions and who is in them: every change here sends the callbacks that Vonage would send."""

from __future__ import annotations

import threading
import uuid
from typing import Any

from tests.vonage.callbacks import Kind, Outbox
from tests.vonage.recorder import Recorder
from tests.vonage.refusals import not_found
from tests.vonage.sessions import Connection, Session, Stream, now_ms, session_of

CLIENT, FORCED, NETWORK = "clientDisconnected", "forceDisconnected", "networkDisconnected"
ROTATION = "serverRotation"


class State:
    """All sessions. `lock` is held during every change, so that callbacks leave in the order in which things happened.

    With `destroys_empty`, a session is destroyed when its last client goes. With `empties_data`, connection data is
    told when the connection is created and empty in the events after it.
    """

    def __init__(self, outbox: Outbox, project_id: str, *, destroys_empty: bool, empties_data: bool) -> None:
        self.lock = threading.RLock()
        self.sessions: dict[str, Session] = {}
        self.connections: dict[str, Connection] = {}
        self.streams: dict[str, Stream] = {}
        self.destroys_empty = destroys_empty
        self.empties_data = empties_data
        self.recorder: Recorder
        self._outbox = outbox
        self._project_id = project_id

    def add(self, session: Session) -> None:
        """Take in a new session; nobody is told."""
        with self.lock:
            self.sessions[session.id] = session

    def session(self, session_id: str) -> Session:
        """Return a session; `Refused` without one."""
        return session_of(self.sessions, session_id)

    def live(self, session_id: str) -> Session:
        """Return a session that somebody is in; a 404 for an idle one."""
        session = self.session(session_id)
        if not session.connections:
            raise not_found("Session not found")
        return session

    def connection(self, connection_id: str) -> Connection:
        """Return a connection that is open; a 404 without one."""
        connection = self.connections.get(connection_id)
        if connection is None:
            raise not_found("The client specified by the connectionId property is not connected to the session.")
        return connection

    def stream(self, stream_id: str) -> Stream:
        """Return a stream that is published; a 404 without one."""
        stream = self.streams.get(stream_id)
        if stream is None:
            raise not_found("Stream not found")
        return stream

    def connect(self, session: Session, data: str, role: str) -> Connection:
        """Let a client in: sessionCreated if it is the first, connectionCreated, and always mode starts recording."""
        with self.lock:
            is_first = not session.connections
            connection = Connection(str(uuid.uuid4()), session.id, data, role)
            session.connections[connection.id] = self.connections[connection.id] = connection
            if not session.is_live:
                session.is_live = True
                self._tell(session, "sessionCreated")
            self._tell(session, "connectionCreated", connection=connection.document())
            self.recorder.on_connected(session, is_first=is_first)
            return connection

    def publish(self, connection: Connection, name: str, video_type: str | None) -> Stream:
        """Let a client send a stream: streamCreated."""
        with self.lock:
            session = self.sessions[self.connection(connection.id).session_id]
            stream = Stream(str(uuid.uuid4()), connection, name, video_type, is_muted=session.is_muted)
            session.streams[stream.id] = self.streams[stream.id] = stream
            self._tell(session, "streamCreated", stream=self._stream(stream))
            self.recorder.on_streams(session)
            return stream

    def unpublish(self, stream: Stream, reason: str) -> None:
        """End a stream: streamDestroyed."""
        with self.lock:
            session = self.sessions[self.stream(stream.id).connection.session_id]
            del session.streams[stream.id], self.streams[stream.id]
            self._tell(session, "streamDestroyed", stream=self._stream(stream), reason=reason)
            self.recorder.on_streams(session)

    def disconnect(self, connection: Connection, reason: str) -> None:
        """Let a client go: streamDestroyed for each stream, connectionDestroyed, and the rest if it was the last."""
        with self.lock:
            session = self.sessions[self.connection(connection.id).session_id]
            for stream in [one for one in session.streams.values() if one.connection is connection]:
                self.unpublish(stream, reason)
            del session.connections[connection.id], self.connections[connection.id]
            document = connection.document(with_data=not self.empties_data)
            self._tell(session, "connectionDestroyed", connection=document, reason=reason)
            if session.connections:
                return
            self.recorder.on_empty(session)
            if self.destroys_empty:
                self._end(session, reason)

    def destroy(self, session: Session, reason: str) -> None:
        """End a session with everybody in it: archives stop, and sessionDestroyed is all that is told of the rest."""
        with self.lock:
            for connection_id in session.connections:
                del self.connections[connection_id]
            for stream_id in session.streams:
                del self.streams[stream_id]
            session.connections.clear()
            session.streams.clear()
            self.recorder.on_destroyed(session)
            self._end(session, reason)

    def rotate(self, session: Session) -> None:
        """Replace the media server: sessionNotification, then sessionDestroyed (clients may come back)."""
        with self.lock:
            self._tell(session, "sessionNotification")
            self.destroy(session, ROTATION)

    def _end(self, session: Session, reason: str) -> None:
        if session.is_live:
            session.is_live = session.is_muted = False
            self._tell(session, "sessionDestroyed", reason=reason)

    def _stream(self, stream: Stream) -> dict[str, Any]:
        return stream.document(with_data=not self.empties_data)

    def _tell(self, session: Session, event: str, **more: Any) -> None:
        document = {
            "sessionId": session.id,
            "projectId": self._project_id,
            "event": event,
            **{name: value for name, value in more.items() if name == "reason"},
            "timestamp": now_ms(),
            **{name: value for name, value in more.items() if name != "reason"},
        }
        self._outbox.put(Kind.SESSION, event, document)
