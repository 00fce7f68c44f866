"""Random meetings at the stand-in, and what the callbacks about them allow to be known.

`life_of` reads the documents that were delivered by Vonage's rules alone; `tests.presence.lives` says what must be
stored of such a life. Nothing of the product is asked.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import strategies as st

from tests.opentok.house import House
from tests.presence.lives import START, ConnectionLife, Life, StreamLife
from tests.vonage import Callback

PEOPLE = (("Ann", None), ("Bea", None), ("", None), ("Cem", "user-7"), ("Dora", "user-8"))
"""Name and external id."""
Step = tuple[str, int]
ACTIONS = (
    "come",
    "come",
    "come",
    "publish",
    "publish",
    "stop publishing",
    "go",
    "go",
    "be cut off",
    "rotate",
    "destroy",
)
STEPS: st.SearchStrategy[list[Step]] = st.lists(
    st.tuples(st.sampled_from(ACTIONS), st.integers(min_value=0, max_value=99)), min_size=1, max_size=14
)


@dataclass
class Play:
    """A meeting that is played at the stand-in, step by step; nothing happens twice in one millisecond."""

    house: House
    link: str
    session_id: str = ""
    people: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    """Connection id -> name and external id of whoever came."""
    first: int = 0

    def __post_init__(self) -> None:
        self.session_id = self.house.session_id(self.link)
        self.first = len(self.house.vonage.callbacks)
        self.tokens = [self.house.token(self.link, data=name, **_who(ext_id)) for name, ext_id in PEOPLE]

    @property
    def callbacks(self) -> list[Callback]:
        """Everything that was told of it."""
        return self.house.vonage.callbacks[self.first :]

    def run(self, steps: Iterable[Step]) -> None:
        """Play steps; one that can't be done now is left out."""
        for action, number in steps:
            self._step(action, number)
            time.sleep(0.0015)

    def _step(self, action: str, number: int) -> None:
        vonage = self.house.vonage
        session = vonage.sessions[self.session_id]
        here, streams = list(session.connections), list(session.streams)
        if action == "come":
            who = number % len(PEOPLE)
            self.people[vonage.connect(self.session_id, token=self.tokens[who])] = PEOPLE[who]
        elif action == "rotate" and here:
            vonage.rotate_server(self.session_id)
        elif action == "destroy" and here:
            vonage.destroy_session(self.session_id)
        elif action == "publish" and here:
            kind = ("camera", "screen", "custom")[number % 3]
            vonage.publish(here[number % len(here)], video_type=kind)
        elif action == "stop publishing" and streams:
            vonage.unpublish(streams[number % len(streams)], "mediaStopped")
        elif action in ("go", "be cut off") and here:
            reason = "clientDisconnected" if action == "go" else "networkDisconnected"
            vonage.disconnect(here[number % len(here)], reason)


def _who(ext_id: str | None) -> dict[str, str]:
    return {} if ext_id is None else {"extId": ext_id}


def life_of(documents: Sequence[dict[str, Any]], people: dict[str, tuple[str, str | None]]) -> Life:
    """Return the life that these documents tell, whatever their order: what none of them says did not happen.

    `people` says who is behind connection data; it is used only where a document has data.
    """
    tabs: dict[str, ConnectionLife] = {}
    streams: dict[str, dict[str, StreamLife]] = {}
    ends: list[int] = []
    for said in documents:
        at, event = said["timestamp"] - START, said["event"]
        if event == "sessionDestroyed":
            ends.append(at)
        stream = said.get("stream")
        connection = stream["connection"] if stream else said.get("connection")
        if connection is None:
            continue
        key = connection["id"]
        tab = tabs.get(key) or ConnectionLife(
            connection_id=key, data="", joined=connection["createdAt"] - START, left=None
        )
        if connection["data"]:
            tab = replace(tab, data=people[key][0], ext_id=people[key][1])
        if event == "connectionDestroyed":
            tab = replace(tab, left=at, reason=said["reason"])
        tabs[key] = tab
        if stream:
            known = streams.setdefault(key, {})
            one = known.get(stream["id"]) or StreamLife(
                stream_id=stream["id"], started=None, ended=None, type=stream["videoType"]
            )
            known[stream["id"]] = replace(one, **{"started" if event == "streamCreated" else "ended": at})
    connections = tuple(replace(tab, streams=tuple(streams.get(key, {}).values())) for key, tab in tabs.items())
    return Life(connections=connections, session_ends=tuple(sorted(ends)))
