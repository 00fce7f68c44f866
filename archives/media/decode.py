"""One track's packets, decoded as the recording goes forward: the picture of a moment, the sound of a stretch."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from fractions import Fraction
from typing import Protocol

import av
import numpy as np
from av.audio.codeccontext import AudioCodecContext
from av.codec.context import CodecContext
from av.error import FFmpegError
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from archives.media.ebml import MAX_PIXELS, NotUsable, Stream
from archives.media.names import plane_of
from archives.media.scanner import AFTER_HOLE, KEY, Packet
from archives.media.sound import Samples
from archives.media.timeline import PER_MS, RATE
from archives.media.watch import Watch

TOO_LARGE = "The recording needs more memory to read than there is."
UNREADABLE = "A part of the recording can't be decoded."
LEAD_MS = 600.0
"""How long before it comes a track's first picture is shown: a recorder begins a moment before its first picture."""
_MAX_KEPT = 3000
"""Packets since the last key frame that are kept for whoever goes on: some minutes; a recorder makes one every 2 s."""
_WARM_UP_MS = 300.0
_FAR_BEHIND_MS = 1500.0
_SLACK = 40 * PER_MS
"""How far sound may run from its packets' times, which are rounded and jitter, before it is moved."""
_DARK = 24
"""Luma at and below which all of a picture is black: what browsers send for a camera that is switched off."""


class Source(Protocol):
    """Where payloads come from."""

    def payload(self, packet: Packet) -> bytes: ...


class _Decoder:
    """What pictures and sounds share: payloads into frames, under watch, with what went wrong noted."""

    def __init__(self, stream: Stream, packets: deque[Packet], source: Source, watch: Watch, track: int) -> None:
        self.packets = packets
        self.stream = stream
        self.faults: list[tuple[float, float]] = []
        """Stretches that could not be decoded, in ms from the track's start."""
        self.has_any = False
        self._source, self._watch, self._track = source, watch, track

    def _open(self) -> CodecContext:
        context = av.CodecContext.create(self.stream.codec, "r")
        context.thread_count = 1
        if self.stream.private:
            context.extradata = self.stream.private
        context.options = {"max_pixels": str(MAX_PIXELS)} if context.type == "video" else {}
        return context

    def _packet(self, packet: Packet) -> av.Packet[av.stream.Stream]:
        made = av.Packet(self._source.payload(packet))
        made.pts = made.dts = round(packet.time)
        made.time_base = Fraction(1, 1000)
        made.is_keyframe = bool(packet.flags & KEY)
        return made

    def _fault(self, time: float) -> None:
        if self.faults and time - self.faults[-1][1] < 1000:
            self.faults[-1] = (self.faults[-1][0], time)
        elif len(self.faults) < 200:
            self.faults.append((time, time))


class Pictures(_Decoder):
    """A track's pictures. After a hole, and after what can't be decoded, they go on at the next key frame."""

    def __init__(self, stream: Stream, packets: deque[Packet], source: Source, watch: Watch, track: int) -> None:
        super().__init__(stream, packets, source, watch, track)
        self.frame: VideoFrame | None = None
        self.time = 0.0
        self.serial = 0
        """Counts the pictures, so that one can be told from the next."""
        self.dark_since: float | None = None
        self.kept: list[Packet] = []
        """What a decoder needs to come to the present picture."""
        self._waits_for_key = True
        self._context: VideoCodecContext | None = None

    def advance(self, time: float) -> None:
        """Decode up to `time`, in ms from the track's start; `frame` is then the picture of that moment, or the first
        one, if that is about to come."""
        packets = self.packets
        if self.frame is None and packets and time < packets[0].time <= time + LEAD_MS:
            time = packets[0].time
        if packets and packets[0].time < time - _FAR_BEHIND_MS:
            self._skip_to_key(time)
        while packets and packets[0].time <= time:
            self._take(packets.popleft())

    @property
    def following(self) -> float | None:
        """When the next picture is, in ms from the track's start; `None` if that is not read yet."""
        return self.packets[0].time if self.packets else None

    def _skip_to_key(self, time: float) -> None:
        keys = [at for at, packet in enumerate(self.packets) if packet.flags & KEY and packet.time <= time]
        for _ in range(keys[-1] if keys else 0):
            self.packets.popleft()

    def _take(self, packet: Packet) -> None:
        if packet.flags & KEY:
            self.kept.clear()
            self._waits_for_key = False
        elif packet.flags & AFTER_HOLE:
            self._waits_for_key = True
        if len(self.kept) < _MAX_KEPT:
            self.kept.append(packet)
        if self._waits_for_key:
            return
        try:
            with self._watch.over(self._track, packet.offset):
                frames = self._decoder().decode(self._packet(packet))
        except MemoryError as error:
            raise NotUsable(TOO_LARGE) from error
        except (FFmpegError, ValueError):
            self._fault(packet.time)
            self._waits_for_key, self._context = True, None
            return
        for frame in frames:
            self._show(frame, packet.time)

    def _decoder(self) -> VideoCodecContext:
        if self._context is None:
            context = self._open()
            assert isinstance(context, VideoCodecContext)
            self._context = context
        return self._context

    def _show(self, frame: VideoFrame, time: float) -> None:
        self.frame, self.time = frame, float(frame.pts) if frame.pts is not None else time
        self.serial += 1
        self.has_any = True
        if not is_dark(frame):
            self.dark_since = None
        elif self.dark_since is None:
            self.dark_since = self.time


def is_dark(frame: VideoFrame) -> bool:
    """Return whether a picture is black all over."""
    return bool(plane_of(frame, 0)[::8, ::8].max(initial=0) <= _DARK)


class Voice(_Decoder):
    """A track's sound, as mono. Gaps between packets are kept; jitter of their times is not heard."""

    def __init__(self, stream: Stream, packets: deque[Packet], source: Source, watch: Watch, track: int) -> None:
        super().__init__(stream, packets, source, watch, track)
        self.at: int | None = None
        """Where the next sample goes, from the track's start."""
        self.recent: deque[tuple[Packet, int]] = deque()
        """Packets of the last moments with their places, for a decoder that goes on from here to warm up on."""
        self._context: AudioCodecContext | None = None

    def pull(self, start: float, end: float) -> Iterator[tuple[int, Samples]]:
        """Decode what lies between two times, ms from the track's start; yield it with its place in samples.

        What is yielded begins a little before `start` and can end a packet's length after `end`.
        """
        packets = self.packets
        if packets and packets[0].time < start - _FAR_BEHIND_MS:
            self.at = None
            while packets and packets[0].time < start - _WARM_UP_MS:
                packets.popleft()
        while packets and packets[0].time < end:
            yield from self._take(packets.popleft())

    def _take(self, packet: Packet) -> Iterator[tuple[int, Samples]]:
        place = round((packet.time - self.stream.delay) * PER_MS)
        if self.at is None or packet.flags & AFTER_HOLE or abs(place - self.at) > _SLACK:
            self.at = place
        self.recent.append((packet, self.at))
        while self.recent[0][0].time < packet.time - _WARM_UP_MS:
            self.recent.popleft()
        try:
            with self._watch.over(self._track, packet.offset):
                frames = self._decoder().decode(self._packet(packet))
        except MemoryError as error:
            raise NotUsable(TOO_LARGE) from error
        except (FFmpegError, ValueError):
            self._fault(packet.time)
            return
        for frame in frames:
            if frame.sample_rate == RATE and frame.format.name in ("fltp", "flt"):
                samples = mono(frame)
                self.has_any = True
                yield self.at, samples
                self.at += len(samples)

    def _decoder(self) -> AudioCodecContext:
        if self._context is None:
            context = self._open()
            assert isinstance(context, AudioCodecContext)
            self._context = context
        return self._context


def mono(frame: av.AudioFrame) -> Samples:
    """Return a frame's sound as one channel; what is no number in it is silence."""
    sound = frame.to_ndarray()
    channels = frame.layout.nb_channels
    sound = sound.reshape(-1, channels).T if sound.shape[0] != channels else sound
    mixed: Samples = sound.mean(axis=0, dtype=np.float32)
    return np.clip(np.nan_to_num(mixed, nan=0.0, posinf=0.0, neginf=0.0), -4.0, 4.0).astype(np.float32)
