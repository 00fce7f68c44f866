"""When a socket drops, a page is reloaded, a meeting is changed by another process, a server is killed."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone

from meetings import attendance, moderation, seats, services, signals
from meetings.facts import identity_of
from meetings.models import Attendee, Connection, Meeting
from meetings.providers.webrtc import tokens
from tests.callers import ApiClient
from tests.conftest import NewMeeting
from tests.servers import Server, asgi, eventually
from tests.signaling.conftest import Open
from tests.signaling.pages import token
from tests.signaling.test_door import grant
from tests.signaling.test_room import room_of

pytestmark = pytest.mark.django_db(transaction=True)


class TestADroppedSocket:
    def test_goes_on_as_the_same_connection_and_nobody_hears_a_bye(self, meeting: Meeting, page: Open) -> None:
        ann, bea = room_of(meeting, page, "publisher", "publisher")
        before = Connection.objects.get(connection_id=ann.id)
        ann.drop()
        back = page(meeting)
        welcome = back.join(token(meeting, data="Person 0"), resume=ann.again())

        assert (welcome["resumed"], welcome["id"]) == (True, ann.id)
        assert bea.expect("hello")["from"] == ann.id
        bea.quiet("bye", lasting=5.5)
        after = Connection.objects.get(connection_id=ann.id)
        assert (after.left_at, after.joined_at) == (None, before.joined_at)
        bea.send("sig", to=ann.id, data={"candidate": None})
        back.expect("sig")

    def test_is_counted_out_after_four_seconds_and_begins_anew(self, meeting: Meeting, page: Open) -> None:
        ann, bea = room_of(meeting, page, "publisher", "publisher")
        dropped = time.monotonic()
        ann.drop()

        bye = bea.expect("bye")
        assert bye == {"t": "bye", "from": ann.id, "reason": "lost"}
        assert time.monotonic() - dropped >= 3.9
        assert Connection.objects.get(connection_id=ann.id).reason == "networkDisconnected"
        assert Attendee.objects.get(attendee="Person 0").is_deleted

        welcome = page(meeting).join(token(meeting, data="Person 0"), resume=ann.again())
        assert not welcome["resumed"]
        assert welcome["id"] != ann.id
        assert welcome["attendee"] == ann.welcome["attendee"]
        assert not Attendee.objects.get(attendee="Person 0").is_deleted

    def test_comes_back_although_its_token_has_expired(self, meeting: Meeting, page: Open) -> None:
        (ann,) = room_of(meeting, page, "publisher")
        past = timezone.now() - timedelta(minutes=5)
        expired = grant(
            meeting, identity=identity_of(data="Person 0"), issued_at=past, expires_at=past + timedelta(minutes=1)
        )
        ann.drop()
        assert page(meeting).join(expired, resume=ann.again())["resumed"]

    def test_an_expired_token_opens_nothing_for_who_has_left(self, meeting: Meeting, page: Open) -> None:
        (ann,) = room_of(meeting, page, "publisher")
        past = timezone.now() - timedelta(minutes=5)
        expired = grant(meeting, issued_at=past, expires_at=past + timedelta(minutes=1))
        ann.send("leave")
        ann.closed()
        eventually(lambda: not Connection.objects.present().exists(), "she has left")
        again = page(meeting)
        again.send("join", token=expired, resume=ann.again())
        assert again.expect("refused")["code"] == "token_expired"

    @pytest.mark.parametrize(
        "forged", [{"key": "x"}, {"key": "\ud800"}, {"id": "x"}, {"id": 7}, {"key": None}], ids=str
    )
    def test_another_s_key_takes_nothing_up(self, meeting: Meeting, page: Open, forged: dict[str, object]) -> None:
        (ann,) = room_of(meeting, page, "publisher")
        thief = page(meeting)
        thief.send("join", token=token(meeting, data="Eve"), resume=ann.again() | forged)
        frame = json.loads(thief.socket.recv(timeout=15))
        assert frame["t"] == "error" or (frame["t"], frame["resumed"]) == ("welcome", False)
        ann.send("ping", n=1)
        ann.expect("pong")

    def test_silence_of_fifteen_seconds_ends_it(self, meeting: Meeting, page: Open) -> None:
        ann, bea = room_of(meeting, page, "publisher", "publisher")
        for _ in range(5):
            bea.send("ping", n=1)
            bea.expect("pong")
            time.sleep(3)
        assert ann.closed() == 4401
        bea.send("ping", n=1)
        bea.expect("bye", sender=ann.id, reason="lost")


class TestAReload:
    @pytest.mark.parametrize("who", [{"data": "Ann"}, {"ext_id": "ann-7"}, {}], ids=str)
    def test_is_a_new_connection_of_the_same_attendee(self, meeting: Meeting, page: Open, who: dict[str, str]) -> None:
        (bea,) = room_of(meeting, page, "publisher")
        invitation = token(meeting, **who)
        old, new = page(meeting), page(meeting)
        old.join(invitation)
        welcome = new.join(invitation, resume=old.again(), reload=True)

        assert welcome["id"] != old.id
        assert (welcome["resumed"], welcome["attendee"]) == (False, old.welcome["attendee"])
        old.expect("replaced")
        assert old.closed() == 4409
        bye = bea.expect("bye", within=3.0)
        assert bye == {"t": "bye", "from": old.id, "reason": "replaced", "replacedBy": new.id}
        assert bea.expect("hello", sender=new.id)["replaces"] == old.id
        bea.quiet("bye", lasting=5.0)
        attendee = Attendee.objects.exclude(attendee="Person 0").get()
        assert not attendee.is_deleted
        assert attendee.connections.count() == 2
        assert Connection.objects.get(connection_id=old.id).reason == "replaced"

    def test_works_in_a_full_meeting(self, new_meeting: NewMeeting, page: Open) -> None:
        meeting = new_meeting(max_participants=1)
        invitation = token(meeting, data="Ann")
        ann = page(meeting)
        ann.join(invitation)
        assert page(meeting).join(invitation, resume=ann.again(), reload=True)["id"] != ann.id

    def test_tells_the_host_of_nobody_leaving(self, meeting: Meeting) -> None:
        heard: list[str] = []
        joined = _listener(heard, "joined")
        left = _listener(heard, "left")
        signals.attendee_joined.connect(joined)
        signals.attendee_left.connect(left)
        claims = tokens.read(token(meeting, data="Ann"), meeting.session_id)
        try:
            seat = seats.admit(meeting, claims, socket="a", name="Ann", limit=6)
            seats.admit(meeting, claims, socket="b", name="Ann", limit=6, known_id=seat.connection_id, is_reload=True)
        finally:
            signals.attendee_joined.disconnect(joined)
            signals.attendee_left.disconnect(left)
        assert heard == ["joined"]


def _listener(heard: list[str], word: str) -> Callable[..., None]:
    def listen(**_: object) -> None:
        heard.append(word)

    return listen


class TestAnotherProcessWithoutASharedLayer:
    """This process calls the services; the server can learn of it from the database only."""

    def test_a_removal_and_a_mute_reach_the_sockets_at_their_heartbeat(self, meeting: Meeting, page: Open) -> None:
        ann, bea, zoe = room_of(meeting, page, "publisher", "publisher", "publisher")
        people = {attendee.attendee: attendee for attendee in Attendee.objects.all()}
        moderation.remove_attendee(people["Person 1"], actor="owner")
        moderation.mute_attendee(people["Person 2"])
        decided = time.monotonic()

        bea.expect("removed", within=8)
        assert bea.closed() == 4403
        zoe.expect("muted", within=8)
        assert time.monotonic() - decided < 8
        assert ann.expect("bye")["reason"] == "removed"
        for one in (ann, zoe):
            one.send("ping", n=1)
        zoe.quiet("muted", lasting=5)  # one mute is told once
        ann.quiet("muted", "removed", lasting=0.2)

    def test_an_end_reaches_them_too(self, meeting: Meeting, page: Open) -> None:
        ann, bea = room_of(meeting, page, "moderator", "publisher")
        services.end_meeting(meeting, actor="owner")
        assert not Attendee.objects.active().exists(), "true at once, whatever the sockets know"
        for one in (ann, bea):
            one.expect("ended", within=8)
            assert one.closed() == 4404
        assert set(Connection.objects.values_list("reason", flat=True)) == {"sessionDestroyed"}

    def test_a_meeting_whose_time_is_over_is_ended_by_its_sockets(self, meeting: Meeting, page: Open) -> None:
        (ann,) = room_of(meeting, page, "publisher")
        Meeting.objects.filter(pk=meeting.pk).update(closes_at=timezone.now())
        ann.expect("ended", within=8)
        meeting.refresh_from_db()
        assert (meeting.end_time is not None, meeting.modified_by) == (True, "system")

    def test_who_was_counted_out_by_another_process_is_sent_to_join_anew(self, meeting: Meeting, page: Open) -> None:
        (ann,) = room_of(meeting, page, "publisher")
        attendance.close_silent(meeting, now=timezone.now() + timedelta(minutes=1))
        assert ann.closed(within=8) == 4410
        assert not page(meeting).join(token(meeting, data="Person 0"), resume=ann.again())["resumed"]


class TestAKilledServer:
    @pytest.fixture
    def second(self, transactional_db: None, tmp_path: Path) -> Iterator[Server]:
        running = asgi(tmp_path / "log", REDIS_URL="")
        try:
            running.start()
            yield running
        finally:
            running.kill()

    def test_leaves_no_ghosts_where_another_has_sockets(
        self, meeting: Meeting, new_meeting: NewMeeting, page: Open, second: Server
    ) -> None:
        elsewhere = new_meeting()
        (watcher,) = room_of(elsewhere, page, "publisher")
        ann = page(meeting, on=second)
        ann.join(token(meeting, data="Ann"))
        second.kill()
        killed = timezone.now()

        def swept() -> bool:
            watcher.send("ping", n=1)
            return not Connection.objects.filter(meeting=meeting).present().exists()

        eventually(swept, "the ghost is counted out", within=30)
        row = Connection.objects.get(connection_id=ann.id)
        assert row.reason == "networkDisconnected"
        assert row.left_at is not None
        assert row.left_at <= killed, "she was last seen before the kill"
        assert Connection.objects.filter(meeting=elsewhere).present().count() == 1

    def test_leaves_no_ghosts_in_the_api_s_answer(
        self, meeting: Meeting, page: Open, second: Server, owner: ApiClient
    ) -> None:
        page(meeting, on=second).join(token(meeting, data="Ann"))
        path = f"/session/{meeting.meeting_link}/attendees?active=true"
        assert len(owner.get(path).json()) == 1
        second.kill()

        eventually(lambda: owner.get(path).json() == [], "nobody is there", within=20)
        (told,) = owner.get(path.partition("?")[0]).json()
        assert told["isDeleted"] is True

    def test_takes_its_pages_up_again_when_it_is_back(self, meeting: Meeting, page: Open, second: Server) -> None:
        ann, bea = (page(meeting, on=second) for _ in range(2))
        ann.join(token(meeting, data="Ann"))
        bea.join(token(meeting, data="Bea"))
        second.kill()
        # A slow machine must not make it look as if the pages had stayed away.
        Connection.objects.update(last_seen_at=timezone.now() + timedelta(minutes=1))
        second.start()

        back = [page(meeting, on=second) for _ in range(2)]
        assert back[0].join(token(meeting, data="Ann"), resume=ann.again())["resumed"]
        assert back[1].join(token(meeting, data="Bea"), resume=bea.again())["resumed"]
        assert back[0].expect("hello")["from"] == bea.id
        assert Connection.objects.present().count() == 2
