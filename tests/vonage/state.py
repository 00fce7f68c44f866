"""What the stand-in knows, and what happens in it."""

from __future__ import annotations

import threading

from tests.vonage.sessions import Session


class State:
    """Everything that there is; one lock, so that callbacks leave in the order in which things happened."""

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.sessions: dict[str, Session] = {}

    def add(self, session: Session) -> None:
        """Take in a new session."""
        with self.lock:
            self.sessions[session.id] = session
