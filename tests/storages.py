"""Storage targets of both kinds, on emulators that are started once, for all tests that want them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from archives.models import StorageTarget
from tests.emulators import AZURE_ACCOUNT, AZURE_KEY, AZURITE, AzureEmulator, S3Emulator

Configure = Callable[..., None]


@pytest.fixture
def configure(settings: Any) -> Configure:
    """`configure(AWS_ACCESS_KEY="a")`: set keys of VIDEOCONF."""

    def change(**values: Any) -> None:
        settings.VIDEOCONF = settings.VIDEOCONF | values

    return change


@pytest.fixture(scope="session")
def s3() -> Iterator[S3Emulator]:
    with S3Emulator() as emulator:
        yield emulator


@pytest.fixture
def bucket(s3: S3Emulator, configure: Configure) -> StorageTarget:
    """A target in a new bucket, with keys that open it."""
    configure(AWS_ACCESS_KEY="key-id-of-ours", AWS_SECRET_KEY="secret-of-ours", STORAGE_TIMEOUT=5)
    return StorageTarget(name="AWSS3", bucket=s3.new_bucket(), region="us-east-1", endpoint=s3.url)


@pytest.fixture(scope="session")
def azure() -> Iterator[AzureEmulator]:
    if not AZURITE.exists() or shutil.which("node") is None:
        missing = "azurite, an npm package, is not installed"
        pytest.fail(missing) if os.environ.get("CI") else pytest.skip(missing)
    with AzureEmulator() as emulator:
        yield emulator


@pytest.fixture
def container(azure: AzureEmulator, configure: Configure) -> StorageTarget:
    """A target in a new container, with a key that opens it."""
    configure(AZURE_ACCOUNT_KEY=AZURE_KEY, STORAGE_TIMEOUT=5)
    name = azure.new_container()
    return StorageTarget(name="AZURE", account_name=AZURE_ACCOUNT, container=name, domain=azure.account_url)


@pytest.fixture
def folder(tmp_path: Path, configure: Configure) -> Path:
    """The folder of archives without a target."""
    configure(MEDIA_ROOT=str(tmp_path / "archives"))
    return tmp_path / "archives"
