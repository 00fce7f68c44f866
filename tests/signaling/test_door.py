"""Who gets in at the socket, and what she is told; who does not, and why."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from django.utils import timezone
from websockets.exceptions import InvalidStatus

from meetings import seats, services
from meetings.exceptions import JoinRefused
from meetings.models import Attendee, Connection, Meeting
from meetings.plans import MeetingPlan
from meetings.providers.memory import MemoryProvider
from meetings.providers.types import Role, RoomRef, TokenGrant
from meetings.providers.webrtc import tokens
from tests.callers import mint
from tests.conftest import NewMeeting
from tests.servers import Server, asgi
from tests.signaling.conftest import Open
from tests.signaling.pages import Page, token
from tests.threads import in_threads

pytestmark = pytest.mark.django_db(transaction=True)


def refused(page: Page, **join: Any) -> dict[str, Any]:
    """Try to join; return the refusal, after which the socket must close with 4402."""
    page.send("join", **join)
    frame = page.expect("refused")
    assert page.closed() == 4402
    assert frame["message"].endswith(".")
    return frame


def grant(meeting: Meeting, **changes: Any) -> str:
    """Mint a token of any kind, past ones too."""
    now = timezone.now()
    given: dict[str, Any] = {
        "role": Role.PUBLISHER,
        "identity": "ext:ann",
        "issued_at": now,
        "expires_at": now + timedelta(hours=1),
    }
    room = RoomRef(session_id=meeting.session_id, meeting_link=meeting.meeting_link)
    return tokens.mint(room, TokenGrant(**(given | changes))).value


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_plain_http_at_the_socket_s_address_is_asked_to_upgrade(server: Server, meeting: Meeting, method: str) -> None:
    answer = httpx.request(method, f"http://127.0.0.1:{server.port}/ws/meet/{meeting.meeting_link}", trust_env=False)

    assert answer.status_code == 426
    assert (answer.headers["upgrade"], answer.headers["connection"].lower()) == ("websocket", "upgrade")
    assert answer.json()["error"]["code"] == "upgrade_required"


class TestWelcome:
    def test_says_everything_that_a_page_needs(self, meeting: Meeting, page: Open) -> None:
        welcome = page(meeting).join(token(meeting, "moderator", "Ann"), media={"mic": True, "camera": True})

        assert len(welcome["id"]) == 22
        expected = {
            "resumed": False,
            "role": "moderator",
            "name": "Ann",
            "iceServers": [],
            "heartbeat": 4.0,
            "limit": 6,
            "encrypted": False,
            "recording": False,
            "title": "",
        }
        assert {name: welcome[name] for name in expected} == expected

    def test_comes_with_a_row_and_an_attendee(self, meeting: Meeting, page: Open) -> None:
        welcome = page(meeting).join(token(meeting, data="Ann", ext_id="ann-7"))

        row = Connection.objects.select_related("attendee").get(connection_id=welcome["id"])
        assert row.attendee is not None
        assert (row.meeting, row.role, row.left_at) == (meeting, "publisher", None)
        assert (row.attendee.attendee, row.attendee.ext_id, row.attendee.is_deleted) == ("Ann", "ann-7", False)
        assert row.attendee.ext_metadata["webhookPayload"]["event"] == "connectionCreated"

    def test_two_tabs_are_one_person_with_two_connections(self, meeting: Meeting, page: Open) -> None:
        invitation = token(meeting, data="Ann", ext_id="ann-7")
        one, two = page(meeting).join(invitation), page(meeting).join(invitation)

        assert one["attendee"] == two["attendee"]
        assert one["id"] != two["id"]
        assert Attendee.objects.get().connections.count() == 2

    def test_the_page_s_name_counts_only_without_one_in_the_token(self, meeting: Meeting, page: Open) -> None:
        assert page(meeting).join(token(meeting), name=" Zoë\u202e  X ")["name"] == "Zoë X"
        assert page(meeting).join(token(meeting, data="Ann"), name="Eve")["name"] == "Ann"
        assert page(meeting).join(token(meeting))["name"] == "Guest"

    def test_counts_the_meeting_s_own_limit(self, new_meeting: NewMeeting, page: Open) -> None:
        meeting = new_meeting(max_participants=2, title="Talk", end_to_end_encryption=True)
        welcome = page(meeting).join(token(meeting))
        assert (welcome["limit"], welcome["title"], welcome["encrypted"]) == (2, "Talk", True)


class TestRefusals:
    @pytest.mark.parametrize(
        "bad", ["", "nonsense", "a.b.c", "é", "x" * 8000, "\ud83d\ude00"], ids=lambda text: ascii(text[:9])
    )
    def test_no_token_of_ours(self, meeting: Meeting, page: Open, bad: str) -> None:
        assert refused(page(meeting), token=bad)["code"] == "token_invalid"
        assert not Connection.objects.exists()

    def test_a_caller_s_token_opens_no_door(self, meeting: Meeting, page: Open, caller_token: str) -> None:
        assert refused(page(meeting), token=caller_token)["code"] == "token_invalid"
        assert refused(page(meeting), token=mint(room=meeting.session_id))["code"] == "token_invalid"

    def test_another_meeting_s_token(self, meeting: Meeting, new_meeting: NewMeeting, page: Open) -> None:
        assert refused(page(meeting), token=token(new_meeting()))["code"] == "token_invalid"

    def test_an_expired_token(self, meeting: Meeting, page: Open) -> None:
        past = timezone.now() - timedelta(minutes=5)
        late = grant(meeting, issued_at=past, expires_at=past + timedelta(minutes=1))
        assert refused(page(meeting), token=late)["code"] == "token_expired"

    def test_an_unknown_link(self, meeting: Meeting, page: Open) -> None:
        assert refused(page("nowhere"), token=token(meeting))["code"] == "meeting_unknown"

    def test_a_deleted_meeting(self, meeting: Meeting, page: Open) -> None:
        invitation = grant(meeting)
        services.delete_meeting(meeting, actor="owner")
        assert refused(page(meeting), token=invitation)["code"] == "meeting_unknown"

    def test_an_ended_meeting(self, meeting: Meeting, page: Open) -> None:
        invitation = token(meeting)
        services.end_meeting(meeting, actor="owner")
        frame = refused(page(meeting), token=invitation)
        assert (frame["code"], frame["message"], frame["retry"]) == ("meeting_ended", "This meeting has ended.", False)

    def test_a_meeting_whose_time_is_over(self, new_meeting: NewMeeting, page: Open) -> None:
        meeting = new_meeting(duration=30)
        invitation = token(meeting, now=timezone.now() - timedelta(minutes=31))
        assert refused(page(meeting), token=invitation)["code"] == "meeting_ended"

    def test_too_early(self, new_meeting: NewMeeting, page: Open) -> None:
        starts = timezone.now().replace(microsecond=0) + timedelta(hours=1)
        meeting = new_meeting(is_scheduled=True, schedule_time=starts)
        frame = refused(page(meeting), token=grant(meeting))
        opens = (starts - timedelta(minutes=10)).isoformat().replace("+00:00", "Z")
        assert (frame["code"], frame["retry"], frame["opensAt"]) == ("meeting_not_started", True, opens)

    def test_a_meeting_of_another_provider(self, memory: MemoryProvider, page: Open) -> None:
        meeting = services.create_meeting(MeetingPlan(provider="memory"), actor="owner")
        assert refused(page(meeting), token=grant(meeting))["code"] == "provider_mismatch"

    def test_a_full_meeting(self, meeting: Meeting, page: Open) -> None:
        pages = [page(meeting) for _ in range(6)]
        for number, one in enumerate(pages):
            one.join(token(meeting, "subscriber" if number % 2 else "publisher", f"Person {number}"))

        frame = refused(page(meeting), token=token(meeting, "moderator"))

        assert (frame["code"], frame["message"], frame["retry"]) == ("meeting_full", "This meeting is full.", True)
        pages[0].send("leave")
        pages[1].expect("bye")
        page(meeting).join(token(meeting))


class TestRemovedPeople:
    @pytest.mark.parametrize("who", [{"ext_id": "ann-7"}, {"data": "Ann"}, {"guest_id": "browser-1"}, {}], ids=str)
    def test_their_tokens_are_revoked_and_a_newer_one_lets_them_in(
        self, meeting: Meeting, page: Open, who: dict[str, str]
    ) -> None:
        old = services.issue_token(meeting, **who).value  # type: ignore[arg-type]
        unused = services.issue_token(meeting, **who).value  # type: ignore[arg-type]
        moderator, ann = page(meeting), page(meeting)
        moderator.join(token(meeting, "moderator", "Bea"))
        ann.join(old)

        moderator.send("remove", id=ann.id)

        assert ann.expect("removed")["message"] == "You were removed from this meeting."
        assert ann.closed() == 4403
        assert moderator.expect("bye", sender=ann.id)["reason"] == "removed"
        assert refused(page(meeting), token=old)["code"] == "token_revoked"
        assert refused(page(meeting), token=old, resume=ann.again())["code"] == "token_revoked"
        if who:
            assert refused(page(meeting), token=unused)["code"] == "token_revoked"
        newer = services.issue_token(meeting, **who).value  # type: ignore[arg-type]
        assert not page(meeting).join(newer)["resumed"]

    def test_others_are_let_in(self, meeting: Meeting, page: Open) -> None:
        moderator, ann = page(meeting), page(meeting)
        moderator.join(token(meeting, "moderator"))
        nameless = token(meeting)
        ann.join(token(meeting, data="Ann"))
        moderator.send("remove", id=ann.id)
        ann.expect("removed")

        page(meeting).join(nameless)
        page(meeting).join(token(meeting, data="Bea"))


class TestBeforeJoining:
    def test_the_first_frame_must_be_join(self, meeting: Meeting, page: Open) -> None:
        one = page(meeting)
        one.send("hello")
        assert one.expect("error")["code"] == "bad_message"
        one.send("sig", to="x", data={})
        assert one.expect("error")["code"] == "bad_message"
        one.join(token(meeting))

    def test_join_comes_once(self, meeting: Meeting, page: Open) -> None:
        one = page(meeting)
        one.join(token(meeting))
        one.send("join", token=token(meeting))
        assert one.expect("error")["code"] == "bad_message"
        assert Connection.objects.count() == 1

    def test_who_does_not_join_within_ten_seconds_is_closed(self, meeting: Meeting, page: Open) -> None:
        started = time.monotonic()
        assert page(meeting).closed(within=25) == 4401
        assert time.monotonic() - started >= 9.5

    @pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1:1"])
    def test_pages_of_another_site_get_no_socket(self, meeting: Meeting, page: Open, origin: str) -> None:
        with pytest.raises(InvalidStatus, match="403"):
            page(meeting, origin=origin)


def test_no_token_and_no_key_is_logged(meeting: Meeting, page: Open, log: Path) -> None:
    one = page(meeting)
    invitation = token(meeting, data="Ann")
    welcome = one.join(invitation)
    refused(page(meeting), token=invitation + "x")
    one.drop()
    page(meeting).join(invitation, resume=one.again())

    written = log.read_text()
    assert meeting.meeting_link in written, "the server does log"
    for secret in (invitation, invitation.split(".")[2], welcome["resume"]):
        assert secret not in written


@pytest.fixture
def turn_server(transactional_db: None, tmp_path: Path) -> Iterator[Server]:
    addresses = {"STUN_URLS": "stun:127.0.0.1:3478", "TURN_URLS": "turn:127.0.0.1:3478"}
    running = asgi(tmp_path / "log", REDIS_URL="", TURN_SECRET="turn-secret", **addresses)
    try:
        running.start()
        yield running
    finally:
        running.kill()


def test_turn_credentials_are_minted_for_each_join(meeting: Meeting, turn_server: Server, page: Open) -> None:
    one, two = page(meeting, on=turn_server), page(meeting, on=turn_server)
    (stun, turn) = one.join(token(meeting))["iceServers"]
    other = two.join(token(meeting))["iceServers"][1]

    assert stun == {"urls": ["stun:127.0.0.1:3478"]}
    assert turn["urls"] == ["turn:127.0.0.1:3478"]
    expiry, _, user = turn["username"].partition(":")
    assert user == one.id
    assert 5 * 3600 < int(expiry) - time.time() < 7 * 3600
    digest = hmac.new(b"turn-secret", turn["username"].encode(), hashlib.sha1).digest()
    assert turn["credential"] == base64.b64encode(digest).decode()
    assert other["username"] != turn["username"]


class TestTheLastSeat:
    def test_of_32_pages_at_once_exactly_one_gets_it(self, new_meeting: NewMeeting, page: Open) -> None:
        meeting = new_meeting(max_participants=3)
        for name in ("Ann", "Bea"):
            page(meeting).join(token(meeting, data=name))
        pages = [page(meeting) for _ in range(32)]
        invitations = [token(meeting, data=f"Person {number}") for number in range(32)]

        in_threads(32, lambda number: pages[number].send("join", token=invitations[number]))

        kinds = [_first(one) for one in pages]
        assert sorted(kinds) == ["refused meeting_full"] * 31 + ["welcome"]
        assert Connection.objects.filter(meeting=meeting).present().count() == 3

    @pytest.mark.postgres
    def test_of_32_processes_worth_of_joins_the_database_lets_one_in(self, new_meeting: NewMeeting) -> None:
        meeting = new_meeting(max_participants=1)
        claims = [tokens.read(token(meeting, data=f"Person {number}"), meeting.session_id) for number in range(32)]
        outcomes: list[str] = []

        def work(number: int) -> None:
            try:
                seats.admit(meeting, claims[number], socket=f"socket-{number}", name="N", limit=1)
                outcomes.append("in")
            except JoinRefused as error:
                outcomes.append(error.code)

        in_threads(32, work)

        assert sorted(outcomes) == ["in"] + ["meeting_full"] * 31
        assert Connection.objects.filter(meeting=meeting).count() == 1


def _first(page: Page) -> str:
    frame = json.loads(page.socket.recv(timeout=60))
    return " ".join([frame["t"], frame.get("code", "")]).strip()
