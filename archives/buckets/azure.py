"""Azure Blob Storage through django-storages and Microsoft's SDK."""

from __future__ import annotations

import binascii
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import IO, Any

from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError
from azure.storage.blob import BlobSasPermissions, BlobServiceClient, LinearRetry, generate_blob_sas
from django.core.exceptions import SuspiciousOperation
from django.core.files.base import File
from django.core.files.storage import Storage
from storages.backends.azure_storage import AzureStorage

from archives.buckets.base import ATTEMPTS, CHUNK, CONNECT_WITHIN, Bucket, network_error, origin_of
from meetings.exceptions import (
    StorageCredentialsRefused,
    StorageError,
    StorageFileMissing,
    StorageRefused,
    StorageUnavailable,
)

PAUSE: Any = 0.2  # seconds, before a repetition
BLOCK = 4 * 1024 * 1024  # bytes of one request
DENIED = frozenset(
    {
        "AccountIsDisabled",
        "AuthorizationFailure",
        "AuthorizationPermissionMismatch",
        "AuthorizationProtocolMismatch",
        "AuthorizationResourceTypeMismatch",
        "AuthorizationServiceMismatch",
        "AuthorizationSourceIPMismatch",
        "InsufficientAccountPermissions",
        "KeyBasedAuthenticationNotPermitted",
    }
)
UNKNOWN_KEY = frozenset({"AuthenticationFailed", "InvalidAuthenticationInfo", "NoAuthenticationInformation"})
BUSY = frozenset({"ServerBusy", "OperationTimedOut", "InternalError"})


class TargetAzureStorage(AzureStorage):  # type: ignore[misc]
    """django-storages' own at any address, deaf to the `AZURE_*` settings that a host has for its other files."""

    def get_default_settings(self) -> dict[str, Any]:
        """Return the defaults that django-storages has when nothing is set, and the address."""
        return {
            "account_url": "",
            "account_name": None,
            "account_key": None,
            "object_parameters": {},
            "azure_container": None,
            "azure_ssl": True,
            "upload_max_conn": 2,
            "timeout": None,  # the service's own, as the client's are bounded
            "max_memory_size": 2 * 1024 * 1024,
            "expiration_secs": 600,
            "overwrite_files": True,
            "location": "",
            "default_content_type": "application/octet-stream",
            "cache_control": None,
            "sas_token": None,
            "endpoint_suffix": "core.windows.net",
            "custom_domain": None,
            "connection_string": None,
            "token_credential": None,
            "api_version": None,
            "client_options": {},
        }

    def _get_service_client(self) -> BlobServiceClient:
        credential = {"account_name": self.account_name, "account_key": self.account_key}
        return BlobServiceClient(self.account_url, credential=credential, **self.client_options)


class AzureBucket(Bucket):
    """A container of a storage account."""

    @cached_property
    def storage(self) -> Storage:
        place = self.place
        return TargetAzureStorage(
            account_url=self._address,
            account_name=place.account_name,
            account_key=place.secret,
            azure_container=place.container,
            client_options={
                "connection_timeout": min(CONNECT_WITHIN, place.timeout),
                "read_timeout": place.timeout,
                "retry_policy": LinearRetry(backoff=PAUSE, retry_total=ATTEMPTS - 1, random_jitter_range=0),
                "max_single_put_size": BLOCK,
                "max_block_size": BLOCK,
                "max_single_get_size": BLOCK,
                "max_chunk_get_size": BLOCK,
            },
        )

    def save(self, key: str, content: IO[bytes], content_type: str) -> None:
        file = File(content, name=key)
        file.content_type = content_type  # type: ignore[attr-defined]
        with self._translated(key):
            self.storage.save(key, file)

    def size(self, key: str) -> int:
        with self._translated(key):
            return int(self._blob(key).get_blob_properties().size)

    def read(self, key: str, start: int, end: int) -> Iterator[bytes]:
        if start >= end:
            return iter(())
        with self._translated(key):
            stream = self._blob(key).download_blob(offset=start, length=end - start)  # its first block is read here
        return self._pieces(key, stream)

    def delete(self, key: str) -> None:
        try:
            with self._translated(key):
                self._blob(key).delete_blob()
        except StorageFileMissing:
            return

    def link(self, key: str, *, expires: timedelta, disposition: str, content_type: str) -> str | None:
        with self._translated(key):
            signature = generate_blob_sas(
                self.place.account_name,
                self.place.container,
                key,
                account_key=self.place.secret,
                permission=BlobSasPermissions(read=True),
                expiry=datetime.now(UTC) + expires,
                protocol="https" if self._address.startswith("https:") else None,
                content_disposition=disposition,
                content_type=content_type,
            )
            return f"{self._blob(key).url}?{signature}"

    @property
    def origin(self) -> str | None:
        return origin_of(self._address)

    def _blob(self, key: str) -> Any:
        storage: Any = self.storage
        return storage.client.get_blob_client(key)

    @cached_property
    def _address(self) -> str:
        """The account's address. `domain` is a domain (`core.usgovcloudapi.net`), or a whole address, as it is."""
        account, domain = self.place.account_name, self.place.domain.strip("/")
        if "://" in domain:
            return domain
        if not domain:
            domain = "core.windows.net"
        if domain.startswith(f"{account}."):
            return f"https://{domain}"
        return f"https://{account}.{domain}" if domain.startswith("blob.") else f"https://{account}.blob.{domain}"

    def _pieces(self, key: str, stream: Any) -> Iterator[bytes]:
        with self._translated(key):
            for block in stream.chunks():
                for start in range(0, len(block), CHUNK):
                    yield block[start : start + CHUNK]

    @contextmanager
    def _translated(self, key: str) -> Iterator[None]:
        try:
            yield
        except HttpResponseError as error:
            raise self._refusal(error, key) from error
        except AzureError as error:
            raise network_error(error, self._address, self.place.timeout) from error
        except binascii.Error as error:
            raise StorageCredentialsRefused("AZURE_ACCOUNT_KEY is no key of an account.") from error
        except (SuspiciousOperation, ValueError) as error:
            raise StorageRefused(
                f"The account “{self.place.account_name}”, the container “{self.place.container}” or the name “{key}” "
                "can't be used."
            ) from error

    def _refusal(self, error: HttpResponseError, key: str) -> StorageError:
        code = getattr(error, "error_code", None) or ""
        code = str(getattr(code, "value", code))  # an enumeration's member where the SDK knows the word
        status = int(error.status_code or 0)
        account, container = self.place.account_name, self.place.container
        if error.response is None and isinstance(error, ClientAuthenticationError):  # it could not even sign
            return StorageCredentialsRefused("AZURE_ACCOUNT_KEY is no key of an account.")
        if error.response is None:
            return network_error(error, self._address, self.place.timeout)
        if code == "BlobNotFound":
            return StorageFileMissing(f"There is no file “{key}” in the container “{container}”.")
        if code in ("ContainerNotFound", "ContainerBeingDeleted"):
            return StorageRefused(f"There is no container “{container}” in the account “{account}”.")
        if code in UNKNOWN_KEY or "failed to authenticate" in str(error.message):
            return self._not_authenticated(error)
        if code in DENIED or status in (401, 403):
            return StorageRefused(
                f"Access to the container “{container}” is denied: AZURE_ACCOUNT_KEY is wrong, or the rules of the "
                "account's network keep this machine out."
            )
        if code in BUSY or status in (429, 503):
            return StorageUnavailable(f"{self._address} is too busy, or down for a while.")
        if status >= 500:
            return StorageError(f"{self._address} failed: {status} {code}.")
        return StorageRefused(f"{self._address} said no: {status} {code}.")

    def _not_authenticated(self, error: HttpResponseError) -> StorageError:
        if "date header too old" in str(error.message):
            return StorageRefused(f"The clock of this machine differs too much from that of {self._address}.")
        return StorageCredentialsRefused(
            f"AZURE_ACCOUNT_KEY is not a key of the account “{self.place.account_name}” at {self._address}."
        )
