"""The key that verifies callers' JWTs: a shared secret, or an RSA or P-256 public key."""

from __future__ import annotations

from functools import lru_cache

from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from django.core.exceptions import ImproperlyConfigured

from meetings.conf import conf

Key = str | RSAPublicKey | EllipticCurvePublicKey


def verification_key() -> tuple[Key, str] | None:
    """Return the key and the one algorithm for callers' JWTs, or `None` if no such caller is accepted.

    Raises `ImproperlyConfigured` for two keys, for what is no PEM public key, and for a key of another kind.
    """
    if conf.JWT_SECRET and conf.JWT_PUBLIC_KEY:
        raise ImproperlyConfigured('Set VIDEOCONF["JWT_SECRET"] or VIDEOCONF["JWT_PUBLIC_KEY"], not both.')
    if conf.JWT_SECRET:
        return conf.JWT_SECRET, "HS256"
    return public_key(conf.JWT_PUBLIC_KEY) if conf.JWT_PUBLIC_KEY else None


@lru_cache(maxsize=8)
def public_key(pem: str) -> tuple[Key, str]:
    """Return a public key and its algorithm: RS256 for RSA, ES256 for P-256. The same text gives the same object."""
    try:
        key = load_pem_public_key(pem.encode())
    except (ValueError, TypeError) as error:
        raise ImproperlyConfigured('VIDEOCONF["JWT_PUBLIC_KEY"] is no PEM public key.') from error
    if isinstance(key, RSAPublicKey):
        return key, "RS256"
    if isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1):
        return key, "ES256"
    raise ImproperlyConfigured(
        'VIDEOCONF["JWT_PUBLIC_KEY"] must be an RSA key (RS256) or an elliptic-curve key on P-256 (ES256).'
    )
