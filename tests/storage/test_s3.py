"""S3 over real HTTP: what speaks its protocol, in a process of its own."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core.checks import run_checks

from archives import storage
from archives.models import StorageTarget
from meetings.exceptions import (
    ConfigurationMissing,
    StorageCredentialsRefused,
    StorageRefused,
)
from tests.docs.pages import DOCS, blocks_of
from tests.emulators import S3Emulator
from tests.storage.contract import CONTENT, KEY, LinkContract, link, read, save
from tests.storages import Configure


class TestS3(LinkContract):
    @pytest.fixture
    def target(self, bucket: StorageTarget) -> StorageTarget:
        return bucket


def rights(bucket: StorageTarget, *actions: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": list(actions), "Resource": f"arn:aws:s3:::{bucket.bucket}/*"}


@pytest.fixture
def strict(s3: S3Emulator, bucket: StorageTarget) -> Iterator[S3Emulator]:
    """The emulator, checking keys and rights."""
    with s3.enforcing():
        yield s3


def parameters_of(address: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


def test_link_is_signed_for_the_time_it_was_asked_for(bucket: StorageTarget) -> None:
    def lasts(expires: timedelta) -> str:
        address = storage.link(bucket, KEY, expires=expires, filename="a.mp4", content_type="video/mp4")
        assert address is not None
        assert parameters_of(address)["X-Amz-Algorithm"] == "AWS4-HMAC-SHA256"
        return parameters_of(address)["X-Amz-Expires"]

    assert lasts(timedelta(minutes=10)) == "600"
    assert lasts(timedelta(days=30)) == str(7 * 24 * 3600)
    assert lasts(timedelta(0)) == "1"


def test_origin_without_a_region_is_any_of_amazon(configure: Configure) -> None:
    configure(AWS_ACCESS_KEY="a", AWS_SECRET_KEY="b")

    assert storage.origin(StorageTarget(name="AWSS3", bucket="recordings")) == "https://*.amazonaws.com"


def test_link_without_a_region_is_signed_for_the_one_of_the_bucket(s3: S3Emulator, bucket: StorageTarget) -> None:
    bucket.bucket, bucket.region = s3.new_bucket("eu-west-1"), ""
    save(bucket)

    assert "/eu-west-1/s3/aws4_request" in parameters_of(link(bucket))["X-Amz-Credential"]
    assert "/eu-west-1/s3/aws4_request" in parameters_of(link(bucket))["X-Amz-Credential"]


@pytest.mark.parametrize(
    ("name", "region", "start"),
    [
        ("recordings", "eu-west-1", "https://recordings.s3.eu-west-1.amazonaws.com/12345/"),
        ("record.ings", "eu-west-1", "https://s3.eu-west-1.amazonaws.com/record.ings/12345/"),
        ("recordings", "us-east-1", "https://recordings.s3.amazonaws.com/12345/"),
    ],
)
def test_link_at_amazon_names_the_region_of_the_bucket(
    configure: Configure, monkeypatch: pytest.MonkeyPatch, name: str, region: str, start: str
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")  # the host's, for something else
    configure(AWS_ACCESS_KEY="a", AWS_SECRET_KEY="b")

    target = StorageTarget(name="AWSS3", bucket=name, region=region)
    origin = storage.origin(target)
    address = link(target)
    assert address.startswith(start)
    assert address.startswith(f"{origin}/")


@pytest.mark.parametrize("endpoint", ["s3.example.com", "https://s3.example.com/"])
def test_other_endpoint_has_the_bucket_in_its_path(configure: Configure, endpoint: str) -> None:
    configure(AWS_ACCESS_KEY="a", AWS_SECRET_KEY="b")
    target = StorageTarget(name="AWSS3", bucket="recordings", region="x", endpoint=endpoint)

    assert link(target).startswith(f"https://s3.example.com/recordings/{KEY}?")


def test_hosts_own_settings_of_its_own_files_are_left_alone(
    bucket: StorageTarget, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.AWS_LOCATION = "media"
    settings.AWS_S3_CUSTOM_DOMAIN = "cdn.example.com"
    settings.AWS_S3_OBJECT_PARAMETERS = {"ACL": "public-read"}
    settings.AWS_QUERYSTRING_AUTH = False
    settings.AWS_S3_FILE_OVERWRITE = False
    monkeypatch.setenv("AWS_SESSION_TOKEN", "of-the-host")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")

    save(bucket)
    save(bucket)
    address = link(bucket)

    assert read(bucket, 0, 4) == bytes(range(4))
    assert address.startswith(f"{bucket.endpoint}/{bucket.bucket}/{KEY}?")
    assert "X-Amz-Security-Token" not in address


def test_rights_of_the_documentation_suffice(strict: S3Emulator, bucket: StorageTarget, configure: Configure) -> None:
    [policy] = [block.text for block in blocks_of(DOCS / "storage.md") if block.language == "json"]
    access, secret = new_key(strict, *json.loads(policy.replace("BUCKET", bucket.bucket))["Statement"])
    configure(AWS_ACCESS_KEY=access, AWS_SECRET_KEY=secret)

    save(bucket)
    save(bucket, CONTENT * 5000)  # in several parts
    assert read(bucket, 0, 2) == b"\x00\x01"
    storage.delete(bucket, KEY)
    assert not storage.exists(bucket, KEY)


def new_key(emulator: S3Emulator, *statements: dict[str, Any]) -> tuple[str, str]:
    emulator._checks_after(2**53)
    try:
        return emulator.new_key(*statements)
    finally:
        emulator._checks_after(0)


def test_key_without_the_right_is_denied(strict: S3Emulator, bucket: StorageTarget, configure: Configure) -> None:
    access, secret = new_key(strict, rights(bucket, "s3:PutObject"))
    configure(AWS_ACCESS_KEY=access, AWS_SECRET_KEY=secret)
    save(bucket)

    denied = f"Access to the bucket “{bucket.bucket}” is denied"
    with pytest.raises(StorageRefused, match=denied):
        storage.open_range(bucket, KEY, 0, 5)
    with pytest.raises(StorageRefused, match=denied):
        storage.size(bucket, KEY)
    with pytest.raises(StorageRefused, match=denied):
        storage.delete(bucket, KEY)


def test_wrong_keys_are_told_apart_and_not_told(
    strict: S3Emulator, bucket: StorageTarget, configure: Configure
) -> None:
    access, _ = new_key(strict)

    configure(AWS_ACCESS_KEY="key-of-nobody", AWS_SECRET_KEY="wrong-secret")
    with pytest.raises(StorageCredentialsRefused, match="does not know AWS_ACCESS_KEY") as unknown:
        save(bucket)
    configure(AWS_ACCESS_KEY=access)
    with pytest.raises(StorageCredentialsRefused, match="AWS_SECRET_KEY does not belong") as wrong:
        save(bucket)

    for error in (unknown.value, wrong.value):
        for secret in ("wrong-secret", "key-of-nobody", access):
            assert secret not in f"{error!r}{error.__cause__!r}"


def test_missing_bucket_is_named(bucket: StorageTarget) -> None:
    bucket.bucket = "no-such-bucket"
    missing = "There is no bucket “no-such-bucket” at"

    with pytest.raises(StorageRefused, match=missing):
        save(bucket)
    with pytest.raises(StorageRefused, match=missing):
        storage.exists(bucket, KEY)
    with pytest.raises(StorageRefused, match=missing):
        storage.open_range(bucket, KEY, 0, 5)
    with pytest.raises(StorageRefused, match=missing):
        storage.delete(bucket, KEY)


@pytest.mark.parametrize("name", ["", "a b", "UPPER/x"])
def test_impossible_bucket_is_refused(bucket: StorageTarget, name: str) -> None:
    bucket.bucket = name

    with pytest.raises(StorageRefused):
        save(bucket)


def test_missing_credentials_are_named(bucket: StorageTarget, configure: Configure) -> None:
    configure(AWS_SECRET_KEY=None)

    with pytest.raises(ConfigurationMissing, match="without AWS_SECRET_KEY: set it") as error:
        storage.storage_of(bucket)
    assert error.value.code == "storage_credentials_missing"


def test_missing_library_is_named(bucket: StorageTarget, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    monkeypatch.delitem(sys.modules, "archives.buckets.s3", raising=False)

    with pytest.raises(ConfigurationMissing, match=r"pip install 'django-videoconf\[s3\]'") as error:
        storage.storage_of(bucket)
    assert error.value.code == "storage_library_missing"


@pytest.mark.parametrize("seconds", [0, -1])
def test_time_out_that_is_none_is_found_by_a_check(configure: Configure, seconds: int) -> None:
    configure(STORAGE_TIMEOUT=seconds)

    assert "videoconf.E009" in {found.id for found in run_checks()}


def test_clients_are_kept_until_a_setting_changes(bucket: StorageTarget, configure: Configure) -> None:
    first = storage.storage_of(bucket)

    assert storage.storage_of(bucket) is first
    configure(AWS_SECRET_KEY="rotated")
    assert storage.storage_of(bucket) is not first


def test_secrets_are_in_no_representation(bucket: StorageTarget) -> None:
    shown = f"{storage._place_of(bucket)!r} {storage._bucket_of(bucket)!r} {storage.storage_of(bucket)!r}"

    assert "secret-of-ours" not in shown
    assert "key-id-of-ours" not in shown
