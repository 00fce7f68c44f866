"""Join tokens of the embedded provider: JWTs that we sign and that only the room's socket accepts."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import jwt

from meetings.conf import conf
from meetings.exceptions import JoinRefused
from meetings.providers.types import AccessToken, Role, RoomRef, TokenGrant

ISSUER = AUDIENCE = "videoconf-join"
ALGORITHM = "HS256"
LEEWAY = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinClaims:
    """What a join token that verified says."""

    session_id: str
    identity: str
    role: Role
    data: str
    ext_id: str | None
    issued_at: datetime
    token_id: str = ""


def mint(room: RoomRef, grant: TokenGrant) -> AccessToken:
    """Sign a join token for one room and one identity."""
    claims: dict[str, Any] = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": grant.identity,
        "room": room.session_id,
        "link": room.meeting_link,
        "role": grant.role.value,
        "iat": int(grant.issued_at.timestamp()),
        "issued": round(grant.issued_at.timestamp() * 1_000_000),
        "exp": int(grant.expires_at.timestamp()),
        "jti": secrets.token_urlsafe(12),
    }
    if grant.data:
        claims["data"] = grant.data
    if grant.ext_id:
        claims["extId"] = grant.ext_id
    value = jwt.encode(claims, conf.JOIN_TOKEN_KEY, algorithm=ALGORITHM)
    return AccessToken(value=value, expires_at=grant.expires_at)


def read(token: str, session_id: str, *, ignore_expiry: bool = False) -> JoinClaims:
    """Verify a join token for this room; raise `JoinRefused` (`token_invalid`, `token_expired`)."""
    try:
        claims = jwt.decode(
            token,
            conf.JOIN_TOKEN_KEY,
            algorithms=[ALGORITHM],
            audience=AUDIENCE,
            issuer=ISSUER,
            leeway=LEEWAY,
            options={"require": ["exp", "iat", "sub", "room", "role"], "verify_exp": not ignore_expiry},
        )
        role = Role(claims["role"])
    except jwt.ExpiredSignatureError as error:
        raise JoinRefused("This invitation has expired. Ask for a new one.", code="token_expired") from error
    except (jwt.PyJWTError, ValueError) as error:
        raise JoinRefused("This invitation is not valid. Ask for a new one.", code="token_invalid") from error
    if not hmac.compare_digest(str(claims["room"]).encode(), session_id.encode()):
        raise JoinRefused("This invitation is for another meeting.", code="token_invalid")
    issued = claims.get("issued", claims["iat"] * 1_000_000)
    return JoinClaims(
        session_id=session_id,
        identity=str(claims["sub"]),
        role=role,
        data=str(claims.get("data", "")),
        ext_id=claims.get("extId"),
        issued_at=datetime.fromtimestamp(issued / 1_000_000, UTC),
        token_id=str(claims.get("jti", "")),
    )


def resume_key(session_id: str, connection_id: str) -> str:
    """Return the key with which a page takes its own connection up again."""
    return _hmac(f"resume {session_id} {connection_id}")


def is_resume_key(session_id: str, connection_id: str, key: str) -> bool:
    """Whether `key` belongs to this connection (constant time)."""
    return hmac.compare_digest(resume_key(session_id, connection_id).encode(), key.encode())


def attendee_key(session_id: str, identity: str) -> str:
    """Return an opaque key that is equal for all connections of one person in one room."""
    return _hmac(f"attendee {session_id} {identity}")[:16]


def _hmac(text: str) -> str:
    digest = hmac.new(conf.JOIN_TOKEN_KEY.encode(), text.encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")
