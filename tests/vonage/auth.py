"""Whose project it is: checks the header of every call, and the tokens that clients would connect with.

Both kinds of account; PyJWT checks signatures, and nothing of the product is used: what checks it must not be it.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from tests.vonage.refusals import Refused
from tests.vonage.wire import Request

LEGACY_LIFETIME = 300  # seconds that the JWT of a call may live
APPLICATION_LIFETIME = 24 * 3600
CLOCK_SKEW = 60
LONGEST_TOKEN = 30 * 24 * 3600
ROLES = frozenset({"subscriber", "publisher", "publisheronly", "moderator"})
MAX_DATA = 1000  # characters
T1 = "T1=="


class TokenRefused(Exception):
    """A client token that would not open the session; the text says why."""


def forbidden(description: str) -> Refused:
    """Return the 403 of a call that is not signed as it must be."""
    return Refused(403, "Invalid signature", description=description)


class Project(ABC):
    """An account's project. `identifier` stands in the paths and in every session id."""

    lifetime: int
    owner: dict[str, Any]
    """How archives name the project."""
    callback_owner: dict[str, Any]
    """How callbacks about archives do."""
    callback_claims: dict[str, Any]
    """How signed callbacks name it."""

    def __init__(self, identifier: str) -> None:
        self.identifier = identifier

    def check_call(self, request: Request, identifier: str | None, *, is_storage: bool = False) -> None:
        """Raise `Refused` (403) unless the call is signed for this project and `identifier`, that of its path."""
        if identifier not in (None, self.identifier):
            raise forbidden(f"Project {identifier} is not the one that signed.")
        if is_storage and self.is_basic(request):
            return
        try:
            claims = self._call_claims(request)
        except jwt.PyJWTError as error:
            raise forbidden(str(error)) from error
        now = time.time()
        if claims["iat"] > now + CLOCK_SKEW:
            raise forbidden("The issued time cannot be greater than the current time.")
        if claims["exp"] > now + self.lifetime + CLOCK_SKEW:
            raise forbidden(f"The JWT lives longer than {self.lifetime} seconds.")

    def is_basic(self, request: Request) -> bool:
        """Whether the call carries a user and password that this project takes for storage."""
        return False

    @abstractmethod
    def _call_claims(self, request: Request) -> dict[str, Any]: ...

    @abstractmethod
    def _token_claims(self, token: str) -> dict[str, Any]: ...

    def token_claims(self, token: str) -> dict[str, Any]:
        """Return what a client token says; `TokenRefused` if it would open nothing of this project."""
        try:
            claims = self._token_claims(token)
        except jwt.PyJWTError as error:
            raise TokenRefused(str(error)) from error
        for name in ("session_id", "role", "scope", "connection_data"):
            if not isinstance(claims.get(name, ""), str):
                raise TokenRefused(f"`{name}` is no text")
        now = time.time()
        lives_too_long = claims["exp"] - claims["iat"] > LONGEST_TOKEN
        checks = {
            "`scope` is not session.connect": claims["scope"] != "session.connect",
            f"`role` {claims['role']!r} is unknown": claims["role"] not in ROLES,
            "`iat` is in the future": claims["iat"] > now + CLOCK_SKEW,
            "`exp` is more than 30 days after `iat`": lives_too_long,
            "`connection_data` is too long": len(claims.get("connection_data", "")) > MAX_DATA,
            "the session is another project's": not owns(self.identifier, claims["session_id"]),
        }
        for reason, is_wrong in checks.items():
            if is_wrong:
                raise TokenRefused(reason)
        return claims


class LegacyProject(Project):
    """An OpenTok project: a numeric key and a secret. Calls carry `X-OPENTOK-AUTH`, an HS256 JWT."""

    lifetime = LEGACY_LIFETIME

    def __init__(self, key: str, secret: str) -> None:
        super().__init__(key)
        self.secret = secret
        self.owner = {"partnerId": int(key), "projectId": key}
        self.callback_owner = {"partnerId": int(key)}
        self.callback_claims = {"api_key": key}

    def _call_claims(self, request: Request) -> dict[str, Any]:
        token = request.headers.get("x-opentok-auth", "")
        if not token:
            raise forbidden("The header X-OPENTOK-AUTH is missing.")
        return self._decode(token, ["iss", "ist", "iat", "exp"])

    def _decode(self, token: str, names: Sequence[str]) -> dict[str, Any]:
        claims = _decode(token, self.secret, "HS256", names, issuer=self.identifier)
        if claims["ist"] != "project":
            raise jwt.InvalidTokenError("`ist` is not project")
        return claims

    def _token_claims(self, token: str) -> dict[str, Any]:
        if token.startswith(T1):
            return self._plain_claims(token)
        return self._decode(token, ["iss", "ist", "iat", "exp", "scope", "role", "session_id"])

    def _plain_claims(self, token: str) -> dict[str, Any]:
        """Read an old token: `T1==` and base64 of `partner_id=…&sig=HMAC-SHA1:query`."""
        try:
            head, _, signed = base64.b64decode(token[len(T1) :], validate=True).decode().partition(":")
        except (binascii.Error, ValueError) as error:
            raise TokenRefused("the token is no base64") from error
        said = {name: values[0] for name, values in parse_qs(head).items()}
        proper = hmac.new(self.secret.encode(), signed.encode(), hashlib.sha1).hexdigest()
        if said.get("partner_id") != self.identifier or not hmac.compare_digest(said.get("sig", ""), proper):
            raise TokenRefused("the signature is wrong")
        found = {name: values[0] for name, values in parse_qs(signed).items()}
        try:
            claims: dict[str, Any] = found | {"iat": int(found["create_time"]), "exp": int(found["expire_time"])}
            claims |= {"scope": "session.connect", "role": found["role"], "session_id": found["session_id"]}
        except (KeyError, ValueError) as error:
            raise TokenRefused(f"the token lacks {error}") from error
        if claims["exp"] <= time.time():
            raise TokenRefused("Signature has expired")
        return claims


class Application(Project):
    """A Vonage application: a UUID and an RSA key. Calls carry `Authorization: Bearer`, an RS256 JWT.

    With an `api_secret`, storage calls may also carry `Basic id:secret`, as Vonage's page on storage shows.
    """

    lifetime = APPLICATION_LIFETIME

    def __init__(self, application_id: str, private_key_pem: str, *, api_secret: str = "") -> None:
        super().__init__(application_id)
        key = load_pem_private_key(private_key_pem.encode(), password=None)
        if not isinstance(key, rsa.RSAPrivateKey):
            raise TypeError("An application's key is an RSA key.")
        self.public_key = key.public_key()
        self.owner = {"applicationId": application_id}
        self.callback_owner = {"partnerId": application_id, "applicationId": application_id}
        self.callback_claims = {"api_key": "a1b2c3d4", "application_id": application_id}
        self._basic = f"Basic {base64.b64encode(f'{application_id}:{api_secret}'.encode()).decode()}"
        self._takes_basic = bool(api_secret)

    def is_basic(self, request: Request) -> bool:
        return self._takes_basic and hmac.compare_digest(
            request.headers.get("authorization", "").encode(), self._basic.encode()
        )

    def _call_claims(self, request: Request) -> dict[str, Any]:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or not token:
            raise forbidden("The header Authorization: Bearer is missing.")
        return self._decode(token, ["application_id", "iat", "exp", "jti"])

    def _decode(self, token: str, names: Sequence[str]) -> dict[str, Any]:
        claims = _decode(token, self.public_key, "RS256", names)
        if claims["application_id"] != self.identifier:
            raise jwt.InvalidTokenError("`application_id` is another application's")
        return claims

    def _token_claims(self, token: str) -> dict[str, Any]:
        claims = self._decode(token, ["application_id", "iat", "exp", "jti", "scope", "role", "session_id", "acl"])
        if "video" not in (claims.get("subject"), claims.get("sub")):
            raise TokenRefused("`subject` is not video")
        return claims


def new_private_key() -> str:
    """Return the PEM text (PKCS#8) of a fresh RSA key."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def owns(identifier: str, session_id: str) -> bool:
    """Whether a session id carries this identifier (`1_` and base64url of `1~identifier~~…`)."""
    text = session_id[2:]
    try:
        decoded = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)).decode()
    except (binascii.Error, ValueError):
        return False
    return identifier in decoded.split("~")


def _decode(token: str, key: Any, algorithm: str, names: Sequence[str], issuer: str | None = None) -> dict[str, Any]:
    options: Any = {"require": list(names), "verify_aud": False, "verify_iat": False, "verify_sub": False}
    claims: dict[str, Any] = jwt.decode(token, key, algorithms=[algorithm], issuer=issuer, options=options)
    if not isinstance(claims["iat"], (int, float)):
        raise jwt.InvalidTokenError("`iat` is no number")
    return claims
