"""`StandIn`: Vonage Video on 127.0.0.1, for tests, load measurements and demonstrations."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Literal, Self

from tests.vonage import callbacks
from tests.vonage.api import RestApi
from tests.vonage.archives import LINK_LIFETIME, Archive
from tests.vonage.auth import Project, TokenRefused
from tests.vonage.callbacks import Callback, Kind, Manner, Outbox, Target
from tests.vonage.clients import PREFIX as CLIENTS
from tests.vonage.clients import Clients
from tests.vonage.control import PREFIX, Control
from tests.vonage.faults import Fault, Plan
from tests.vonage.recorder import SESSION_ENDED, Recorder
from tests.vonage.refusals import Refused
from tests.vonage.server import Server
from tests.vonage.sessions import Session
from tests.vonage.state import CLIENT, State
from tests.vonage.wire import Answer, Request

REMEMBERED = 1000
CANNOT_PUBLISH = "subscriber"


class StandIn:
    """Speaks Vonage's REST API strictly for one project, keeps state, calls back, and fails when it is told to.

    Use it as a context manager, or with `start` and `stop` (an outage: the port stays). Thread-safe. Ids in, ids out;
    what is not there raises `Refused`, as it does for REST callers. `host` other than a loopback address opens the
    REST API, never the control API. The other arguments: `callbacks.Outbox`, `recorder.Recorder`, `state.State`.
    """

    def __init__(
        self,
        project: Project,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        retry_scale: float = 1.0,
        senders: int = 1,
        destroys_empty: bool = True,
        empties_data: bool = False,
        lingers: float = 60.0,
        finishes_after: float | None = None,
        link_lifetime: float = LINK_LIFETIME,
        log: Callable[[str], None] | None = None,
    ) -> None:
        self.project = project
        self.requests: deque[Request] = deque(maxlen=REMEMBERED)
        """The last calls, with bodies and headers, newest last."""
        self.outbox = Outbox(project.callback_claims, retry_scale=retry_scale, senders=senders)
        self.state = State(self.outbox, project.identifier, destroys_empty=destroys_empty, empties_data=empties_data)
        self.state.recorder = Recorder(
            self.outbox,
            project.owner,
            project.callback_owner,
            lingers=lingers,
            finishes_after=finishes_after,
            link_lifetime=link_lifetime,
            base_url=lambda: self.url,
            lock=self.state.lock,
        )
        self._faults = Plan()
        self._api = RestApi(project, self.state)
        self._control = Control(self)
        self._clients = Clients(self)
        self._server = Server(self, host, port, log)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def start(self) -> None:
        """Take calls; a second start uses the port of the first."""
        self._server.start()

    def stop(self) -> None:
        """Take no more calls and break the open connections off; callbacks go on."""
        self._server.stop()

    def close(self) -> None:
        """Stop for good, callbacks and timers too."""
        self.stop()
        self.state.recorder.close()
        self.outbox.stop()

    @property
    def url(self) -> str:
        """The base address for clients."""
        return f"http://{self._server.host}:{self._server.port}"

    # What there is

    @property
    def sessions(self) -> dict[str, Session]:
        """The sessions that were made, by id."""
        return self.state.sessions

    @property
    def archives(self) -> dict[str, Archive]:
        """All archives, deleted ones too, by id, oldest first."""
        return self.state.recorder.archives

    @property
    def storage(self) -> dict[str, Any] | None:
        """The storage target as it was put (`{type, config, fallback}`), or `None`."""
        return self.state.recorder.storage

    @property
    def callbacks(self) -> list[Callback]:
        """All callbacks, sent or not, in the order in which things happened."""
        return self.outbox.callbacks

    def callbacks_of(self, event: str) -> list[Callback]:
        """Return the callbacks of an event (`connectionCreated`, `archive.stopped`, `archive.*`)."""
        return callbacks.of(self.callbacks, event)

    def token_claims(self, token: str) -> dict[str, Any]:
        """Return what a client token says; `TokenRefused` if it would not open a session that exists."""
        claims = self.project.token_claims(token)
        if claims["session_id"] not in self.sessions:
            raise TokenRefused("there is no such session")
        return claims

    # What clients do

    def connect(self, session_id: str, *, data: str = "", role: str = "publisher", token: str | None = None) -> str:
        """Let a client in and return the id of its connection; data and role are those of its token, if it has one.

        Events: sessionCreated (the first), connectionCreated; in always mode an archive starts with the first.
        """
        session = self.state.session(session_id)
        if token is not None:
            claims = self.token_claims(token)
            if claims["session_id"] != session_id:
                raise TokenRefused("the token is for another session")
            data, role = claims.get("connection_data", ""), claims["role"]
        return self.state.connect(session, data, role).id

    def publish(self, connection_id: str, *, name: str = "", video_type: str | None = "camera") -> str:
        """Let a client send a stream and return its id; `video_type` camera, screen, custom, `None`: sound alone."""
        connection = self.state.connection(connection_id)
        if connection.role == CANNOT_PUBLISH:
            raise Refused(403, "A subscriber cannot publish.")
        return self.state.publish(connection, name, video_type).id

    def unpublish(self, stream_id: str, reason: str = CLIENT) -> None:
        """End a stream: streamDestroyed (clientDisconnected, forceUnpublished, mediaStopped…)."""
        self.state.unpublish(self.state.stream(stream_id), reason)

    def disconnect(self, connection_id: str, reason: str = CLIENT) -> None:
        """Let a client go: streamDestroyed, connectionDestroyed (clientDisconnected, networkDisconnected…).

        After the last one: archives pause and end after `lingers`; sessionDestroyed if `destroys_empty`.
        """
        self.state.disconnect(self.state.connection(connection_id), reason)

    # What the platform does

    def destroy_session(self, session_id: str, reason: str = CLIENT) -> None:
        """End a session, whoever is in it: archives stop, sessionDestroyed, and not a word of its connections."""
        self.state.destroy(self.state.session(session_id), reason)

    def rotate_server(self, session_id: str) -> None:
        """Replace the media server: sessionNotification, archives stop, sessionDestroyed (serverRotation)."""
        self.state.rotate(self.state.session(session_id))

    def stop_archive(self, archive_id: str, reason: str = SESSION_ENDED) -> None:
        """End a recording, automatic ones too: `archive.stopped`."""
        with self.state.lock:
            self.state.recorder.stop(self.state.recorder.get(archive_id), reason)

    def finish_archive(self, archive_id: str, status: str | None = None, reason: str = "") -> None:
        """Bring an archive to an end state, stopping it first.

        By default uploaded if there is a storage target, else available. `ValueError` for a status that none has.
        """
        with self.state.lock:
            self.state.recorder.finish(self.state.recorder.get(archive_id), status, reason)

    def object_key(self, archive_id: str) -> str:
        """Return the key of an archive's file in a bucket or container."""
        return f"{self.project.identifier}/{archive_id}/{self.archives[archive_id].file_name}"

    # How callbacks leave

    def register(self, kind: Kind | str, url: str = "", secret: str = "") -> None:
        """Send callbacks of a kind (session, archive) there, signed if there is a secret. No URL: only record them."""
        self.outbox.register(Kind(kind), Target(url, secret))

    def treat(self, event: str, manner: Manner, times: int | None = 1) -> None:
        """Let the next `times` callbacks (`None`: all) of an event leave in a manner; `*` is a wild card."""
        self.outbox.treat(event, manner, times)

    def hold(self) -> None:
        """Keep callbacks back until `release`."""
        self.outbox.hold()

    def release(self, order: Literal["forwards", "backwards", "shuffled"] = "forwards", *, seed: int = 0) -> int:
        """Send what was kept back, in this order; return how many."""
        return self.outbox.release(order, seed=seed)

    def settle(self, within: float = 10.0) -> None:
        """Wait until every callback is delivered or given up; `TimeoutError` if it takes longer."""
        self.outbox.settle(within)

    def resend(self, event: str = "*") -> int:
        """Send the callbacks of an event once more, bodies and signatures as they were; return how many."""
        return self.outbox.send_again(event)

    # How calls fail

    def fail(self, pattern: str, fault: Fault, times: int | None = 1) -> None:
        """Let the next `times` calls (`None`: all) of `METHOD /path` fail so; `*` is one segment, `**` any."""
        self._faults.add(pattern, fault, times)

    def heal(self) -> None:
        """Forget all faults."""
        self._faults.clear()

    # What the server asks

    def fault_for(self, request: Request) -> Fault | None:
        """Return how this call shall fail; calls of the control API don't. Those of browsers are not remembered."""
        if request.path.startswith(PREFIX):
            return None
        if not request.path.startswith(CLIENTS):
            self.requests.append(request)
        return self._faults.take(request.method, request.path)

    def answer(self, request: Request) -> Answer:
        """Answer a call."""
        if request.path.startswith(PREFIX):
            return self._control.answer(request)
        if request.path.startswith(CLIENTS):
            return self._clients.answer(request)
        if request.path.startswith("/files/"):
            return self._file(request)
        return self._api.answer(request)

    def _file(self, request: Request) -> Answer:
        """Serve a recording by its link, as a bucket would: 403 in XML for one that is stale or unknown."""
        archive = self.state.recorder.links.open(request.path.split("/")[2])
        if archive is None or request.method != "GET":
            said = "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"
            return Answer(403, said.encode(), "application/xml")
        return Answer(200, archive.file(), "application/zip" if archive.is_individual else "video/mp4")
