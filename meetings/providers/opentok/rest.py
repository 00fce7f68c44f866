"""Vonage's REST API, call by call, for both environments. The wire format is theirs; what goes in and out is ours.

Every call raises what `http.HttpClient.call` raises, and `ProviderError` for an answer that can't be read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from meetings.exceptions import ProviderError, ProviderNotFound
from meetings.providers.http import Answer, HttpClient
from meetings.providers.opentok.projects import Project

MAX_SESSION_ID = 255


class VonageApi:
    """The calls of one project."""

    def __init__(self, project: Project, client: HttpClient) -> None:
        self.project = project
        self.client = client

    def call(self, method: str, path: str, *, headers: Mapping[str, str] | None = None, **how: Any) -> Answer:
        """Make one call under `/v2/project/{id}`, signed if no other `headers` are given; arguments as in
        `HttpClient.call`."""
        signed = self.project.headers() if headers is None else headers
        return self.client.call(method, f"/v2/project/{self.project.identifier}{path}", headers=signed, **how)

    def create_session(self, form: Mapping[str, str]) -> str:
        """Make a session; return its id. Sessions cost nothing and can't be destroyed."""
        answer = self.client.call("POST", "/session/create", headers=self.project.headers(), form=form)
        said = answer.json()
        first = said[0] if isinstance(said, list) and said else None
        session_id = first.get("session_id") if isinstance(first, dict) else None
        if not isinstance(session_id, str) or not 0 < len(session_id) <= MAX_SESSION_ID:
            raise ProviderError("The answer to a new session names no session.", status=answer.status)
        if not self.project.owns(session_id):
            raise ProviderError("The new session belongs to another project.", status=answer.status)
        return session_id

    def force_disconnect(self, session_id: str, connection_id: str) -> None:
        """Put one connection out; `ProviderNotFound` if it is not there."""
        self.call("DELETE", f"{_session(session_id)}/connection/{part(connection_id)}", repeatable=True)

    def streams(self, session_id: str) -> frozenset[str]:
        """Return the ids of a session's streams; a session that nobody is in has none."""
        try:
            said = self.call("GET", f"{_session(session_id)}/stream", repeatable=True).json()
        except ProviderNotFound:
            return frozenset()
        items = said.get("items") if isinstance(said, dict) else None
        if not isinstance(items, list):
            raise ProviderError("The answer lists no streams.")
        return frozenset(str(item["id"]) for item in items if isinstance(item, dict) and item.get("id"))

    def mute_stream(self, session_id: str, stream_id: str) -> None:
        """Mute the sound of one stream; `ProviderNotFound` if it is not there."""
        self.call("POST", f"{_session(session_id)}/stream/{part(stream_id)}/mute", repeatable=True)

    def mute_session(self, session_id: str, *, active: bool, excluded: Sequence[str] = ()) -> None:
        """Mute all streams but the excluded and those to come (`active`), or let those to come be heard again."""
        document = {"active": active, "excludedStreamIds": list(excluded)}
        self.call("POST", f"{_session(session_id)}/mute", document=document, repeatable=True)


def part(text: str) -> str:
    """Return a text as one segment of a path; `ProviderNotFound` for what would lead to another path."""
    if text in ("", ".", ".."):
        raise ProviderNotFound("Nothing has such an id.")
    return quote(text, safe="")


def _session(session_id: str) -> str:
    return f"/session/{part(session_id)}"
