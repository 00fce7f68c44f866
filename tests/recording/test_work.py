"""The worker's side: one at a time, goes on after any end, waits for what may come, says what is missing."""

from __future__ import annotations

import json
import os
import shutil
import threading
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from archives.composing import composer, keeping, leases, sources
from archives.models import Archive, Chunk, Track
from meetings.exceptions import Conflict
from tests.callers import ApiClient
from tests.media.looking import watch
from tests.media.making import Take, chunks
from tests.recording.people import Person
from tests.recording.working import began_earlier, stop, upload, work

pytestmark = pytest.mark.django_db(transaction=True)
TAKE = Take(length=4000)


@pytest.fixture
def recorded(archive: Archive, ann: Person) -> Archive:
    """A recording of four seconds of Ann, all sent, that still runs."""
    began_earlier(archive, 4)
    upload(ann, archive, chunks(TAKE))
    return archive


# --- whose work it is -----------------------------------------------------------------------------------------


def test_of_two_workers_one_works(recorded: Archive) -> None:
    stop(recorded)
    first = leases.claim(recorded.pk)
    assert first is not None
    assert leases.claim(recorded.pk) is None
    assert not composer.go_on(recorded.pk)
    first.release(timezone.now())
    assert leases.claim(recorded.pk) is not None


def test_a_claim_whose_holder_died_is_taken_over_by_its_watchdog(recorded: Archive) -> None:
    stop(recorded)
    dead = leases.claim(recorded.pk)
    assert dead is not None
    assert not composer.go_on(recorded.pk, watched=dead.claim)  # it may be alive
    watching = DBTaskResult.objects.filter(task_path="archives.tasks.compose")
    assert watching.filter(args_kwargs__args=[recorded.pk, dead.claim]).count() == 2  # it comes back
    Archive.objects.update(compose_lease_until=timezone.now() - timedelta(seconds=1))
    assert composer.go_on(recorded.pk, watched=dead.claim)
    assert not dead.renew()
    assert not composer.go_on(recorded.pk, watched=dead.claim)  # that claim is over


def test_who_has_lost_its_lease_changes_nothing(recorded: Archive) -> None:
    stop(recorded)
    slow = leases.claim(recorded.pk)
    assert slow is not None
    Archive.objects.update(compose_lease_until=timezone.now() - timedelta(seconds=1))
    assert work(recorded).status == "available"
    slow.release(timezone.now())
    recorded.refresh_from_db()
    assert recorded.compose_due_at is None


def test_threads_that_race_for_it_compose_it_once(recorded: Archive, media_root: Path) -> None:
    stop(recorded)
    done: list[bool] = []

    def race() -> None:
        try:
            done.append(composer.go_on(recorded.pk))
        finally:
            connection.close()

    threads = [threading.Thread(target=race) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    recorded.refresh_from_db()
    assert (recorded.status, sorted(done)) == ("available", [False, False, False, True])


# --- while it runs --------------------------------------------------------------------------------------------


def test_it_is_composed_while_it_runs(archive: Archive, ann: Person, media_root: Path) -> None:
    began_earlier(archive, 30)
    track = ann.track(at=archive.created_on)
    Track.objects.update(started_at=archive.created_on)
    for number, chunk in enumerate(chunks(Take(length=14000))):
        assert track.put(number, chunk).status_code == 200
    Archive.objects.update(compose_due_at=timezone.now())
    assert composer.go_on(archive.pk)
    archive.refresh_from_db()
    assert archive.composed_ms >= 10_000
    assert archive.progress is not None
    assert (archive.status, archive.progress["phase"]) == ("started", "recording")
    assert archive.compose_due_at is not None
    assert archive.compose_due_at > timezone.now() + timedelta(seconds=5)
    assert DBTaskResult.objects.filter(task_path="archives.tasks.compose", run_after__gt=timezone.now()).exists()


def test_an_open_track_is_waited_for(recorded: Archive, ben: Person, media_root: Path) -> None:
    track = ben.track(at=recorded.created_on)
    track.send(*chunks(TAKE)[:2])
    stop(recorded)
    assert composer.go_on(recorded.pk)
    recorded.refresh_from_db()
    assert recorded.status == "stopped"
    track.send(*chunks(TAKE)[2:])
    track.close()
    assert work(recorded).status == "available"
    assert recorded.reason == ""


def test_a_track_whose_page_was_killed_is_waited_for_a_minute(recorded: Archive, ben: Person) -> None:
    track = ben.track(at=recorded.created_on)
    track.send(*chunks(TAKE)[:3])
    ben.leave()
    stop(recorded)
    assert not sources.seal(recorded, timezone.now() + timedelta(seconds=50))
    assert sources.seal(recorded, timezone.now() + timedelta(seconds=70))
    assert work(recorded).status == "available"


def test_a_page_that_sleeps_holds_a_running_meeting_up_for_ten_minutes(archive: Archive, ann: Person) -> None:
    ann.track().send(b"x")
    now = timezone.now()
    for seconds, sealed in ((61, 0), (590, 0), (610, 1)):
        sources.seal(archive, now + timedelta(seconds=seconds))
        assert Track.objects.filter(sealed_at__isnull=False).count() == sealed


def test_a_page_that_never_stops_sending_is_not_waited_for_longer_than_a_quarter_of_an_hour(
    archive: Archive, ann: Person
) -> None:
    ann.track().send(b"x")
    stop(archive)
    now = timezone.now()
    for minutes, sealed in ((14, 0), (16, 1)):
        later = now + timedelta(minutes=minutes)
        Track.objects.update(last_chunk_at=later - timedelta(seconds=1))
        sources.seal(archive, later)
        assert Track.objects.filter(sealed_at__isnull=False).count() == sealed


def test_a_page_that_leaves_a_running_meeting_is_waited_for_a_minute(
    archive: Archive, ann: Person, ben: Person
) -> None:
    ben.track().send(b"x")
    ben.leave()
    now = timezone.now()
    for seconds, sealed in ((50, 0), (70, 1)):
        sources.seal(archive, now + timedelta(seconds=seconds))
        assert Track.objects.filter(sealed_at__isnull=False).count() == sealed


def test_chunks_are_put_in_order_and_gaps_are_noted(archive: Archive, ann: Person, tmp_path: Path) -> None:
    track = ann.track()
    for sequence in (0, 1, 3, 4):
        track.put(sequence, f"[{sequence}]".encode())
    now = timezone.now()
    file = tmp_path / "tracks" / f"{track.id}.webm"
    sources.collect(archive, tmp_path, now)
    assert file.read_bytes() == b"[0][1]"
    track.put(2, b"[2]")
    track.put(6, b"[6]")
    sources.collect(archive, tmp_path, now)
    assert file.read_bytes() == b"[0][1][2][3][4]"
    known = sources.collect(archive, tmp_path, now + timedelta(minutes=11))
    assert file.read_bytes() == b"[0][1][2][3][4][6]"
    assert known[track.id].gaps == [15]
    assert json.loads((tmp_path / "sources.json").read_text())[track.id] == {
        "next": 7,
        "size": 18,
        "gaps": [15],
        "marks": [],
        "is_whole": False,
        "is_riddled": False,
    }


def test_a_track_full_of_holes_is_read_up_to_some_point(archive: Archive, ann: Person, tmp_path: Path) -> None:
    track = ann.track()
    for sequence in range(0, 2 * sources.MOST_GAPS + 20, 2):
        assert track.put(sequence, b"x").status_code == 200
    later = timezone.now() + timedelta(minutes=11)
    known = sources.collect(archive, tmp_path, later)[track.id]
    assert (known.size, len(known.gaps)) == (sources.MOST_GAPS + 1, sources.MOST_GAPS)
    sources.write_job(archive, tmp_path, {track.id: known}, is_final=False, now=later)
    (said,) = json.loads((tmp_path / "job.json").read_text())["tracks"]
    assert said["closed"]
    assert said["gaps"][-1] == said["bytes"] == known.size
    track.put(1, b"late")
    assert sources.collect(archive, tmp_path, later)[track.id] == known


def test_the_job_says_when_the_page_had_the_first_chunks(archive: Archive, ann: Person, tmp_path: Path) -> None:
    track = ann.track()
    track.put(0, b"one", x_recorded_at="1700000001000")
    track.put(1, b"two")
    track.put(2, b"three", x_recorded_at="1700000003000")
    now = timezone.now()
    known = sources.collect(archive, tmp_path, now)
    sources.write_job(archive, tmp_path, known, is_final=False, now=now)
    (said,) = json.loads((tmp_path / "job.json").read_text())["tracks"]
    assert said["marks"] == [[3, 1700000001000], [11, 1700000003000]]


def test_what_a_killed_worker_wrote_in_part_is_written_again(archive: Archive, ann: Person, tmp_path: Path) -> None:
    track = ann.track()
    track.send(b"[0]", b"[1]")
    sources.collect(archive, tmp_path, timezone.now())
    with (tmp_path / "tracks" / f"{track.id}.webm").open("ab") as file:
        file.write(b"[2")
    track.send(b"[2]")
    sources.collect(archive, tmp_path, timezone.now())
    assert file.closed
    assert (tmp_path / "tracks" / f"{track.id}.webm").read_bytes() == b"[0][1][2]"


def test_a_chunk_that_was_tampered_with_or_is_gone_is_a_gap(
    archive: Archive, ann: Person, tmp_path: Path, media_root: Path
) -> None:
    track = ann.track()
    track.send(b"[0]", b"[1]", b"[2]", b"[3]")
    first, second = (next(media_root.rglob(f"{number}-*.webm")) for number in (1, 2))
    first.write_bytes(b"!")
    second.unlink()
    known = sources.collect(archive, tmp_path, timezone.now())
    assert (known[track.id].size, known[track.id].gaps) == (6, [3])


# --- how it ends ----------------------------------------------------------------------------------------------


def test_what_is_missing_is_said_in_words(recorded: Archive, ben: Person, owner: ApiClient) -> None:
    track = ben.track(at=recorded.created_on)
    parts = chunks(Take(length=4000, beep=660))
    for number, part in enumerate(parts):
        if number != 1:
            assert track.put(number, part).status_code == 200
    track.close(len(parts))
    stop(recorded)
    Track.objects.filter(sealed_at__isnull=True).update(sealed_at=timezone.now())
    assert work(recorded).status == "available"
    assert recorded.reason.startswith("Missing: Ben (camera) from 0:0")
    meta = owner.get(f"/archives/{recorded.archive_id}").json()["metaData"]
    assert meta["people"] == ["Ann", "Ben"]
    assert {"person": "Ben", "kind": "camera"}.items() <= meta["missing"][0].items()
    assert 0 <= meta["missing"][0]["from"] < meta["missing"][0]["to"] <= 6000


def test_rubbish_takes_nobody_else_down(recorded: Archive, ben: Person) -> None:
    upload(ben, recorded, [os.urandom(50_000), b"\x1a\x45\xdf\xa3" + os.urandom(50_000)])
    stop(recorded)
    assert work(recorded).status == "available"
    assert "Ben" in recorded.reason


def test_rubbish_alone_is_a_failure_that_says_so(archive: Archive, ann: Person) -> None:
    began_earlier(archive, 3)
    upload(ann, archive, [os.urandom(10_000)])
    stop(archive)
    assert work(archive).status == "failed"
    assert len(archive.reason) > 20
    assert Chunk.objects.exists()  # somebody may want to look


def test_a_recording_that_breaks_off_again_and_again_fails(recorded: Archive, settings: Any) -> None:
    stop(recorded)
    Archive.objects.update(resolution="7x7")  # no size of a recording: the program refuses the job each time
    for _ in range(composer.MOST_FAILURES):
        Archive.objects.update(compose_due_at=timezone.now())
        assert composer.go_on(recorded.pk)
        recorded.refresh_from_db()
        assert recorded.status == "stopped"
        assert recorded.compose_due_at is not None
        assert recorded.compose_due_at > timezone.now()
    Archive.objects.update(compose_due_at=timezone.now())
    composer.go_on(recorded.pk)
    recorded.refresh_from_db()
    assert (recorded.status, recorded.reason, recorded.compose_due_at) == ("failed", composer.CRASHED, None)
    assert "7×7" in recorded.compose_error
    Archive.objects.update(resolution="1280x720")
    composer.compose_again(recorded)
    assert work(recorded).status == "available"


def test_composing_again_gives_the_same_film(recorded: Archive, media_root: Path, tmp_path: Path) -> None:
    stop(recorded)
    work(recorded)
    before = recorded.sha256
    (media_root / recorded.storage_key).unlink()
    call_command("compose_archive", recorded.archive_id)
    recorded.refresh_from_db()
    assert recorded.status == "available"
    with pytest.raises(CommandError, match="being composed"):
        call_command("compose_archive", recorded.archive_id)
    work(recorded)
    assert (recorded.status, recorded.progress, recorded.size) == (
        "available",
        None,
        (media_root / recorded.storage_key).stat().st_size,
    )
    assert watch(media_root / recorded.storage_key).streams == ["h264", "aac"]
    assert before


def test_composing_again_without_chunks_is_refused(recorded: Archive) -> None:
    with pytest.raises(CommandError, match="no archive"):
        call_command("compose_archive", "nope")
    with pytest.raises(Conflict, match="started"):
        composer.compose_again(recorded)
    stop(recorded)
    work(recorded)
    keeping.remove_sources(recorded)
    with pytest.raises(CommandError, match="gone"):
        call_command("compose_archive", recorded.archive_id)


def test_a_disk_that_is_full_is_waited_for(recorded: Archive, small_disk: Any, tmp_path: Path, settings: Any) -> None:
    small_disk(tmp_path / "work")
    (tmp_path / "work" / "full").write_bytes(b"x" * 1_000_000)
    settings.VIDEOCONF = settings.VIDEOCONF | {"RECORDING_WORK_FOLDER": str(tmp_path / "work")}
    stop(recorded)
    Archive.objects.update(compose_due_at=timezone.now())
    composer.go_on(recorded.pk)
    recorded.refresh_from_db()
    assert recorded.status == "stopped"
    assert recorded.compose_error
    assert recorded.compose_due_at is not None
    shutil.rmtree(tmp_path / "work" / recorded.archive_id, ignore_errors=True)
    settings.VIDEOCONF = settings.VIDEOCONF | {"RECORDING_WORK_FOLDER": None}
    assert work(recorded).status == "available"
