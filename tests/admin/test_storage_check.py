"""Trying a storage target out in the admin."""

from __future__ import annotations

from archives.models import StorageTarget
from tests.admin.conftest import NewStaff
from tests.admin.pages import AdminClient, address, logged, messages_of
from tests.storages import Configure


def test_target_that_works_is_said_to_work(chief: AdminClient, bucket: StorageTarget) -> None:
    bucket.save()
    assert f'href="{address(bucket, "check")}"' in chief.page(address(bucket, "change"))

    response = chief.submit(address(bucket, "check"))

    sentence = "It works: write, read, link, delete."
    assert messages_of(response) == [f"“{bucket}”: {sentence}"]
    assert logged() == [f"grace: {sentence}"]


def test_target_that_does_not_work_says_why_without_a_secret(
    chief: AdminClient,
    bucket: StorageTarget,
) -> None:
    bucket.bucket = "no-such-bucket"
    bucket.save()

    response = chief.submit(address(bucket, "check"))

    reason = f"write: There is no bucket “no-such-bucket” at {bucket.endpoint}."
    assert messages_of(response) == [f"“{bucket}”: {reason}"]
    assert "secret-of-ours" not in response.content.decode()
    assert logged() == []


def test_target_without_its_library_or_keys_says_so(
    chief: AdminClient,
    bucket: StorageTarget,
    configure: Configure,
) -> None:
    bucket.save()
    configure(AWS_SECRET_KEY=None)

    response = chief.submit(address(bucket, "check"))

    assert "without AWS_SECRET_KEY: set it." in messages_of(response)[0]


def test_looking_is_not_enough_to_check(staff: NewStaff, bucket: StorageTarget) -> None:
    bucket.save()
    onlooker = staff("view_storagetarget")

    assert onlooker.submit(address(bucket, "check")).status_code == 403
    assert address(bucket, "check") not in onlooker.page(address(bucket, "change"))
