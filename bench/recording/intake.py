"""Measures what taking in the chunks of several people costs the web process, under ASGI and WSGI.

    intake.py [--people 4] [--seconds 20] [--size 110000]

Each person sends one chunk a second, as pages do. Prints the servers' CPU beside theirs at rest, on SQLite or on what
DATABASE_URL names (an empty database; what is made there stays).
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
FOLDER = tempfile.mkdtemp(prefix="intake-")
os.environ.setdefault("DATABASE_URL", f"sqlite:///{FOLDER}/db.sqlite3")
os.environ |= {
    "DJANGO_SETTINGS_MODULE": "videoconf.settings",
    "SECRET_KEY": "a key of this measurement alone, which protects nothing",
    "ALLOWED_HOSTS": "127.0.0.1",
    "MEDIA_ROOT": f"{FOLDER}/media",
}

import django  # noqa: E402

django.setup()

from django.core.management import call_command  # noqa: E402

from archives.providers.base import ArchiveSpec  # noqa: E402
from archives.services import start_archive  # noqa: E402
from meetings.plans import MeetingPlan  # noqa: E402
from meetings.services import create_meeting  # noqa: E402
from tests.recording.people import Upload, join  # noqa: E402
from tests.servers import Server, asgi, wsgi  # noqa: E402


def cpu_seconds(session: int) -> float:
    """Return the processor time of all processes of a session."""
    ticks = 0
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if int(fields[3]) == session:
                ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


async def send(port: int, tracks: list[Upload], seconds: int, size: int) -> None:
    """Send each track's chunks, one a second, over a connection of its own, as a browser does."""

    async def one(track: Upload, delay: float) -> None:
        await asyncio.sleep(delay)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for sequence in range(seconds):
            began = time.monotonic()
            head = (
                f"PUT {track.address}/chunks/{sequence} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
                f"Authorization: Bearer {track.ticket}\r\nContent-Type: video/webm\r\nContent-Length: {size}\r\n\r\n"
            )
            writer.write(head.encode() + os.urandom(size))
            answer = await reader.readuntil(b"\r\n\r\n")
            assert b" 200 " in answer.split(b"\r\n", 1)[0], answer
            length = next(line for line in answer.lower().split(b"\r\n") if line.startswith(b"content-length:"))
            await reader.readexactly(int(length.split(b":")[1]))
            await asyncio.sleep(max(0.0, 1 - (time.monotonic() - began)))
        writer.close()

    await asyncio.gather(*(one(track, number / len(tracks)) for number, track in enumerate(tracks)))


def measure(name: str, server: Server, asked: argparse.Namespace) -> None:
    meeting = create_meeting(MeetingPlan(), actor="bench")
    people = [join(meeting, f"Person {number}") for number in range(asked.people)]
    start_archive(meeting, ArchiveSpec(), actor="bench")
    tracks = [person.track() for person in people]
    server.start()
    try:
        assert server.process is not None
        session = server.process.pid
        asyncio.run(send(server.port, [people[0].track()], 2, asked.size))  # the first request imports a lot
        before, began = cpu_seconds(session), time.monotonic()
        time.sleep(5)
        at_rest = (cpu_seconds(session) - before) / (time.monotonic() - began)
        before, began = cpu_seconds(session), time.monotonic()
        asyncio.run(send(server.port, tracks, asked.seconds, asked.size))
        used, took = cpu_seconds(session) - before, time.monotonic() - began
    finally:
        server.kill()
    chunks = asked.people * asked.seconds
    print(
        f"{name}: {asked.people} people, {chunks} chunks of {asked.size} bytes in {took:.1f} s: "
        f"{used / took:.1%} of a core ({at_rest:.1%} at rest), {used / chunks * 1000:.1f} ms a chunk"
    )


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--people", type=int, default=4)
    parser.add_argument("--seconds", type=int, default=20)
    parser.add_argument("--size", type=int, default=110_000)
    asked = parser.parse_args()
    call_command("migrate", verbosity=0, skip_checks=True)
    own: dict[str, Any] = {"DJANGO_SETTINGS_MODULE": "videoconf.settings"}
    measure("ASGI (uvicorn)", asgi(Path(FOLDER) / "asgi.log", **own), asked)
    measure("WSGI (granian)", wsgi(Path(FOLDER) / "wsgi.log", **own), asked)


if __name__ == "__main__":
    main()
