"""Where the file goes, over real HTTP; what a storage that refuses makes of it; what is kept and what is deleted."""

from __future__ import annotations

import hashlib
import http.client
import os
from datetime import timedelta
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core.management import call_command
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from archives import services, storage
from archives.composing import composer, delivery, keeping, leases, sources
from archives.composing.leases import Lease
from archives.media.runner import Finished, Missing
from archives.models import Archive, Chunk, RecordingNotice, StorageTarget, Track
from meetings import extensions
from tests.callers import ApiClient
from tests.emulators import S3Emulator
from tests.media.making import Take, chunks
from tests.recording.people import Person
from tests.recording.working import began_earlier, upload, work
from tests.storages import Configure

pytestmark = pytest.mark.django_db(transaction=True)
TAKE = Take(length=2000)
GONE = "0b5b6ef5-0000-4000-8000-000000000000"


@pytest.fixture
def recorded(archive: Archive, ann: Person) -> Archive:
    """A recording of two seconds of Ann, all sent, and stopped."""
    began_earlier(archive, 2)
    upload(ann, archive, chunks(TAKE))
    return services.stop_archive(archive)


def in_force(target: StorageTarget) -> StorageTarget:
    """Store a target as if it had been in force for long."""
    target.created_on = timezone.now() - timedelta(days=1)
    target.save()
    return target


def fetched(address: str, **headers: str) -> tuple[int, bytes, Any]:
    parts = urlsplit(address)
    client = http.client.HTTPConnection(parts.netloc, timeout=10)
    client.request("GET", f"{parts.path}?{parts.query}", headers=headers)
    answer = client.getresponse()
    try:
        return answer.status, answer.read(), answer.headers
    finally:
        client.close()


@pytest.fixture(params=["bucket", "container"])
def target(request: pytest.FixtureRequest) -> StorageTarget:
    """A target of each kind, in force, on an emulator."""
    return in_force(request.getfixturevalue(request.param))


def test_the_file_goes_to_the_bucket_and_is_what_was_made(
    target: StorageTarget, recorded: Archive, owner: ApiClient, media_root: Path
) -> None:
    assert work(recorded).status == "available"
    assert (recorded.target, recorded.storage_key) == (target, f"webrtc/{recorded.archive_id}/archive.mp4")
    meta = owner.get(f"/archives/{recorded.archive_id}").json()["metaData"]
    status, body, _ = fetched(meta["url"])
    assert (status, len(body)) == (200, meta["size"])
    assert hashlib.sha256(body).hexdigest() == recorded.sha256
    status, part, _ = fetched(meta["url"], Range="bytes=4-7")
    assert (status, part) == (206, body[4:8] if part != b"ftyp" else b"ftyp")
    download = owner.get(f"/archives/{recorded.archive_id}/download")
    assert (download.status_code, urlsplit(download["Location"]).netloc) == (302, urlsplit(meta["url"]).netloc)
    assert not list(media_root.rglob("*.mp4"))


def test_deleting_removes_every_byte(
    target: StorageTarget, recorded: Archive, owner: ApiClient, media_root: Path
) -> None:
    work(recorded)
    assert owner.delete(f"/archives/{recorded.archive_id}").status_code == 200
    assert not storage.exists(target, recorded.storage_key)
    assert [path for path in media_root.rglob("*") if path.is_file()] == []
    assert (Track.objects.count(), Chunk.objects.count()) == (0, 0)
    recorded.refresh_from_db()
    assert (recorded.deleted, recorded.removal_due_at) == (True, None)


def test_a_target_that_is_taken_away_meanwhile_is_not_used(
    bucket: StorageTarget, recorded: Archive, media_root: Path
) -> None:
    in_force(bucket).soft_delete("owner")
    work(recorded)
    assert (recorded.status, recorded.target) == ("available", None)
    assert (media_root / recorded.storage_key).stat().st_size == recorded.size


# --- a storage that refuses -------------------------------------------------------------------------------------


def refusing(bucket: StorageTarget, s3: S3Emulator, **values: Any) -> StorageTarget:
    """Have the bucket go away, as somebody's mistake would."""
    for name, value in values.items():
        setattr(bucket, name, value)
    s3.client().delete_bucket(Bucket=bucket.bucket)
    return in_force(bucket)


def try_now(archive: Archive) -> Archive:
    Archive.objects.filter(pk=archive.pk).update(compose_due_at=timezone.now())
    composer.go_on(archive.pk)
    archive.refresh_from_db()
    return archive


def test_a_bucket_that_refuses_is_asked_again_and_staff_see_why(
    bucket: StorageTarget, s3: S3Emulator, recorded: Archive, owner: ApiClient
) -> None:
    refusing(bucket, s3)
    for _ in range(3):
        try_now(recorded)
        assert recorded.status == "stopped"
        assert bucket.bucket in recorded.compose_error
        assert recorded.compose_due_at is not None
        assert timedelta(0) < recorded.compose_due_at - timezone.now() < timedelta(minutes=15)
    meta = owner.get(f"/archives/{recorded.archive_id}").json()["metaData"]
    assert meta["reason"] == "The storage of archives refused the request."
    assert bucket.bucket not in str(meta)
    s3.client().create_bucket(Bucket=bucket.bucket)
    assert try_now(recorded).status == "available"
    assert (recorded.reason, recorded.compose_error, recorded.refused_since) == ("", "", None)
    assert storage.size(bucket, recorded.storage_key) == recorded.size


def test_after_a_quarter_of_an_hour_it_fails_and_can_be_stored_later(
    bucket: StorageTarget, s3: S3Emulator, recorded: Archive
) -> None:
    refusing(bucket, s3)
    try_now(recorded)
    Archive.objects.update(refused_since=timezone.now() - timedelta(minutes=16))
    assert try_now(recorded).status == "failed"
    assert "did not take it" in recorded.reason
    assert recorded.compose_due_at is None
    assert Chunk.objects.exists()
    s3.client().create_bucket(Bucket=bucket.bucket)
    composer.compose_again(recorded)
    assert work(recorded).status == "available"


def test_the_fallback_keeps_it_here(bucket: StorageTarget, s3: S3Emulator, recorded: Archive, media_root: Path) -> None:
    refusing(bucket, s3, fallback="opentok")
    try_now(recorded)
    assert recorded.status == "stopped"  # it may only be a moment's trouble
    Archive.objects.update(refused_since=timezone.now() - timedelta(minutes=16))
    try_now(recorded)
    assert (recorded.status, recorded.target) == ("available", None)
    assert "kept by this service" in recorded.reason
    assert hashlib.sha256((media_root / recorded.storage_key).read_bytes()).hexdigest() == recorded.sha256


def test_a_bucket_without_the_right_to_write(
    bucket: StorageTarget, s3: S3Emulator, recorded: Archive, configure: Configure
) -> None:
    key, secret = s3.new_key({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"})
    in_force(bucket)
    configure(AWS_ACCESS_KEY=key, AWS_SECRET_KEY=secret)
    with s3.enforcing():
        try_now(recorded)
    assert recorded.status == "stopped"
    assert "denied" in recorded.compose_error


def test_a_target_whose_credentials_are_gone(bucket: StorageTarget, recorded: Archive, configure: Configure) -> None:
    in_force(bucket)
    configure(AWS_ACCESS_KEY=None)
    try_now(recorded)
    assert (recorded.status, recorded.compose_error) == (
        "stopped",
        "The storage target can't be used without AWS_ACCESS_KEY: set it.",
    )


# --- what is kept, and for how long -------------------------------------------------------------------------------


def test_chunks_are_kept_for_a_day(recorded: Archive, media_root: Path) -> None:
    work(recorded)
    assert recorded.chunks_due_at is not None
    assert timedelta(hours=23) < recorded.chunks_due_at - timezone.now() <= timedelta(hours=24)
    due = DBTaskResult.objects.get(task_path="archives.tasks.remove_chunks")
    assert due.run_after == recorded.chunks_due_at
    assert not keeping.remove_chunks_when_due(recorded.pk)
    Archive.objects.update(chunks_due_at=timezone.now())
    assert keeping.remove_chunks_when_due(recorded.pk)
    assert (Track.objects.count(), Chunk.objects.count()) == (0, 0)
    assert [path.name for path in media_root.rglob("*") if path.is_file()] == ["archive.mp4"]
    after = Archive.objects.get()
    assert (after.chunks_due_at, after.report) == (None, {"people": ["Ann"], "missing": []})


def test_a_recording_that_is_deleted_while_it_is_composed_leaves_nothing(
    recorded: Archive, owner: ApiClient, media_root: Path
) -> None:
    owner.delete(f"/archives/{recorded.archive_id}")
    composer.go_on(recorded.pk)
    assert [path for path in media_root.rglob("*") if path.is_file()] == []
    recorded.refresh_from_db()
    assert recorded.compose_due_at is None
    assert (recorded.status, recorded.reason) == ("failed", "It was deleted before its file was made.")
    services.restore_archive(recorded, actor="owner")
    composer.go_on(recorded.pk)
    recorded.refresh_from_db()
    assert (recorded.deleted, recorded.status) == (False, "failed")


def test_who_was_told_is_kept_with_a_deleted_archive(archive: Archive, ann: Person, owner: ApiClient) -> None:
    notice = extensions.recording_notice(archive.meeting)
    assert notice is not None
    extensions.recording_told(archive.meeting, ann.connection_id, notice)
    services.stop_archive(archive)
    owner.delete(f"/archives/{archive.archive_id}")
    assert RecordingNotice.objects.count() == 1


def pruned(*arguments: str) -> str:
    said = StringIO()
    call_command("prune_recordings", *arguments, stdout=said)
    return said.getvalue()


def test_pruning_says_first_what_it_would_remove(recorded: Archive, media_root: Path) -> None:
    work(recorded)
    assert pruned().startswith("0 would be removed")
    orphan = media_root / "chunks" / GONE / "t" / "0-abc.webm"
    orphan.parent.mkdir(parents=True)
    orphan.write_bytes(b"x" * 2048)
    broken = next(path for path in media_root.rglob("*.webm") if path != orphan).with_suffix(".webm.0a.part")
    broken.write_bytes(b"y")
    work_left = media_root / "recording-work" / GONE / "job.json"
    work_left.parent.mkdir(parents=True)
    work_left.write_bytes(b"z")
    assert pruned().splitlines()[:-1] == [
        f"unfinished work {GONE}: 1\xa0byte"
    ]  # the others may be on their way to a row
    for path in (orphan, broken):
        hours_ago = timezone.now().timestamp() - 7200
        os.utime(path, (hours_ago, hours_ago))
    Archive.objects.update(chunks_due_at=timezone.now())
    before = sorted(media_root.rglob("*"))
    said = pruned()
    assert sorted(media_root.rglob("*")) == before
    assert f"chunks of the unknown recording {GONE}: 2.0\xa0KB" in said
    assert f"broken upload {broken.relative_to(media_root)}: 1\xa0byte" in said
    assert f"chunks of recording {recorded.archive_id}" in said
    assert "would be removed" in said
    assert "3 removed" in pruned("--apply")  # the broken upload goes with its recording
    assert [path.name for path in media_root.rglob("*") if path.is_file()] == ["archive.mp4"]
    assert pruned().startswith("0 would")
    recorded.refresh_from_db()
    assert recorded.status == "available"


def test_pruning_leaves_what_is_being_recorded_and_composed_alone(
    archive: Archive, ann: Person, media_root: Path
) -> None:
    ann.track().send(b"x")
    composer.go_on(archive.pk)
    Archive.objects.update(modified_on=timezone.now() - timedelta(days=3))
    assert pruned("--apply").startswith("0 removed")
    assert len(list(media_root.rglob("*.webm"))) >= 1


def test_pruning_touches_only_work_of_ours_that_nobody_is_at(recorded: Archive, media_root: Path) -> None:
    root, other = media_root / "recording-work", "1c5b6ef5-0000-4000-8000-000000000000"
    for name, file in (("photos", "job.json"), (other, "holiday.jpg"), (GONE, "sources.lock")):
        (root / name).mkdir(parents=True)
        (root / name / file).write_bytes(b"x")
    foreign = media_root / "chunks" / "elsewhere" / "0.webm"
    foreign.parent.mkdir(parents=True)
    foreign.write_bytes(b"x")
    os.utime(foreign, (0, 0))
    with sources.locked(root / GONE):
        assert pruned("--apply").startswith("0 removed")
    assert "1 removed" in pruned("--apply")
    assert sorted(path.name for path in root.iterdir()) == [other, "photos"]
    assert foreign.exists()


# --- killed, late, deleted ------------------------------------------------------------------------------------------


def killed_at(monkeypatch: pytest.MonkeyPatch, owner: object, name: str) -> None:
    """Have the worker die where it would call something: nothing of what follows happens."""

    def die(*args: Any, **kwargs: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(owner, name, die)


def test_a_worker_killed_right_after_the_end_leaves_nothing_to_do(
    recorded: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        killed_at(patch, Lease, "release")
        with pytest.raises(KeyboardInterrupt):
            work(recorded)
    recorded.refresh_from_db()
    assert (recorded.status, recorded.compose_due_at, recorded.compose_claim) == ("available", None, "")
    assert not composer.go_on(recorded.pk)


def test_a_file_that_is_stored_when_its_worker_dies_is_removed_with_the_archive(
    bucket: StorageTarget, recorded: Archive, owner: ApiClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_force(bucket)
    with monkeypatch.context() as patch:
        killed_at(patch, delivery, "_finish")
        with pytest.raises(KeyboardInterrupt):
            work(recorded)
    recorded.refresh_from_db()
    assert (recorded.status, recorded.target) == ("stopped", bucket)
    assert storage.exists(bucket, recorded.storage_key)
    assert owner.get(f"/archives/{recorded.archive_id}").json()["metaData"]["url"] is None
    assert owner.get(f"/archives/{recorded.archive_id}/download").status_code == 409
    owner.delete(f"/archives/{recorded.archive_id}")
    assert not storage.exists(bucket, recorded.storage_key)


def test_a_removal_comes_again_while_a_worker_may_be_storing_the_file(
    bucket: StorageTarget, recorded: Archive, owner: ApiClient
) -> None:
    in_force(bucket)
    assert leases.claim(recorded.pk) is not None
    Archive.objects.update(storage_key="webrtc/late/archive.mp4", target=bucket)
    owner.delete(f"/archives/{recorded.archive_id}")
    storage.save(bucket, "webrtc/late/archive.mp4", BytesIO(b"late"), content_type="video/mp4")
    now = timezone.now()
    Archive.objects.update(compose_lease_until=now, removal_due_at=now)
    assert services.repeat_removal(recorded.pk)
    assert not storage.exists(bucket, "webrtc/late/archive.mp4")


def test_what_does_not_come_back_as_it_was_stored_is_removed(
    bucket: StorageTarget, recorded: Archive, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_force(bucket)
    with monkeypatch.context() as patch:
        patch.setattr(storage, "size", lambda target, key: 1)
        try_now(recorded)
    assert (recorded.status, recorded.target) == ("stopped", bucket)
    assert "not the file that was stored" in recorded.compose_error
    assert not storage.exists(bucket, recorded.storage_key)
    assert work(recorded).status == "available"


def test_of_many_missing_parts_the_first_are_kept(recorded: Archive, owner: ApiClient) -> None:
    gap = Missing(track="t", person="p", kind="camera", start=0, end=1, why="It is missing.")
    made = Finished(path=Path(), duration=1, size=1, sha256="", has_audio=True, has_video=True, missing=(gap,) * 60)
    said = delivery._report_of(recorded, made)
    assert (len(said["missing"]), said["more"]) == (50, "and 10 more parts")
    Archive.objects.update(report=said)
    assert owner.get(f"/archives/{recorded.archive_id}").json()["metaData"]["more"] == "and 10 more parts"
    (listed,) = owner.get("/archives").json()["items"]
    assert not {"missing", "more"} & listed["metaData"].keys()
    assert listed["metaData"]["people"] == ["Ann"]
