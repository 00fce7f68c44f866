"""Which track is being decoded, written where it outlives the process, and what each track may cost."""

from __future__ import annotations

import mmap
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from archives.media.ebml import NotUsable

_MARK = struct.Struct("<qq")
_NOBODY = -1


class Watch:
    """Marks the packet that is with a decoder: if the process dies there, the next one can read which it was.

    The mark lies in a mapped file: setting it costs no system call, and what was set is there after any death but the
    machine's. `budget` is how many seconds of CPU a track's decoders may use in one slice, `whole` how many all of
    them; what else the machine does takes nothing from it.
    """

    def __init__(self, path: Path, *, budget: float, whole: float) -> None:
        if not path.exists() or path.stat().st_size != _MARK.size:
            path.write_bytes(_MARK.pack(_NOBODY, 0))
        with path.open("r+b") as file:
            self._map = mmap.mmap(file.fileno(), _MARK.size)
        self.budget, self.whole = budget, whole
        self._spent: dict[int, float] = {}
        self._all = 0.0

    def found(self) -> tuple[int, int] | None:
        """Return the track's number and the packet's offset that a process before us died at, if it died at one."""
        track, offset = _MARK.unpack(self._map[:])
        return None if track == _NOBODY else (track, offset)

    def clear(self) -> None:
        self._map[:] = _MARK.pack(_NOBODY, 0)

    def new_slice(self) -> None:
        """Give every track its whole budget again."""
        self._spent.clear()
        self._all = 0.0

    @contextmanager
    def over(self, track: int, offset: int) -> Iterator[None]:
        """Mark a packet while it is decoded. Raise `NotUsable` if its track has cost too much already, or if all have
        and it has had its equal share."""
        spent = self._spent.get(track, 0.0)
        if spent > self.budget or (self._all > self.whole and spent * len(self._spent) >= self.whole):
            raise NotUsable("From here on the recording takes too long to read.")
        started = time.thread_time()
        _MARK.pack_into(self._map, 0, track, offset)
        try:
            yield
        finally:
            _MARK.pack_into(self._map, 0, _NOBODY, 0)
            took = time.thread_time() - started
            self._spent[track], self._all = spent + took, self._all + took
