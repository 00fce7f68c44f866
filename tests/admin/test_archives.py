"""Archives and storage targets in the admin."""

from __future__ import annotations

from typing import Any

import pytest

from archives.models import Archive, StorageTarget
from archives.targets import current_target
from tests.admin.pages import AdminClient, address, errors_of, logged, messages_of, rows_of
from tests.factories import ArchiveFactory, MeetingFactory, StorageTargetFactory


@pytest.fixture
def credentials(settings: Any) -> None:
    settings.VIDEOCONF = settings.VIDEOCONF | {"AWS_ACCESS_KEY": "key-id", "AWS_SECRET_KEY": "key-of-bucket"}


def test_archive_is_deleted_and_restored_with_who_and_when(chief: AdminClient) -> None:
    archive = ArchiveFactory.create()

    chief.submit(address(archive, "soft-delete"))
    deleted = Archive.objects.get()
    assert deleted.deleted
    assert deleted.deleted_by == "grace"
    assert rows_of(chief.page(address(Archive))) == []
    assert len(rows_of(chief.page(f"{address(Archive)}?deleted=yes"))) == 1

    chief.submit(address(archive, "restore"))
    restored = Archive.objects.get()
    assert not restored.deleted
    assert restored.deleted_by is None
    assert logged() == ["grace: Deleted.", "grace: Restored."]


def test_archive_that_is_running_is_not_deleted(chief: AdminClient) -> None:
    archive = ArchiveFactory.create(running=True)

    response = chief.submit(address(archive, "soft-delete"))

    assert messages_of(response) == [f"“{archive}”: The archive is still running; stop it first."]
    assert not Archive.objects.get().deleted


def test_archives_are_filtered_and_linked_from_their_meeting(chief: AdminClient) -> None:
    meeting = MeetingFactory.create(tenant="north")
    ArchiveFactory.create(meeting=meeting, status="failed", name="Failed")
    ArchiveFactory.create(name="Fine")

    for query in ("status=failed", "tenant=north", f"meeting={meeting.meeting_link}"):
        [row] = rows_of(chief.page(f"{address(Archive)}?{query}"))
        assert row.startswith("Failed")
    assert f'href="{address(Archive)}?meeting={meeting.meeting_link}"' in chief.page(address(meeting, "change"))


def test_storage_target_that_is_not_in_force_any_more_says_so_in_words(chief: AdminClient) -> None:
    target = StorageTargetFactory.create(deleted=True)
    pages = chief.page(address(StorageTarget)) + chief.page(address(target, "change"))
    assert "icon-no" not in pages
    assert " No " in rows_of(pages)[0]


def test_storage_target_is_set_by_the_service(chief: AdminClient, credentials: None) -> None:
    earlier = StorageTargetFactory.create()

    response = chief.submit(
        address(StorageTarget, "add"), {"name": "AWSS3", "bucket": "recordings", "fallback": "none"}
    )

    target = current_target()
    assert target is not None
    assert (target.bucket, target.created_by) == ("recordings", "grace")
    earlier.refresh_from_db()
    assert earlier.deleted_by == "grace"
    assert "key-of-bucket" not in response.content.decode()
    assert "key-of-bucket" not in chief.page(address(target, "change"))


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"name": "AWSS3", "fallback": "none"}, "S3 bucket name is required"),
        ({"name": "AZURE", "fallback": "none"}, "Azure account name is required"),
        (
            {"name": "AZURE", "fallback": "none", "account_name": "clinic", "container": "c"},
            "Missing Azure credentials for setting upload target: set AZURE_ACCOUNT_KEY.",
        ),
        ({"name": "FTP", "fallback": "none"}, "Select a valid choice. FTP is not one of the available choices."),
        (
            {"name": "AWSS3", "fallback": "none", "bucket": "a\x01b"},
            "It has the control character U+0001, which is not allowed.",
        ),
    ],
)
def test_refused_target_is_an_error_of_the_form_and_the_earlier_stays(
    chief: AdminClient, credentials: None, values: dict[str, str], sentence: str
) -> None:
    earlier = StorageTargetFactory.create()

    response = chief.submit(address(StorageTarget, "add"), values)

    assert errors_of(response) == [sentence]
    assert current_target() == earlier


@pytest.mark.parametrize("name", ["endpoint", "domain"])
def test_address_with_a_password_is_refused_beside_its_field(chief: AdminClient, credentials: None, name: str) -> None:
    values = {"name": "AWSS3", "fallback": "none", "bucket": "b", name: "https://key:secret@s3.example.org"}

    response = chief.submit(address(StorageTarget, "add"), values)

    assert list(response.context["adminform"].form.errors) == [name]
    assert current_target() is None


def test_target_is_taken_away_and_brought_back(chief: AdminClient, credentials: None) -> None:
    target = StorageTargetFactory.create()
    chief.submit(address(target, "soft-delete"))
    assert current_target() is None

    chief.submit(address(target, "restore"))
    assert current_target() == target

    other = StorageTargetFactory.create(deleted=True)
    response = chief.submit(address(other, "restore"))
    assert messages_of(response) == [f"“{other}”: There is a storage target in force; take that away first."]


def test_target_can_not_be_changed(chief: AdminClient) -> None:
    target = StorageTargetFactory.create()

    assert chief.submit(address(target, "change"), {"bucket": "elsewhere"}).status_code == 403
    assert 'name="_save"' not in chief.page(address(target, "change"))
