"""Azure Blob Storage over real HTTP: azurite, in a process of its own."""

from __future__ import annotations

import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from archives import storage
from archives.models import StorageTarget
from archives.probing import Step, probe
from meetings.exceptions import StorageCredentialsRefused, StorageError, StorageRefused
from tests.emulators import AZURE_KEY
from tests.storage.contract import KEY, LinkContract, link, read, save
from tests.storages import Configure

OTHER_KEY = "bm90LXRoZS1rZXktb2YtdGhpcy1hY2NvdW50LWJ1dC1hLWtleQ=="


class TestAzure(LinkContract):
    @pytest.fixture
    def target(self, container: StorageTarget) -> StorageTarget:
        return container


def parameters_of(address: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


def test_link_may_read_one_file_for_the_time_it_was_asked_for(container: StorageTarget) -> None:
    save(container)
    asked = datetime.now(UTC)
    parameters = parameters_of(link(container))

    ends = datetime.fromisoformat(parameters["se"])
    assert timedelta(minutes=4, seconds=58) < ends - asked < timedelta(minutes=5, seconds=10)
    assert (parameters["sp"], parameters["sr"]) == ("r", "b")


@pytest.mark.parametrize(("old", "new"), [("archive.mp4?", "another.mp4?"), ("sp=r", "sp=rw"), ("sig=", "sig=AAAA")])
def test_link_that_was_tampered_with_opens_nothing(container: StorageTarget, old: str, new: str) -> None:
    save(container)
    save(container, key=KEY.replace("archive.mp4", "another.mp4"))

    with pytest.raises(urllib.error.HTTPError) as error:
        urllib.request.urlopen(link(container).replace(old, new))
    assert error.value.code == 403


@pytest.mark.parametrize(
    ("domain", "start"),
    [
        ("", "https://clinic.blob.core.windows.net/recordings/12345/"),
        ("core.usgovcloudapi.net", "https://clinic.blob.core.usgovcloudapi.net/recordings/12345/"),
        ("blob.core.windows.net", "https://clinic.blob.core.windows.net/recordings/12345/"),
        ("clinic.blob.core.windows.net", "https://clinic.blob.core.windows.net/recordings/12345/"),
        ("https://files.example.com/", "https://files.example.com/recordings/12345/"),
    ],
)
def test_domain_is_a_domain_or_a_whole_address(configure: Configure, domain: str, start: str) -> None:
    configure(AZURE_ACCOUNT_KEY=AZURE_KEY)
    target = StorageTarget(name="AZURE", account_name="clinic", container="recordings", domain=domain)

    address = link(target)

    assert address.startswith(start)
    assert parameters_of(address)["spr"] == "https"


def test_container_of_the_settings_is_for_targets_that_name_none(
    container: StorageTarget, configure: Configure
) -> None:
    configure(AZURE_CONTAINER=container.container)
    container.container = ""

    save(container)

    assert f"/{storage._place_of(container).container}/" in link(container)


def test_hosts_own_settings_of_its_own_files_are_left_alone(container: StorageTarget, settings: Any) -> None:
    settings.AZURE_LOCATION = "media"
    settings.AZURE_CONNECTION_STRING = "AccountName=other;AccountKey=b3RoZXI=;BlobEndpoint=http://127.0.0.1:9/other"
    settings.AZURE_OVERWRITE_FILES = False
    settings.AZURE_CUSTOM_DOMAIN = "cdn.example.com"

    save(container)
    save(container)

    assert read(container, 0, 4) == bytes(range(4))
    assert link(container).startswith(f"{container.domain}/{container.container}/{KEY}?")


@pytest.mark.parametrize(
    ("key", "sentence"), [(OTHER_KEY, "is not a key of the account"), ("not base64!", "is no key of an account")]
)
def test_wrong_key_is_refused_and_not_told(
    container: StorageTarget, configure: Configure, key: str, sentence: str
) -> None:
    save(container)
    configure(AZURE_ACCOUNT_KEY=key)

    for call in (
        save,
        lambda target: storage.delete(target, KEY),
        lambda target: storage.open_range(target, KEY, 0, 5),
    ):
        with pytest.raises(StorageCredentialsRefused, match=sentence) as error:
            call(container)
        assert key not in f"{error.value!r}{error.value.__cause__!r}"
    with pytest.raises(StorageError, match="AZURE_ACCOUNT_KEY"):  # an answer without a body says less
        storage.size(container, KEY)


def test_missing_container_is_named(container: StorageTarget) -> None:
    container.container = "no-such-container"
    missing = "There is no container “no-such-container” in the account"

    with pytest.raises(StorageRefused, match=missing):
        save(container)
    with pytest.raises(StorageRefused, match=missing):
        storage.exists(container, KEY)
    with pytest.raises(StorageRefused, match=missing):
        storage.open_range(container, KEY, 0, 5)
    with pytest.raises(StorageRefused, match=missing):
        storage.delete(container, KEY)


@pytest.mark.parametrize("name", ["UPPER", "a b", "x"])
def test_impossible_container_is_refused(container: StorageTarget, name: str) -> None:
    container.container = name

    with pytest.raises(StorageRefused):
        save(container)


def test_probe_leaves_a_container_that_works_as_it_was(container: StorageTarget) -> None:
    assert probe(container) == [Step(name=name) for name in ("write", "read", "link", "delete")]

    shown: Any = storage.storage_of(container)
    assert shown.listdir("") == ([], [])


def test_secrets_are_in_no_representation(container: StorageTarget) -> None:
    bucket: Any = storage._bucket_of(container)
    shown = f"{storage._place_of(container)!r} {bucket!r} {bucket.storage!r} {bucket.storage.client!r}"

    assert AZURE_KEY not in shown
