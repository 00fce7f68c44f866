"""Calls by hand: what an SDK would not send, and what the legacy project of the tests signs."""

from __future__ import annotations

import time
from typing import Any

import jwt
import requests

from tests.vonage.stand_in import StandIn

KEY = "47318661"
SECRET = "0123456789abcdef0123456789abcdef01234567"
APPLICATION_ID = "78d335fa-323d-0114-9c3d-d6f0d48968cf"

FORM = {"p2p.preference": "disabled", "archiveMode": "manual", "e2ee": "false"}
ROOT = f"/v2/project/{KEY}"


def signed(**changes: Any) -> dict[str, str]:
    """Return the headers of a call of the legacy project, claims changed (`None` leaves one out)."""
    now = int(time.time())
    secret = changes.pop("secret", SECRET)
    claims = {"iss": KEY, "ist": "project", "iat": now, "exp": now + 180, "jti": "1"} | changes
    claims = {name: value for name, value in claims.items() if value is not None}
    return {"X-OPENTOK-AUTH": jwt.encode(claims, secret, algorithm="HS256"), "Accept": "application/json"}


def create(vonage: StandIn, form: dict[str, str] | None = None, **how: Any) -> requests.Response:
    """Ask the legacy project for a session."""
    how.setdefault("headers", signed())
    return requests.post(f"{vonage.url}/session/create", data=FORM if form is None else form, timeout=5, **how)


def new_session(vonage: StandIn, **form: str) -> str:
    """Return the id of a fresh session of the legacy project."""
    return str(create(vonage, FORM | form).json()[0]["session_id"])


def call(vonage: StandIn, method: str, path: str, document: Any = None, **how: Any) -> requests.Response:
    """Make a signed call under the legacy project."""
    how.setdefault("headers", signed())
    return requests.request(method, f"{vonage.url}{ROOT}{path}", json=document, timeout=5, **how)
