"""What can go wrong, without HTTP in it; `meetings.api.errors` maps each type to a status."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong with one part of the caller's input.

    `path` names the property (dotted for nested ones, empty for the whole body), `code` is stable, `message` says what
    is wrong and what would be right.
    """

    path: str
    code: str
    message: str


class VideoconfError(Exception):
    """Base of all errors of this package: a stable `code` and a `message` meant for the caller.

    `opens_at` says from when on it would not be refused, where time alone decides.
    """

    code = "error"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        problems: tuple[Problem, ...] = (),
        opens_at: datetime | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.problems = problems
        self.opens_at = opens_at
        if code is not None:
            self.code = code


class Refused(VideoconfError):
    """The input is well formed but its value is not accepted."""

    code = "refused"


class UnsupportedFeature(Refused):
    """The meeting's provider lacks a capability; nothing was touched."""

    code = "feature_not_available"


class NotFound(VideoconfError):
    """There is no such object for this caller."""

    code = "not_found"


class Conflict(VideoconfError):
    """The object's state does not allow it now."""

    code = "conflict"


class Forbidden(VideoconfError):
    """The caller may not do this."""

    code = "forbidden"


class JoinRefused(VideoconfError):
    """A join token or a seat is refused at the door of a meeting.

    `retry` says whether trying again can help, `opens_at` from when on.
    """

    code = "token_invalid"

    def __init__(self, message: str, *, code: str, retry: bool = False, opens_at: datetime | None = None) -> None:
        super().__init__(message, code=code, opens_at=opens_at)
        self.retry = retry


class ProviderError(VideoconfError):
    """The provider answered what we can't use (its 5xx, or nothing readable)."""

    code = "provider_error"

    def __init__(self, message: str, *, status: int | None = None, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after


class ProviderUnavailable(ProviderError):
    """The provider could not be reached in time, or asked to come back later."""

    code = "provider_unavailable"


class ProviderCredentialsRefused(ProviderError):
    """The provider did not accept our credentials."""

    code = "provider_credentials"


class ProviderRefused(ProviderError):
    """The provider understood and said no."""

    code = "provider_refused"


class ProviderNotFound(ProviderRefused):
    """The provider does not know what was asked about."""


class ProviderConflict(ProviderRefused):
    """The provider can't do it in the state that the thing is in; the message is the provider's reason."""


class StorageError(VideoconfError):
    """The storage of files answered what we can't use; the message is for staff and says why, in plain words."""

    code = "storage_error"


class StorageUnavailable(StorageError):
    """The storage could not be reached in time, or is too busy."""

    code = "storage_unavailable"


class StorageCredentialsRefused(StorageError):
    """The storage did not accept our credentials."""

    code = "storage_credentials"


class StorageRefused(StorageError):
    """The storage understood and said no: no such bucket, no right, another region."""

    code = "storage_refused"


class StorageFileMissing(StorageError):
    """The storage answers, and has no such file."""

    code = "storage_file_missing"


class ConfigurationMissing(VideoconfError):
    """A setting that this operation needs is not there."""

    code = "configuration_missing"


class WebhookError(VideoconfError):
    """An inbound webhook that is not accepted."""


class WebhookUnsigned(WebhookError):
    """No signature although one is needed; the vendor's retry may carry it."""

    code = "webhook_signature_missing"


class WebhookSecretMissing(WebhookError):
    """No signature secret is configured for this kind of event."""

    code = "webhook_secret_missing"


class WebhookForged(WebhookError):
    """The signature does not fit the body, or is of another kind."""

    code = "webhook_signature_invalid"


class WebhookMalformed(WebhookError):
    """The body is no event."""

    code = "webhook_malformed"
