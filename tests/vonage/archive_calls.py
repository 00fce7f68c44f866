"""REST calls about archives and their storage target."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from tests.vonage import archives, documents, storage
from tests.vonage.refusals import invalid, not_found
from tests.vonage.routes import Route, route
from tests.vonage.state import State
from tests.vonage.wire import Answer, Request

PAGE, LARGEST_PAGE = 50, 1000
QUERY = frozenset({"offset", "count", "sessionId", "session_id"})
"""The legacy API filters by `sessionId`; for the unified one both spellings are documented."""


class ArchiveCalls:
    """`/archive…` under a project."""

    def __init__(self, state: State) -> None:
        self.state = state
        self.recorder = state.recorder

    def routes(self) -> list[Route]:
        """Return the calls; the storage target comes before the ids, which look like it."""
        return [
            route("PUT", "/archive/storage", self.put_storage, is_storage=True),
            route("DELETE", "/archive/storage", self.delete_storage, is_storage=True),
            route("POST", "/archive", self.start),
            route("GET", "/archive", self.list),
            route("GET", "/archive/{archive_id}", self.get),
            route("DELETE", "/archive/{archive_id}", self.delete),
            route("POST", "/archive/{archive_id}/stop", self.stop),
            route("PUT", "/archive/{archive_id}/layout", self.set_layout),
            route("PATCH", "/archive/{archive_id}/streams", self.change_streams),
        ]

    def start(self, request: Request) -> Answer:
        """200 archive; 400; 404 session unknown or nobody connected; 409 relayed or already recording."""
        asked = archives.read_start(request)
        with self.state.lock:
            archive = self.recorder.start(self.state.session(asked["sessionId"]), asked)
            return Answer.of(self.recorder.document(archive))

    def stop(self, request: Request, archive_id: str) -> Answer:
        """200 archive; 404; 409 not running, or automatic."""
        with self.state.lock:
            archive = self.recorder.get(archive_id)
            self.recorder.stop_by_call(archive)
            return Answer.of(self.recorder.document(archive))

    def get(self, request: Request, archive_id: str) -> Answer:
        """200 archive; 404."""
        with self.state.lock:
            return Answer.of(self.recorder.document(self.recorder.get(archive_id)))

    def list(self, request: Request) -> Answer:
        """200 `{count, items}`, newest first; `count` is that of all, not of the page."""
        query = dict(parse_qsl(request.query, keep_blank_values=True))
        if unknown := sorted(query.keys() - QUERY):
            raise invalid(f"Unknown parameter: {', '.join(unknown)}.")
        offset, count = _number(query, "offset", 0), _number(query, "count", PAGE)
        if count > LARGEST_PAGE:
            raise invalid(f"count must be at most {LARGEST_PAGE}.")
        session_id = query.get("sessionId") or query.get("session_id")
        with self.state.lock:
            found = self.recorder.listed(session_id)
            page = [self.recorder.document(archive) for archive in found[offset : offset + count]]
        return Answer.of({"count": len(found), "items": page})

    def delete(self, request: Request, archive_id: str) -> Answer:
        """204; 404; 409 while there is no finished recording."""
        with self.state.lock:
            self.recorder.delete(self.recorder.get(archive_id))
        return Answer(204)

    def set_layout(self, request: Request, archive_id: str) -> Answer:
        """200 archive; 400; 404."""
        layout = archives.check_layout(documents.read(request, archives.LAYOUT))
        with self.state.lock:
            archive = self.recorder.get(archive_id)
            if archive.is_individual or not archive.is_running:
                raise invalid("Only a composed archive that is running has a layout.")
            archive.asked["layout"] = layout
            return Answer.of(self.recorder.document(archive))

    def change_streams(self, request: Request, archive_id: str) -> Answer:
        """204; 400; 404 archive or stream; 405 unless the stream mode is manual."""
        types: documents.Types = {"addStream": str, "removeStream": str, "hasAudio": bool, "hasVideo": bool}
        said = documents.read(request, types)
        if ("addStream" in said) is ("removeStream" in said):
            raise invalid("Either addStream or removeStream.")
        with self.state.lock:
            archive = self.recorder.get(archive_id)
            session = self.state.session(archive.session_id)
            stream = session.streams.get(said.get("addStream") or said.get("removeStream", ""))
            if stream is None:
                raise not_found("Stream not found")
            added = {"hasAudio": said.get("hasAudio", True), "hasVideo": said.get("hasVideo", True)}
            self.recorder.change_stream(archive, stream, added if "addStream" in said else None)
        return Answer(204)

    def put_storage(self, request: Request) -> Answer:
        """200 without a body (what Vonage's has is not known); 400."""
        target: dict[str, Any] = storage.read_target(request)
        with self.state.lock:
            self.recorder.storage = target
        return Answer(200)

    def delete_storage(self, request: Request) -> Answer:
        """204; 404 without a target. Both are guesses."""
        with self.state.lock:
            if self.recorder.storage is None:
                raise not_found("No storage target")
            self.recorder.storage = None
        return Answer(204)


def _number(query: dict[str, str], name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not (text.isascii() and text.isdigit()):
        raise invalid(f"{name} must be a number from 0 on.")
    return int(text)
