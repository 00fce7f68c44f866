"""Records sessions: the life of archives, and the callbacks about it."""

from __future__ import annotations

import threading
import uuid
from collections import defaultdict
from collections.abc import Callable
from functools import partial
from typing import Any

from tests.vonage.archives import DELETABLE, FIRST_MEDIA_AFTER, STATUSES, Archive, Links, automatic
from tests.vonage.callbacks import Kind, Outbox
from tests.vonage.refusals import Refused, conflict, not_found
from tests.vonage.sessions import Session, Stream, now_ms

RELAYED = 15008
CONFLICT = 15001
USER_INITIATED, SESSION_ENDED = "user initiated", "session ended"


class Recorder:
    """Holds the archives. Called with the state's lock held.

    `lingers` (seconds) is how long an archive stays paused once everybody has left; `finishes_after` (seconds) when
    a stopped one becomes available or uploaded by itself, `None` for never. Not played: the ends after an hour
    without a stream and after four hours of recording.
    """

    def __init__(
        self,
        outbox: Outbox,
        owner: dict[str, Any],
        callback_owner: dict[str, Any],
        *,
        lingers: float,
        finishes_after: float | None,
        link_lifetime: float,
        base_url: Callable[[], str],
        lock: threading.RLock,
    ) -> None:
        self.archives: dict[str, Archive] = {}
        self.storage: dict[str, Any] | None = None
        """The storage target as it was put, secrets and all."""
        self.links = Links(link_lifetime)
        self._outbox = outbox
        self._owner = owner
        self._callback_owner = callback_owner
        self._lingers = lingers
        self._finishes_after = finishes_after
        self._base_url = base_url
        self._lock = lock
        self._timers: set[threading.Timer] = set()
        self._of_session: defaultdict[str, list[Archive]] = defaultdict(list)

    def document(self, archive: Archive) -> dict[str, Any]:
        """Return an archive as the REST API has it, with a fresh link if there is something to fetch."""
        return archive.document(self._owner, self._url(archive))

    def get(self, archive_id: str) -> Archive:
        """Return an archive; a 404 without one, and once it is deleted."""
        archive = self.archives.get(archive_id)
        if archive is None or archive.status == "deleted":
            raise not_found("Archive not found")
        return archive

    def listed(self, session_id: str | None = None) -> list[Archive]:
        """Return all but the deleted, newest first."""
        found = self.archives.values() if session_id is None else self._of_session.get(session_id, [])
        return [one for one in reversed(list(found)) if one.status != "deleted"]

    def start(self, session: Session, asked: dict[str, Any]) -> Archive:
        """Begin recording; 409 for a relayed, encrypted or already recorded session, 404 when nobody is there."""
        if session.is_relayed:
            raise conflict("Only routed sessions are allowed to initiate archives.", RELAYED)
        if session.is_encrypted:
            raise conflict("End-to-end encrypted sessions can't be archived.")
        if not session.connections:
            raise not_found("Session not found")
        tag = asked.get("multiArchiveTag")
        if any(one.asked.get("multiArchiveTag") == tag for one in self._running(session)):
            raise conflict("HTTP 409 Conflict", CONFLICT)
        archive = Archive(str(uuid.uuid4()), session.id, asked)
        self._begin(archive)
        return archive

    def stop_by_call(self, archive: Archive) -> None:
        """End a recording as the REST API does; 409 if it does not run or is automatic."""
        if not archive.is_running or archive.is_automatic:
            raise conflict("Archive is not in started state" if not archive.is_running else "Archive is automatic")
        self.stop(archive, USER_INITIATED)

    def stop(self, archive: Archive, reason: str) -> None:
        """End a recording if it runs."""
        if not archive.is_running:
            return
        archive.duration = max(round((now_ms() - archive.created_at - FIRST_MEDIA_AFTER) / 1000), 0)
        archive.streams.clear()
        self._change(archive, "stopped", reason)
        if self._finishes_after is not None:
            self._later(self._finishes_after, partial(self._finish_if_stopped, archive))

    def finish(self, archive: Archive, status: str | None, reason: str = "") -> None:
        """Bring a recording to an end state, stopping it first; by default where the storage target says."""
        self.stop(archive, reason or SESSION_ENDED)
        status = status or ("uploaded" if self.storage else "available")
        if status not in STATUSES:
            raise ValueError(f"{status!r} is no status of an archive.")
        archive.size = len(archive.file()) if status in DELETABLE else 0
        self._change(archive, status, reason or archive.reason)

    def delete(self, archive: Archive) -> None:
        """Remove a record, and the file if it is ours; 409 before there is one. No callback is known for it."""
        if archive.status not in DELETABLE:
            raise conflict("You can only delete archives that are available, uploaded or deleted.")
        archive.status = "deleted"

    def change_stream(self, archive: Archive, stream: Stream, change: dict[str, Any] | None) -> None:
        """Add a stream (`{hasAudio, hasVideo}`) to an archive in manual mode or take it out (`None`); 405 otherwise."""
        if archive.asked.get("streamMode") != "manual":
            raise Refused(405, "The archive's streamMode does not allow it.")
        said = {"streamId": stream.id, **(change or archive.streams.get(stream.id, {}))}
        if change is None:
            archive.streams.pop(stream.id, None)
        else:
            archive.streams[stream.id] = said
        status = "streamRemoved" if change is None else "streamAdded"
        about = {"status": status, "stream": {"id": stream.id}, "timestamp": now_ms()}
        self._outbox.put(Kind.ARCHIVE, f"archive.{status}", self._callback(archive) | about)

    def on_connected(self, session: Session, *, is_first: bool) -> None:
        """A session in always mode begins by itself when the first client comes."""
        has_one = any(archive.is_automatic for archive in self._running(session))
        if session.is_archived_always and is_first and not has_one:
            self._begin(automatic(session))

    def on_streams(self, session: Session) -> None:
        """Pause recordings of a session in which nobody publishes any more, resume when somebody does."""
        wanted = "started" if session.streams else "paused"
        for archive in self._running(session):
            if archive.status != wanted:
                self._change(archive, wanted)

    def on_empty(self, session: Session) -> None:
        """End recordings some time after everybody has left."""
        for archive in self._running(session):
            if self._lingers:
                self._later(self._lingers, partial(self._stop_if_empty, archive, session))
            else:
                self.stop(archive, SESSION_ENDED)

    def on_destroyed(self, session: Session) -> None:
        """End recordings of a session that is no more."""
        for archive in self._running(session):
            self.stop(archive, SESSION_ENDED)

    def close(self) -> None:
        """Let nothing more happen by itself."""
        for timer in list(self._timers):
            timer.cancel()

    def _running(self, session: Session) -> list[Archive]:
        return [one for one in self._of_session.get(session.id, ()) if one.is_running]

    def _begin(self, archive: Archive) -> None:
        self.archives[archive.id] = archive
        self._of_session[archive.session_id].append(archive)
        self._change(archive, "started")

    def _change(self, archive: Archive, status: str, reason: str = "") -> None:
        archive.status, archive.reason, archive.updated_at = status, reason, now_ms()
        self._outbox.put(Kind.ARCHIVE, f"archive.{status}", self._callback(archive))

    def _callback(self, archive: Archive) -> dict[str, Any]:
        return archive.callback(self._callback_owner, self._url(archive))

    def _url(self, archive: Archive) -> str | None:
        return self._base_url() + self.links.new(archive) if archive.status == "available" else None

    def _finish_if_stopped(self, archive: Archive) -> None:
        if archive.status == "stopped":
            self.finish(archive, None)

    def _stop_if_empty(self, archive: Archive, session: Session) -> None:
        if not session.connections:
            self.stop(archive, SESSION_ENDED)

    def _later(self, seconds: float, act: Callable[[], None]) -> None:
        def run() -> None:
            with self._lock:
                self._timers.discard(timer)
                act()

        timer = threading.Timer(seconds, run)
        timer.daemon = True
        self._timers.add(timer)
        timer.start()
