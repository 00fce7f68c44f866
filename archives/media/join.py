"""The parts in a row: one MP4 with one H.264 and one AAC stream, nothing encoded again."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av

from archives.media import parts, sound
from archives.media.compose import new_encoder, set_up
from archives.media.job import Job
from archives.media.timeline import RATE


def join(folder: Path, target: Path, job: Job, count: int, report: Callable[[int], None]) -> None:
    """Write parts `0 … count - 1` of a folder as an MP4 that plays while it loads. `report` is told how many are done.

    Raises `ValueError` if a part is broken.
    """
    with av.open(str(target), "w", format="mp4", options={"movflags": "faststart"}) as file:
        picture = file.add_stream("libx264", rate=job.fps)
        set_up(picture.codec_context, job.width, job.height, job.fps)
        voice = file.add_stream("aac", rate=RATE, layout="mono")
        voice.codec_context.bit_rate = sound.BIT_RATE
        file.start_encoding()
        if picture.codec_context.extradata != new_encoder(job.width, job.height, job.fps).extradata:
            raise ValueError("the parts' parameter sets differ from the file's")
        frames = 0
        for number in range(count):
            part = parts.read_part(parts.path_of(folder, number))
            for at, (is_key, data) in enumerate(part.video):
                file.mux(_packet(data, frames + at, 1, Fraction(1, job.fps), picture, is_key=is_key))
            for at, data in enumerate(part.audio):
                pts = part.audio_start + at * sound.FRAME
                file.mux(_packet(data, pts, sound.FRAME, Fraction(1, RATE), voice, is_key=True))
            frames += len(part.video)
            report(number + 1)


def _packet(
    data: bytes, pts: int, duration: int, time_base: Fraction, stream: av.stream.Stream, *, is_key: bool
) -> av.Packet[av.stream.Stream]:
    packet = av.Packet(data)
    packet.pts = packet.dts = pts
    packet.duration, packet.time_base, packet.is_keyframe = duration, time_base, is_key
    packet.stream = stream
    return packet
