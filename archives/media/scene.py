"""Who is to be seen at a moment, and in which order: screens first, then people as they came."""

from __future__ import annotations

from dataclasses import dataclass

from archives.media.decode import LEAD_MS
from archives.media.job import Job, Person
from archives.media.sources import Source, Sources

FRESH_MS = 1000.0
"""How long a camera's last picture stands; then the camera is taken to be off, unless the next picture is near."""
STALLED_MS = 2500.0
"""How far two pictures of a camera may lie apart that was not off between them."""
_DARK_MS = 300.0
_LONG_NAME = 24
COUNTED_OUT_MS = 15 * 60_000.0
"""For how long a page's own recording shows that she is there after the server has last seen her."""
MAX_TILES = 49


@dataclass(frozen=True, slots=True)
class Seat:
    """A tile to fill: a person's camera, or the screen that a track holds."""

    person: Person
    screen: str = ""

    @property
    def title(self) -> str:
        """What stands under it."""
        name = self.person.name
        if self.screen and len(name) > _LONG_NAME:
            name = f"{name[: _LONG_NAME - 1].rstrip()}…"
        return f"{name} (screen)".strip() if self.screen else name


class Scene:
    """Finds out, moment by moment, who is there and what she shows."""

    def __init__(self, job: Job, sources: Sources) -> None:
        self._job = job
        known = {person.id: person for person in job.people}
        for track in job.tracks:
            if track.person not in known:
                known[track.person] = Person(id=track.person, name="", intervals=())
        self._people = sorted(
            known.values(), key=lambda person: min((start for start, _ in person.intervals), default=0)
        )
        self._cameras: dict[str, list[Source]] = {person.id: [] for person in self._people}
        self._tracks: dict[str, list[Source]] = {person.id: [] for person in self._people}
        self._screens: list[Source] = []
        self._sources = sources
        self._first: dict[str, int] = {}
        """When each person's first camera began; later ones come after one that was switched off."""
        for track in sorted(job.tracks, key=lambda track: -track.started_at):
            if track.kind == "camera":
                self._first[track.person] = track.started_at
        self.refresh()

    def refresh(self) -> None:
        """Take over which tracks can still be read."""
        self._screens = sorted(
            (source for source in self._sources if source.track.kind == "screen" and source.pictures is not None),
            key=lambda source: -source.track.started_at,
        )
        for sources in (*self._cameras.values(), *self._tracks.values()):
            sources.clear()
        for source in self._sources:
            self._tracks[source.track.person].append(source)
            if source.track.kind == "camera" and source.pictures is not None:
                self._cameras[source.track.person].append(source)

    def seats(self, moment: float) -> tuple[Seat, ...]:
        """Return who is there at a moment of the meeting, in ms since the epoch. The tracks are decoded up to it."""
        people = [person for person in self._people if self._is_there(person, moment)]
        by_id = {person.id: person for person in people}
        screens = [
            Seat(by_id[source.track.person], source.track.id)
            for source in self._screens
            if source.track.person in by_id and self._is_on(source, moment)
        ]
        return (*screens, *map(Seat, people))[:MAX_TILES]

    def _is_there(self, person: Person, moment: float) -> bool:
        if person.intervals:
            return person.is_there(moment) or self._was_counted_out(person, moment)
        return self.camera(person.id, moment) is not None or any(
            source.track.person == person.id and self._is_on(source, moment) for source in self._screens
        )

    def _was_counted_out(self, person: Person, moment: float) -> bool:
        """Whether she was there though the server had lost her: her page recorded on. It does not when she leaves."""
        since = [start for start, _ in person.intervals if start <= moment]
        last = max((end for _, end in person.intervals if end is not None), default=moment)
        if not since or moment > last + COUNTED_OUT_MS:
            return False
        tracks = (source for source in self._tracks[person.id] if source.track.started_at <= moment)
        return any(moment <= source.end for source in tracks)

    def _is_on(self, screen: Source, moment: float) -> bool:
        """A screen that stands still gives no pictures, so its last one stands until the track's end."""
        pictures = screen.pictures
        if pictures is None or pictures.frame is None or screen.time(moment) < pictures.time:
            return False
        is_going_on = not (screen.track.is_closed or self._job.is_final)
        return is_going_on or screen.has_more or moment <= screen.end + FRESH_MS

    def camera(self, person: str, moment: float) -> Source | None:
        """Return the track whose picture stands for a person at a moment, `None` if none does: of two the later one.

        The very first picture of her stands a moment before it comes.
        """
        found, best = None, (False, -1)
        for source in self._cameras[person]:
            pictures = source.pictures
            if pictures is None or pictures.frame is None:
                continue
            age = source.time(moment) - pictures.time
            following = pictures.following
            is_stalled = following is not None and following - pictures.time <= STALLED_MS
            is_dark = pictures.dark_since is not None and source.time(moment) - pictures.dark_since >= _DARK_MS
            rank = (age >= 0, source.track.started_at)
            lead = LEAD_MS if source.track.started_at == self._first.get(person) else 0
            if age >= -lead and (age <= FRESH_MS or is_stalled) and not is_dark and rank > best:
                found, best = source, rank
        return found

    def screen(self, track: str) -> Source | None:
        return next((source for source in self._screens if source.track.id == track), None)
