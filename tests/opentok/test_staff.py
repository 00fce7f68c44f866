"""What staff do and see in the admin of a project at Vonage."""

from __future__ import annotations

from typing import Any

import pytest
from django.utils import timezone

from archives import services
from archives.models import Archive, StorageTarget
from meetings.models import WebhookDelivery
from tests.admin.pages import AdminClient, address
from tests.opentok.house import House, good
from tests.vonage import faults

pytestmark = pytest.mark.django_db


@pytest.fixture
def chief(admin_user: Any) -> AdminClient:
    client = AdminClient()
    client.force_login(admin_user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def test_a_storage_target_that_is_brought_back_is_told_to_vonage(legacy: House, chief: AdminClient) -> None:
    good(legacy.api.put("/archives/storage-target", {"name": "AWSS3", "bucket": "talks"}))
    good(legacy.api.delete("/archives/storage-target"))
    target = StorageTarget.objects.get()
    assert legacy.vonage.storage is None

    legacy.vonage.fail("PUT **/storage", faults.status(500), times=None)
    chief.submit(address(target, "restore"))
    target.refresh_from_db()
    assert (target.deleted, legacy.vonage.storage) == (True, None)

    legacy.vonage.heal()
    chief.submit(address(target, "restore"))
    target.refresh_from_db()
    stored: Any = legacy.vonage.storage
    assert not target.deleted
    assert stored["config"]["bucket"] == "talks"


def test_an_archive_that_vonage_still_holds_says_so(legacy: House, chief: AdminClient) -> None:
    link = legacy.create()
    legacy.join(link, "Ann")
    archive_id = legacy.start(link)
    legacy.vonage.finish_archive(archive_id)
    legacy.deliver()
    legacy.vonage.fail("DELETE **", faults.status(500), times=None)
    good(legacy.api.delete(f"/archives/{archive_id}"))

    page = chief.page(address(Archive.objects.get(), "change"))
    assert "still holds the file" in page
    assert "provider_error" in page

    legacy.vonage.heal()
    Archive.objects.update(removal_due_at=timezone.now())
    assert services.repeat_removal(Archive.objects.get().pk)
    assert "still holds the file" not in chief.page(address(Archive.objects.get(), "change"))


def test_the_link_of_a_recording_is_stored_nowhere(legacy: House) -> None:
    link = legacy.create()
    legacy.join(link, "Ann")
    archive_id = legacy.start(link)
    legacy.vonage.finish_archive(archive_id)
    sent = [callback.body.decode() for callback in legacy.vonage.callbacks_of("archive.available")]
    assert any('"url":"http' in body.replace(" ", "") for body in sent)

    legacy.deliver()

    stored = WebhookDelivery.objects.get(kind="archive.available").body
    assert '"url":null' in stored.replace(" ", "")
    assert "http" not in stored
    assert legacy.archive(archive_id)["metaData"]["url"].startswith("http")
