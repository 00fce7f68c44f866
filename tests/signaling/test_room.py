"""Inside a room: who hears what, what a role may do, what a socket may send."""

from __future__ import annotations

import json
from typing import Any

import pytest

from meetings.models import Attendee, Connection, Meeting
from tests.conftest import NewMeeting
from tests.servers import eventually
from tests.signaling.conftest import Open
from tests.signaling.pages import Page, token

pytestmark = pytest.mark.django_db(transaction=True)

SENDING = "v=0\r\nm=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:0\r\na=sendrecv\r\nm=video 9 X 96\r\na=recvonly\r\n"
RECEIVING = SENDING.replace("sendrecv", "recvonly")


def room_of(meeting: Meeting, page: Open, *roles: str) -> list[Page]:
    """Open a page for each role; each has seen the others come."""
    pages: list[Page] = []
    for number, role in enumerate(roles):
        one = page(meeting)
        one.join(token(meeting, role, f"Person {number}"), media={"mic": True})
        for other in pages:
            other.expect("hello", sender=one.id)
        pages.append(one)
    return pages


class TestRelay:
    def test_a_newcomer_is_announced_and_gets_an_answer_from_each(self, meeting: Meeting, page: Open) -> None:
        ann, bea = room_of(meeting, page, "moderator", "publisher")
        zoe = page(meeting)
        zoe.join(token(meeting, "publisher", "Zoë"), media={"mic": True, "camera": False, "screen": 1})

        for other in (ann, bea):
            hello = other.expect("hello")
            assert hello == {
                "t": "hello",
                "from": zoe.id,
                "name": "Zoë",
                "attendee": zoe.welcome["attendee"],
                "role": "publisher",
                "media": {"mic": True, "camera": False, "screen": False},
            }
            other.send("here", to=zoe.id, media={})
        answers = [zoe.expect("here"), zoe.expect("here")]
        assert {answer["from"] for answer in answers} == {ann.id, bea.id}
        assert {answer["role"] for answer in answers} == {"moderator", "publisher"}

    def test_a_signal_reaches_one_peer_as_it_is_and_nobody_else(self, meeting: Meeting, page: Open) -> None:
        ann, bea, zoe = room_of(meeting, page, "publisher", "publisher", "publisher")
        data = {"description": {"type": "offer", "sdp": SENDING}, "pair": "p1", "more": [1, None, "ü"]}

        ann.send("sig", to=bea.id, data=data)

        assert bea.expect("sig") == {"t": "sig", "from": ann.id, "data": data}
        zoe.quiet()
        ann.quiet()

    def test_nothing_crosses_into_another_meeting(self, meeting: Meeting, new_meeting: NewMeeting, page: Open) -> None:
        (ann,) = room_of(meeting, page, "moderator")
        (other,) = room_of(new_meeting(), page, "publisher")

        ann.send("sig", to=other.id, data={"candidate": None})
        ann.send("here", to=other.id)
        ann.send("media", mic=True)
        ann.send("mute", id=other.id)
        assert ann.expect("error")["code"] == "unknown_peer"
        ann.send("remove", id=other.id)
        assert ann.expect("error")["code"] == "unknown_peer"
        ann.send("mute", id="*")
        ann.send("end")
        ann.expect("ended")
        other.quiet()

    def test_what_a_page_sends_is_shown_to_all(self, meeting: Meeting, page: Open) -> None:
        ann, bea, zoe = room_of(meeting, page, "publisher", "publisher", "subscriber")
        ann.send("media", mic=False, camera=True, screen=True)
        for other in (bea, zoe):
            assert other.expect("media") == {"t": "media", "from": ann.id, "mic": False, "camera": True, "screen": True}
        zoe.send("roll")
        hello = ann.expect("hello")
        assert (hello["from"], hello["media"]) == (zoe.id, {"mic": False, "camera": False, "screen": False})

    def test_ping_is_answered_with_the_server_s_clock(self, meeting: Meeting, page: Open) -> None:
        (ann,) = room_of(meeting, page, "publisher")
        ann.send("ping", n=7)
        pong = ann.expect("pong")
        assert pong["n"] == 7
        assert pong["now"] > 1_700_000_000_000

    def test_leaving_is_told_at_once(self, meeting: Meeting, page: Open) -> None:
        ann, bea = room_of(meeting, page, "publisher", "publisher")
        ann.send("leave")
        assert bea.expect("bye", within=3.0) == {"t": "bye", "from": ann.id, "reason": "left"}
        assert ann.closed() == 1000
        row = Connection.objects.select_related("attendee").get(connection_id=ann.id)
        assert row.attendee is not None
        assert (row.reason, row.attendee.is_deleted) == ("clientDisconnected", True)

    def test_leaving_is_told_although_answers_are_still_on_their_way(self, meeting: Meeting, page: Open) -> None:
        ann, bea = room_of(meeting, page, "publisher", "publisher")
        for number in range(50):
            ann.send("ping", n=number)
        ann.send("leave")
        ann.socket.close()
        assert bea.expect("bye", within=3.0) == {"t": "bye", "from": ann.id, "reason": "left"}


class TestRoles:
    @pytest.mark.parametrize("role", ["publisher", "subscriber"])
    @pytest.mark.parametrize("frame", [{"t": "end"}, {"t": "mute", "id": "*"}, {"t": "mute"}, {"t": "remove"}], ids=str)
    def test_only_moderators_moderate(self, meeting: Meeting, page: Open, role: str, frame: dict[str, str]) -> None:
        ann, bea = room_of(meeting, page, role, "moderator")
        ann.socket.send(json.dumps({"id": bea.id} | frame))

        assert ann.expect("error")["code"] == "forbidden"
        bea.quiet()
        meeting.refresh_from_db()
        assert meeting.end_time is None
        assert not Attendee.objects.filter(removed_on__isnull=False).exists()

    def test_a_subscriber_s_description_that_sends_is_refused(self, meeting: Meeting, page: Open) -> None:
        ann, bea = room_of(meeting, page, "subscriber", "publisher")
        for sdp in (SENDING, SENDING.replace("sendrecv", "sendonly"), RECEIVING.replace("a=recvonly\r\n", "", 1)):
            ann.send("sig", to=bea.id, data={"description": {"type": "offer", "sdp": sdp}})
            assert ann.expect("error")["code"] == "forbidden"
        ann.send("media", mic=True)
        bea.quiet()

        ann.send("sig", to=bea.id, data={"description": {"type": "offer", "sdp": RECEIVING}})
        ann.send("sig", to=bea.id, data={"candidate": {"candidate": "x"}})
        assert bea.expect("sig")["data"]["description"]["sdp"] == RECEIVING
        assert "candidate" in bea.expect("sig")["data"]

    def test_a_moderator_mutes_one_or_all_but_herself(self, meeting: Meeting, page: Open) -> None:
        ann, bea, zoe = room_of(meeting, page, "moderator", "publisher", "publisher")
        ann.send("mute", id=bea.id)
        assert bea.expect("muted")["by"] == "Person 0"
        zoe.quiet()

        ann.send("mute", id="*")
        assert [one.expect("muted")["by"] for one in (bea, zoe)] == ["Person 0"] * 2
        ann.quiet()

    def test_removing_puts_out_every_tab_of_a_person(self, meeting: Meeting, page: Open) -> None:
        (ann,) = room_of(meeting, page, "moderator")
        invitation = token(meeting, data="Bea")
        tabs = [page(meeting), page(meeting)]
        for tab in tabs:
            tab.join(invitation)

        ann.send("remove", id=tabs[0].id)

        assert [tab.closed() for tab in tabs] == [4403, 4403]
        assert {ann.expect("bye")["from"] for _ in tabs} == {tab.id for tab in tabs}
        attendee = Attendee.objects.get(attendee="Bea")
        assert (attendee.is_deleted, attendee.removed_by) == (True, "attendee:Person 0")
        assert set(attendee.connections.values_list("reason", flat=True)) == {"forceDisconnected"}

    def test_ending_puts_everyone_out(self, meeting: Meeting, page: Open) -> None:
        pages = room_of(meeting, page, "moderator", "publisher", "subscriber")
        pages[0].send("end")

        for one in pages:
            assert one.expect("ended")["message"] == "This meeting has ended."
            assert one.closed() == 4404
        meeting.refresh_from_db()
        assert meeting.end_time is not None
        assert meeting.modified_by == "attendee:Person 0"
        assert not Connection.objects.present().exists()
        assert not Attendee.objects.active().exists()


BAD: list[Any] = [
    b"\x00\x01",
    "",
    "nonsense",
    "[]",
    '"join"',
    "{}",
    '{"t": 7}',
    '{"t": ["sig"]}',
    '{"t": {}}',
    '{"t": "dance"}',
    '{"t": "ping", "n": NaN}',
    '{"t": "ping", "t": "ping"}',
    '{"t": "sig", "to": "x", "data": "text"}',
    '{"t": "sig", "to": 7, "data": {}}',
    '{"t": "sig", "data": {}}',
    '{"t": "sig", "to": "\\u0000", "data": {}}',
    '{"t": "remove", "id": "\\ud800"}',
    '{"t": "mute", "id": null}',
    json.dumps({"t": "sig", "to": "x", "data": {"x": "y" * 65 * 1024}}),
    '{"t": "sig", "to": "x", "data": ' + '{"a":' * 70 + "1" + "}" * 71,
]


class TestLimits:
    @pytest.mark.parametrize("frame", BAD, ids=[repr(frame)[:40] for frame in BAD])
    def test_a_bad_frame_is_told_and_the_socket_goes_on(self, meeting: Meeting, page: Open, frame: str | bytes) -> None:
        (ann,) = room_of(meeting, page, "moderator")
        ann.socket.send(frame)
        assert ann.expect("error")["code"] == "bad_message"
        ann.send("ping", n=1)
        ann.expect("pong")

    def test_a_frame_at_the_limit_is_relayed(self, meeting: Meeting, page: Open) -> None:
        ann, bea = room_of(meeting, page, "publisher", "publisher")
        frame = {"t": "sig", "to": bea.id, "data": {"x": ""}}
        frame["data"] = {"x": "y" * (64 * 1024 - len(json.dumps(frame)))}
        ann.socket.send(json.dumps(frame))
        assert bea.expect("sig")["data"] == frame["data"]

    def test_more_than_twenty_bad_frames_close_the_socket(self, meeting: Meeting, page: Open) -> None:
        (ann,) = room_of(meeting, page, "publisher")
        for _ in range(20):
            ann.socket.send("x")
            ann.expect("error")
        ann.socket.send("x")
        assert ann.closed() == 4408

    def test_a_flood_closes_the_socket_and_leaves_nobody_behind(self, meeting: Meeting, page: Open) -> None:
        ann, bea = room_of(meeting, page, "publisher", "publisher")
        for number in range(2000):
            try:
                ann.send("ping", n=number)
            except Exception:  # noqa: BLE001  (the server has closed it meanwhile)
                break
        assert ann.closed() == 4408
        bea.expect("bye", within=9, sender=ann.id)
        eventually(lambda: Connection.objects.present().count() == 1, "she is counted out")
