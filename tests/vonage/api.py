"""The REST API, call by call: which path asks for what, and what it is answered with."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote

from tests.vonage import sessions
from tests.vonage.auth import Project
from tests.vonage.refusals import Refused, not_found, wants_json
from tests.vonage.state import State
from tests.vonage.wire import Answer, Request

Call = Callable[..., Answer]


@dataclass(frozen=True, slots=True)
class Route:
    """A method and a path under `/v2/project/{id}`; `{…}` is a segment, handed on decoded."""

    method: str
    path: re.Pattern[str]
    call: Call
    is_storage: bool = False


def route(method: str, path: str, call: Call, *, is_storage: bool = False) -> Route:
    pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path)
    return Route(method, re.compile("/v2/project/(?P<identifier>[^/]+)" + pattern), call, is_storage)


class RestApi:
    """Answers the calls of one project."""

    def __init__(self, project: Project, state: State) -> None:
        self.project = project
        self.state = state
        self.routes: list[Route] = []

    def answer(self, request: Request) -> Answer:
        """Check who calls, carry the call out and answer; never raises."""
        try:
            if request.path == "/session/create":
                return self._create_session(request)
            return self._dispatch(request)
        except Refused as refused:
            return refused.answer(request)

    def _dispatch(self, request: Request) -> Answer:
        is_path_known = False
        for known in self.routes:
            if not (match := known.path.fullmatch(request.path)):
                continue
            is_path_known = True
            if known.method == request.method:
                segments = {name: unquote(text) for name, text in match.groupdict().items()}
                self.project.check_call(request, segments.pop("identifier"), is_storage=known.is_storage)
                return known.call(request, **segments)
        raise Refused(405, "Method not allowed") if is_path_known else not_found("Not found")

    def _create_session(self, request: Request) -> Answer:
        if request.method != "POST":
            raise Refused(405, "Method not allowed")
        self.project.check_call(request, None)
        session = sessions.read_creation(request, self.project.identifier)
        self.state.add(session)
        if not wants_json(request):
            text = f"<sessions><Session><session_id>{session.id}</session_id></Session></sessions>"
            return Answer(200, text.encode(), "text/xml")
        return Answer.of(sessions.creation_document(session, self.project.identifier))
