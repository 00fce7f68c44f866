"""Chunks at real servers, WSGI and ASGI: bounded bodies, races; nothing acknowledged is lost when they are killed."""

from __future__ import annotations

import http.client
import random
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from archives.models import Archive, Chunk, Track
from archives.recording import chunk_store
from tests.recording.people import Person, Upload
from tests.servers import Server, asgi, wsgi

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(params=[asgi, wsgi], ids=["asgi", "wsgi"])
def server(
    request: pytest.FixtureRequest, transactional_db: None, tmp_path: Path, media_root: Path
) -> Iterator[Server]:
    running: Server = request.param(tmp_path / "log", REDIS_URL="", MEDIA_ROOT=str(media_root))
    try:
        running.start()
        yield running
    finally:
        running.kill()


@pytest.fixture
def track(archive: Archive, ann: Person) -> Upload:
    return ann.track()


def put(server: Server, track: Upload, sequence: int, body: Any, **headers: str) -> tuple[int, bytes]:
    """Send a chunk; 0 where there is no answer."""
    client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    sent = {"Authorization": f"Bearer {track.ticket}", "Content-Type": "video/webm", **headers}
    try:
        client.request("PUT", f"{track.address}/chunks/{sequence}", body, sent)
        answer = client.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        client.close()


def test_bodies_are_bounded(server: Server, track: Upload, media_root: Path) -> None:
    assert put(server, track, 0, b"x" * 4 * 1024 * 1024)[0] == 200
    too_large = put(server, track, 1, b"", **{"Content-Length": str(2**33)})
    assert too_large[0] == 413
    assert b'"body_too_large"' in too_large[1]
    endless = (b"x" * 65536 for _ in range(200))
    assert put(server, track, 1, endless)[0] in (411, 413, 0)  # 0: it hung up while we were still sending
    assert Chunk.objects.count() == 1
    assert put(server, track, 1, b"x")[0] == 200


def test_a_body_that_breaks_off_is_not_stored(server: Server, track: Upload) -> None:
    with socket.create_connection(("127.0.0.1", server.port)) as client:
        client.sendall(head_of(track, "Content-Length: 100") + b"x" * 50)
    time.sleep(1)
    assert not Chunk.objects.exists()
    assert put(server, track, 0, b"whole")[0] == 200


class Page(threading.Thread):
    """A page that sends its chunks one after another, each again and again until it is acknowledged."""

    def __init__(self, server: Server, track: Upload, bodies: list[bytes]) -> None:
        super().__init__(daemon=True)
        self.server, self.track, self.bodies = server, track, bodies
        self.acknowledged, self.failed = 0, 0

    def run(self) -> None:
        for number, body in enumerate(self.bodies):
            while put(self.server, self.track, number, body)[0] != 200:
                self.failed += 1
                time.sleep(0.05)
            self.acknowledged += 1


def test_nothing_acknowledged_is_lost_when_the_server_is_killed(
    server: Server, archive: Archive, ann: Person, ben: Person, media_root: Path
) -> None:
    chance = random.Random(3)
    tracks = [ann.track(), ann.track("screen"), ben.track(), ben.track("screen")]
    pages = [Page(server, track, [chance.randbytes(chance.randint(1, 200_000)) for _ in range(60)]) for track in tracks]
    for page in pages:
        page.start()
    for share in (0.25, 0.6):
        while sum(page.acknowledged for page in pages) < share * 240:
            time.sleep(0.01)
        server.kill()
        assert all(stored(archive, page, page.acknowledged) for page in pages)
        server.start()
    for page in pages:
        page.join(120)
        assert page.acknowledged == 60
        assert stored(archive, page, 60)
        row = Track.objects.get(track_id=page.track.id)
        assert (row.chunks, row.bytes) == (60, sum(map(len, page.bodies)))
    assert sum(page.failed for page in pages) > 0  # it was really away


def stored(archive: Archive, page: Page, count: int) -> bool:
    """Whether the first `count` chunks of a page are there, byte for byte."""
    rows = Chunk.objects.filter(track__track_id=page.track.id, sequence__lt=count).order_by("sequence")
    store = chunk_store.chunk_store()
    names = [chunk_store.key(archive.archive_id, page.track.id, row.sequence, row.sha256) for row in rows]
    return [store.read(name) for name in names] == page.bodies[:count]


def test_of_many_copies_one_is_stored(server: Server, archive: Archive, track: Upload, media_root: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        same = list(pool.map(lambda _: put(server, track, 0, b"same" * 5000)[0], range(32)))
        other = list(pool.map(lambda number: put(server, track, 1, bytes([number]) * 5000)[0], range(32)))
    assert set(same) <= {200, 503}
    assert sorted(set(other)) in ([200, 409], [200, 409, 503])
    assert other.count(200) == 1
    assert Chunk.objects.count() == 2
    row = Track.objects.get()
    assert (row.chunks, row.bytes) == (2, 25_000)
    winner = next(media_root.rglob("1-*.webm"))
    assert winner.read_bytes() == bytes([other.index(200)]) * 5000
    assert len(list(media_root.rglob("*.webm"))) == 2


def head_of(track: Upload, *lines: str) -> bytes:
    fixed = [f"PUT {track.address}/chunks/0 HTTP/1.1", "Host: localhost", "Content-Type: video/webm"]
    return "\r\n".join([*fixed, f"Authorization: Bearer {track.ticket}", *lines, "", ""]).encode("latin-1")


def test_odd_lengths_and_encodings_break_nothing(server: Server, track: Upload, media_root: Path) -> None:
    chance = random.Random(5)
    values = ["0", "-1", "5", "5000000", "9" * 40, "0x5", "5, 6", "", "chunked", "gzip, chunked", "identity", "é"]
    for _ in range(150):
        names = chance.sample(["Content-Length", "Transfer-Encoding", "Expect", "Content-Encoding"], 2)
        head = head_of(track, *(f"{name}: {chance.choice(values)}" for name in names))
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as client:
            client.sendall(head + chance.randbytes(chance.randint(0, 50)))
            client.shutdown(socket.SHUT_WR)
            answer = client.recv(4096)
        assert not answer or int(answer.split()[1]) < 500 or b" 503 " in answer[:20], (head, answer)
    assert Chunk.objects.count() <= 1
    assert put(server, track, 1, b"still there")[0] == 200
    assert not [path for path in media_root.parent.glob("*") if path.name not in ("media", "log")]
