"""Voices into one: mixing on exact sample positions, and AAC whose pieces can be put in a row without a seam."""

from __future__ import annotations

from fractions import Fraction

import av
import numpy as np
from av.audio.codeccontext import AudioCodecContext
from numpy.typing import NDArray

from archives.media.timeline import RATE

Samples = NDArray[np.float32]
FRAME = 1024
"""Samples per AAC packet."""
WARM_UP = 10
"""Packets that a new encoder makes and that are thrown away, until it makes what one running from the start would."""
TAIL = (WARM_UP + 4) * FRAME
BIT_RATE = 80_000
_KNEE, _CEILING = 0.7, 0.9
"""From where on sound is pressed, and what it never goes beyond; AAC adds a little."""


def soften(mix: Samples) -> Samples:
    """Press what is louder than full scale below it, without a hard edge. It has no memory, so slices agree."""
    loud = np.abs(mix) > _KNEE
    if not loud.any():
        return mix
    over, room = mix[loud], _CEILING - _KNEE
    mix[loud] = np.sign(over) * (_KNEE + room * np.tanh((np.abs(over) - _KNEE) / room))
    return mix


def new_encoder() -> AudioCodecContext:
    """Return an opened AAC encoder, mono."""
    encoder = av.CodecContext.create("aac", "w")
    encoder.sample_rate, encoder.layout, encoder.format = RATE, "mono", "fltp"
    encoder.bit_rate = BIT_RATE
    encoder.time_base = Fraction(1, RATE)
    encoder.flags |= av.codec.context.Flags.global_header
    encoder.open()
    return encoder


def encode(
    sound: Samples, *, start: int, tail: Samples, next_audio: int | None, is_last: bool
) -> tuple[int, list[bytes]]:
    """Encode a slice's sound that begins at sample `start`; return the first packet's timestamp and the packets.

    `tail` is the sound right before it, `next_audio` the timestamp that follows on the previous slice's packets (`None`
    for the first slice). Packets are on one grid of 1024 samples for all slices. A packet's sound overlaps with its
    neighbours', so that an encoder starts some packets early, on the real sound, and what it makes until then is
    thrown away. What the last packets of a slice would need of the next one is left to the next one.
    """
    encoder = new_encoder()
    begin = 0 if next_audio is None else max(0, next_audio - WARM_UP * FRAME)
    before = tail[len(tail) - (start - begin) :] if start > begin else tail[:0]
    ready = np.concatenate([before, sound])
    whole = len(ready) // FRAME * FRAME
    if is_last and whole < len(ready):
        ready = np.concatenate([ready, np.zeros(whole + FRAME - len(ready), np.float32)])
        whole += FRAME
    packets = []
    for at in range(0, whole, FRAME):
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(ready[None, at : at + FRAME]), "fltp", "mono")
        frame.sample_rate, frame.pts, frame.time_base = RATE, begin + at, Fraction(1, RATE)
        packets += encoder.encode(frame)
    if is_last:
        packets += encoder.encode(None)
    first = next_audio if next_audio is not None else -FRAME
    kept = [packet for packet in packets if packet.pts is not None and packet.pts >= first]
    return first, [bytes(packet) for packet in kept]
