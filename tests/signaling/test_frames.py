"""What a page may say to another: nothing but offers and answers, and no media of a subscriber's own."""

from __future__ import annotations

from typing import Any

import pytest

from meetings.signaling import frames
from meetings.signaling.frames import BadFrame, Budget

HEAD = "v=0\r\no=- 1 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\n"
WATCHING = HEAD + "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=recvonly\r\n"


def signal(sdp: Any, kind: Any = "offer") -> dict[str, Any]:
    return {"description": {"type": kind, "sdp": sdp}}


@pytest.mark.parametrize(
    "data",
    [
        None,
        [],
        {"description": None},
        {"description": "v=0"},
        signal([WATCHING]),
        signal(None),
        signal(WATCHING, "rollback"),
        signal(WATCHING, "pranswer"),
        signal(WATCHING, ["offer"]),
    ],
    ids=["nothing", "list", "none", "text", "sdp-list", "no-sdp", "rollback", "pranswer", "type-list"],
)
def test_signal_of_another_shape_is_refused(data: Any) -> None:
    with pytest.raises(BadFrame):
        frames.check_signal(data)


@pytest.mark.parametrize("data", [{"candidate": None}, signal(WATCHING), signal(WATCHING, "answer")])
def test_signal_that_only_watches_sends_nothing(data: dict[str, Any]) -> None:
    assert frames.wants_to_send(frames.check_signal(data)) is False


@pytest.mark.parametrize(
    "sdp",
    [
        WATCHING.replace("a=recvonly", "a=sendrecv"),
        WATCHING.replace("a=recvonly", "a=sendonly"),
        WATCHING.replace("a=recvonly\r\n", ""),
        WATCHING + "a=sendrecv\r\n",
        WATCHING + "a=sendrecv:x\r\n",
        WATCHING + "a=sendrecv x\r\n",
        WATCHING + "a=SENDRECV\r\n",
        WATCHING + "a=recvonly\r\n",
        WATCHING.replace("a=recvonly", "a=recvonly:x"),
        WATCHING.replace("\r\n", "\r").replace("a=recvonly", "a=sendrecv"),
        WATCHING.replace("m=audio", "M=AUDIO").replace("a=recvonly", "a=sendrecv"),
        WATCHING + "m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=mid:1\r\n",
        WATCHING + "m=text 9 UDP/TLS/RTP/SAVPF 96\r\na=sendrecv\r\n",
        WATCHING.replace("t=0 0\r\n", "t=0 0\r\na=sendrecv\r\n"),
    ],
)
def test_signal_that_could_send_in_any_reading_is_one_that_sends(sdp: str) -> None:
    assert frames.wants_to_send(frames.check_signal(signal(sdp))) is True


def test_data_channels_are_no_media() -> None:
    sdp = WATCHING + "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:1\r\n"
    assert frames.wants_to_send(frames.check_signal(signal(sdp))) is False


@pytest.mark.parametrize(("name", "digits"), [("commit", 64), ("nonce", 32), ("reveal", 32)])
def test_proof_of_the_encryption_code_has_one_form(name: str, digits: int) -> None:
    assert frames.check_signal({name: "0a" * (digits // 2), "pair": "p"})
    for bad in ("", "0" * (digits - 1), "0" * (digits + 1), "A" * digits, "0" * (digits - 1) + "\n", None, 7, ["0"]):
        with pytest.raises(BadFrame, match=name):
            frames.check_signal({name: bad})


def test_budget_counts_frames_and_bytes_of_a_second() -> None:
    budget = Budget()
    assert all(budget.spend(1.0, 1) for _ in range(frames.MAX_PER_SECOND))
    assert not budget.spend(1.5, 1)
    assert budget.spend(2.0, frames.MAX_BYTES_PER_SECOND)
    assert not budget.spend(2.5, 1)
