"""The REST API: who may call, which call it is, and the one that makes sessions."""

from __future__ import annotations

from urllib.parse import unquote

from tests.vonage import sessions
from tests.vonage.archive_calls import ArchiveCalls
from tests.vonage.auth import Project
from tests.vonage.refusals import Refused, not_found, wants_json
from tests.vonage.session_calls import SessionCalls
from tests.vonage.state import State
from tests.vonage.wire import Answer, Request


class RestApi:
    """Answers the calls of one project. Captions, broadcasts, SIP, render and audio connector are not here (404)."""

    def __init__(self, project: Project, state: State) -> None:
        self.project = project
        self.state = state
        self.routes = [*ArchiveCalls(state).routes(), *SessionCalls(state, project.owner).routes()]

    def answer(self, request: Request) -> Answer:
        """Check who calls, carry the call out and answer; a refusal is an answer too."""
        try:
            if request.path == "/session/create":
                return self._create_session(request)
            return self._dispatch(request)
        except Refused as refused:
            return refused.answer(request)

    def _dispatch(self, request: Request) -> Answer:
        found = [(known, match) for known in self.routes if (match := known.path.fullmatch(request.path))]
        if not found:
            raise not_found("Not found")
        known, match = next((pair for pair in found if pair[0].method == request.method), found[0])
        segments = {name: unquote(text) for name, text in match.groupdict().items()}
        self.project.check_call(request, segments.pop("identifier"), is_storage=known.is_storage)
        if known.method != request.method:
            raise Refused(405, "Method not allowed")
        return known.call(request, **segments)

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
