"""A slice of the recording, encoded: pictures, sound, and what the next slice's encoder needs to follow on.

A part is one file that is either whole or not there. Its first picture is a key frame that refers to nothing before
it, no picture refers to a later one, and all parts have the same parameter sets, so that they can be put in a row.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from archives.media.sound import Samples
from archives.media.state import write_whole

_MAGIC = b"VCPART1\n"
_SIZES = struct.Struct("<II")


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One slice. `video`: (is key, bytes) per frame. `audio`: AAC packets; `audio_start` is the first one's timestamp.

    `tail` is the end of the slice's sound, in samples.
    """

    video: list[tuple[bool, bytes]]
    audio: list[bytes]
    audio_start: int
    tail: Samples


def path_of(folder: Path, number: int) -> Path:
    return folder / f"{number:06}.part"


def write_part(path: Path, part: Part) -> None:
    """Store a part; it is there as a whole or not at all."""
    head = {
        "video": [[len(data), int(is_key)] for is_key, data in part.video],
        "audio": [len(data) for data in part.audio],
        "audioStart": part.audio_start,
    }
    body = b"".join([*(data for _, data in part.video), *part.audio])
    packed = json.dumps(head, separators=(",", ":")).encode()
    tail = part.tail.astype("<f4").tobytes()
    content = b"".join([_MAGIC, _SIZES.pack(len(packed), len(tail)), packed, tail, body])
    write_whole(path, content + struct.pack("<I", zlib.crc32(content)))


def read_part(path: Path) -> Part:
    """Read a part. Raise `ValueError` if it is not what was written."""
    content = path.read_bytes()
    if content[:8] != _MAGIC or struct.unpack("<I", content[-4:])[0] != zlib.crc32(memoryview(content)[:-4]):
        raise ValueError(f"{path.name} is broken")
    head_size, tail_size = _SIZES.unpack_from(content, 8)
    at = 8 + _SIZES.size
    head: dict[str, Any] = json.loads(content[at : at + head_size])
    tail = np.frombuffer(content, "<f4", tail_size // 4, at + head_size).astype(np.float32)
    pieces = _cut(content, at + head_size + tail_size, [*(size for size, _ in head["video"]), *head["audio"]])
    video = [(bool(is_key), next(pieces)) for _, is_key in head["video"]]
    return Part(video=video, audio=list(pieces), audio_start=head["audioStart"], tail=tail)


def _cut(content: bytes, at: int, sizes: list[int]) -> Iterator[bytes]:
    for size in sizes:
        yield content[at : at + size]
        at += size
