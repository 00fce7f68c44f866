"""What becomes of an event that is believed: applied once, kept until it can be, never lost; and the HTTP around it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import AsyncClient, Client

from meetings import extensions, intake
from meetings.exceptions import WebhookForged
from meetings.extensions import MeetingExtension
from meetings.models import AttendanceFact, Attendee, Connection, Meeting, WebhookDelivery
from meetings.providers.types import ProviderEvent
from tests.conftest import NewMeeting
from tests.factories import AttendeeFactory, MeetingFactory
from tests.presence.lives import body_of
from tests.webhooks.senders import ADDRESS, SECRET, archive, code_of, connected, post

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("signed")]


class TestUnknownKinds:
    @pytest.mark.parametrize("more", [{}, {"sessionId": "rtc_elsewhere"}, {"sessionId": 7}])
    def test_an_unknown_kind_is_stored_and_answered(self, more: dict[str, Any]) -> None:
        assert post({"event": "callCreated", **more}, secret=SECRET).status_code == 204

        delivery = WebhookDelivery.objects.get()
        assert (delivery.kind, delivery.verdict) == ("callCreated", "unknown")

    def test_an_unknown_archive_status_is_stored_and_answered(self, meeting: Meeting) -> None:
        assert post(archive(meeting, status="streamAdded"), secret=SECRET).status_code == 204
        assert WebhookDelivery.objects.get().verdict == "unknown"
        assert meeting.archives.count() == 0

    def test_a_very_long_kind_fits_its_column(self) -> None:
        assert post({"event": "x" * 5000}, secret=SECRET).status_code == 204
        assert WebhookDelivery.objects.get().kind == "x" * 64


class TestDuplicates:
    def test_a_copy_of_an_applied_event_changes_nothing(self, meeting: Meeting) -> None:
        event = connected(meeting)
        answers = [post(event, secret=SECRET).status_code for _ in range(3)]

        assert answers == [204, 204, 204]
        assert WebhookDelivery.objects.get().attempts == 1
        assert Connection.objects.count() == 1

    def test_a_copy_in_another_form_is_a_copy(self, meeting: Meeting) -> None:
        event = connected(meeting)
        post(event, secret=SECRET)
        turned = dict(reversed(event.items()))
        post(body_of(turned).replace(b",", b" , "), secret=SECRET)

        assert WebhookDelivery.objects.count() == 1

    def test_the_same_event_of_another_provider_is_no_copy(self, memory: object, meeting: Meeting) -> None:
        event = connected(meeting)
        assert post(event, secret=SECRET).status_code == 204
        with_secret = post(event, secret=SECRET, address="/webhooks/memory")
        assert with_secret.status_code == 503, "the other provider has no secret"


class TestUnknownRooms:
    def test_an_event_about_an_unknown_room_waits_and_is_applied_when_it_turns_up(self) -> None:
        event = connected("rtc_later")
        assert post(event, secret=SECRET).status_code == 204
        assert WebhookDelivery.objects.get().verdict == "unmatched"

        meeting = MeetingFactory.create(session_id="rtc_later")
        assert intake.apply_waiting(meeting) == 1

        delivery = WebhookDelivery.objects.get()
        assert (delivery.verdict, delivery.meeting, delivery.attempts) == ("applied", meeting, 2)
        assert Connection.objects.get(meeting=meeting).connection_id == "c1"

    def test_a_copy_that_comes_after_the_room_is_applied(self) -> None:
        event = connected("rtc_later")
        post(event, secret=SECRET)
        meeting = MeetingFactory.create(session_id="rtc_later")

        assert post(event, secret=SECRET).status_code == 204

        assert WebhookDelivery.objects.get().verdict == "applied"
        assert Connection.objects.filter(meeting=meeting).count() == 1

    def test_more_than_a_batch_waits(self) -> None:
        """All but the last say the same, which applies quickly."""
        post(connected("rtc_later", "c1"), secret=SECRET)
        first = WebhookDelivery.objects.get()
        WebhookDelivery.objects.bulk_create(
            WebhookDelivery(provider=first.provider, kind=first.kind, session_id="rtc_later", verdict="unmatched",
                            dedupe_key=f"copy-{number}", body=first.body)
            for number in range(intake.WAITING_BATCH)
        )  # fmt: skip
        post(connected("rtc_later", "c2"), secret=SECRET)

        assert intake.apply_waiting(MeetingFactory.create(session_id="rtc_later")) == intake.WAITING_BATCH + 2
        assert Connection.objects.count() == 2

    def test_a_room_of_another_provider_is_another_room(self, memory: object, new_meeting: NewMeeting) -> None:
        theirs = new_meeting(provider="memory")
        post(connected(theirs), secret=SECRET)

        assert WebhookDelivery.objects.get().verdict == "unmatched"
        assert Connection.objects.count() == 0


class BrokenExtension(MeetingExtension):
    """Takes archive events, changes rows, and then has a bug for as long as `is_broken`."""

    is_broken = True

    def archive_event(self, meeting: Meeting, event: ProviderEvent, delivery: WebhookDelivery) -> bool:
        AttendeeFactory.create(meeting=meeting, ext_id="half-done")
        if self.is_broken:
            raise RuntimeError("a bug of ours")
        return True


@pytest.fixture
def broken() -> Iterator[BrokenExtension]:
    extension = BrokenExtension()
    extensions.register(extension)
    yield extension
    extensions._extensions.remove(extension)


class TestOurOwnBug:
    def test_keeps_the_delivery_and_its_traceback_and_nothing_half_done(
        self, meeting: Meeting, broken: BrokenExtension
    ) -> None:
        answer = post(archive(meeting), secret=SECRET)

        assert (answer.status_code, code_of(answer)) == (500, "webhook_failed")
        assert "a bug of ours" not in answer.content.decode()
        delivery = WebhookDelivery.objects.get()
        assert (delivery.verdict, delivery.attempts, delivery.applied_at) == ("failed", 1, None)
        assert "RuntimeError: a bug of ours" in delivery.error
        assert delivery.dedupe_key
        assert not Attendee.objects.exists()
        assert meeting.archives.count() == 0, "what other extensions did is rolled back too"

    def test_a_retry_applies_it(self, meeting: Meeting, broken: BrokenExtension) -> None:
        event = archive(meeting)
        assert post(event, secret=SECRET).status_code == 500
        broken.is_broken = False

        assert post(event, secret=SECRET).status_code == 204

        delivery = WebhookDelivery.objects.get()
        assert (delivery.verdict, delivery.attempts, delivery.error) == ("applied", 2, "")
        assert delivery.applied_at is not None
        assert Attendee.objects.count() == 1
        assert meeting.archives.count() == 1

    def test_a_replay_applies_it(self, meeting: Meeting, broken: BrokenExtension) -> None:
        post(archive(meeting), secret=SECRET)
        broken.is_broken = False

        assert intake.replay(WebhookDelivery.objects.get()).verdict == "applied"
        assert meeting.archives.count() == 1


class TestReplay:
    def test_changes_nothing_the_second_time(self, meeting: Meeting) -> None:
        post(connected(meeting), secret=SECRET)
        facts = AttendanceFact.objects.count()

        intake.replay(WebhookDelivery.objects.get())

        assert (AttendanceFact.objects.count(), Connection.objects.count()) == (facts, 1)

    def test_an_event_without_a_time_keeps_the_one_that_it_came_at(self, meeting: Meeting) -> None:
        event = connected(meeting)
        del event["timestamp"], event["connection"]["createdAt"]
        post(event, secret=SECRET)
        joined_at = Connection.objects.get().joined_at

        intake.replay(WebhookDelivery.objects.get())

        assert AttendanceFact.objects.count() == 1
        assert Connection.objects.get().joined_at == joined_at

    def test_a_rejected_delivery_can_not_be_replayed(self, meeting: Meeting) -> None:
        post(connected(meeting))
        rejected = WebhookDelivery.objects.get()

        with pytest.raises(WebhookForged):
            intake.replay(rejected)
        assert Connection.objects.count() == 0


class TestAStoredBodyThatCanNotBeReadAnyMore:
    def test_fails_alone_and_keeps_no_meeting_from_being_made(self) -> None:
        for number in range(2):
            post(connected("rtc_later", f"c{number}"), secret=SECRET)
        WebhookDelivery.objects.filter(body__contains='"c0"').update(body='{"event": 7}')

        assert intake.apply_waiting(MeetingFactory.create(session_id="rtc_later")) == 2

        assert list(WebhookDelivery.objects.order_by("id").values_list("verdict", flat=True)) == ["failed", "applied"]
        assert "WebhookMalformed" in WebhookDelivery.objects.order_by("id")[0].error


class TestRejectedDeliveries:
    def test_rotate_and_leave_the_verified_ones_alone(self, meeting: Meeting, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(intake, "REJECTED_KEPT", 5)
        post(connected(meeting, "good"), secret=SECRET)
        for number in range(12):
            post(connected(meeting, f"c{number}"))

        rejected = WebhookDelivery.objects.filter(verdict="rejected")
        assert rejected.count() == 5
        assert '"c11"' in rejected.order_by("-id")[0].body
        assert '"c7"' in rejected.order_by("id")[0].body
        assert WebhookDelivery.objects.filter(verdict="applied").count() == 1

    def test_keep_the_beginning_of_what_came(self, meeting: Meeting) -> None:
        post(connected(meeting, data="x" * 100_000))
        assert len(WebhookDelivery.objects.get().body) == intake.REJECTED_BODY

    @pytest.mark.parametrize("body", [b"\x00", b"\xff" * 10, b'"\\ud800"'])
    def test_keep_what_no_database_likes(self, body: bytes) -> None:
        assert post(body).status_code == 503
        assert WebhookDelivery.objects.get().verdict == "rejected"


class TestHttp:
    def test_a_body_over_the_limit_is_413(self, meeting: Meeting) -> None:
        answer = post(connected(meeting, data="x" * intake.MAX_BODY), secret=SECRET)
        assert (answer.status_code, code_of(answer)) == (413, "body_too_large")
        assert WebhookDelivery.objects.count() == 0

    def test_a_body_at_the_limit_is_read(self, meeting: Meeting) -> None:
        event = connected(meeting) | {"padding": ""}
        event["padding"] = "x" * (intake.MAX_BODY - len(body_of(event)))
        assert len(body_of(event)) == intake.MAX_BODY
        assert post(event, secret=SECRET).status_code == 204

    def test_a_chunked_body_is_not_taken_for_an_empty_one(self) -> None:
        request = {"HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_LENGTH": ""}
        answer = Client().generic("POST", ADDRESS, b"", **request)  # type: ignore[arg-type]
        assert (answer.status_code, code_of(answer)) == (411, "length_required")

    @pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
    def test_other_methods_are_no_route(self, method: str) -> None:
        assert Client().generic(method, ADDRESS).status_code == 404

    def test_an_unknown_alias_is_no_route(self) -> None:
        assert post({}, address="/webhooks/nobody").status_code == 404

    def test_the_path_token_must_be_right(self, settings: Any, meeting: Meeting) -> None:
        settings.VIDEOCONF = settings.VIDEOCONF | {"WEBHOOK_PATH_TOKEN": "unguessable"}
        event = connected(meeting)
        for address in (ADDRESS, f"{ADDRESS}/wrong", "/webhooks/webrtc", f"{ADDRESS}/%ff"):
            assert post(event, secret=SECRET, address=address).status_code == 404
        assert WebhookDelivery.objects.count() == 0
        assert post(event, secret=SECRET, address=f"{ADDRESS}/unguessable").status_code == 204
        assert post(event, secret=SECRET, address="/webhooks/webrtc/unguessable").status_code == 200

    def test_a_path_token_without_the_setting_is_no_route(self, meeting: Meeting) -> None:
        assert post(connected(meeting), secret=SECRET, address=f"{ADDRESS}/anything").status_code == 404

    def test_needs_no_csrf_token(self, meeting: Meeting) -> None:
        answer = Client(enforce_csrf_checks=True).generic("POST", ADDRESS, b"{}", content_type="application/json")
        assert answer.status_code == 204

    async def test_works_under_asgi(self) -> None:
        answer = await AsyncClient().generic("POST", ADDRESS, b"{}", content_type="application/json")
        assert answer.status_code == 204
