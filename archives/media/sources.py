"""The tracks of a job, opened where the last slice left them; a track that can't be read (any further) is left out."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from archives.media.decode import UNREADABLE, Pictures, Voice
from archives.media.ebml import NotUsable
from archives.media.job import Job, Track
from archives.media.scanner import Scanner
from archives.media.sound import Samples
from archives.media.state import State, Suspect, TrackState
from archives.media.watch import Watch

MARGIN_MS = 500.0
"""Picture and sound lie in the file in turns; what belongs together is this close."""
CRASHED = "Reading this recording ended the program, twice; it is left out from here on."
BREAKS_OFF = "The recording breaks off here."
STALLED_AHEAD_MS = 1500.0
"""How much further is read, so that a camera that stalls is not taken to be off (`scene.STALLED_MS`)."""
_MAX_CRASHES = 2
_SCREEN_BEHIND_MS = 5000.0
_OVER_AFTER_MS = 5000.0


@dataclass(slots=True)
class Source:
    """A track that is read: where it is, its pictures and its sound."""

    track: Track
    scanner: Scanner
    pictures: Pictures | None = None
    voice: Voice | None = None
    carried: list[tuple[int, Samples]] = field(default_factory=list)
    """Sound that was decoded and goes on after the last slice, with its place in samples since the epoch."""

    @property
    def end(self) -> float:
        """Where its data end as far as they were read, in ms since the epoch."""
        return self.track.started_at + self.scanner.end

    def time(self, moment: float) -> float:
        """Return a moment of the meeting as ms from the track's start."""
        return moment - self.track.started_at

    @property
    def is_awaited(self) -> bool:
        """Whether more of it can come."""
        return not (self.track.is_closed or self.scanner.position.broken)

    @property
    def is_read(self) -> bool:
        """Whether all of it was read, decoded and used."""
        return not (self.scanner.video or self.scanner.audio or self.carried) and self.scanner.is_at_end

    @property
    def has_more(self) -> bool:
        return bool(self.scanner.video)


class Sources:
    """All tracks of a job that can be read. What one of them does wrong concerns no other."""

    def __init__(self, folder: Path, job: Job, state: State, watch: Watch) -> None:
        self._folder, self._job, self._state, self._watch = folder, job, state, watch
        self._open: dict[str, Source] = {}
        self._numbers = {track.id: zlib.crc32(track.id.encode()) for track in job.tracks}
        self._take_crash(watch.found())
        watch.clear()
        for track in job.tracks:
            self._start(track)

    def __iter__(self) -> Iterator[Source]:
        return iter(list(self._open.values()))

    def __len__(self) -> int:
        return len(self._open)

    def close(self) -> None:
        for source in self._open.values():
            source.scanner.close()
        self._open.clear()

    def _take_crash(self, found: tuple[int, int] | None) -> None:
        """A process before us died at a packet: the second time at the same one, its track is left out."""
        track = next((track for track in self._job.tracks if found and self._numbers[track.id] == found[0]), None)
        if found is None or track is None:
            return
        offset = found[1]
        known = self._state.suspects.get(track.id)
        times = known.times + 1 if known is not None and known.offset == offset else 1
        self._state.suspects[track.id] = Suspect(offset=offset, times=times)
        if times >= _MAX_CRASHES:
            self._state.tracks.setdefault(track.id, TrackState()).refused = CRASHED

    def _start(self, track: Track) -> None:
        known = self._state.tracks.setdefault(track.id, TrackState())
        if known.refused:
            self._note_refusal(track, known)
            return
        if known.is_over:
            return
        is_whole = track.is_closed or self._job.is_final
        try:
            scanner = Scanner(
                self._folder / "tracks" / f"{track.id}.webm",
                size=track.size,
                gaps=track.gaps,
                is_whole=is_whole,
                position=known.position,
            )
        except NotUsable as why:
            self._refuse(track, str(why))
            return
        self._open[track.id] = self._with_decoders(Source(track, scanner), known)

    def _with_decoders(self, source: Source, known: TrackState) -> Source:
        scanner, number = source.scanner, self._numbers[source.track.id]
        scanner.video.extend(known.video)
        scanner.audio.extend(known.audio)
        header = scanner.header
        if header is not None and header.video is not None:
            source.pictures = Pictures(header.video, scanner.video, scanner, self._watch, number)
        if header is not None and header.audio is not None:
            source.voice = Voice(header.audio, scanner.audio, scanner, self._watch, number)
            source.voice.at = known.sample
        return source

    @contextmanager
    def guard(self, source: Source) -> Iterator[None]:
        """Do something with a track; if it turns out not to be usable, it is left out from now on."""
        try:
            yield
        except NotUsable as why:
            self._leave_out(source, str(why))

    def _leave_out(self, source: Source, why: str) -> None:
        self._store(source)
        source.scanner.close()
        self._open.pop(source.track.id, None)
        self._refuse(source.track, why, since=source.end)

    def _refuse(self, track: Track, why: str, since: float | None = None) -> None:
        known = self._state.tracks.setdefault(track.id, TrackState())
        known.refused = why
        known.video, known.audio = [], []
        known.position.end = since - track.started_at if since is not None else known.position.end
        self._note_refusal(track, known)

    def _note_refusal(self, track: Track, known: TrackState) -> None:
        start = track.started_at + known.position.end
        self._state.note(track.id, start, start, known.refused)

    def scan(self, until: float) -> None:
        """Read every track on to a moment of the meeting and a little further, or to where its data end."""
        is_screen = any(source.track.kind == "screen" and source.is_awaited for source in self)
        ahead = 2 * MARGIN_MS + STALLED_AHEAD_MS + (_SCREEN_BEHIND_MS if is_screen else 0.0)
        for source in self:
            source.scanner.scan(source.time(until) + ahead)

    def horizon(self) -> float:
        """Return up to when, in ms since the epoch, nothing more will come, as far as was read.

        A screen that does not change gives no pictures: while the camera of the one who shows it goes on, its silence
        holds nobody up.
        """
        waiting = [source for source in self if source.is_awaited and not self._job.is_final]
        if not waiting:
            return max((source.end for source in self), default=float("-inf"))
        cameras: dict[str, float] = {}
        for source in waiting:
            if source.track.kind == "camera":
                cameras[source.track.person] = max(source.end, cameras.get(source.track.person, 0.0))
        ends = []
        for source in waiting:
            by_camera = cameras.get(source.track.person, 0.0) - _SCREEN_BEHIND_MS
            ends.append(max(source.end, by_camera) if source.track.kind == "screen" else source.end)
        return min(ends) - MARGIN_MS

    def store(self, moment: float) -> None:
        """Put into the state where every track stands at a moment of the meeting, and what was found missing since.

        Tracks that ended before are closed: who reloads a hundred times leaves a hundred of them.
        """
        for source in self:
            self._store(source)
            is_awaited = source.is_awaited and not self._job.is_final
            if not is_awaited and source.is_read and moment > source.end + _OVER_AFTER_MS:
                known = self._state.tracks[source.track.id]
                known.is_over, known.video, known.audio = True, [], []
                source.scanner.close()
                del self._open[source.track.id]

    def _store(self, source: Source) -> None:
        known, scanner, track = self._state.tracks[source.track.id], source.scanner, source.track
        known.position = scanner.position
        known.video, known.audio = list(scanner.video), list(scanner.audio)
        for hole in scanner.holes:
            self._state.note(track.id, track.started_at + hole.start, track.started_at + hole.end, hole.why)
        scanner.holes.clear()
        if scanner.position.broken:
            self._state.note(track.id, source.end, source.end, scanner.position.broken)
        for decoder in (source.pictures, source.voice):
            for start, end in decoder.faults if decoder is not None else ():
                self._state.note(track.id, track.started_at + start, track.started_at + end, UNREADABLE)
        if source.pictures is not None:
            known.video = [*source.pictures.kept, *known.video]
            known.has_picture = known.has_picture or source.pictures.has_any
            source.pictures.faults.clear()
        if source.voice is not None:
            recent = source.voice.recent
            known.audio = [*(packet for packet, _ in recent), *known.audio]
            known.sample = recent[0][1] if recent else source.voice.at
            known.has_sound = known.has_sound or source.voice.has_any
            source.voice.faults.clear()
