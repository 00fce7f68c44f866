"""May she join? One decision: the check says what a token's caller would get, and a host's rule is asked by both."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import Client
from django.utils import timezone

from meetings.joining import Allowed, Denied, JoinGrant
from meetings.models import AttendanceFact, Meeting
from meetings.providers.types import Role
from tests.api.errors import error_of, refused
from tests.api.moments import wire
from tests.callers import ApiClient
from tests.conftest import NewMeeting
from tests.factories import AttendeeFactory, ConnectionFactory, MeetingFactory

KEYS = {"allowed", "code", "message", "role", "expiresAt", "changesAt"}
Rule = Callable[[Any, Meeting, JoinGrant], Any]
SetRule = Callable[[Rule], None]
asked: list[tuple[Any, Meeting, JoinGrant]] = []


@pytest.fixture
def rule(settings: Any) -> Iterator[SetRule]:
    """Set the host's rule; what it is asked is in `asked`."""
    asked.clear()

    def set_to(answer: Rule) -> None:
        def listens(*question: Any) -> Any:
            asked.append(question)
            return answer(*question)

        settings.VIDEOCONF = settings.VIDEOCONF | {"JOIN_POLICY": listens}

    yield set_to
    asked.clear()


def checked(client: ApiClient, meeting: Meeting, query: str = "") -> dict[str, Any]:
    answer = client.get(f"/session/{meeting.meeting_link}/join-check{query}")
    assert (answer.status_code, answer["Cache-Control"]) == (200, "no-store"), answer.content
    said: dict[str, Any] = answer.json()
    assert set(said) == KEYS
    return said


def issued(client: ApiClient, meeting: Meeting, **body: Any) -> Any:
    return client.post(f"/session/{meeting.meeting_link}/token", body)


def test_open_meeting(owner: ApiClient, meeting: Meeting) -> None:
    said = checked(owner, meeting, "?role=moderator&data=Ann&extId=u1")
    assert said | {"allowed": True, "code": "allowed", "message": "", "role": "moderator", "changesAt": None} == said
    assert said["expiresAt"] > wire(timezone.now())
    assert checked(owner, meeting)["role"] == "publisher"
    meeting.refresh_from_db()
    assert meeting.start_time is None
    assert not AttendanceFact.objects.exists()


def test_meeting_that_closes_by_itself(owner: ApiClient, new_meeting: NewMeeting) -> None:
    meeting = new_meeting(duration=30)
    assert issued(owner, meeting).status_code == 200
    meeting.refresh_from_db()
    assert meeting.closes_at is not None
    assert checked(owner, meeting)["changesAt"] == wire(meeting.closes_at)


@pytest.mark.parametrize("how", ["ended", "early", "full", "long name"])
def test_refusals_are_those_of_a_token(owner: ApiClient, how: str) -> None:
    soon = timezone.now() + timedelta(hours=1)
    made: dict[str, dict[str, Any]] = {
        "ended": {"ended": True},
        "early": {"is_scheduled": True, "schedule_time": soon},
        "full": {"max_participants": 1},
    }
    meeting: Meeting = MeetingFactory.create(**made.get(how, {}))
    ConnectionFactory.create(attendee=AttendeeFactory.create(meeting=meeting, ext_id="ann", identity="ext:ann"))
    query = f"?data={'x' * 2000}" if how == "long name" else "?extId=bea"
    said = checked(owner, meeting, query)
    codes = {"ended": "meeting_ended", "early": "meeting_not_started", "full": "meeting_full"}
    assert (said["allowed"], said["code"]) == (False, codes.get(how, "data_too_long"))
    assert (said["role"], said["expiresAt"], said["message"] != "") == (None, None, True)
    assert said["changesAt"] == (wire(soon - timedelta(minutes=10)) if how == "early" else None)
    answer = issued(owner, meeting, **({"data": "x" * 2000} if how == "long name" else {}))
    if how == "full":  # that is looked at where people come in
        assert answer.status_code == 200
        assert checked(owner, meeting, "?extId=ann")["allowed"]
    else:
        error = error_of(answer, 400)
        assert (error["code"], error["message"]) == (said["code"], said["message"])


@pytest.mark.parametrize(
    ("query", "name"),
    [("?role=owner", "role"), ("?role=", "role"), ("?role=publisher&role=publisher", "role"), ("?data=%00", "data"),
     ("?extId=" + "x" * 256, "extId"), ("?extId=a&extId=b", "extId")],
)  # fmt: skip
def test_parameters_that_can_not_be(owner: ApiClient, meeting: Meeting, query: str, name: str) -> None:
    answer = owner.get(f"/session/{meeting.meeting_link}/join-check{query}")
    assert error_of(answer, 400)["details"][0]["path"] == name


def test_unknown_meeting(owner: ApiClient) -> None:
    refused(owner.get("/session/nope/join-check"), 404, "meeting_not_found", "Meeting Not Found")


# --- a host's own rule ----------------------------------------------------------------------------------------


def test_rule_denies_with_its_own_words(owner: ApiClient, meeting: Meeting, rule: SetRule) -> None:
    until = datetime.fromisoformat("2031-02-03T04:05:06+00:00")
    rule(lambda *question: Denied(code="visit_unpaid", message="This visit is not paid yet.", until=until))
    said = checked(owner, meeting, "?data=Ann&extId=u1&role=subscriber")
    assert (said["allowed"], said["code"], said["message"]) == (False, "visit_unpaid", "This visit is not paid yet.")
    assert said["changesAt"] == "2031-02-03T04:05:06.000Z"
    error = error_of(issued(owner, meeting, data="Ann"), 403)
    assert (error["code"], error["message"]) == ("visit_unpaid", "This visit is not paid yet.")
    meeting.refresh_from_db()
    assert meeting.start_time is None
    caller, of, grant = asked[0]
    assert (caller.actor, caller.tenant, of) == ("caller-1", "", meeting)
    assert grant == JoinGrant(role=Role.SUBSCRIBER, identity="ext:u1", data="Ann", ext_id="u1")


def test_rule_changes_role_and_expiry(owner: ApiClient, meeting: Meeting, rule: SetRule) -> None:
    until = timezone.now().replace(microsecond=0) + timedelta(minutes=7)
    rule(lambda *question: Allowed(role=Role.SUBSCRIBER, expires_at=until))
    said = checked(owner, meeting, "?role=moderator")
    assert (said["role"], said["expiresAt"]) == ("subscriber", wire(until))
    assert issued(owner, meeting, role="moderator").status_code == 200
    fact = AttendanceFact.objects.get(kind="token_issued")
    assert (fact.payload["role"], fact.payload["expires"]) == ("subscriber", round(until.timestamp() * 1000))


def test_rule_is_asked_last_and_may_have_no_opinion(owner: ApiClient, meeting: Meeting, rule: SetRule) -> None:
    rule(lambda *question: None)
    assert checked(owner, meeting)["allowed"]
    assert issued(owner, meeting).status_code == 200
    assert len(asked) == 2
    assert not checked(owner, MeetingFactory.create(ended=True))["allowed"]
    assert len(asked) == 2


def test_what_a_rule_writes_is_stored_with_the_token_or_not_at_all(
    owner: ApiClient, meeting: Meeting, rule: SetRule
) -> None:
    def counts(caller: Any, of: Meeting, grant: JoinGrant) -> Any:
        Meeting.objects.filter(pk=of.pk).update(ext_id="asked")
        return Denied(code="never", message="No.") if grant.data == "Eve" else None

    rule(counts)
    assert checked(owner, meeting)["allowed"]
    assert issued(owner, meeting, data="Eve").status_code == 403
    meeting.refresh_from_db()
    assert meeting.ext_id != "asked"
    assert issued(owner, meeting, data="Ann").status_code == 200
    meeting.refresh_from_db()
    assert meeting.ext_id == "asked"


@pytest.mark.parametrize("answer", [True, "no", Denied(code="Not A Code", message="No.")])
def test_rule_that_answers_something_else_lets_nobody_in(
    owner: ApiClient, meeting: Meeting, rule: SetRule, answer: Any
) -> None:
    rule(lambda *question: answer)
    with pytest.raises(ImproperlyConfigured, match="JOIN_POLICY"):
        issued(owner, meeting)


def test_guests_of_the_page_are_asked_about_too(meeting: Meeting, rule: SetRule, settings: Any) -> None:
    settings.VIDEOCONF = settings.VIDEOCONF | {"GUEST_ROLE": "publisher"}
    rule(lambda *question: Denied(code="members_only", message="Members only."))
    client = Client()
    page = client.get(f"/meet/{meeting.meeting_link}").content.decode()
    ticket = json.loads(page.split('type="application/json">')[1].split("</script>")[0]).get("ticket")
    body = {"name": "Gus", "browserId": "b" * 32, "ticket": ticket}
    answer = client.post(f"/meet/{meeting.meeting_link}/token", json.dumps(body), "application/json")
    assert (answer.status_code, answer.json()["error"]["code"]) == (403, "members_only")
    assert asked[0][0] is None
