"""Who calls the API: users of this Django project, and callers whose JWT was minted elsewhere."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import time
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any

import jwt
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request
from rest_framework_simplejwt.authentication import JWTAuthentication
from rest_framework_simplejwt.exceptions import InvalidToken

from meetings.caller_keys import verification_key
from meetings.conf import conf

MAX_TOKEN = 8192
REMEMBERED_TOKENS = 512
MAX_NAME = 255
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
ACTOR_CLAIMS = ("userTenantId", "id", "sub")
"""Where the audit columns' actor comes from, first one wins (as in the original)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """An authenticated caller: `actor` for the audit columns, its tenant, and what it may do.

    `user` is a Django user, or `None` for a caller whose permissions came with its token. `token_mark` tells callers
    apart whose tokens name nobody.
    """

    actor: str
    tenant: str
    permissions: frozenset[str] = field(default_factory=frozenset)
    user: Any = None
    token_mark: str = ""

    is_authenticated = True
    is_active = True

    @property
    def key(self) -> str:
        """A text that no other caller has, whatever its name and tenant."""
        kind = "user" if self.user is not None else "caller"
        return hashlib.sha256(f"{kind} {self.actor or self.token_mark}".encode()).hexdigest()

    def may(self, app_label: str, name: str) -> bool:
        """Whether the caller holds a permission (`app_label` and codename)."""
        if self.user is not None:
            return bool(self.user.has_perm(f"{app_label}.{name}"))
        return name in self.permissions


class BearerAuthentication(BaseAuthentication):
    """`Authorization: Bearer <JWT>`; the token's issuer says which of the two kinds of caller it is.

    Each kind has its own key, issuer and algorithm, so a token of one kind, or a join token, opens nothing as another.
    """

    def authenticate(self, request: Request) -> tuple[Caller, str] | None:
        header = request.META.get("HTTP_AUTHORIZATION", "")
        scheme, _, token = header.partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token:
            return None
        if len(token) > MAX_TOKEN:
            raise AuthenticationFailed("The token is too long.", code="token_invalid")
        return (self._caller(token), "bearer")

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"

    def _caller(self, token: str) -> Caller:
        return _foreign_caller(token) if _issuer_of(token) == conf.JWT_ISSUER else _user_caller(token)


@lru_cache(maxsize=REMEMBERED_TOKENS)
def _issuer_of(token: str) -> object:
    """Read who a token says it is from; nothing is verified yet."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return claims.get("iss")
    except (IndexError, AttributeError, ValueError, RecursionError) as error:
        raise AuthenticationFailed("The token is no valid JWT.", code="token_invalid") from error


def _foreign_caller(token: str) -> Caller:
    if verification_key() is None:
        raise AuthenticationFailed("Tokens of this issuer are not accepted here.", code="token_invalid")
    key_text = conf.JWT_SECRET or conf.JWT_PUBLIC_KEY or ""
    try:
        caller, expires_at = _verified(token, key_text, conf.JWT_ISSUER, conf.TENANT_CLAIM)
    except jwt.ExpiredSignatureError as error:
        raise AuthenticationFailed("The token has expired.", code="token_expired") from error
    except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError) as error:
        raise AuthenticationFailed("The token is not valid.", code="token_invalid") from error
    if expires_at is not None and expires_at <= time.time():
        raise AuthenticationFailed("The token has expired.", code="token_expired")
    return caller


@lru_cache(maxsize=REMEMBERED_TOKENS)
def _verified(token: str, key_text: str, issuer: str, tenant_claim: str | None) -> tuple[Caller, int | None]:
    """Verify a token; return who it names, and when it expires (seconds since 1970).

    A caller sends one many times, and its signature stays what it is; only its time runs out. What else the answer
    depends on is an argument, so that nothing is remembered of other settings; `key_text` is what the key is made of.
    """
    known = verification_key()
    assert known is not None
    key, algorithm = known
    claims: dict[str, Any] = jwt.decode(
        token,
        key,
        algorithms=[algorithm],
        issuer=issuer,
        options={"verify_aud": False, "verify_iat": False, "verify_sub": False, "verify_jti": False},
    )
    expires_at = claims.get("exp")
    mark = f"token {hashlib.sha256(token.encode()).hexdigest()}"
    caller = replace(caller_of_claims(claims, tenant_claim), token_mark=mark)
    return caller, None if expires_at is None else int(expires_at)


def caller_of_claims(claims: dict[str, Any], tenant_claim: str | None) -> Caller:
    """Return the caller that verified claims describe; raise `AuthenticationFailed` for claims of another kind."""
    permissions = claims.get("permissions", [])
    if "user_id" in claims or "room" in claims:
        raise AuthenticationFailed("This is a token of another kind.", code="token_invalid")
    if not isinstance(permissions, list):
        raise AuthenticationFailed("The claim `permissions` must be a list of names.", code="token_invalid")
    actor = next((_text(claims, name) for name in ACTOR_CLAIMS if claims.get(name) not in (None, "")), "")
    tenant = _text(claims, tenant_claim) if tenant_claim else ""
    return Caller(
        actor=actor,
        tenant=tenant,
        permissions=frozenset(name for name in permissions if isinstance(name, str)),
    )


def _user_caller(token: str) -> Caller:
    authentication = JWTAuthentication()
    try:
        validated = authentication.get_validated_token(token.encode())
        user = authentication.get_user(validated)
    except (InvalidToken, AuthenticationFailed) as error:
        raise AuthenticationFailed("The token is not valid or has expired.", code="token_invalid") from error
    if "permissions" in validated:
        raise AuthenticationFailed("This is a token of another kind.", code="token_invalid")
    return Caller(actor=str(user.get_username())[:255], tenant=conf.tenant_of_user(user), user=user)


def _text(claims: dict[str, Any], name: str) -> str:
    """Return a claim that names somebody; refuse one that is no text or number, or that no row can hold."""
    value = claims.get(name)
    if value is None:
        return ""
    text = str(value)
    is_name = isinstance(value, (str, int)) and not isinstance(value, bool) and len(text) <= MAX_NAME
    if not is_name or _UNSTORABLE.search(text):
        message = f"The claim `{name}` must be a text or a whole number of at most {MAX_NAME} characters."
        raise AuthenticationFailed(message, code="token_invalid")
    return text
