"""A track's file, read forward once while it grows: where each packet of picture and sound lies, and when it is.

No payload is kept, only positions. What a missing or broken piece tore apart is skipped up to the next cluster. Where
the reading stands is a small value (`Position`), from which another process goes on without reading anything twice.
"""

from __future__ import annotations

import os
from bisect import bisect_right
from collections import deque
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, NamedTuple

from archives.media import ebml
from archives.media.ebml import Header, Incomplete, NotUsable

KEY, AFTER_HOLE = 1, 2
MAX_BLOCK = 4 * 1024 * 1024
MAX_WAITING = 8_000
"""Packets between what is composed and what is read ahead: some seconds; a recorder writes a hundred a second."""
MAX_FALSE = 1000
"""Places that look like a cluster's begin and are none."""
MAX_CHILDREN = 32
"""Elements in a group; a recorder writes three."""
MAX_IDLE = 200_000
"""Elements in a row that move the time by nothing."""
MAX_LEAP = 24 * 3600 * 1000.0
MAX_LEAP_AFTER_HOLE = 3600 * 1000.0
MAX_HOLES = 200
MISSING, DAMAGED = "A part of the recording did not arrive.", "A part of the recording is damaged."
_WINDOW = 256 * 1024
_CLUSTER = ebml.CLUSTER.to_bytes(4, "big")
_BLOCKS = frozenset({ebml.TIMESTAMP, ebml.SIMPLE_BLOCK, ebml.BLOCK_GROUP})


class Packet(NamedTuple):
    """Where a packet lies in the file and when it is, in ms from the track's start."""

    time: float
    offset: int
    size: int
    flags: int


@dataclass(slots=True)
class Position:
    """Where the reading stands; plain values, so that it can be stored."""

    offset: int = 0
    cluster: float | None = None
    """The time of the cluster that is read, in ms."""
    end: float = 0.0
    last: dict[int, float] = field(default_factory=dict)
    """The time of each stream's latest packet, by the stream's number."""
    crossed: int = -1
    """The latest hole that was passed, by its offset."""
    is_lost: bool = False
    """Whether the next cluster is being looked for."""
    torn: str = ""
    """Why the packets that come next do not follow from those before."""
    broken: str = ""
    """Why nothing is read any further."""


@dataclass(frozen=True, slots=True)
class Hole:
    """A stretch of a track that is not there, in ms from its start."""

    start: float
    end: float
    why: str


class Window:
    """A file's bytes by position, read through a small buffer."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._start, self._data = file, 0, b""

    def bytes_at(self, offset: int, size: int) -> bytes:
        """Return up to `size` bytes from `offset` on; fewer at the file's end."""
        at = offset - self._start
        if at < 0 or at + size > len(self._data):
            self._file.seek(offset)
            self._start, self._data = offset, self._file.read(max(size, _WINDOW))
            at = 0
        return self._data[at : at + size]


class Scanner:
    """Reads the first `size` bytes of a track's file. `is_whole`: nothing will be added to them.

    Raises `NotUsable` at a header that is no recording's. At what no recorder writes later on it stops for good and
    says why in `position.broken`; what was read until then stays good.
    """

    def __init__(
        self, path: Path, *, size: int, gaps: Collection[int], is_whole: bool, position: Position | None = None
    ) -> None:
        self._size = min(size, path.stat().st_size) if path.exists() else 0
        self._file = (path if self._size else Path(os.devnull)).open("rb")
        self._window = Window(self._file)
        self._gaps = sorted(gap for gap in gaps if gap < self._size)
        self._lacks_end = is_whole and size in gaps
        self._is_gap = frozenset(self._gaps)
        self._is_whole = is_whole
        self._fresh: set[int] = set()
        self._idle, self._leap, self._false = 0, MAX_LEAP, 0
        self.position = position or Position()
        self.video: deque[Packet] = deque()
        self.audio: deque[Packet] = deque()
        self.holes: list[Hole] = []
        try:
            self.header = self._read_header()
        except NotUsable:
            self.close()
            raise

    def close(self) -> None:
        self._file.close()

    @property
    def end(self) -> float:
        """The time of the latest packet that was read, in ms from the track's start."""
        return self.position.end

    @property
    def is_at_end(self) -> bool:
        """Whether there is nothing more to read."""
        return self.position.offset >= self._size or bool(self.position.broken)

    def payload(self, packet: Packet) -> bytes:
        """Return a packet's bytes."""
        self._file.seek(packet.offset)
        return self._file.read(packet.size)

    def _read_header(self) -> Header | None:
        """Return the header, `None` while it has not come whole."""
        if self._is_gap and self._gaps[0] == 0:
            raise NotUsable("The beginning of this recording did not arrive, and without it the rest can't be read.")
        there = self._gaps[0] if self._gaps else self._size
        try:
            header = ebml.read_header(self._window.bytes_at(0, min(ebml.MAX_HEADER, there)))
        except Incomplete:
            if not self._is_whole and there == self._size < ebml.MAX_HEADER:
                return None
            why = "The beginning of this recording is incomplete." if there else "Nothing of this recording arrived."
            raise NotUsable(why) from None
        self.position.offset = max(self.position.offset, header.size)
        return header

    def scan(self, until: float) -> bool:
        """Read on until a packet's time is `until` or later. Return False if the data ended before."""
        if self.header is None:
            return False
        try:
            while self.position.end < until and not self.position.broken:
                if not self._step(self.header):
                    return False
        except NotUsable as why:
            self.position.broken = str(why)
        return not self.position.broken

    def _step(self, header: Header) -> bool:
        """Read one element; return False where the data end."""
        position = self.position
        here = position.offset
        if here >= self._size:
            if self._lacks_end:
                raise NotUsable(MISSING)
            return False
        if position.is_lost:
            return self._resync(here, position.torn)
        if here in self._is_gap and position.crossed != here:
            return self._cross(here)
        hole = self._hole_after(here)
        try:
            element, size, start = self._element(here, self._size if hole is None else hole)
            end = start if element in (ebml.CLUSTER, ebml.SEGMENT) else start + _checked(element, size)
        except Incomplete:
            return self._cut(here, hole)
        except NotUsable:
            return self._resync(here + 1, DAMAGED)
        if end > (self._size if hole is None else hole):
            return self._cut(here, hole)
        self._idle += 1
        if self._idle > MAX_IDLE:
            raise NotUsable("From here on the recording holds nothing that can be read.")
        position.offset = end
        return self._take(header, element, start, end)

    def _take(self, header: Header, element: int, start: int, end: int) -> bool:
        if element == ebml.CLUSTER:
            self.position.cluster = None
        elif element == ebml.TIMESTAMP:
            time = ebml.number(self._window.bytes_at(start, end - start)) * header.scale
            if time > self.position.end + self._leap:
                return self._resync(start, DAMAGED)
            self.position.cluster, self._leap = time, MAX_LEAP
        elif element == ebml.SIMPLE_BLOCK:
            self._block(header, start, end, is_key=None)
        elif element == ebml.BLOCK_GROUP:
            self._group(header, start, end)
        return True

    def _element(self, here: int, limit: int) -> tuple[int, int | None, int]:
        head = self._window.bytes_at(here, min(12, limit - here))
        element, at = ebml.read_id(head, 0)
        size, at = ebml.read_size(head, at)
        return element, size, here + at

    def _hole_after(self, offset: int) -> int | None:
        at = bisect_right(self._gaps, offset)
        return self._gaps[at] if at < len(self._gaps) else None

    def _cut(self, here: int, hole: int | None) -> bool:
        """An element ends beyond the data: a piece is missing there, or has not come yet, or never will."""
        if hole is not None:
            return self._cross(hole)
        return self._resync(here + 1, DAMAGED) if self._is_whole else False

    def _cross(self, hole: int) -> bool:
        """Pass a hole; it can have cost the first byte of a cluster's id, as recorders cut their chunks there."""
        position = self.position
        position.crossed = hole
        head = self._window.bytes_at(hole - 1, 16)
        if head[1:4] == _CLUSTER[1:] and _starts_cluster(head):
            position.torn = position.torn or MISSING
            position.cluster, position.is_lost = None, False
            position.offset = hole - 1 + ebml.read_size(head, 4)[1]
            return True
        return self._resync(hole, MISSING)

    def _resync(self, start: int, why: str) -> bool:
        """Go on at the next cluster from `start` on; the bytes before it belong to something that is torn apart."""
        position = self.position
        position.torn = position.torn or why
        position.cluster, self._leap = None, MAX_LEAP_AFTER_HOLE
        found = self._find_cluster(start)
        position.is_lost = found is None
        if found is None and not self._is_whole:
            position.offset = max(start, self._size - 32)
        else:
            position.offset = self._size if found is None else found
        if found is None and self._is_whole and (self._lacks_end or position.torn == MISSING):
            raise NotUsable(MISSING)
        return found is not None

    def _find_cluster(self, start: int) -> int | None:
        """Return where a cluster begins, seen by its id, its size and its time."""
        at = start
        while at < self._size:
            data = self._window.bytes_at(at, _WINDOW)
            found = data.find(_CLUSTER)
            while 0 <= found <= len(data) - 16 or (found >= 0 and at + len(data) >= self._size):
                if _starts_cluster(data[found : found + 16]):
                    return at + found
                self._false += 1
                if self._false > MAX_FALSE:
                    raise NotUsable("From here on the recording holds nothing that can be read.")
                found = data.find(_CLUSTER, found + 1)
            at += found if found > 0 else max(len(data) - 3, 1)
        return None

    def _group(self, header: Header, start: int, end: int) -> None:
        at, block, is_key, count = start, None, True, 0
        while at < end:
            count += 1
            if count > MAX_CHILDREN:
                return
            try:
                element, size, inside = self._element(at, end)
            except (Incomplete, NotUsable):
                return
            if size is None or inside + size > end:
                return
            if element == ebml.BLOCK:
                block = (inside, inside + size)
            is_key = is_key and element != ebml.REFERENCE
            at = inside + size
        if block is not None:
            self._block(header, *block, is_key=is_key)

    def _block(self, header: Header, start: int, end: int, *, is_key: bool | None) -> None:
        head = self._window.bytes_at(start, min(11, end - start))
        try:
            stream, at = ebml.read_size(head, 0)
        except (Incomplete, NotUsable):
            return
        cluster = self.position.cluster
        if cluster is None or stream is None or len(head) < at + 3 or head[at + 2] & 0x06:
            return  # laced blocks hold several packets; no recorder of a browser writes them
        if at + 3 >= end - start:
            return  # no picture and no sound is empty
        time = cluster + ebml.relative_time(head[at : at + 2]) * header.scale
        flags = KEY if (head[at + 2] & 0x80 if is_key is None else is_key) else 0
        for queue, wanted in ((self.video, header.video), (self.audio, header.audio)):
            if wanted is not None and wanted.number == stream:
                self._add(header, queue, stream, Packet(time, start + at + 3, end - start - at - 3, flags))

    def _add(self, header: Header, queue: deque[Packet], stream: int, packet: Packet) -> None:
        position = self.position
        if packet.time < position.last.get(stream, 0.0):
            return
        if packet.time > position.end:
            self._idle = 0
        if len(queue) >= MAX_WAITING:
            raise NotUsable("From here on the recording holds more packets than any recorder writes.")
        if position.torn:
            if len(self.holes) < MAX_HOLES:
                self.holes.append(Hole(position.end, packet.time, position.torn))
            position.torn = ""
            self._fresh = {found.number for found in (header.video, header.audio) if found is not None}
        if stream in self._fresh:
            self._fresh.discard(stream)
            packet = packet._replace(flags=packet.flags | AFTER_HOLE)
        queue.append(packet)
        position.last[stream] = packet.time
        position.end = max(position.end, packet.time)


def _checked(element: int, size: int | None) -> int:
    if size is None or size > MAX_BLOCK or (element not in _BLOCKS and element not in ebml.SKIPPED):
        raise NotUsable(DAMAGED)
    if element == ebml.TIMESTAMP and size > 8:
        raise NotUsable(DAMAGED)
    return size


def _starts_cluster(head: bytes) -> bool:
    try:
        _, inside = ebml.read_size(head, 4)
        element, inside = ebml.read_id(head, inside)
        size, _ = ebml.read_size(head, inside)
    except (Incomplete, NotUsable):
        return False
    return element == ebml.TIMESTAMP and size is not None and size <= 8
