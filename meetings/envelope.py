"""The one error shape of the wire, and the one table from error types to statuses."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from meetings import exceptions
from meetings.exceptions import Problem, VideoconfError

NAMES: dict[int, str] = {
    400: "BadRequestError",
    401: "UnauthorizedError",
    403: "ForbiddenError",
    404: "NotFoundError",
    409: "ConflictError",
    411: "LengthRequiredError",
    413: "PayloadTooLargeError",
    415: "UnsupportedMediaTypeError",
    422: "UnprocessableEntityError",
    426: "UpgradeRequiredError",
    429: "TooManyRequestsError",
    500: "InternalServerError",
    502: "BadGatewayError",
    503: "ServiceUnavailableError",
}
"""Status -> the original's name for it (its own where it had one)."""

STATUSES: tuple[tuple[type[VideoconfError], int], ...] = (
    (exceptions.ProviderUnavailable, 503),
    (exceptions.ProviderError, 502),
    (exceptions.StorageUnavailable, 503),
    (exceptions.StorageFileMissing, 404),
    (exceptions.StorageError, 502),
    (exceptions.ConfigurationMissing, 503),
    (exceptions.WebhookUnsigned, 503),
    (exceptions.WebhookSecretMissing, 503),
    (exceptions.WebhookForged, 401),
    (exceptions.WebhookMalformed, 400),
    (exceptions.NotFound, 404),
    (exceptions.Forbidden, 403),
    (exceptions.JoinRefused, 403),
    (exceptions.Conflict, 409),
    (exceptions.Refused, 400),
)
"""Error type -> status; the first that fits."""

PROVIDER_MESSAGES: dict[str, str] = {
    "provider_unavailable": "The media provider can't be reached at the moment. Try again later.",
    "provider_credentials": "The media provider did not accept this service's credentials.",
    "provider_refused": "The media provider refused the request.",
    "provider_error": "The media provider failed to answer the request.",
    "storage_unavailable": "The storage of archives can't be reached at the moment. Try again later.",
    "storage_credentials": "The storage of archives did not accept this service's credentials.",
    "storage_refused": "The storage of archives refused the request.",
    "storage_error": "The storage of archives failed to answer the request.",
    "storage_file_missing": "The archive's file is not in the storage any more.",
}
"""Code -> what a caller may read; what the vendor answered is for staff and the log."""


def status_of(error: VideoconfError) -> int:
    """Return the HTTP status of a domain error."""
    return next((status for kind, status in STATUSES if isinstance(error, kind)), 500)


def envelope(
    status: int, message: str, code: str, problems: Sequence[Problem] = (), name: str | None = None
) -> dict[str, Any]:
    """Return the error body: `{"error": {"statusCode", "name", "message", "code", "details"?}}`."""
    error: dict[str, Any] = {
        "statusCode": status,
        "name": name or NAMES.get(status, "Error"),
        "message": message,
        "code": code,
    }
    if problems:
        error["details"] = [
            {"path": problem.path, "code": problem.code, "message": problem.message} for problem in problems
        ]
    return {"error": error}


def envelope_of(error: VideoconfError) -> dict[str, Any]:
    """Return the error body of a domain error; a provider's and a storage's own words are left out."""
    message = PROVIDER_MESSAGES.get(error.code, error.message)
    return envelope(status_of(error), message, error.code, error.problems)


def headers_of(error: VideoconfError) -> dict[str, str]:
    """Return extra response headers of a domain error (`Retry-After`)."""
    if isinstance(error, exceptions.ProviderUnavailable):
        return {"Retry-After": str(error.retry_after or 5)}
    if isinstance(error, exceptions.StorageUnavailable):
        return {"Retry-After": "5"}
    if error.code == "idempotency_in_progress":
        return {"Retry-After": "1"}
    return {}
