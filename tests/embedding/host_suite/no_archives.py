"""A host that left the archives out."""

from __future__ import annotations

import time

from django.apps import apps
from django.conf import settings
from django.test import TestCase

from meetings import extensions
from meetings.models import Meeting, WebhookDelivery
from meetings.providers.registry import get_provider

from .callers import caller, config_of, page_of

REFUSAL = "Cannot archive meeting, this feature is not available for this provider"


class NoArchivesTests(TestCase):
    def setUp(self) -> None:
        able = {"BACKEND": "meetings.providers.memory.MemoryProvider", "OPTIONS": {"ARCHIVE": True}}
        self.enterContext(
            self.settings(
                VIDEOCONF=settings.VIDEOCONF | {"DEFAULT_PROVIDER": "memory", "ALLOW_UNSIGNED_WEBHOOKS": True},
                VIDEOCONF_PROVIDERS={"memory": able},
            )
        )

    def create(self, body: str) -> tuple[int, dict[str, str]]:
        answer = self.client.post("/video/session", body, "application/json", headers=caller("CreateMeetingSession"))
        return answer.status_code, answer.json()

    def test_app_is_really_not_there(self) -> None:
        assert not apps.is_installed("archives")
        assert not extensions.can_archive(get_provider("memory"))

    def test_archiving_is_refused_by_name(self) -> None:
        status, answer = self.create('{"enableArchiving": true}')

        assert (status, answer["error"]["message"]) == (400, REFUSAL)  # type: ignore[index]
        assert not Meeting.objects.exists()

    def test_archive_operations_are_unknown_addresses(self) -> None:
        _, answer = self.create("{}")

        for address in ("archives", f"session/{answer['code']}/archives"):
            asked = self.client.post(f"/video/{address}", headers=caller("StartMeetingArchive"))
            assert asked.status_code == 404

    def test_page_shows_no_recording(self) -> None:
        _, answer = self.create("{}")
        config = config_of(page_of(self.client, Meeting.objects.get(meeting_link=answer["code"])).content.decode())

        assert (config["canRecord"], config["recording"]) == (False, False)

    def test_archive_callback_is_stored_as_unknown(self) -> None:
        _, answer = self.create("{}")
        meeting = Meeting.objects.get(meeting_link=answer["code"])
        event = {
            "event": "archive",
            "id": "archive-1",
            "status": "started",
            "sessionId": meeting.session_id,
            "createdAt": int(time.time() * 1000),
        }
        sent = self.client.post("/video/webhooks/session", event, content_type="application/json")

        assert sent.status_code == 204
        delivery = WebhookDelivery.objects.get()
        assert (delivery.verdict, delivery.meeting) == (WebhookDelivery.Verdict.UNKNOWN, meeting)
