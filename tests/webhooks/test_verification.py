"""What is believed: signatures, by secret, body, age and kind; what is no event."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from typing import Any

import jwt
import pytest

from meetings.models import Connection, Meeting, WebhookDelivery
from meetings.providers import signatures
from tests.conftest import NewMeeting
from tests.presence.lives import body_of
from tests.webhooks.conftest import Configure
from tests.webhooks.senders import OTHER, SECRET, archive, code_of, connected, post, signature

pytestmark = pytest.mark.django_db


def joined(meeting: Meeting) -> int:
    count: int = Connection.objects.filter(meeting=meeting).count()
    return count


@pytest.mark.usefixtures("signed")
class TestASignedEvent:
    def test_over_the_raw_body_is_applied_with_204(self, meeting: Meeting) -> None:
        answer = post(connected(meeting), secret=SECRET)

        assert (answer.status_code, answer.content) == (204, b"")
        assert joined(meeting) == 1
        assert WebhookDelivery.objects.get().verdict == "applied"

    def test_of_an_alias_answers_200(self, meeting: Meeting) -> None:
        assert post(connected(meeting), secret=SECRET, address="/webhooks/webrtc").status_code == 200
        assert joined(meeting) == 1

    def test_over_spaced_json_is_good_when_the_compact_form_was_signed(self, meeting: Meeting) -> None:
        event = connected(meeting, data="Zoë")
        compact = json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode()
        spaced = json.dumps(event, indent=2, ensure_ascii=False).encode()

        assert post(spaced, authorization=signatures.sign(compact, SECRET)).status_code == 204
        assert joined(meeting) == 1

    def test_signed_a_day_ago_is_still_good(self, meeting: Meeting) -> None:
        event = connected(meeting)
        yesterday = signature(body_of(event), iat=int(time.time()) - 24 * 3600)
        assert post(event, authorization=yesterday).status_code == 204

    @pytest.mark.parametrize("scheme", ["bearer", "BEARER"])
    def test_scheme_is_read_in_any_case(self, meeting: Meeting, scheme: str) -> None:
        event = connected(meeting)
        header = f"{scheme} {signatures.sign(body_of(event), SECRET).split()[1]}"
        assert post(event, authorization=header).status_code == 204


@pytest.mark.usefixtures("signed")
class TestARefusedEvent:
    def refused(self, meeting: Meeting, event: Any, status: int, code: str, **how: Any) -> None:
        answer = post(event, **how)
        assert (answer.status_code, code_of(answer)) == (status, code)
        assert answer.json()["error"]["statusCode"] == status
        assert joined(meeting) == 0
        delivery = WebhookDelivery.objects.get()
        assert (delivery.verdict, delivery.dedupe_key) == ("rejected", None)
        assert SECRET not in delivery.error + delivery.body

    def test_without_a_signature_may_come_again(self, meeting: Meeting) -> None:
        self.refused(meeting, connected(meeting), 503, "webhook_signature_missing")

    @pytest.mark.parametrize("header", ["Bearer", "Bearer ", "Basic dXNlcjpwYXNz", "Token x"])
    def test_another_scheme_is_no_signature(self, meeting: Meeting, header: str) -> None:
        self.refused(meeting, connected(meeting), 503, "webhook_signature_missing", authorization=header)

    def test_with_a_wrong_secret_is_forged(self, meeting: Meeting) -> None:
        self.refused(meeting, connected(meeting), 401, "webhook_signature_invalid", secret=OTHER)

    def test_with_another_body_is_forged(self, meeting: Meeting) -> None:
        header = signatures.sign(body_of(connected(meeting, data="Ann")), SECRET)
        event = connected(meeting, data="Eve")
        self.refused(meeting, event, 401, "webhook_signature_invalid", authorization=header)

    @pytest.mark.parametrize(
        "claims",
        [
            {"iat": int(time.time()) - 26 * 3600},
            {"iat": int(time.time()) + 3600},
            {"iat": None},
            {"iat": "yesterday"},
            {"iss": "Someone"},
            {"iss": None},
            {"payload_hash": None},
            {"payload_hash": "0" * 64},
            {"payload_hash": ["0"]},
            {"exp": int(time.time()) - 3600},
        ],
        # Not the values: every worker of a parallel run must find the same names.
        ids=[
            "old",
            "of-tomorrow",
            "undated",
            "date-no-number",
            "foreign",
            "no-issuer",
            "no-hash",
            "wrong-hash",
            "hash-no-text",
            "expired",
        ],
    )
    def test_with_a_wrong_claim_is_forged(self, meeting: Meeting, claims: dict[str, Any]) -> None:
        event = connected(meeting)
        header = signature(body_of(event), **claims)
        self.refused(meeting, event, 401, "webhook_signature_invalid", authorization=header)

    def test_of_algorithm_none_is_forged(self, meeting: Meeting) -> None:
        event = connected(meeting)
        claims = jwt.decode(signature(body_of(event)).split()[1], options={"verify_signature": False})
        header = "Bearer " + jwt.encode(claims, "", algorithm="none")
        self.refused(meeting, event, 401, "webhook_signature_invalid", authorization=header)

    def test_of_another_algorithm_is_forged(self, meeting: Meeting) -> None:
        event = connected(meeting)
        claims = jwt.decode(signature(body_of(event)).split()[1], options={"verify_signature": False})
        header = "Bearer " + jwt.encode(claims, SECRET * 2, algorithm="HS512")
        self.refused(meeting, event, 401, "webhook_signature_invalid", authorization=header)

    @pytest.mark.parametrize("token", ["x", "a.b.c", "é.é.é", "." * 5000])
    def test_that_is_no_jwt_is_forged(self, meeting: Meeting, token: str) -> None:
        event = connected(meeting)
        self.refused(meeting, event, 401, "webhook_signature_invalid", authorization=f"Bearer {token}")

    def test_says_how_to_sign(self, meeting: Meeting) -> None:
        answer = post(connected(meeting), secret=OTHER)
        assert answer["WWW-Authenticate"] == "Bearer"
        assert post(connected(meeting))["Retry-After"] == "60"


class TestSecrets:
    def test_each_of_several_is_good_while_they_rotate(self, meeting: Meeting, secrets: Configure) -> None:
        secrets(OTHER, SECRET)
        assert post(connected(meeting, "c1"), secret=SECRET).status_code == 204
        assert post(connected(meeting, "c2"), secret=OTHER).status_code == 204
        secrets(OTHER)
        assert post(connected(meeting, "c3"), secret=SECRET).status_code == 401
        assert joined(meeting) == 2

    def test_none_at_all_is_our_gap(self, meeting: Meeting) -> None:
        answer = post(connected(meeting))
        assert (answer.status_code, code_of(answer)) == (503, "webhook_secret_missing")
        assert joined(meeting) == 0

    def test_none_at_all_is_our_gap_for_signed_ones_too(self, meeting: Meeting) -> None:
        answer = post(connected(meeting), secret=SECRET)
        assert (answer.status_code, code_of(answer)) == (503, "webhook_secret_missing")

    def test_an_empty_one_is_none(self, meeting: Meeting, secrets: Configure) -> None:
        secrets("")
        event = connected(meeting)
        head, claims, _ = signatures.sign(body_of(event), SECRET).removeprefix("Bearer ").split(".")
        digest = hmac.new(b"", f"{head}.{claims}".encode(), hashlib.sha256).digest()
        mark = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        answer = post(event, authorization=f"Bearer {head}.{claims}.{mark}")
        assert (answer.status_code, code_of(answer)) == (503, "webhook_secret_missing")

    @pytest.mark.usefixtures("unsigned_allowed")
    def test_unsigned_is_taken_where_it_is_allowed(self, meeting: Meeting) -> None:
        assert post(connected(meeting)).status_code == 204
        assert joined(meeting) == 1

    @pytest.mark.usefixtures("unsigned_allowed", "signed")
    def test_unsigned_is_not_taken_where_a_secret_is_set(self, meeting: Meeting) -> None:
        assert post(connected(meeting)).status_code == 503
        assert post(connected(meeting), secret=OTHER).status_code == 401
        assert joined(meeting) == 0


class TestSecretsPerKind:
    @pytest.fixture
    def theirs(self, two_secrets: Configure, new_meeting: NewMeeting) -> Meeting:
        two_secrets(session=[SECRET], archive=[OTHER])
        return new_meeting(provider="two")

    @pytest.mark.parametrize(("session", "archived"), [(200, 401), (401, 200)])
    def test_a_secret_is_good_for_its_own_kind_only(self, theirs: Meeting, session: int, archived: int) -> None:
        secret = SECRET if session == 200 else OTHER
        answers = [
            post(event, secret=secret, address="/webhooks/two") for event in (connected(theirs), archive(theirs))
        ]
        assert [answer.status_code for answer in answers] == [session, archived]

    def test_an_unknown_kind_is_taken_with_either(self, theirs: Meeting) -> None:
        for secret, name in ((SECRET, "one"), (OTHER, "two")):
            event = {"event": name, "sessionId": theirs.session_id}
            assert post(event, secret=secret, address="/webhooks/two").status_code == 200

    @pytest.mark.parametrize("how", [{}, {"secret": SECRET}, {"secret": "a-secret-that-only-they-know-0123456789"}])
    def test_a_kind_without_one_is_our_gap(self, theirs: Meeting, two_secrets: Configure, how: dict[str, str]) -> None:
        two_secrets(session=[SECRET])
        answer = post(archive(theirs), address="/webhooks/two", **how)
        assert (answer.status_code, code_of(answer)) == (503, "webhook_secret_missing")
        assert post(connected(theirs), secret=SECRET, address="/webhooks/two").status_code == 200

    @pytest.mark.usefixtures("unsigned_allowed")
    def test_a_kind_without_one_is_taken_unsigned_where_that_is_allowed(
        self, theirs: Meeting, two_secrets: Configure
    ) -> None:
        two_secrets(session=[SECRET])
        assert post(archive(theirs), address="/webhooks/two").status_code == 200
        assert theirs.archives.count() == 1
        assert post(connected(theirs), address="/webhooks/two").status_code == 503


CREATED = connected("rtc_x")


def without(event: dict[str, Any], *path: str) -> dict[str, Any]:
    changed: dict[str, Any] = json.loads(json.dumps(event))
    place = changed
    for name in path[:-1]:
        place = place[name]
    del place[path[-1]]
    return changed


def replaced(event: dict[str, Any], value: Any, *path: str) -> dict[str, Any]:
    changed: dict[str, Any] = json.loads(json.dumps(event))
    place = changed
    for name in path[:-1]:
        place = place[name]
    place[path[-1]] = value
    return changed


STREAMED = {
    "event": "streamCreated",
    "sessionId": "rtc_x",
    "timestamp": 1_700_000_000_000,
    "stream": {"id": "s1", "connection": {"id": "c1"}},
}
RECORDED = {"event": "archive", "id": "a1", "status": "started", "sessionId": "rtc_x"}
MALFORMED: list[tuple[Any, str]] = [
    (b"nonsense", "JSON"),
    (b"[]", "object"),
    (b'"text"', "object"),
    (b"\xff\xfe", "UTF-8"),
    (b'{"event": NaN}', "NaN"),
    (b"[" * 100 + b"]" * 100, "deeper"),
    (b'{"event": "a", "event": "b"}', "twice"),
    (b'{"event": "a\\u0000"}', "NUL"),
    ({"sessionId": "rtc_x"}, "`event`"),
    ({"event": 7}, "`event`"),
    ({"event": ""}, "`event`"),
    (without(CREATED, "sessionId"), "`sessionId`"),
    (replaced(CREATED, 7, "sessionId"), "`sessionId`"),
    (replaced(CREATED, "x" * 256, "sessionId"), "`sessionId`"),
    (without(CREATED, "connection"), "`connection`"),
    (replaced(CREATED, "c1", "connection"), "`connection`"),
    (without(CREATED, "connection", "id"), "`connection.id`"),
    (replaced(CREATED, "", "connection", "id"), "`connection.id`"),
    (replaced(CREATED, "now", "timestamp"), "`timestamp`"),
    (replaced(CREATED, True, "timestamp"), "`timestamp`"),
    (replaced(CREATED, -1, "timestamp"), "`timestamp`"),
    (replaced(CREATED, 10**18, "timestamp"), "`timestamp`"),
    (replaced(CREATED, "then", "connection", "createdAt"), "`connection.createdAt`"),
    (without(STREAMED, "stream"), "`stream`"),
    (without(STREAMED, "stream", "id"), "`stream.id`"),
    (without(STREAMED, "stream", "connection"), "`connection`"),
    (replaced(STREAMED, [], "stream", "connection"), "`stream.connection`"),
    ({"event": "sessionDestroyed"}, "`sessionId`"),
    (without(RECORDED, "status"), "`status`"),
    (without(RECORDED, "id"), "`id`"),
    (without(RECORDED, "sessionId"), "`sessionId`"),
]


@pytest.mark.usefixtures("signed")
@pytest.mark.parametrize(("event", "named"), MALFORMED, ids=[str(event)[:60] for event, _ in MALFORMED])
def test_a_malformed_event_is_a_400_that_names_what_is_wrong(db: None, event: Any, named: str) -> None:
    answer = post(event, secret=SECRET)

    assert (answer.status_code, code_of(answer)) == (400, "webhook_malformed")
    assert named in answer.json()["error"]["message"]
    assert WebhookDelivery.objects.get().verdict == "rejected"


@pytest.mark.usefixtures("signed")
@pytest.mark.parametrize("body", [b"", b"{}", b" {} \n"])
def test_a_probe_is_answered_and_not_stored(body: bytes) -> None:
    assert post(body).status_code == 204
    assert post(body, address="/webhooks/webrtc").status_code == 200
    assert post(body, secret=SECRET).status_code == 204
    assert WebhookDelivery.objects.count() == 0


@pytest.mark.usefixtures("signed")
def test_a_forged_probe_is_refused() -> None:
    assert post(b"{}", secret=OTHER).status_code == 401
