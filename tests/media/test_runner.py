"""The program as a process: limits, environment, and ways to end it."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from archives.media.limits import Limits
from archives.media.runner import (
    MediaBusy,
    MediaCrashed,
    MediaTimedOut,
    MediaUnusable,
    Progress,
    Runner,
    is_available,
)
from tests.media.conftest import NewMeeting
from tests.media.looking import watch
from tests.media.making import Meeting, Take

ROOT = Path(__file__).parents[2]
TAKE = Take(length=3000, width=64, height=48, fps=10)
LONG = Take(length=30_000, width=64, height=48, fps=5)


@pytest.fixture
def meeting(new_meeting: NewMeeting) -> Meeting:
    made = new_meeting(fps=10)
    made.add_person("ann")
    made.add_track("t1", "ann", TAKE)
    made.write(end=3000)
    return made


def test_a_meeting_becomes_a_file_with_size_and_hash(meeting: Meeting) -> None:
    told: list[Progress] = []
    runner = Runner(meeting.folder, timeout=60, on_progress=told.append)
    assert runner.advance().is_complete
    finished = runner.finish()
    assert finished.path == (meeting.folder / "archive.mp4").resolve()
    assert finished.size == finished.path.stat().st_size
    digest = subprocess.run(["sha256sum", str(finished.path)], capture_output=True, text=True).stdout.split()[0]
    assert finished.sha256 == digest
    assert len(watch(finished.path).pictures) == 30
    assert told == [
        Progress(phase="composing", done=3000, total=3000),
        Progress(phase="joining", done=1, total=1),
    ]
    assert runner.finish().sha256 == digest


def test_the_web_process_imports_nothing_that_reads_media() -> None:
    program = (
        "import sys; from archives.media import runner; assert runner.is_available(); "
        "print([name for name in sys.modules if name.split('.')[0] in ('av', 'numpy', 'PIL', 'django')])"
    )
    said = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert said.stdout.strip() == "[]"


def test_what_is_not_installed_is_named() -> None:
    """Asked of a Python without any packages."""
    program = "from archives.media import runner; print(runner.lacking(), runner.is_available())"
    said = subprocess.run([sys.executable, "-S", "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert said.stdout.strip() == "['av', 'numpy', 'PIL'] False"
    assert is_available()


def test_the_program_knows_no_secret_and_is_bounded(meeting: Meeting, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program in place of ours tells what it was given."""
    monkeypatch.setenv("DATABASE_URL", "postgres://secret")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    spy = "import json,os,sys; print(json.dumps({'phase': 'advanced', 'done': 0, 'total': 0, 'complete': True})); "
    spy += "open('seen.json', 'w').write(json.dumps([dict(os.environ), os.getcwd(), os.getpgid(0) == os.getpid()]))"
    Runner(meeting.folder, program=(sys.executable, "-c", spy)).advance()
    environment, folder, leads_group = json.loads((meeting.folder / "seen.json").read_text())
    assert "secret" not in json.dumps(environment)
    assert set(environment) <= {
        "PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "PYTHONPATH", "PYTHONUTF8", "PYTHONUNBUFFERED",
        "PYTHONDONTWRITEBYTECODE", "TMPDIR", "MALLOC_ARENA_MAX", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS",
    }  # fmt: skip
    assert folder == str(meeting.folder.resolve())
    assert leads_group


def test_limits_bind_the_process() -> None:
    program = (
        "import os, resource; from archives.media.limits import Limits; "
        "Limits(memory=2**30, cpu=7, file=4096).apply(); "
        "print([resource.getrlimit(kind) for kind in (resource.RLIMIT_AS, resource.RLIMIT_CPU, resource.RLIMIT_FSIZE, "
        "resource.RLIMIT_CORE)], os.nice(0) >= 10)"
    )
    said = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True).stdout
    assert said.strip() == f"[({2**30}, {2**30}), (7, 7), (4096, 4096), (0, 0)] True"


def test_a_file_that_grows_too_large_ends_the_program(meeting: Meeting) -> None:
    with pytest.raises(MediaCrashed):
        Runner(meeting.folder, limits=Limits(file=4096), timeout=60).advance()
    assert not list((meeting.folder / "parts").glob("*.part"))
    assert Runner(meeting.folder, timeout=60).advance().is_complete


def test_a_run_that_takes_too_long_is_ended(new_meeting: NewMeeting) -> None:
    meeting = new_meeting(width=1920, height=1080)
    meeting.add_person("ann")
    meeting.add_track("t1", "ann", LONG)
    meeting.write(end=30_000)
    started = time.monotonic()
    with pytest.raises(MediaTimedOut):
        Runner(meeting.folder, timeout=0.8).advance()
    assert time.monotonic() - started < 5


def test_a_run_can_be_killed_from_another_thread(new_meeting: NewMeeting) -> None:
    meeting = new_meeting(width=1920, height=1080)
    meeting.add_person("ann")
    meeting.add_track("t1", "ann", LONG)
    meeting.write(end=30_000)
    runner = Runner(meeting.folder, timeout=60)
    threading.Timer(0.7, runner.kill).start()
    with pytest.raises(MediaCrashed) as ended:
        runner.advance()
    assert ended.value.code == -9


def test_one_process_at_a_time_works_in_a_folder(meeting: Meeting) -> None:
    program = (
        "import fcntl, os, sys, time; fcntl.flock(os.open(sys.argv[1], os.O_CREAT | os.O_RDWR), fcntl.LOCK_EX); "
        "print(flush=True); time.sleep(60)"
    )
    lock = str(meeting.folder / "lock")
    holder = subprocess.Popen([sys.executable, "-c", program, lock], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    holder.stdout.readline()
    try:
        with pytest.raises(MediaBusy):
            Runner(meeting.folder, timeout=60).advance()
    finally:
        holder.kill()
        holder.communicate()
    assert Runner(meeting.folder, timeout=60).advance().is_complete


def test_the_program_ends_with_who_started_it(new_meeting: NewMeeting) -> None:
    """A worker that is killed leaves nobody behind who writes into the folder."""
    meeting = new_meeting(width=1920, height=1080)
    meeting.add_person("ann")
    meeting.add_track("t1", "ann", LONG)
    meeting.write(end=30_000)
    program = (
        "import pathlib, sys; from archives.media.runner import Runner; Runner(pathlib.Path(sys.argv[1])).advance()"
    )
    worker = subprocess.Popen([sys.executable, "-c", program, str(meeting.folder)], cwd=ROOT)
    deadline = time.monotonic() + 20
    while not (meeting.folder / "watch").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    children = Path(f"/proc/{worker.pid}/task/{worker.pid}/children").read_text().split()
    assert len(children) == 1
    worker.kill()
    worker.wait()
    while Path(f"/proc/{children[0]}").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not Path(f"/proc/{children[0]}").exists() or "Z" in Path(f"/proc/{children[0]}/stat").read_text()


def test_a_job_that_is_not_as_agreed_is_a_bug_and_says_which_field(meeting: Meeting) -> None:
    meeting.job["width"] = 641
    meeting.write(end=3000)
    with pytest.raises(MediaCrashed, match=r"641×480 is no size"):
        Runner(meeting.folder, timeout=60).advance()


def test_finishing_too_early_is_a_bug(meeting: Meeting) -> None:
    with pytest.raises(MediaCrashed, match="NotComposed"):
        Runner(meeting.folder, timeout=60).finish()


def test_nothing_usable_is_told_from_a_crash(new_meeting: NewMeeting) -> None:
    meeting = new_meeting()
    meeting.add_person("ann")
    meeting.add_track("t1", "ann", b"nothing")
    meeting.write(end=1000)
    runner = Runner(meeting.folder, timeout=60)
    runner.advance()
    with pytest.raises(MediaUnusable, match=r"^No recording holds a picture or a sound that can be used\."):
        runner.finish()


def test_memory_does_not_grow_with_the_meeting(new_meeting: NewMeeting) -> None:
    """24 slices: what the process holds in the last third is what it held in the second, when it was warm.

    The least of each: what waits for the encoder when a slice is reported comes and goes.
    """
    meeting = new_meeting(fps=10)
    take = Take(length=240_000, width=160, height=120, fps=10)
    for number in range(2):
        meeting.add_person(f"p{number}")
        meeting.add_track(f"t{number}", f"p{number}", take)
    meeting.write(end=240_000)
    process: list[int] = []
    sizes: list[int] = []

    def look(progress: Progress) -> None:
        if not process:
            children = Path(f"/proc/self/task/{threading.get_native_id()}/children").read_text().split()
            process.extend(
                int(pid) for pid in children if b"archives.media" in Path(f"/proc/{pid}/cmdline").read_bytes()
            )
        for pid in process:
            status = Path(f"/proc/{pid}/status").read_text()
            sizes.extend(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))

    while not Runner(meeting.folder, timeout=240, on_progress=look).advance(seconds=200).is_complete:
        process.clear()
    assert len(sizes) == 24
    assert min(sizes[16:]) <= min(sizes[8:16]) + 20_000, sizes
    assert max(sizes) < 300_000
