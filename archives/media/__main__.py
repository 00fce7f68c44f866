"""The program: `python -m archives.media advance|finish FOLDER`. Progress as JSON lines; exit codes 0, 2 and 3.

0: done. 2: the media can't be used, the last line of stderr says why. 3: another process works in this folder. Any
other: a limit was hit, or a bug.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import sys
import threading
import time
from pathlib import Path

from archives.media.limits import Limits

UNUSABLE, BUSY = 2, 3
_WAITS_S = 2.0


def main() -> int:
    parser = argparse.ArgumentParser(prog="archives.media")
    parser.add_argument("work", choices=["advance", "finish"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seconds", type=float, default=15.0)
    parser.add_argument("--attended", action="store_true", help="end when standard input ends")
    for name in ("memory", "cpu", "file", "files", "nice"):
        parser.add_argument(f"--{name}", type=int, default=getattr(Limits(), name))
    asked = parser.parse_args()
    if asked.attended:
        threading.Thread(target=_end_with_parent, daemon=True).start()
    Limits(memory=asked.memory, cpu=asked.cpu, file=asked.file, files=asked.files, nice=asked.nice).apply()
    if not _lock(asked.folder):
        return BUSY
    return _work(asked.work, asked.folder, asked.seconds)


def _work(work: str, folder: Path, seconds: float) -> int:
    from archives.media.advance import advance
    from archives.media.finish import Unusable, finish
    from archives.media.job import read_job

    job = read_job(folder / "job.json")
    try:
        if work == "finish":
            finish(folder, job, report=_say)
        else:
            done, total, is_complete = advance(
                folder, job, seconds=seconds, report=lambda done, total: _say("composing", done, total)
            )
            _say("advanced", done, total, complete=is_complete)
    except Unusable as why:
        sys.stderr.write(f"{why}\n")
        return UNUSABLE
    return 0


def _say(phase: str, done: int, total: int, **more: bool) -> None:
    sys.stdout.write(json.dumps({"phase": phase, "done": done, "total": total, **more}) + "\n")
    sys.stdout.flush()


def _lock(folder: Path) -> bool:
    """Take the folder for this process's life; one that was killed just now may need a moment to let go."""
    lock = os.open(folder / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    until = time.monotonic() + _WAITS_S
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                return False
            time.sleep(0.1)
        else:
            return True


def _end_with_parent() -> None:
    """Standard input is a pipe from whoever started us: it ends when that process does, however it does."""
    while os.read(0, 1024):
        pass
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
