"""Signed callbacks: a bearer JWT (HS256) whose `payload_hash` is the SHA-256 of the body.

Source: Vonage's secure callbacks; the embedded provider takes the same, so that one sender fits both.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Mapping, Sequence

import jwt

from meetings.exceptions import WebhookForged, WebhookUnsigned
from meetings.providers.types import EventFamily, WebhookMessage

ISSUER = "Vonage"
LEEWAY = 60
MAX_AGE = 25 * 3600
"""A retried callback may carry its first signature, and retries last 24 hours."""


def sign(body: bytes, secret: str, *, issued_at: float | None = None, issuer: str = ISSUER) -> str:
    """Return the `Authorization` header value that a sender puts on `body`."""
    claims = {
        "iss": issuer,
        "iat": int(time.time() if issued_at is None else issued_at),
        "payload_hash": hashlib.sha256(body).hexdigest(),
    }
    return "Bearer " + jwt.encode(claims, secret, algorithm="HS256")


def verify(
    message: WebhookMessage,
    secrets: Mapping[EventFamily, Sequence[str]],
    *,
    issuer: str = ISSUER,
    max_age: int = MAX_AGE,
) -> frozenset[EventFamily]:
    """Return the families whose secret made the signature; empty if no secret is configured at all (`""` is none).

    Raises `WebhookUnsigned` without a signature and `WebhookForged` for a wrong, tampered or stale one. Several secrets
    a family allow rotation; the hash is compared in constant time, over the raw bytes first, compact JSON second.
    """
    if not any(any(known) for known in secrets.values()):
        return frozenset()
    scheme, _, token = message.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise WebhookUnsigned("The signature is missing: send `Authorization: Bearer <JWT over the body's hash>`.")
    families = frozenset(
        family
        for family, known in secrets.items()
        if any(_is_good(token.strip(), message.body, secret, issuer, max_age) for secret in known if secret)
    )
    if not families:
        raise WebhookForged("The signature does not fit the body and any of the secrets in force.")
    return families


def _is_good(token: str, body: bytes, secret: str, issuer: str, max_age: int) -> bool:
    try:
        claims = jwt.decode(
            token,
            secret,
            algorithms=["HS256"],
            issuer=issuer,
            leeway=LEEWAY,
            options={"require": ["iat", "iss", "payload_hash"], "verify_aud": False},
        )
    except jwt.PyJWTError:
        return False
    if time.time() - float(claims["iat"]) > max_age + LEEWAY:
        return False
    claimed = str(claims["payload_hash"]).lower().encode()
    return any(hmac.compare_digest(claimed, hashlib.sha256(form).hexdigest().encode()) for form in _forms(body))


def _forms(body: bytes) -> list[bytes]:
    try:
        compact = json.dumps(json.loads(body), separators=(",", ":"), ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        return [body]
    return [body, compact]
