"""`StandIn`: Vonage Video on 127.0.0.1, for tests, load measurements and demonstrations."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Self

from tests.vonage.api import RestApi
from tests.vonage.auth import Project, TokenRefused
from tests.vonage.faults import Fault, Plan
from tests.vonage.server import Server
from tests.vonage.sessions import Session
from tests.vonage.state import State
from tests.vonage.wire import Answer, Request

REMEMBERED = 1000


class StandIn:
    """Speaks Vonage's REST API strictly for one project, keeps state, and fails when it is told to.

    Use it as a context manager, or with `start` and `stop` (an outage: the port stays). Thread-safe.
    """

    def __init__(
        self,
        project: Project,
        *,
        host: str = "127.0.0.1",
        port: int = 0,
        log: Callable[[str], None] | None = None,
    ) -> None:
        self.project = project
        self.state = State()
        self.requests: deque[Request] = deque(maxlen=REMEMBERED)
        """The last calls, with bodies and headers, newest last."""
        self._faults = Plan()
        self._api = RestApi(project, self.state)
        self._server = Server(self, host, port, log)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def start(self) -> None:
        """Take calls; a second start uses the port of the first."""
        self._server.start()

    def stop(self) -> None:
        """Take no more calls and break the open connections off."""
        self._server.stop()

    @property
    def url(self) -> str:
        """The base address for clients."""
        return f"http://{self._server.host}:{self._server.port}"

    @property
    def sessions(self) -> dict[str, Session]:
        """The sessions that were made, by id."""
        return self.state.sessions

    def fail(self, pattern: str, fault: Fault, times: int | None = 1) -> None:
        """Let the next `times` calls (`None`: all) of `METHOD /path` fail so; `*` is one segment, `**` any."""
        self._faults.add(pattern, fault, times)

    def heal(self) -> None:
        """Forget all faults."""
        self._faults.clear()

    def token_claims(self, token: str) -> dict[str, Any]:
        """Return what a client token says; `TokenRefused` if it would not open a session that exists."""
        claims = self.project.token_claims(token)
        if claims["session_id"] not in self.sessions:
            raise TokenRefused("there is no such session")
        return claims

    def fault_for(self, request: Request) -> Fault | None:
        """Return how this call shall fail."""
        self.requests.append(request)
        return self._faults.take(request.method, request.path)

    def answer(self, request: Request) -> Answer:
        """Answer a call."""
        return self._api.answer(request)
