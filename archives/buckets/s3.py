"""Amazon S3 and what speaks its protocol, through django-storages and boto3."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import cached_property
from typing import IO, Any

import boto3.exceptions
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionError,
    HTTPClientError,
    IncompleteReadError,
    ParamValidationError,
)
from django.core.exceptions import SuspiciousOperation
from django.core.files.base import File
from django.core.files.storage import Storage
from storages.backends.s3 import S3Storage

from archives.buckets.base import ATTEMPTS, CHUNK, CONNECT_WITHIN, Bucket, Place, network_error, origin_of
from meetings.exceptions import (
    StorageCredentialsRefused,
    StorageError,
    StorageFileMissing,
    StorageRefused,
    StorageUnavailable,
)

HOME_REGION = "us-east-1"
ANY_REGION = "https://*.amazonaws.com"
UNKNOWN_KEY = frozenset(
    {"InvalidAccessKeyId", "InvalidClientTokenId", "InvalidToken", "ExpiredToken", "TokenRefreshRequired"}
)
WRONG_KEY = frozenset({"SignatureDoesNotMatch", "AuthFailure", "InvalidSignature"})
CLOCK = frozenset({"RequestTimeTooSkewed", "RequestExpired", "RequestInTheFuture"})
DENIED = frozenset({"AccessDenied", "AllAccessDisabled", "AccountProblem", "Forbidden", "403"})
ELSEWHERE = frozenset(
    {
        "PermanentRedirect",
        "TemporaryRedirect",
        "AuthorizationHeaderMalformed",
        "IllegalLocationConstraintException",
        "301",
    }
)
BUSY = frozenset({"SlowDown", "ServiceUnavailable", "RequestTimeout", "Throttling", "TooManyRequests", "429", "503"})
MISSING = frozenset({"NoSuchKey", "404", "NotFound"})


class TargetS3Storage(S3Storage):  # type: ignore[misc]
    """django-storages' own, deaf to the `AWS_*` settings and variables that a host has for its other files."""

    def get_default_settings(self) -> dict[str, Any]:
        """Return the defaults that django-storages has when nothing is set."""
        return {
            "access_key": None,
            "secret_key": None,
            "security_token": None,
            "session_profile": None,
            "file_overwrite": True,
            "object_parameters": {},
            "bucket_name": None,
            "querystring_auth": True,
            "querystring_expire": 600,
            "signature_version": "s3v4",
            "location": "",
            "custom_domain": None,
            "cloudfront_key_id": None,
            "cloudfront_key": None,
            "addressing_style": "virtual",
            "file_name_charset": "utf-8",
            "gzip": False,
            "gzip_content_types": (),
            "url_protocol": "https:",
            "endpoint_url": None,
            "proxies": None,
            "region_name": HOME_REGION,
            "use_ssl": True,
            "verify": None,
            "max_memory_size": 0,
            "default_acl": None,
            "use_threads": True,
            "transfer_config": None,
            "client_config": None,
        }


class S3Bucket(Bucket):
    """A bucket. Without a region the bucket is asked for it, once, when a link is to be signed."""

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._signing: Storage | None = None

    @cached_property
    def storage(self) -> Storage:
        return self._new_storage(self.place.region or HOME_REGION)

    def save(self, key: str, content: IO[bytes], content_type: str) -> None:
        file = File(content, name=key)
        file.content_type = content_type  # type: ignore[attr-defined]
        with self._translated(key):
            self.storage.save(key, file)

    def size(self, key: str) -> int:
        with self._translated(key):
            return int(self._client.head_object(Bucket=self.place.bucket, Key=key)["ContentLength"])

    def read(self, key: str, start: int, end: int) -> Iterator[bytes]:
        if start >= end:
            return iter(())
        with self._translated(key):
            answer = self._client.get_object(Bucket=self.place.bucket, Key=key, Range=f"bytes={start}-{end - 1}")
        return self._pieces(key, answer["Body"])

    def delete(self, key: str) -> None:
        try:
            with self._translated(key):
                self._client.delete_object(Bucket=self.place.bucket, Key=key)
        except StorageFileMissing:  # Amazon never says so, others do
            return

    def link(self, key: str, *, expires: timedelta, disposition: str, content_type: str) -> str | None:
        parameters = {"ResponseContentDisposition": disposition, "ResponseContentType": content_type}
        with self._translated(key):
            return str(self._linking.url(key, parameters=parameters, expire=int(expires.total_seconds())))

    @cached_property
    def origin(self) -> str | None:
        place = self.place
        if not place.endpoint and not place.region:
            return ANY_REGION  # which one, Amazon would have to be asked
        storage: Any = self.storage
        with self._translated(""):
            client = storage.unsigned_connection.meta.client
            return origin_of(client.generate_presigned_url("get_object", {"Bucket": place.bucket, "Key": "any"}))

    @property
    def _client(self) -> Any:
        storage: Any = self.storage
        return storage.connection.meta.client

    @property
    def _linking(self) -> Any:
        """A link is signed for the bucket's own region; calls find it by themselves.

        No lock is held meanwhile (`cached_property` has one): else, while a bucket is silent, each had to wait for all
        before it.
        """
        if self._signing is None:
            region = self.place.region or self._find_region()
            is_known = region in (self.place.region, HOME_REGION)
            self._signing = self.storage if is_known else self._new_storage(region)
        return self._signing

    def _find_region(self) -> str:
        try:
            answer = self._client.head_bucket(Bucket=self.place.bucket)
        except ClientError as error:
            if "x-amz-bucket-region" not in _headers(error.response):
                raise
            answer = error.response
        return str(_headers(answer).get("x-amz-bucket-region") or HOME_REGION)

    def _new_storage(self, region: str) -> TargetS3Storage:
        place = self.place
        settings: dict[str, Any] = {}
        if place.endpoint:
            address = place.endpoint if "://" in place.endpoint else f"https://{place.endpoint}"
            settings["endpoint_url"] = address.rstrip("/")
            # Others than Amazon know neither its host names for buckets nor its newer checksums.
            settings["addressing_style"] = "path"
        when = "when_required" if place.endpoint else "when_supported"
        config = Config(
            signature_version="s3v4",
            s3={"addressing_style": settings.get("addressing_style", "virtual")},
            connect_timeout=min(CONNECT_WITHIN, place.timeout),
            read_timeout=place.timeout,
            retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
            ignore_configured_endpoint_urls=True,
            request_checksum_calculation=when,
            response_checksum_validation=when,
        )
        return TargetS3Storage(
            access_key=place.access,
            secret_key=place.secret,
            bucket_name=place.bucket,
            region_name=region,
            client_config=config,
            **settings,
        )

    def _pieces(self, key: str, body: Any) -> Iterator[bytes]:
        with body, self._translated(key):
            yield from body.iter_chunks(CHUNK)

    @contextmanager
    def _translated(self, key: str) -> Iterator[None]:
        try:
            yield
        except ClientError as error:
            raise self._refusal(error, key) from error
        except (HTTPClientError, ConnectionError, IncompleteReadError) as error:
            raise network_error(error, self._address, self.place.timeout) from error
        except (ParamValidationError, SuspiciousOperation) as error:
            raise StorageRefused(f"The bucket “{self.place.bucket}” or the name “{key}” can't be used.") from error
        except (BotoCoreError, boto3.exceptions.Boto3Error, ValueError) as error:
            raise StorageError(f"{self._address} can't be used: {type(error).__name__}.") from error

    @property
    def _address(self) -> str:
        return self.place.endpoint or "s3.amazonaws.com"

    def _refusal(self, error: ClientError, key: str) -> StorageError:
        code = str(error.response.get("Error", {}).get("Code", ""))
        status = int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
        bucket = self.place.bucket
        if code in MISSING and self._has_bucket():
            return StorageFileMissing(f"There is no file “{key}” in the bucket “{bucket}”.")
        if code == "NoSuchBucket" or code in MISSING:
            return StorageRefused(f"There is no bucket “{bucket}” at {self._address}.")
        if code in UNKNOWN_KEY:
            return StorageCredentialsRefused(f"{self._address} does not know AWS_ACCESS_KEY.")
        if code in WRONG_KEY:
            return StorageCredentialsRefused("AWS_SECRET_KEY does not belong to AWS_ACCESS_KEY.")
        if code in CLOCK:
            return StorageRefused(f"The clock of this machine differs too much from that of {self._address}.")
        if code in ELSEWHERE:
            return StorageRefused(self._wrong_region(error))
        if code in DENIED or status in (401, 403):
            return StorageRefused(f"Access to the bucket “{bucket}” is denied: the key is wrong or lacks a right.")
        if code in BUSY or status in (429, 503):
            return StorageUnavailable(f"{self._address} is too busy, or down for a while.")
        if status >= 500:
            return StorageError(f"{self._address} failed: {status} {code}.")
        return StorageRefused(f"{self._address} said no: {status} {code}.")

    def _has_bucket(self) -> bool:
        """Tell a missing file from a missing bucket, which HEAD does not."""
        try:
            self._client.head_bucket(Bucket=self.place.bucket)
        except ClientError as error:
            return bool(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode") != 404)
        except BotoCoreError:
            return True
        return True

    def _wrong_region(self, error: ClientError) -> str:
        told = error.response.get("Error", {}).get("Region") or _headers(error.response).get("x-amz-bucket-region")
        mine = f"not in the region “{self.place.region or HOME_REGION}”"
        return f"The bucket “{self.place.bucket}” is {f'in the region “{told}”, ' if told else ''}{mine}."


def _headers(response: Any) -> dict[str, str]:
    headers: dict[str, str] = response.get("ResponseMetadata", {}).get("HTTPHeaders", {})
    return headers
