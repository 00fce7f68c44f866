"""Both kinds of caller, and the three kinds of token that never meet."""

from __future__ import annotations

import base64
import time
from io import StringIO
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.contrib.auth.models import Permission, User
from django.core.management import CommandError, call_command
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken

from meetings.models import Meeting
from meetings.providers.webrtc import tokens as join_tokens
from meetings.services import issue_token
from tests.api.errors import error_of, refused
from tests.callers import PERMISSIONS, ApiClient, mint
from tests.conftest import Member

pytestmark = pytest.mark.django_db


def names_of(answer_code: str, client: ApiClient) -> None:
    answer = client.get("/session")
    assert error_of(answer, 401)["code"] == answer_code
    assert answer["WWW-Authenticate"] == "Bearer"


# --- no caller ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("header", ["", "Basic YTpi", "Bearer", "Bearer ", "Token abc", "bearer"])
def test_no_bearer_token_at_all(anonymous: ApiClient, header: str) -> None:
    answer = anonymous.get("/session", authorization=header)
    error = error_of(answer, 401)
    assert (error["name"], error["code"]) == ("UnauthorizedError", "token_missing")
    assert answer["WWW-Authenticate"] == "Bearer"


def test_the_scheme_may_be_written_in_any_case(anonymous: ApiClient, caller_token: str) -> None:
    assert anonymous.get("/session", authorization=f"bearer {caller_token}").status_code == 200
    assert anonymous.get("/session", authorization=f"BEARER  {caller_token} ").status_code == 200


def part(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def raw(header: str, claims: str, signature: str = "x") -> str:
    return f"{part(header)}.{part(claims)}.{signature}"


HS256, OURS = '{"alg":"HS256"}', '{"iss":"videoconf"}'


BAD: dict[str, str] = {
    "no JWT": "abc",
    "two parts": "a.b",
    "not base64": "§.§.§",
    "not ASCII": "é.é.é",
    "a list": raw("[]", "[]"),
    "a deep header": raw("[" * 2500, "{}"),
    "deep claims": raw("{}", "[" * 2500),
    "a long number": raw("{}", "1" * 5000),
    "no algorithm": raw("{}", "{}"),
    "an issuer that is a list": raw(HS256, '{"iss":["videoconf"]}'),
    "an unknown key id": raw('{"alg":"HS256","kid":7}', OURS),
    "an empty signature": raw(HS256, OURS, ""),
    "too long": "x" * 8193,
}


@pytest.mark.parametrize("token", BAD.values(), ids=BAD)
def test_a_token_that_is_none(token: str) -> None:
    names_of("token_invalid", ApiClient(token))


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        pytest.param({"exp": int(time.time()) - 1}, "token_expired", id="expired-now"),
        ({"exp": "soon"}, "token_invalid"),
        ({"exp": 1e300}, ""),
        pytest.param({"nbf": int(time.time()) + 600}, "token_invalid", id="not-yet-valid"),
        ({"iss": "someone-else"}, "token_invalid"),
        ({"permissions": "GetMeetings"}, "token_invalid"),
        ({"permissions": {"GetMeetings": True}}, "token_invalid"),
        ({"permissions": [["GetMeetings"], None, 1]}, "permission_denied"),
        ({"permissions": None}, "permission_denied"),
        ({"id": {"a": 1}}, "token_invalid"),
        ({"id": True}, "token_invalid"),
        ({"id": "x" * 256}, "token_invalid"),
        ({"id": "\x00"}, "token_invalid"),
        ({"id": "\ud800"}, "token_invalid"),
        ({"user_id": 1}, "token_invalid"),
        ({"exp": None}, ""),
        ({"iat": "yesterday", "aud": "somebody", "sub": 12, "jti": 5}, ""),
    ],
    ids=str,
)
def test_claims(claims: dict[str, Any], code: str) -> None:
    answer = ApiClient(mint(*PERMISSIONS, **claims)).get("/session")
    if not code:
        assert answer.status_code == 200
    else:
        assert error_of(answer, 403 if code == "permission_denied" else 401)["code"] == code


def test_a_missing_permission_is_named(stranger: ApiClient) -> None:
    message = "NotAllowedAccess: the permission CreateMeetingSession is needed."
    refused(stranger.post("/session", {}), 403, "permission_denied", message)


# --- callers from elsewhere -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("claims", "actor"),
    [
        ({"userTenantId": "ut", "id": "i", "sub": "s"}, "ut"),
        ({"userTenantId": None, "id": "i", "sub": "s"}, "i"),
        ({"userTenantId": "", "id": 17, "sub": "s"}, "17"),
        ({"id": None, "sub": "s"}, "s"),
        ({"id": None}, ""),
        ({"id": 0}, "0"),
    ],
)
def test_the_audit_columns_say_who_it_was(member: Member, claims: dict[str, Any], actor: str) -> None:
    assert member("CreateMeetingSession", **claims).post("/session", {}).status_code == 200
    row = Meeting.objects.get()
    assert (row.created_by, row.modified_by) == (actor, actor)


KEYS: dict[str, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey] = {
    "RS256": rsa.generate_private_key(public_exponent=65537, key_size=2048),
    "ES256": ec.generate_private_key(ec.SECP256R1()),
}


def public_pem(algorithm: str) -> str:
    return KEYS[algorithm].public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


@pytest.mark.parametrize("algorithm", KEYS)
def test_tokens_signed_with_a_private_key(settings: Any, algorithm: str) -> None:
    settings.VIDEOCONF = settings.VIDEOCONF | {"JWT_SECRET": None, "JWT_PUBLIC_KEY": public_pem(algorithm)}
    other = "ES256" if algorithm == "RS256" else "RS256"
    good = mint("GetMeetings", key=KEYS[algorithm], algorithm=algorithm)
    assert ApiClient(good).get("/session").status_code == 200
    names_of("token_expired", ApiClient(mint("GetMeetings", key=KEYS[algorithm], algorithm=algorithm, exp=1)))
    names_of("token_invalid", ApiClient(mint("GetMeetings", key=KEYS[other], algorithm=other)))
    names_of("token_invalid", ApiClient(signed_with_public_key(algorithm)))
    names_of("token_invalid", ApiClient(mint("GetMeetings", key="some-shared-secret-0123456789-0123456789")))


def signed_with_public_key(algorithm: str) -> str:
    """Forge an HS256 token whose secret is the public key, which everyone knows."""
    import hashlib
    import hmac
    import json

    claims = {"iss": "videoconf", "exp": int(time.time()) + 600, "permissions": ["GetMeetings"]}
    text = f"{part(json.dumps({'alg': 'HS256', 'typ': 'JWT'}))}.{part(json.dumps(claims))}"
    digest = hmac.new(public_pem(algorithm).encode(), text.encode(), hashlib.sha256).digest()
    return f"{text}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"


def test_without_a_key_no_such_caller_is_let_in(settings: Any, caller_token: str) -> None:
    settings.VIDEOCONF = settings.VIDEOCONF | {"JWT_SECRET": None, "JWT_PUBLIC_KEY": None}
    names_of("token_invalid", ApiClient(caller_token))


def test_another_issuer_by_setting(settings: Any, caller_token: str) -> None:
    settings.VIDEOCONF = settings.VIDEOCONF | {"JWT_ISSUER": "clinic"}
    names_of("token_invalid", ApiClient(caller_token))
    assert ApiClient(mint("GetMeetings", iss="clinic")).get("/session").status_code == 200


# --- users of this project ------------------------------------------------------------------------------------


@pytest.fixture
def user() -> User:
    ann = User.objects.create_user("ann", password="correct horse")
    ann.user_permissions.add(Permission.objects.get(codename="GetMeetings"))
    ann.user_permissions.add(Permission.objects.get(codename="GetMeetingArchives"))
    return ann


def sign_in(anonymous: ApiClient) -> dict[str, str]:
    answer = anonymous.post("/auth/token", {"username": "ann", "password": "correct horse"})
    assert answer.status_code == 200, answer.content
    pair: dict[str, str] = answer.json()
    assert set(pair) == {"access", "refresh"}
    return pair


def test_a_user_signs_in_and_may_what_django_says(anonymous: ApiClient, user: User) -> None:
    client = ApiClient(sign_in(anonymous)["access"])
    assert client.get("/session").status_code == 200
    assert client.get("/archives").status_code == 200
    assert error_of(client.post("/session", {}), 403)["code"] == "permission_denied"
    user.user_permissions.add(Permission.objects.get(codename="CreateMeetingSession"))
    assert client.post("/session", {}).status_code == 200
    assert Meeting.objects.get().created_by == "ann"


def test_refresh(anonymous: ApiClient, user: User) -> None:
    pair = sign_in(anonymous)
    answer = anonymous.post("/auth/token/refresh", {"refresh": pair["refresh"]})
    assert answer.status_code == 200
    assert ApiClient(answer.json()["access"]).get("/session").status_code == 200
    wrong = anonymous.post("/auth/token/refresh", {"refresh": pair["access"]})
    refused(wrong, 401, "token_invalid", "The refresh token is not valid or has expired.")


def test_a_refresh_token_opens_nothing(anonymous: ApiClient, user: User) -> None:
    names_of("token_invalid", ApiClient(sign_in(anonymous)["refresh"]))


def test_a_wrong_password(anonymous: ApiClient, user: User) -> None:
    for body in ({"username": "ann", "password": "wrong"}, {"username": "nobody", "password": "wrong"}):
        answer = anonymous.post("/auth/token", body)
        refused(answer, 401, "credentials_invalid", "The username or the password is wrong.")
        assert answer["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize(("body", "path"), [({"username": "a"}, "password"), ({"password": "a"}, "username")])
def test_what_signing_in_needs_is_named(anonymous: ApiClient, body: dict[str, str], path: str) -> None:
    error = error_of(anonymous.post("/auth/token", body), 422)
    assert [(detail["path"], detail["code"]) for detail in error["details"]] == [(path, "required")]


def test_too_many_wrong_passwords_lock_the_name(anonymous: ApiClient, user: User) -> None:
    for _ in range(5):
        answer = anonymous.post("/auth/token", {"username": "ann", "password": "wrong"})
    locked = anonymous.post("/auth/token", {"username": "ann", "password": "correct horse"})
    assert answer.status_code in (401, 429)
    assert error_of(locked, 429)["code"] == "too_many_attempts"
    assert int(locked["Retry-After"]) > 0
    assert anonymous.post("/auth/token", {"username": "bob", "password": "wrong"}).status_code == 401


def test_a_user_who_was_switched_off_is_out_at_once(anonymous: ApiClient, user: User) -> None:
    client = ApiClient(sign_in(anonymous)["access"])
    User.objects.update(is_active=False)
    names_of("token_invalid", client)


def test_a_new_password_ends_the_old_tokens(anonymous: ApiClient, user: User) -> None:
    pair = sign_in(anonymous)
    user.set_password("battery staple")
    user.save()
    names_of("token_invalid", ApiClient(pair["access"]))
    answer = anonymous.post("/auth/token/refresh", {"refresh": pair["refresh"]})
    refused(answer, 401, "token_invalid", "The refresh token is not valid or has expired.")


@pytest.mark.parametrize("gone", ["switched off", "deleted"])
def test_a_user_who_is_gone_refreshes_nothing(anonymous: ApiClient, user: User, gone: str) -> None:
    pair = sign_in(anonymous)
    if gone == "deleted":
        user.delete()
    else:
        User.objects.update(is_active=False)
    names_of("token_invalid", ApiClient(pair["access"]))
    answer = anonymous.post("/auth/token/refresh", {"refresh": pair["refresh"]})
    refused(answer, 401, "token_invalid", "The refresh token is not valid or has expired.")


def test_a_users_token_with_permissions_in_it_is_no_users_token(user: User) -> None:
    token = AccessToken.for_user(user)
    assert ApiClient(str(token)).get("/session").status_code == 200
    token["permissions"] = list(PERMISSIONS)
    names_of("token_invalid", ApiClient(str(token)))


# --- three kinds of token -------------------------------------------------------------------------------------


def test_no_kind_of_token_opens_what_is_anothers(user: User, meeting: Meeting, caller_token: str) -> None:
    join = issue_token(meeting, data="Ann").value
    names_of("token_invalid", ApiClient(join))
    for token in (caller_token, str(AccessToken.for_user(user)), str(RefreshToken.for_user(user))):
        with pytest.raises(Exception, match="invitation"):
            join_tokens.read(token, meeting.session_id)


def test_a_caller_cannot_pass_for_a_user(user: User) -> None:
    forged = mint(iss="videoconf-users", aud="videoconf-users", user_id=str(user.pk), token_type="access", jti="x")
    names_of("token_invalid", ApiClient(forged))


# --- mint_token -----------------------------------------------------------------------------------------------


def minted(*arguments: str) -> str:
    out = StringIO()
    call_command("mint_token", *arguments, stdout=out)
    return out.getvalue().strip()


def test_mint_token_prints_a_token_that_works() -> None:
    client = ApiClient(minted("--permissions", "CreateMeetingSession, GetMeetings"))
    assert client.post("/session", {}).status_code == 200
    assert client.get("/session").status_code == 200
    assert client.get("/archives").status_code == 403
    assert Meeting.objects.get().created_by == "cli"


def test_mint_token_all_minutes_actor_and_tenant(settings: Any) -> None:
    settings.VIDEOCONF = settings.VIDEOCONF | {"TENANT_CLAIM": "org"}
    token = minted("--permissions", "all", "--minutes", "5", "--tenant", "t", "--actor", "ops")
    claims = jwt.decode(token, options={"verify_signature": False})
    assert set(claims["permissions"]) == set(PERMISSIONS)
    assert (claims["org"], claims["id"]) == ("t", "ops")
    assert 290 <= claims["exp"] - time.time() <= 300


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--permissions", "Nope"), "no permission 'Nope'"),
        (("--permissions", "GetMeetings", "--tenant", "t"), "TENANT_CLAIM"),
        (("--permissions", "GetMeetings", "--minutes", "0"), "--minutes"),
    ],
)
def test_mint_token_says_what_is_wrong(arguments: tuple[str, ...], words: str) -> None:
    with pytest.raises(CommandError, match=words):
        minted(*arguments)


def test_mint_token_needs_the_secret(settings: Any) -> None:
    settings.VIDEOCONF = settings.VIDEOCONF | {"JWT_SECRET": None}
    with pytest.raises(CommandError, match="JWT_SECRET"):
        minted("--permissions", "GetMeetings")
