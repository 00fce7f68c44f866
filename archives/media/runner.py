"""Starts the media program as a process of its own, within limits, and tells what came of it. Imports nothing of it.

runner = Runner(folder)
while not runner.advance(seconds=10).is_complete: …
finished = runner.finish()
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import selectors
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from archives.media.limits import Limits

NEEDS = ("av", "numpy", "PIL")
_UNUSABLE, _BUSY = 2, 3
_MARK = struct.Struct("<qq")
_MAX_KEPT = 64 * 1024
_MAX_LINE = 64 * 1024
PROGRAM = (sys.executable, "-P", "-m", "archives.media")
_KEPT_VARIABLES = ("PATH", "LANG", "LC_ALL", "TZ", "SYSTEMROOT")


class MediaError(Exception):
    """The media program did not do what it was started for."""


class MediaUnusable(MediaError):
    """Nothing can be made of the media, now or later; the text is a sentence for people."""


class MediaBusy(MediaError):
    """Another process works in this folder."""


class MediaCrashed(MediaError):
    """The program ended in another way than planned: a limit, a bug, or a kill. `code` is below 0 for a signal.

    Trying again is worth it: the next run goes on behind the last slice, and leaves a track out that ended the program
    twice at the same place.
    """

    def __init__(self, code: int, stderr: str, track: int | None = None) -> None:
        self.code, self.stderr = code, stderr
        self.track = track
        """The number of the track that was being decoded, if one was."""
        how = f"was ended by signal {-code}" if code < 0 else f"ended with code {code}"
        super().__init__(f"The media program {how}: {stderr.strip()[-500:] or 'it said nothing'}")


class MediaTimedOut(MediaError):
    """The program ran for longer than it may, and was ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What is done and what there is: `composing` in ms of the recording, `joining` in parts, `packing` in tracks."""

    phase: str
    done: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Advanced:
    """How far the composing is, in ms of the recording; `is_complete`: `finish` may be called."""

    done: int
    total: int
    is_complete: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """A stretch of a track, in ms since the epoch, that is not in the file, and why, for people."""

    track: str
    person: str
    kind: str
    start: int
    end: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """The finished file: MP4, or ZIP for the output `individual`. `duration` in ms, `size` in bytes."""

    path: Path
    duration: int
    size: int
    sha256: str
    has_audio: bool
    has_video: bool
    missing: tuple[Missing, ...]


def is_available() -> bool:
    """Return whether what the program needs is installed; imports none of it."""
    return not lacking()


def lacking() -> list[str]:
    """Return the packages that the program needs and that are not installed, by their import names."""
    return [name for name in NEEDS if importlib.util.find_spec(name) is None]


class Runner:
    """Runs the program on one work folder, one run at a time. `kill` may be called from elsewhere: a thread, a signal.

    `timeout` bounds a run in seconds of wall time, `limits` in what it uses. `on_progress` is called between reads.
    """

    def __init__(
        self,
        folder: Path,
        *,
        limits: Limits | None = None,
        timeout: float = 600.0,
        on_progress: Callable[[Progress], None] | None = None,
        program: Sequence[str] = PROGRAM,
    ) -> None:
        self.folder = folder.resolve()
        self.limits = limits or Limits()
        self.timeout = timeout
        self._program = program
        self._on_progress = on_progress or (lambda progress: None)
        self._process: subprocess.Popen[bytes] | None = None
        self._is_killed = threading.Event()

    def advance(self, *, seconds: float = 15.0) -> Advanced:
        """Compose what can be composed, for about `seconds`; safe to repeat, and after any failure.

        Raises `MediaError`s.
        """
        last = self._run("advance", "--seconds", str(seconds))
        return Advanced(done=int(last["done"]), total=int(last["total"]), is_complete=bool(last["complete"]))

    def finish(self) -> Finished:
        """Make the file from what is composed; safe to repeat. Raises `MediaError`s."""
        self._run("finish")
        job = json.loads((self.folder / "job.json").read_text())
        said = json.loads((self.folder / "report.json").read_text())
        return Finished(
            path=self.folder / ("archive.zip" if job["output"] == "individual" else "archive.mp4"),
            duration=said["duration"],
            size=said["size"],
            sha256=said["sha256"],
            has_audio=said["hasAudio"],
            has_video=said["hasVideo"],
            missing=tuple(
                Missing(
                    track=note["track"],
                    person=note["person"],
                    kind=note["kind"],
                    start=note["from"],
                    end=note["to"],
                    why=note["why"],
                )
                for note in said["missing"]
            ),
        )

    def kill(self) -> None:
        """End the run that is going on, if there is one; it raises `MediaCrashed`. What was composed stays."""
        self._is_killed.set()
        process = self._process
        if process is not None:
            _kill(process)

    def _run(self, *arguments: str) -> dict[str, Any]:
        self._is_killed.clear()
        process = subprocess.Popen(  # noqa: S603  (this very program)
            [*self._program, arguments[0], str(self.folder), *arguments[1:], *self._bounds()],
            cwd=self.folder,
            env=_environment(self.folder),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        self._process = process
        try:
            if self._is_killed.is_set():
                _kill(process)
            output = _Output(process, time.monotonic() + self.timeout, self._say)
            is_in_time = output.read()
            if not is_in_time:
                raise MediaTimedOut(f"The media program was still at work after {self.timeout:g} s.")
            return _outcome(process.wait(), output, self.folder)
        finally:
            _kill(process)
            process.wait()
            for pipe in (process.stdin, process.stdout, process.stderr):
                if pipe is not None:
                    with contextlib.suppress(OSError):
                        pipe.close()
            self._process = None

    def _bounds(self) -> list[str]:
        limits = self.limits
        return [
            "--attended", f"--memory={limits.memory}", f"--cpu={limits.cpu}", f"--file={limits.file}",
            f"--files={limits.files}", f"--nice={limits.nice}",
        ]  # fmt: skip

    def _say(self, line: dict[str, Any]) -> None:
        if line.get("phase") != "advanced":
            self._on_progress(Progress(phase=line["phase"], done=int(line["done"]), total=int(line["total"])))


class _Output:
    """What a process says: JSON lines, and the end of its complaints."""

    def __init__(
        self, process: subprocess.Popen[bytes], deadline: float, say: Callable[[dict[str, Any]], None]
    ) -> None:
        self._process, self._deadline, self._say = process, deadline, say
        self._pending = b""
        self.last: dict[str, Any] | None = None
        self.stderr = b""

    def read(self) -> bool:
        """Read until the process closes its ends. Return False if the deadline came first."""
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ, self._take_lines)
            selector.register(self._process.stderr, selectors.EVENT_READ, self._take_complaint)
            while selector.get_map():
                left = self._deadline - time.monotonic()
                if left <= 0:
                    return False
                for key, _ in selector.select(left):
                    data = os.read(key.fd, 65536)
                    if data:
                        key.data(data)
                    else:
                        selector.unregister(key.fileobj)
        return True

    def _take_complaint(self, data: bytes) -> None:
        self.stderr = (self.stderr + data)[-_MAX_KEPT:]

    def _take_lines(self, data: bytes) -> None:
        *lines, self._pending = (self._pending + data).split(b"\n")
        self._pending = self._pending[:_MAX_LINE]
        for line in lines:
            try:
                self.last = json.loads(line)
                assert isinstance(self.last, dict)
                self._say(self.last)
            except (ValueError, KeyError, AssertionError):
                continue


def _outcome(code: int, output: _Output, folder: Path) -> dict[str, Any]:
    said = output.stderr.decode("utf-8", "replace")
    if code == _UNUSABLE:
        lines = said.strip().splitlines()
        raise MediaUnusable(lines[-1] if lines else "Nothing can be made of the recording.")
    if code == _BUSY:
        raise MediaBusy("Another process works on this recording.")
    if code != 0 or output.last is None:
        raise MediaCrashed(code, said, _decoded(folder / "watch"))
    return output.last


def _decoded(mark: Path) -> int | None:
    """Return which track's packet was with a decoder when the program ended (`archives.media.watch`)."""
    try:
        track, _ = _MARK.unpack(mark.read_bytes())
    except (OSError, struct.error):
        return None
    return None if track < 0 else int(track)


def _environment(folder: Path) -> dict[str, str]:
    """Return what the program may know: where programs and packages are. No secret, no address of ours."""
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    packages = [
        str(Path(__file__).resolve().parents[2]),
        *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep)),
    ]
    return kept | {
        "PYTHONPATH": os.pathsep.join(packages),
        "PYTHONUTF8": "1",
        "PYTHONUNBUFFERED": "1",
        "PYTHONDONTWRITEBYTECODE": "1",
        "TMPDIR": str(folder),
        "MALLOC_ARENA_MAX": "2",
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }


def _kill(process: subprocess.Popen[bytes]) -> None:
    """End a process and all that it started. Nothing happens if it has been waited for."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
