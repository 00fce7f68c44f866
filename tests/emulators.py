"""Storages to test against over real HTTP: what speaks S3 (moto's server) and what speaks Azure Blob (azurite)."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, Self

from tests.servers import ROOT, STARTS_WITHIN, free_port

AZURITE = ROOT / "node_modules" / "azurite" / "dist" / "src" / "blob" / "main.js"
AZURE_ACCOUNT = "devstoreaccount1"
AZURE_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="  # azurite's own

_NUMBERS = count(1)


class Emulator(ABC):
    """A storage in a process of its own, on loopback; used as a context manager."""

    def __init__(self) -> None:
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None
        self.folder = tempfile.TemporaryDirectory(prefix="videoconf-storage-")

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @abstractmethod
    def command(self) -> list[str]:
        """Return how it is started."""

    def environment(self) -> Mapping[str, str]:
        return {}

    def __enter__(self) -> Self:
        log = Path(self.folder.name) / "log"
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                self.command(),
                cwd=self.folder.name,
                env=os.environ | self.environment(),
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        deadline = time.monotonic() + STARTS_WITHIN
        while not self.is_answering():
            assert self.process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        return self

    def __exit__(self, *exc_info: object) -> None:
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        self.folder.cleanup()

    def is_answering(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        try:
            connection.request("GET", "/")
            connection.getresponse()
        except OSError:
            return False
        finally:
            connection.close()
        return True


class S3Emulator(Emulator):
    """moto's server. It checks no key and no right, except while `enforcing`."""

    def __init__(self) -> None:
        super().__init__()
        self.clients: dict[tuple[str, str], Any] = {}

    def command(self) -> list[str]:
        return [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)]

    def environment(self) -> Mapping[str, str]:
        return {"MOTO_S3_CUSTOM_ENDPOINTS": self.url}

    def client(self, service: str = "s3", region: str = "us-east-1") -> Any:
        """Return a client of an owner who may do anything."""
        if (service, region) not in self.clients:
            self.clients[service, region] = self._new_client(service, region)
        return self.clients[service, region]

    def _new_client(self, service: str, region: str) -> Any:
        import boto3
        from botocore.config import Config

        keys = {"aws_access_key_id": "owner", "aws_secret_access_key": "of-all"}
        config = Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1})
        return boto3.client(service, endpoint_url=self.url, region_name=region, config=config, **keys)

    def new_bucket(self, region: str = "us-east-1") -> str:
        """Make a bucket and return its name."""
        name = f"bucket-{next(_NUMBERS)}"
        place = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        self.client(region=region).create_bucket(Bucket=name, **place)
        return name

    def new_key(self, *statements: dict[str, Any]) -> tuple[str, str]:
        """Make a user with these rights; return her access key and its secret."""
        iam, user = self.client("iam"), f"user-{next(_NUMBERS)}"
        iam.create_user(UserName=user)
        if statements:
            policy = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
            iam.put_user_policy(UserName=user, PolicyName="rights", PolicyDocument=policy)
        key = iam.create_access_key(UserName=user)["AccessKey"]
        return key["AccessKeyId"], key["SecretAccessKey"]

    @contextmanager
    def enforcing(self) -> Iterator[None]:
        """Check keys, signatures and rights meanwhile."""
        self._checks_after(0)
        try:
            yield
        finally:
            self._checks_after(2**53)

    def _checks_after(self, requests: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
        headers = {"Content-Type": "text/plain"}
        connection.request("POST", "/moto-api/reset-auth", body=str(requests).encode(), headers=headers)
        assert connection.getresponse().status == 200
        connection.close()


class AzureEmulator(Emulator):
    """azurite's blob service; it checks keys and links."""

    @property
    def account_url(self) -> str:
        return f"{self.url}/{AZURE_ACCOUNT}"

    def new_container(self) -> str:
        """Make a container and return its name."""
        name = f"container-{next(_NUMBERS)}"
        from azure.storage.blob import BlobServiceClient

        credential = {"account_name": AZURE_ACCOUNT, "account_key": AZURE_KEY}
        BlobServiceClient(self.account_url, credential=credential).create_container(name)
        return name

    def command(self) -> list[str]:
        options = ["--inMemoryPersistence", "--silent", "--disableTelemetry", "--skipApiVersionCheck"]
        return ["node", str(AZURITE), "--blobHost", "127.0.0.1", "--blobPort", str(self.port), *options]
