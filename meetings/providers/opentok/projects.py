"""The two kinds of Vonage account: a legacy OpenTok project and a Vonage application. One is chosen, never guessed.

Here alone is the vendor's SDK: it mints client tokens. Its own HTTP calls are not used; they lose statuses and wait
for ever.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import tempfile
import time
import uuid
from abc import ABC, abstractmethod
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jwt
import opentok
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from django.core.exceptions import ImproperlyConfigured
from opentok.exceptions import OpenTokException

from meetings.exceptions import JoinRefused, ProviderRefused
from meetings.providers import opentok_credentials as credentials
from meetings.providers.types import Role

if TYPE_CHECKING:
    from jwt.types import Options

CLIENT_SCOPE = "session.connect"
LEEWAY = 5  # seconds
CALL_TOKEN_LIFETIME = 180  # seconds
CALL_TOKEN_SHARED = 30  # seconds
SDK_ROLES = {
    Role.SUBSCRIBER: opentok.Roles.subscriber,
    Role.PUBLISHER: opentok.Roles.publisher,
    Role.MODERATOR: opentok.Roles.moderator,
}


class Project(ABC):
    """Whose sessions these are: signs our calls and mints client tokens."""

    default_url: str

    def __init__(self, identifier: str, client: opentok.Client) -> None:
        self.identifier = identifier
        """What stands in the paths of the REST API: the API key or the application's id."""
        self._client = client
        self._signed: tuple[float, dict[str, str]] = (0.0, {})

    def headers(self) -> dict[str, str]:
        """Return the header that signs a call; good for some minutes, never logged. Calls of the same time share it."""
        now = time.time()
        until, known = self._signed
        if now < until:
            return known
        made = self._sign(int(now))
        self._signed = (now + CALL_TOKEN_SHARED, made)
        return made

    @abstractmethod
    def _sign(self, now: int) -> dict[str, str]:
        """Return a new header, signed at `now` (seconds since 1970)."""

    def owns(self, session_id: str) -> bool:
        """Whether a session id carries this project's identifier."""
        try:
            text = session_id[2:].encode()
            decoded = base64.b64decode(text + b"=" * (-len(text) % 4), b"-_").decode()
        except (binascii.Error, ValueError):
            return False
        return self.identifier in decoded.split("~")

    def client_token(self, session_id: str, *, role: Role, expires_at: datetime, data: str) -> str:
        """Mint the token that lets one client into a session; `ProviderRefused` for a session of another project."""
        try:
            token: str = self._client.generate_token(
                session_id, role=SDK_ROLES[role], expire_time=int(expires_at.timestamp()), data=data or None
            )
        except OpenTokException as error:
            raise ProviderRefused(str(error)) from error
        return token

    def client_claims(self, token: str, session_id: str, *, ignore_expiry: bool = False) -> dict[str, Any]:
        """Return what a client token of ours says; `JoinRefused` if it would not open this session (any more)."""
        required = ["exp", "iat", "role", "scope", "session_id"]
        try:
            claims = self._verified(token, {"require": required, "verify_exp": not ignore_expiry})
        except jwt.ExpiredSignatureError as error:
            raise JoinRefused("This invitation has expired. Ask for a new one.", code="token_expired") from error
        except jwt.PyJWTError as error:
            raise JoinRefused("This invitation is not valid. Ask for a new one.", code="token_invalid") from error
        if claims["scope"] != CLIENT_SCOPE:
            raise JoinRefused("This invitation is not valid. Ask for a new one.", code="token_invalid")
        if not hmac.compare_digest(str(claims["session_id"]).encode(), session_id.encode()):
            raise JoinRefused("This invitation is for another meeting.", code="token_invalid")
        return claims

    @abstractmethod
    def _verified(self, token: str, options: Options) -> dict[str, Any]:
        """Return the claims of a token that this project signed; raise PyJWT's errors."""


class LegacyProject(Project):
    """A project of the OpenTok environment: API key and secret."""

    default_url = "https://api.opentok.com"

    def __init__(self, api_key: str, api_secret: str, where: str) -> None:
        if not credentials.is_api_key(api_key):
            raise ImproperlyConfigured(
                f"{where}: API_KEY is no number. For an application use APPLICATION_ID and PRIVATE_KEY."
            )
        if credentials.BEGIN in api_secret:
            raise ImproperlyConfigured(f"{where}: API_SECRET is a private key. Use APPLICATION_ID and PRIVATE_KEY.")
        client = opentok.Client(api_key, "")  # given to the constructor, a secret with a dot would be read as a path
        client.api_secret = api_secret
        super().__init__(api_key, client)
        self._secret = api_secret

    def _sign(self, now: int) -> dict[str, str]:
        claims = {
            "iss": self.identifier,
            "ist": "project",
            "iat": now,
            "exp": now + CALL_TOKEN_LIFETIME,
            "jti": str(uuid.uuid4()),
        }
        return {"X-OPENTOK-AUTH": jwt.encode(claims, self._secret, algorithm="HS256")}

    def _verified(self, token: str, options: Options) -> dict[str, Any]:
        claims: dict[str, Any] = jwt.decode(
            token, self._secret, algorithms=["HS256"], issuer=self.identifier, leeway=LEEWAY, options=options
        )
        return claims


class ApplicationProject(Project):
    """An application of the unified environment: application id and RSA private key (PEM text, or the path of one)."""

    default_url = "https://video.api.vonage.com"

    def __init__(self, application_id: str, private_key: str, where: str) -> None:
        if not credentials.is_application_id(application_id):
            raise ImproperlyConfigured(
                f"{where}: APPLICATION_ID is no UUID. A legacy project has API_KEY and API_SECRET."
            )
        pem = _read_pem(private_key, where)
        key = _load(pem, where)
        super().__init__(application_id, _application_client(application_id, pem))
        self._client.api_secret = self._key = key  # parsed once; the SDK hands it on to the signing as it is

    def _sign(self, now: int) -> dict[str, str]:
        claims = {
            "application_id": self.identifier,
            "ist": "project",
            "iat": now,
            "exp": now + CALL_TOKEN_LIFETIME,
            "jti": str(uuid.uuid4()),
        }
        return {"Authorization": f"Bearer {jwt.encode(claims, self._key, algorithm='RS256')}"}

    def _verified(self, token: str, options: Options) -> dict[str, Any]:
        claims: dict[str, Any] = jwt.decode(
            token, self._key.public_key(), algorithms=["RS256"], leeway=LEEWAY, options=options
        )
        if claims.get("application_id") != self.identifier:
            raise jwt.InvalidTokenError("the token is another application's")
        return claims


def _application_client(application_id: str, pem: str) -> opentok.Client:
    """The SDK takes an application's key from a file with an extension, and nothing else for one."""
    with tempfile.TemporaryDirectory(prefix="videoconf-") as folder:
        path = Path(folder) / "private.key"
        path.touch(mode=0o600)
        path.write_text(pem)
        return opentok.Client(application_id, str(path))


def _read_pem(private_key: str, where: str) -> str:
    try:
        return credentials.read_pem(private_key)
    except (OSError, ValueError):  # which would show it
        raise ImproperlyConfigured(
            f"{where}: PRIVATE_KEY is neither PEM text nor the path of a readable PEM file."
        ) from None


def _load(pem: str, where: str) -> RSAPrivateKey:
    try:
        return credentials.load_rsa_key(pem)
    except ValueError as error:
        raise ImproperlyConfigured(f"{where}: PRIVATE_KEY is {error}") from None
