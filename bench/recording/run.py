"""Measures composing: `ratio`, `end`, or `memory` (README.md says what they are). Prints one line of figures."""

from __future__ import annotations

import argparse
import os
import resource
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from archives.media.limits import Limits  # noqa: E402
from archives.media.runner import Runner  # noqa: E402
from bench.recording.looped import Camera, loop, write  # noqa: E402
from tests.media.making import Meeting  # noqa: E402

NOT_YET_MS = 15_000
"""What has not come yet when the last slice before the end is composed."""


class Peak:
    """The largest resident size, in MB, that a child of ours has had; read ten times a second."""

    def __init__(self) -> None:
        self.samples: list[float] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._stop.wait(0.1):
            for entry in Path(f"/proc/{os.getpid()}/task").iterdir():
                for child in (entry / "children").read_text().split():
                    try:
                        lines = Path(f"/proc/{child}/status").read_text().splitlines()
                    except OSError:
                        continue
                    size = next((line for line in lines if line.startswith("VmRSS")), None)
                    if size is not None:
                        self.samples.append(int(size.split()[1]) / 1024)

    def stop(self) -> float:
        self._stop.set()
        self._thread.join()
        return max(self.samples, default=0.0)


def build(folder: Path, asked: argparse.Namespace) -> Meeting:
    camera = Camera(width=asked.camera[0], height=asked.camera[1], fps=asked.camera_fps, bit_rate=asked.bit_rate)
    meeting = Meeting(folder=folder, job={"width": asked.size[0], "height": asked.size[1]})
    for number in range(asked.people):
        meeting.add_person(f"p{number}", f"Person {number}")
        meeting.add_track(f"t{number}", f"p{number}", b"")
        path = folder / "tracks" / f"t{number}.webm"
        size = write(path, camera, loop(camera, number), asked.minutes * 60_000)
        meeting.job["tracks"][-1]["bytes"] = size
        print(f"track {number}: {size} bytes", flush=True)
    return meeting


def compose(meeting: Meeting, asked: argparse.Namespace) -> None:
    runner = Runner(meeting.folder, timeout=36_000, limits=Limits(cpu=36_000, nice=asked.nice))
    length = asked.minutes * 60_000
    if asked.what == "end":  # while the meeting ran, all but its last seconds was composed
        for track in meeting.job["tracks"]:
            track["closed"] = False
        meeting.write(end=length - NOT_YET_MS, final=False)
        while runner.advance(seconds=15).done < length - NOT_YET_MS - 10_000:
            pass
        for track in meeting.job["tracks"]:
            track["closed"] = True
    meeting.write(end=length)
    peak, started, used = Peak(), time.perf_counter(), os.times()
    while not runner.advance(seconds=15).is_complete:
        pass
    composed, rest = time.perf_counter(), os.times()
    finished = runner.finish()
    ended = time.perf_counter()
    cpu = (rest.children_user + rest.children_system) - (used.children_user + used.children_system)
    print(
        f"{asked.what}: {asked.people} people, {asked.minutes} min, {asked.size[0]}x{asked.size[1]}: "
        f"composed in {composed - started:.1f} s (1/{length / 1000 / (composed - started):.1f}), CPU {cpu:.1f} s "
        f"(1/{length / 1000 / cpu:.1f}), joined in {ended - composed:.1f} s, peak {peak.stop():.0f} MB, "
        f"file {finished.size / 1e6:.1f} MB, {finished.duration / 1000:.1f} s, load {os.getloadavg()[0]:.1f}"
    )
    quarter = max(len(peak.samples) // 4, 1)
    print(
        "peak RSS by quarter, MB:",
        [
            round(max(peak.samples[at : at + quarter]))
            for at in range(0, quarter * 4, quarter)
            if peak.samples[at : at + quarter]
        ],
    )


def pair(text: str) -> tuple[int, int]:
    width, height = text.split("x")
    return int(width), int(height)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["ratio", "end", "memory"])
    parser.add_argument("--people", type=int, default=4)
    parser.add_argument("--minutes", type=int, default=2)
    parser.add_argument("--size", type=pair, default=(1280, 720))
    parser.add_argument("--camera", type=pair, default=(640, 480))
    parser.add_argument("--camera-fps", type=int, default=24)
    parser.add_argument("--bit-rate", type=int, default=800_000)
    parser.add_argument("--nice", type=int, default=0)
    asked = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with tempfile.TemporaryDirectory() as folder:
        compose(build(Path(folder), asked), asked)


if __name__ == "__main__":
    main()
