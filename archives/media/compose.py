"""A slice of the recording, from tracks to an encoded part: pictures frame by frame, voices in one mix."""

from __future__ import annotations

import math
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from fractions import Fraction
from itertools import chain
from typing import Any

import av
import numpy as np
from av.codec.context import Flags, ThreadType
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType

from archives.media import sound
from archives.media.job import Job
from archives.media.layout import arrange
from archives.media.parts import Part
from archives.media.picture import Canvas, Tile
from archives.media.scene import Scene, Seat
from archives.media.sound import Samples
from archives.media.sources import Source, Sources
from archives.media.state import State
from archives.media.timeline import PER_MS, RATE, Piece, Timeline

THREADS = 3
HAND_OVER_MS = 1500.0
"""For so long at most two recorders of a page run side by side when it changes from one to the other."""
AHEAD = 24
"""Pictures that are drawn and wait for the encoder."""
_KEY_EVERY_S = 5
_BT601 = 6


def set_up(encoder: VideoCodecContext, width: int, height: int, fps: int) -> None:
    """Set how pictures are encoded; the same arguments give the same parameter sets, which is what lets parts join."""
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.framerate, encoder.time_base = Fraction(fps), Fraction(1, fps)
    encoder.gop_size, encoder.max_b_frames = _KEY_EVERY_S * fps, 0
    encoder.color_range, encoder.colorspace, encoder.color_primaries, encoder.color_trc = 1, _BT601, _BT601, _BT601
    encoder.options = {"preset": "veryfast", "crf": "26", "profile": "high", "x264-params": "subme=1:ref=1:me=dia"}
    encoder.flags |= Flags.global_header | Flags.closed_gop
    encoder.thread_type, encoder.thread_count = ThreadType.FRAME, THREADS


def new_encoder(width: int, height: int, fps: int) -> VideoCodecContext:
    """Return an opened H.264 encoder."""
    encoder = av.CodecContext.create("libx264", "w")
    set_up(encoder, width, height, fps)
    encoder.open()
    return encoder


class Composer:
    """Composes slices one after the other; between them everything that matters is in `state` and the last part."""

    def __init__(self, job: Job, state: State, sources: Sources, tail: Samples) -> None:
        self._job, self._state, self._sources, self._tail = job, state, sources, tail
        self._scene = Scene(job, sources)
        self._canvas = Canvas(job.width, job.height)
        self._seats: tuple[Seat, ...] | None = None
        self._tiles: list[Tile] = []

    def slice(self, timeline: Timeline, first: int, count: int, *, is_last: bool) -> Part:
        """Compose `count` frames from frame `first` on. The tracks must have been read up to the end of that."""
        with ThreadPoolExecutor(1) as beside:
            encoded = self._pictures(timeline, first, count, beside)
            audio_start, audio = self._sound(timeline, first, count, is_last=is_last)
            video = [(packet.is_keyframe, bytes(packet)) for some in encoded for packet in some.result()]
        return Part(video=video, audio=audio, audio_start=audio_start, tail=self._tail)

    def _pictures(
        self, timeline: Timeline, first: int, count: int, beside: Executor
    ) -> list[Future[list[av.Packet[Any]]]]:
        """Draw the pictures, and have each encoded while what follows is drawn."""
        if not count:
            return []
        encoder = new_encoder(self._job.width, self._job.height, self._job.fps)
        encoded: list[Future[list[av.Packet[Any]]]] = []
        self._scene.refresh()
        for at in range(count):
            self._draw(timeline.meeting_time((first + at) * 1000 / self._job.fps))
            frame = self._canvas.copy()
            frame.pts, frame.time_base, frame.pict_type = at, Fraction(1, self._job.fps), PictureType.NONE
            encoded.append(beside.submit(encoder.encode, frame))
            if at >= AHEAD:
                encoded[at - AHEAD].result()
        return [*encoded, beside.submit(encoder.encode, None)]

    def _sound(self, timeline: Timeline, first: int, count: int, *, is_last: bool) -> tuple[int, list[bytes]]:
        """Mix and encode the sound; return the first packet's timestamp and the packets."""
        step = RATE // self._job.fps
        start, end = first * step, (first + count) * step
        mix = self._mix(timeline, start, end)
        made = sound.encode(mix, start=start, tail=self._tail, next_audio=self._state.next_audio, is_last=is_last)
        self._tail = np.concatenate([self._tail, mix])[-sound.TAIL :]
        return made

    def _draw(self, moment: float) -> None:
        """Bring the canvas to a moment of the meeting, in ms since the epoch."""
        before = len(self._sources)
        for source in self._sources:
            if source.pictures is not None:
                with self._sources.guard(source):
                    source.pictures.advance(source.time(moment))
        if len(self._sources) != before:
            self._scene.refresh()
        seats = self._scene.seats(moment)
        if seats != self._seats:
            self._seat(seats)
        is_covered = False
        for tile, seat in zip(self._tiles, seats, strict=False):
            is_drawn = self._fill(tile, seat, moment, is_covered=is_covered)
            is_covered = is_covered or (is_drawn and self._job.layout == "pip" and tile is self._tiles[0])

    def _fill(self, tile: Tile, seat: Seat, moment: float, *, is_covered: bool) -> bool:
        source = self._scene.screen(seat.screen) if seat.screen else self._scene.camera(seat.person.id, moment)
        if source is None or source.pictures is None:
            return tile.show(self._canvas, None, None, is_covered=is_covered)
        serial = (source.track.id, source.pictures.serial)
        return tile.show(self._canvas, source.pictures.frame, serial, is_covered=is_covered)

    def _seat(self, seats: tuple[Seat, ...]) -> None:
        self._seats = seats
        canvas = self._canvas
        canvas.clear(canvas.whole)
        has_stage = bool(seats and seats[0].screen)
        boxes = arrange(self._job.layout, canvas.width, canvas.height, len(seats), has_stage=has_stage)
        self._tiles = [Tile(box, seat.person.id, seat.title) for box, seat in zip(boxes, seats, strict=False)]

    def _mix(self, timeline: Timeline, start: int, end: int) -> Samples:
        mix = np.zeros(end - start, np.float32)
        pieces = timeline.pieces(start, end)
        for source in self._sources:
            with self._sources.guard(source):
                for piece in pieces:
                    _add(source, piece, mix, self._handed_over_at(source))
        return sound.soften(mix)

    def _handed_over_at(self, source: Source) -> float:
        """Return when a track's sound goes on in the next one of its person, which begins a moment before it ends, in
        samples since the epoch. What two devices of one person hear side by side stays."""
        track, is_over = source.track, source.scanner.is_at_end and not (source.is_awaited and not self._job.is_final)
        later = [
            other.track.started_at
            for other in self._sources
            if (other.track.person, other.track.kind) == (track.person, track.kind)
            and other.voice is not None
            and max(track.started_at + 1, source.end - HAND_OVER_MS) <= other.track.started_at <= source.end
        ]
        return min(later) * PER_MS if is_over and later else math.inf


def _add(source: Source, piece: Piece, mix: Samples, ends_at: float) -> None:
    """Add a track's sound, up to a sample since the epoch, to one piece of a mix; what goes on behind the piece stays
    with the track."""
    if source.voice is None:
        return
    zero = source.track.started_at * PER_MS
    until = piece.meeting + piece.length
    fresh = source.voice.pull((piece.meeting - zero) / PER_MS, (until - zero) / PER_MS)
    carried, source.carried = source.carried, []
    for place, samples in chain(carried, ((zero + at, samples) for at, samples in fresh)):
        first, last = max(place, piece.meeting), int(min(place + len(samples), until, ends_at))
        if first < last:
            onto = piece.start + first - piece.meeting
            mix[onto : onto + last - first] += samples[first - place : last - place]
        if place + len(samples) > until:
            source.carried.append((place, samples))
