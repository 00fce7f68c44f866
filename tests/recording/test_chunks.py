"""Chunks over HTTP: what is taken, what is refused, and that the same may be sent twice."""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from archives.models import Archive, Chunk, Track
from archives.recording import intake, tickets
from tests.recording.people import Person, Upload

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def track(archive: Archive, ann: Person) -> Upload:
    return ann.track()


def refused(answer: Any, status: int, code: str) -> Any:
    assert answer.status_code == status, answer.content
    error = answer.json()["error"]
    assert (error["statusCode"], error["code"]) == (status, code)
    return answer


def row(track: Upload) -> Track:
    found: Track = Track.objects.get(track_id=track.id)
    return found


def test_a_chunk_is_stored_under_its_track_number_and_hash(archive: Archive, track: Upload, media_root: Path) -> None:
    answer = track.put(0, b"first")
    assert (answer.status_code, answer.json()) == (200, {"received": 0})
    sha256 = hashlib.sha256(b"first").hexdigest()
    stored = media_root / "chunks" / archive.archive_id / track.id / f"0-{sha256[:16]}.webm"
    assert stored.read_bytes() == b"first"
    chunk = Chunk.objects.get()
    assert (chunk.sequence, chunk.size, chunk.sha256) == (0, 5, sha256)
    after = row(track)
    assert (after.bytes, after.chunks, after.closed_at, after.kind, after.name) == (5, 1, None, "camera", "Ann")
    assert after.last_chunk_at is not None


@pytest.mark.parametrize(
    ("said", "kept"), [("1700000000123", 1700000000123), ("-5", None), ("soon", None), ("9" * 16, None), ("", None)]
)
def test_a_chunk_may_say_when_it_was_had(track: Upload, said: str, kept: int | None) -> None:
    assert track.put(0, b"first", x_recorded_at=said).status_code == 200
    assert Chunk.objects.get().recorded_at == kept


def test_the_same_chunk_again_changes_nothing(track: Upload, media_root: Path) -> None:
    track.send(b"first")
    assert track.put(0, b"first").status_code == 200
    refused(track.put(0, b"other"), 409, "chunk_mismatch")
    after = row(track)
    assert (after.bytes, after.chunks, Chunk.objects.count()) == (5, 1, 1)
    assert [path.read_bytes() for path in media_root.rglob("*.webm")] == [b"first"]


def test_chunks_may_come_in_any_order(track: Upload) -> None:
    for sequence in (2, 0, 1):
        assert track.put(sequence, b"x" * (sequence + 1)).status_code == 200
    assert (row(track).bytes, row(track).chunks) == (6, 3)


def test_a_chunk_takes_three_statements_and_a_transaction(track: Upload) -> None:
    track.send(b"first")
    with CaptureQueriesContext(
        connection,
    ) as queries:
        track.send(b"second")
    statements = [
        query["sql"] for query in queries if not query["sql"].startswith(("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE"))
    ]
    assert len(statements) <= 3, statements


def test_another_s_ticket_opens_nothing(archive: Archive, track: Upload, ann: Person, ben: Person) -> None:
    other = ben.track()
    refused(track.put(0, b"x", ticket=other.ticket), 401, "ticket_invalid")
    refused(track.put(0, b"x", ticket=ann.track("screen").ticket), 401, "ticket_invalid")
    for ticket in (
        "",
        "x",
        "a:b",
        track.ticket[:-1] + ("A" if track.ticket[-1] != "A" else "B"),
        "é",
        track.ticket * 50,
    ):
        answer = refused(track.put(0, b"x", ticket=ticket), 401, "ticket_invalid")
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert not Chunk.objects.exists()


def test_a_ticket_of_a_track_that_is_gone(track: Upload) -> None:
    Track.objects.all().delete()
    refused(track.put(0, b"x"), 404, "track_not_found")
    refused(
        Upload({"track": "x", "address": f"/recordings/tracks/{uuid.uuid4()}", "ticket": "x"}).put(0, b"x"),
        401,
        "ticket_invalid",
    )


def test_tickets_expire_and_are_renewed_by_their_chunks(track: Upload, ann: Person) -> None:
    now = timezone.now()
    young = tickets.issue(row(track), now - timedelta(minutes=7))
    assert track.put(0, b"0", ticket=young).json() == {"received": 0}
    older = tickets.issue(row(track), now - timedelta(minutes=8))
    said = track.put(1, b"1", ticket=older).json()
    assert (said["received"], said["expiresIn"]) == (1, 900)
    assert track.put(2, b"2", ticket=said["ticket"]).status_code == 200
    refused(track.put(3, b"3", ticket=tickets.issue(row(track), now - timedelta(minutes=16))), 401, "ticket_expired")


def test_a_page_that_has_gone_long_ago_gets_no_new_ticket(track: Upload, ann: Person) -> None:
    ann.leave()
    track.send(b"0")
    older = tickets.issue(row(track), timezone.now() - timedelta(minutes=8))
    assert "ticket" in track.put(1, b"1", ticket=older).json()  # its queue may be long
    Track.objects.update(last_chunk_at=timezone.now() - timedelta(minutes=20))
    older = tickets.issue(row(track), timezone.now() - timedelta(minutes=8))
    assert track.put(2, b"2", ticket=older).json() == {"received": 2}


@pytest.mark.parametrize("sequence", ["-1", "x", "1.5", "1e3", "٣", "1000000", "9" * 40, "%00", "0x1"])
def test_numbers_that_are_none(track: Upload, sequence: str) -> None:
    refused(track.put(sequence, b"x"), 400, "invalid_value")


def test_bodies_that_are_not_taken(track: Upload, settings: Any) -> None:
    refused(track.put(0, b""), 411, "length_required")
    refused(track.put(0, b"x", content_type="text/plain"), 415, "UNSUPPORTED_MEDIA_TYPE")
    assert track.put(0, b"x", content_type="video/webm;codecs=vp8,opus").status_code == 200
    refused(track.put(1, b"x", content_length="4194305"), 413, "body_too_large")
    refused(track.put(1, b"x", content_length="9" * 30), 413, "body_too_large")
    refused(track.put(1, b"x", content_length="-1"), 413, "body_too_large")
    refused(track.put(1, b"x", content_length="0"), 400, "invalid_value")
    refused(track.put(1, b"x", transfer_encoding="chunked"), 411, "length_required")
    assert track.put(1, b"x" * intake.MAX_CHUNK).status_code == 200


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "PATCH"])
def test_other_methods_are_none(track: Upload, method: str) -> None:
    assert track.client.generic(method, f"{track.address}/chunks/0").status_code == 405


def test_too_fast_is_told_when_to_go_on(track: Upload) -> None:
    Track.objects.update(bytes=intake.HEAD_START + 3 * 1024 * 1024)
    answer = refused(track.put(0, b"x"), 429, "too_fast")
    assert 1 <= int(answer.headers["Retry-After"]) <= 4
    Track.objects.update(created_on=timezone.now() - timedelta(seconds=10))
    assert track.put(0, b"x").status_code == 200


def test_crumbs_are_too_fast_too(track: Upload, ann: Person) -> None:
    Track.objects.update(chunks=intake.HEAD_START_CHUNKS + 40)
    for one in (track, ann.track("screen")):
        answer = refused(one.put(0, b"x"), 429, "too_fast")
        assert 2 <= int(answer.headers["Retry-After"]) <= 3
    Track.objects.update(created_on=timezone.now() - timedelta(seconds=5))
    assert track.put(0, b"x").status_code == 200


def test_a_track_and_a_recording_are_full_at_some_point(track: Upload, ann: Person, settings: Any) -> None:
    settings.VIDEOCONF = settings.VIDEOCONF | {"RECORDING_MAX_TRACK_MB": 1}
    track.send(b"x" * 1024 * 1024)
    refused(track.put(1, b"x"), 413, "track_full")
    settings.VIDEOCONF = settings.VIDEOCONF | {"RECORDING_MAX_MB": 1}
    refused(ann.track("screen").put(0, b"x"), 413, "recording_full")


def test_a_person_has_one_head_start_and_half_of_the_recording(
    track: Upload, ann: Person, ben: Person, settings: Any
) -> None:
    Track.objects.update(bytes=intake.HEAD_START + 1024 * 1024)
    refused(ann.track("screen").put(0, b"x"), 429, "too_fast")
    ben.track().send(b"x")
    Track.objects.update(bytes=0)
    settings.VIDEOCONF = settings.VIDEOCONF | {"RECORDING_MAX_MB": 2}
    track.send(b"x" * 1024 * 1024)
    refused(ann.track("screen").put(0, b"x"), 413, "recording_full")
    ben.track().send(b"x")


def test_a_closed_track_takes_what_it_announced_and_no_more(track: Upload) -> None:
    track.send(b"0")
    for _ in range(2):
        assert track.close(3).status_code == 204
    assert track.close(7).status_code == 204  # the first word counts
    assert (row(track).count, row(track).closed_at is not None) == (3, True)
    assert track.put(2, b"2").status_code == 200
    refused(track.put(3, b"3"), 409, "chunk_mismatch")


@pytest.mark.parametrize(
    "body",
    [b"", b"{}", b"[]", b'{"count": -1}', b'{"count": true}', b'{"count": 1.5}', b"{", b'{"count": 1e99}', b"\xff"],
)
def test_a_close_that_says_nothing(track: Upload, body: bytes) -> None:
    headers = {"authorization": f"Bearer {track.ticket}"}
    refused(
        track.client.post(f"{track.address}/close", body, content_type="application/json", headers=headers),
        400,
        "invalid_value",
    )
    assert row(track).closed_at is None


def test_what_is_sealed_takes_nothing_but_what_it_has(track: Upload, media_root: Path) -> None:
    track.send(b"0")
    Track.objects.update(sealed_at=timezone.now())
    assert track.put(0, b"0").status_code == 200  # the answer was lost
    refused(track.put(1, b"1"), 409, "recording_over")
    assert len(list(media_root.rglob("*.webm"))) == 1


def test_a_track_that_is_sealed_behind_the_back_keeps_nothing(track: Upload, media_root: Path) -> None:
    """The seal comes between the look at the track and the insert."""
    known, _ = intake.find(track.id, track.ticket, timezone.now())
    Track.objects.update(sealed_at=timezone.now())
    with pytest.raises(intake.ChunkRefused, match="composed already"):
        intake.take(known, 0, b"late", timezone.now())
    assert not Chunk.objects.exists()
    assert not list(media_root.rglob("*.webm"))


def test_a_deleted_recording_takes_nothing(archive: Archive, track: Upload) -> None:
    Archive.objects.update(deleted=True)
    refused(track.put(0, b"0"), 409, "recording_over")


def test_a_full_disk_is_a_503_and_nothing_is_acknowledged(
    track: Upload, media_root: Path, small_disk: Callable[[Path], None]
) -> None:
    small_disk(media_root)
    answer = refused(track.put(0, b"x" * 3 * 1024 * 1024), 503, "storage_unavailable")
    assert answer.headers["Retry-After"] == "5"
    assert str(media_root) not in answer.content.decode()
    assert not Chunk.objects.exists()
    assert not [path for path in media_root.rglob("*") if path.is_file()]


def test_a_storage_that_can_t_be_written_is_a_503(track: Upload, media_root: Path) -> None:
    (media_root).parent.mkdir(exist_ok=True)
    media_root.write_text("a file where the folder should be")
    refused(track.put(0, b"x"), 503, "storage_unavailable")


def test_too_many_bodies_at_once(track: Upload) -> None:
    from archives.recording import views

    taken = [views._bodies.acquire(blocking=False) for _ in range(views.MOST_BODIES)]
    try:
        assert all(taken)
        assert refused(track.put(0, b"x"), 503, "busy").headers["Retry-After"] == "1"
    finally:
        for _ in taken:
            views._bodies.release()
    assert track.put(0, b"x").status_code == 200


def test_chunks_of_an_alias_in_storages(archive: Archive, track: Upload, tmp_path: Path, settings: Any) -> None:
    settings.STORAGES = settings.STORAGES | {
        "waiting": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": str(tmp_path / "w")},
        }
    }
    settings.VIDEOCONF = settings.VIDEOCONF | {"RECORDING_CHUNK_STORAGE": "waiting"}
    track.send(b"first")
    assert [path.read_bytes() for path in (tmp_path / "w" / "chunks" / archive.archive_id).rglob("*.webm")] == [
        b"first"
    ]


@pytest.mark.postgres
def test_a_chunk_that_waits_for_a_seal_is_refused(track: Upload, media_root: Path) -> None:
    known, _ = intake.find(track.id, track.ticket, timezone.now())
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            Track.objects.update(sealed_at=timezone.now())
            late = pool.submit(_take_and_hang_up, known)
            time.sleep(0.5)
            assert not late.done()
        assert late.result(10) == "recording_over"
    assert not Chunk.objects.exists()
    assert row(track).bytes == 0
    assert not list(media_root.rglob("*.webm"))


def _take_and_hang_up(known: Any) -> str:
    try:
        intake.take(known, 0, b"late", timezone.now())
    except intake.ChunkRefused as refused:
        return refused.code
    finally:
        connection.close()
    return "taken"
