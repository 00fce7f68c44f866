"""Somebody is erased whose names came by Vonage's events, and whose recordings are at Vonage."""

from __future__ import annotations

import pytest

from archives.models import Archive
from archives.services import repeat_removal
from meetings.models import WebhookDelivery
from tests.opentok.house import House
from tests.privacy.dump import call, rows_with

pytestmark = pytest.mark.django_db(transaction=True)
NAME, EXT_ID = "Zoë Quillfeather", "zq-4711"


def test_nothing_of_her_is_left_here_or_there(legacy: House) -> None:
    link = legacy.create()
    hers = legacy.join(link, NAME, extId=EXT_ID)
    legacy.join(link, "Ben")
    archive_id = legacy.start(link, name=f"Talk with {NAME}")
    legacy.vonage.finish_archive(archive_id)
    legacy.vonage.disconnect(hers)
    legacy.deliver()
    before = WebhookDelivery.objects.count()
    assert len(rows_with(NAME, EXT_ID)) > 3

    said = call("erase_attendee", "--ext-id", EXT_ID)

    assert "recordings 1" in said
    assert rows_with("Quillfeather", EXT_ID) == []
    assert rows_with("Ben")
    assert WebhookDelivery.objects.count() == before
    assert legacy.vonage.archives[archive_id].status == "deleted"


def test_what_vonage_does_not_delete_now_is_owed(legacy: House) -> None:
    link = legacy.create()
    hers = legacy.join(link, NAME, extId=EXT_ID)
    archive_id = legacy.start(link)
    legacy.api.post(f"/archives/{archive_id}/stop")  # Vonage deletes what is available, and this is not yet
    legacy.vonage.disconnect(hers)
    legacy.deliver()
    said = call("erase_attendee", "--ext-id", EXT_ID)
    assert "recordings 1, recordings that the worker will remove 1" in said
    assert rows_with("Quillfeather", EXT_ID) == []
    legacy.vonage.finish_archive(archive_id)
    archive = Archive.objects.get()
    Archive.objects.update(removal_due_at=archive.created_on)
    assert repeat_removal(archive.pk)
    assert legacy.vonage.archives[archive_id].status == "deleted"
