"""What goes wrong for the worker: it is killed, comes late, finds its chunks away; tracks that end the program."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from archives.composing import composer, leases, sources
from archives.media.runner import Advanced, MediaCrashed, Runner
from archives.models import Archive, Chunk
from meetings.exceptions import Conflict
from tests.media.looking import watch
from tests.media.making import Take, chunks
from tests.recording.people import Person
from tests.recording.working import began_earlier, stop, upload, work
from tests.servers import ROOT, database_url, eventually

pytestmark = pytest.mark.django_db(transaction=True)
TAKE = Take(length=4000)


@pytest.fixture
def recorded(archive: Archive, ann: Person) -> Archive:
    """A recording of four seconds of Ann, all sent, that still runs."""
    began_earlier(archive, 4)
    upload(ann, archive, chunks(TAKE))
    return archive


def test_a_worker_whose_lease_is_lost_meanwhile_notes_nothing(
    recorded: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop(recorded)
    advance = Runner.advance

    def slow(runner: Runner, *, seconds: float) -> Advanced:
        Archive.objects.update(compose_claim="another", progress=None)
        advance(runner, seconds=seconds)
        return Advanced(done=4000, total=4000, is_complete=True)

    def broken(runner: Runner, *, seconds: float) -> Advanced:
        Archive.objects.update(compose_claim="another", progress=None)
        raise MediaCrashed(-9, "")

    for way in (slow, broken):
        Archive.objects.update(compose_claim="", compose_lease_until=None, compose_due_at=timezone.now())
        monkeypatch.setattr(Runner, "advance", way)
        assert composer.go_on(recorded.pk)
        recorded.refresh_from_db()
        assert (recorded.status, recorded.storage_key, recorded.progress) == ("stopped", "", None)
        assert (recorded.composed_ms, recorded.compose_attempts, recorded.compose_error) == (0, 0, "")


def test_workers_that_are_killed_every_time_end_it(recorded: Archive) -> None:
    stop(recorded)
    for deaths in range(composer.MOST_DEATHS + 1):
        lease = leases.claim(recorded.pk)
        assert lease is not None
        assert lease.deaths == deaths
        Archive.objects.update(compose_lease_until=timezone.now() - timedelta(seconds=1))
    assert composer.go_on(recorded.pk)
    recorded.refresh_from_db()
    assert (recorded.status, recorded.reason, recorded.compose_due_at) == ("failed", composer.KILLED, None)


def test_chunks_whose_storage_is_away_are_waited_for(
    recorded: Archive, ann: Person, ben: Person, media_root: Path
) -> None:
    upload(ben, recorded, chunks(TAKE))
    stop(recorded)
    folder = media_root / "chunks" / recorded.archive_id
    tracks = list(folder.iterdir())
    for part in (folder, tracks[0]):
        part.rename(media_root / "away")
        Archive.objects.update(compose_due_at=timezone.now())
        composer.go_on(recorded.pk)
        (media_root / "away").rename(part)
        recorded.refresh_from_db()
        assert recorded.status == "stopped"
        assert "is their storage there?" in recorded.compose_error
    assert work(recorded).status == "available"
    assert recorded.reason == ""


def test_chunks_that_never_come_back_are_given_up(recorded: Archive, media_root: Path) -> None:
    stop(recorded)
    shutil.rmtree(media_root / "chunks")
    Archive.objects.update(compose_attempts=sources.MOST_LOOKS)
    assert work(recorded).status == "failed"


def test_a_track_that_is_whole_is_not_looked_at_again(archive: Archive, ann: Person, tmp_path: Path) -> None:
    track = ann.track()
    track.send(b"[0]", b"[1]")
    track.close()
    stop(archive)
    now = timezone.now()
    assert sources.seal(archive, now)
    known = sources.collect(archive, tmp_path, now)
    assert known[track.id].is_whole
    before = (tmp_path / "sources.json").stat()
    Chunk.objects.all().delete()
    assert sources.collect(archive, tmp_path, now) == known
    assert (tmp_path / "sources.json").stat() == before


def test_notes_that_are_broken_are_made_anew(archive: Archive, ann: Person, tmp_path: Path) -> None:
    track = ann.track()
    track.send(b"[0]", b"[1]")
    for broken in ("", "{", "[]", '{"a": {"size": 1, "colour": 2}}'):
        sources.collect(archive, tmp_path, timezone.now())
        (tmp_path / "sources.json").write_text(broken)
        sources.collect(archive, tmp_path, timezone.now())
        assert (tmp_path / "tracks" / f"{track.id}.webm").read_bytes() == b"[0][1]"


def test_tracks_that_end_the_program_do_not_use_up_the_failures(
    recorded: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop(recorded)
    crashing = iter([1, 1, 2, 2, 3, 3, 4, 4] + [5] * 20)

    def crash(runner: Runner, *, seconds: float) -> Advanced:
        raise MediaCrashed(-11, "", next(crashing))

    monkeypatch.setattr(Runner, "advance", crash)
    tries = 0
    while recorded.status == "stopped":
        Archive.objects.update(compose_due_at=timezone.now())
        assert composer.go_on(recorded.pk)
        recorded.refresh_from_db()
        tries += 1
    assert tries == 8 + composer.MOST_CRASHES + composer.MOST_FAILURES
    assert (recorded.status, recorded.reason) == ("failed", composer.CRASHED)


def test_failures_while_it_ran_are_not_counted_afterwards(recorded: Archive) -> None:
    Archive.objects.update(compose_attempts=50)
    stop(recorded)
    assert Archive.objects.get().compose_attempts == 0


def test_composing_again_loses_to_another_and_leaves_its_work(recorded: Archive, media_root: Path) -> None:
    stop(recorded)
    work(recorded)
    stale = Archive.objects.get()
    Archive.objects.update(status="stopped")
    folder = sources.work_folder(recorded)
    folder.mkdir(parents=True)
    with pytest.raises(Conflict, match="being composed"):
        composer.compose_again(stale)
    assert folder.exists()


# --- killed ---------------------------------------------------------------------------------------------------


class Worker:
    """A worker in a process of its own."""

    def __init__(self, media_root: Path, log: Path) -> None:
        self.log = log
        self.env = os.environ | {
            "DJANGO_SETTINGS_MODULE": "tests.settings",
            "DATABASE_URL": database_url(),
            "MEDIA_ROOT": str(media_root),
        }
        self.command = [sys.executable, "manage.py", "db_worker", "--no-reload", "--no-startup-delay", "--skip-checks"]
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [*self.command, "--interval", "0.2"],
                cwd=ROOT,
                env=self.env,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    def kill(self) -> None:
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


def test_a_worker_that_is_killed_again_and_again_gets_it_done(
    archive: Archive, ann: Person, ben: Person, media_root: Path, tmp_path: Path
) -> None:
    began_earlier(archive, 45)
    take = Take(length=45_000)
    upload(ann, archive, chunks(take))
    upload(ben, archive, chunks(Take(length=45_000, beep=660, colour=(20, 20, 200))))
    stop(archive, after=45)
    worker, chance = Worker(media_root, tmp_path / "worker.log"), random.Random(11)
    composed = []
    try:
        for _ in range(3):
            worker.start()
            eventually(lambda: claimed(archive), "the worker takes it", within=40)
            time.sleep(chance.uniform(0.3, 2.5))
            worker.kill()
            archive.refresh_from_db()
            composed.append(archive.composed_ms)
            # The lease of the dead runs out, and its watchdog comes: half a minute, which a test need not wait.
            Archive.objects.update(compose_lease_until=timezone.now() - timedelta(seconds=1))
            DBTaskResult.objects.filter(status="READY").update(run_after=timezone.now())
        worker.start()
        eventually(lambda: is_over(archive), f"it is done; {worker.log}", within=120)
    finally:
        worker.kill()
    archive.refresh_from_db()
    assert (archive.status, archive.reason) == ("available", ""), archive.compose_error
    film = watch(media_root / archive.storage_key)
    assert abs(film.length - 45) < 0.1
    assert composed == sorted(composed)


def claimed(archive: Archive) -> bool:
    return bool(Archive.objects.filter(pk=archive.pk).exclude(compose_claim="").exists()) or is_over(archive)


def is_over(archive: Archive) -> bool:
    return bool(Archive.objects.filter(pk=archive.pk, status__in=("available", "failed")).exists())
