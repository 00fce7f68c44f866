"""How Vonage says no: a status and `{code, message, description}`; XML for whoever does not ask for JSON."""

from __future__ import annotations

from xml.sax.saxutils import escape

from tests.vonage.wire import Answer, Request


class Refused(Exception):
    """A call that is not carried out. `code` is Vonage's own number; -1 where none is known."""

    def __init__(self, status: int, message: str, *, code: int = -1, description: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.description = description or message

    def answer(self, request: Request) -> Answer:
        """Return the answer that says it (shapes: opentok-node#191, OpenTok-PHP-SDK#284)."""
        if wants_json(request):
            said = {"code": self.code, "message": self.message, "description": self.description}
            return Answer.of(said, self.status)
        text = f"<errorPayload><code>{self.code}</code><message>{escape(self.message)}</message></errorPayload>"
        return Answer(self.status, text.encode(), "text/xml")


def wants_json(request: Request) -> bool:
    """Whether the `Accept` header names JSON; Vonage speaks XML to everybody else."""
    return "application/json" in request.headers.get("accept", "")


def invalid(message: str) -> Refused:
    """Return a 400."""
    return Refused(400, message)


def not_found(message: str) -> Refused:
    """Return a 404."""
    return Refused(404, message)


def conflict(message: str, code: int = -1) -> Refused:
    """Return a 409."""
    return Refused(409, message, code=code)
