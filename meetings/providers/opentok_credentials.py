"""What Vonage's credentials look like. Knows no SDK and no settings, so that whoever reads them can ask first."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

_API_KEY = re.compile(r"[0-9]{1,20}")
_APPLICATION_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
BEGIN = "-----BEGIN"


def is_api_key(text: str) -> bool:
    """Whether it can be the key of a legacy project: a number."""
    return _API_KEY.fullmatch(text) is not None


def is_application_id(text: str) -> bool:
    """Whether it can be an application's id: a UUID."""
    return _APPLICATION_ID.fullmatch(text) is not None


def read_pem(value: str) -> str:
    """Return PEM text given as such (line breaks may be written as `\\n`, and quotes stand around it) or as the path
    of a file.

    Raises `OSError` or `ValueError` for what is neither.
    """
    value = value.strip()
    if value[:1] in {'"', "'"} and value[:1] == value[-1:]:
        value = value[1:-1].strip()
    return value.replace("\\n", "\n") if value.startswith(BEGIN) else Path(value).read_text(encoding="ascii")


def load_rsa_key(pem: str) -> RSAPrivateKey:
    """Return a private key; raise `ValueError` whose text says what it is not, as the end of `it is …`."""
    try:
        key: Any = load_pem_private_key(pem.encode(), password=None)
    except (ValueError, TypeError) as error:
        raise ValueError("no PEM private key without a passphrase.") from error
    if not isinstance(key, RSAPrivateKey):
        raise ValueError("no RSA key, and Vonage's applications have RSA keys.")
    return key
