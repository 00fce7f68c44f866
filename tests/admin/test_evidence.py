"""Webhook deliveries and attendance facts: shown as they came, never changed; replayed on request."""

from __future__ import annotations

import json

import pytest
from django.utils import timezone

from meetings.models import AttendanceFact, Attendee, Connection, WebhookDelivery
from tests.admin.pages import AdminClient, address, logged, messages_of
from tests.factories import AttendeeFactory, ConnectionFactory, MeetingFactory, WebhookDeliveryFactory

Verdict = WebhookDelivery.Verdict


def connection_created(session_id: str, connection_id: str = "c1") -> str:
    return json.dumps(
        {
            "sessionId": session_id,
            "event": "connectionCreated",
            "timestamp": 1893456000000,
            "connection": {"id": connection_id, "createdAt": 1893456000000, "data": "Ada Lovelace"},
        }
    )


def test_delivery_is_replayed_and_what_it_says_is_there(chief: AdminClient) -> None:
    meeting = MeetingFactory.create()
    delivery = WebhookDeliveryFactory.create(
        verdict=Verdict.FAILED,
        error="Traceback…\nValueError: out of order",
        session_id=meeting.session_id,
        body=connection_created(meeting.session_id),
    )
    page = chief.page(address(delivery, "change"))
    assert "ValueError: out of order" in page
    assert "Ada Lovelace" in page

    response = chief.submit(address(delivery, "replay"))

    delivery.refresh_from_db()
    assert (delivery.verdict, delivery.error, delivery.meeting) == (Verdict.APPLIED, "", meeting)
    assert Attendee.objects.get(meeting=meeting).attendee == "Ada Lovelace"
    assert messages_of(response) == [f"“{delivery}”: Replayed: applied."]
    assert logged() == ["grace: Replayed: applied."]

    chief.submit(address(delivery, "replay"))
    assert AttendanceFact.objects.count() == Connection.objects.count() == 1


def test_several_deliveries_are_replayed_and_what_did_not_verify_is_not(chief: AdminClient) -> None:
    meetings = MeetingFactory.create_batch(2)
    waiting = [
        WebhookDeliveryFactory.create(
            verdict=Verdict.UNMATCHED, session_id=meeting.session_id, body=connection_created(meeting.session_id)
        )
        for meeting in meetings
    ]
    forged = WebhookDeliveryFactory.create(rejected=True, body=connection_created(meetings[0].session_id, "forged"))
    ticked = [delivery.pk for delivery in (*waiting, forged)]

    response = chief.submit(
        address(WebhookDelivery), {"action": "replay", "_selected_action": ticked, "confirmed": "yes"}
    )

    assert sorted(messages_of(response)) == sorted(
        [
            f"“{forged}”: A delivery that did not verify can't be replayed.",
            "Replay selected deliveries: done for 2.",
        ]
    )
    assert set(Connection.objects.values_list("connection_id", flat=True)) == {"c1"}
    forged.refresh_from_db()
    assert forged.verdict == Verdict.REJECTED
    assert "Replay" not in chief.page(address(forged, "change"))


def test_delivery_that_fails_again_says_so(chief: AdminClient) -> None:
    delivery = WebhookDeliveryFactory.create(verdict=Verdict.FAILED, body="[]")

    response = chief.submit(address(delivery, "replay"))

    assert messages_of(response) == [f"“{delivery}”: It failed again; the error is on its page."]
    delivery.refresh_from_db()
    assert "must be a JSON object" in delivery.error
    assert "must be a JSON object" in chief.page(address(delivery, "change"))
    assert logged() == []


def test_delivery_of_a_provider_that_is_not_configured_stays_as_it_is(chief: AdminClient) -> None:
    delivery = WebhookDeliveryFactory.create(verdict=Verdict.UNMATCHED, provider="gone")
    response = chief.submit(address(delivery, "replay"))
    assert messages_of(response) == [f"“{delivery}”: The provider 'gone' is not configured."]
    delivery.refresh_from_db()
    assert (delivery.verdict, delivery.attempts) == ("unmatched", 1)


def test_delivery_that_is_no_event_says_so(chief: AdminClient) -> None:
    delivery = WebhookDeliveryFactory.create(verdict=Verdict.FAILED, body='{"event": "connectionCreated"}')

    [message] = messages_of(chief.submit(address(delivery, "replay")))

    assert message.startswith(f"“{delivery}”: ")
    assert logged() == []


def test_markup_of_strangers_stays_text(chief: AdminClient) -> None:
    bad = "<script>alert(1)</script>"
    meeting = MeetingFactory.create(title=bad, tenant=bad, ext_id=bad, active=True)
    attendee = AttendeeFactory.create(meeting=meeting, attendee=bad, ext_id=bad)
    connected = ConnectionFactory.create(attendee=attendee, connection_id=bad, reason=bad[:20], role=bad)
    delivery = WebhookDeliveryFactory.create(meeting=meeting, kind=bad, body=bad, error=bad, session_id=bad)
    fact = AttendanceFact.objects.create(
        meeting=meeting, kind="joined", at=timezone.now(), source="x", fact_key="x", payload={bad: bad}
    )

    for row in (meeting, attendee, connected, delivery, fact):
        assert bad not in chief.page(address(row, "change"))
        assert bad not in chief.page(address(type(row)))
    for page in ("end", "soft-delete", "join-link"):
        assert bad not in chief.page(address(meeting, page))
    assert bad not in chief.submit(address(meeting, "join-link"), {"name": bad, "role": "publisher"}).content.decode()
    assert bad not in chief.page(f"{address(type(meeting))}?tenant={bad}&q={bad}")


@pytest.mark.parametrize("model", [WebhookDelivery, AttendanceFact, Attendee, Connection])
def test_evidence_can_be_neither_made_nor_changed_nor_deleted(
    chief: AdminClient, model: type[WebhookDelivery | AttendanceFact | Attendee | Connection]
) -> None:
    connected = ConnectionFactory.create()
    WebhookDeliveryFactory.create()
    AttendanceFact.objects.create(
        meeting=connected.meeting, kind="joined", at=timezone.now(), source="webhook", fact_key="a"
    )
    row = model.objects.get()

    assert 'name="_save"' not in chief.page(address(row, "change"))
    assert chief.get(address(model, "add")).status_code == 403
    assert chief.submit(address(model, "add")).status_code == 403
    assert chief.submit(address(row, "change")).status_code == 403
    assert chief.submit(address(row, "delete"), {"post": "yes"}).status_code == 403
    assert "delete_selected" not in chief.page(address(model))
