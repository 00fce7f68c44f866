"""People who are shown as here of whom nothing has been heard: lost good-byes, in meetings that are over or go on."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from meetings.models import AttendanceFact, Attendee, Connection, Meeting, Stream
from meetings.reconciling import Reconciled, reconcile
from tests.opentok.house import House, good
from tests.vonage import faults

DAY = timedelta(hours=25)


def rows() -> list[Any]:
    """Everything that presence has, as it is stored."""
    return [list(model.objects.order_by("pk").values()) for model in (AttendanceFact, Attendee, Connection, Stream)]


def ends(house: House, link: str) -> dict[str, tuple[str, str]]:
    """Return how sure the end of each person's only stay is, and who told it."""
    people = good(house.api.get(f"/session/{link}/attendance")).json()
    found = {}
    for person in people:
        (stay,) = person["intervals"]
        if stay["left"] is not None:
            found[person["attendee"]] = (stay["left"]["certainty"], stay["left"]["toldBy"])
    return found


def test_good_byes_lost_at_the_end_of_a_meeting(legacy: House) -> None:
    link = legacy.create()
    legacy.join(link, "Ann")
    legacy.join(link, "Bea")
    good(legacy.api.patch(f"/session/{link}/end"))
    legacy.lose()
    assert legacy.here(link) == ["Ann", "Bea"]
    assert reconcile() == Reconciled()  # they may still come
    assert set(ends(legacy, link).values()) == {("assumed", "end")}
    Meeting.objects.update(end_time=timezone.now() - timedelta(minutes=6))

    assert reconcile(is_dry=True) == Reconciled(over=2)
    assert legacy.here(link) == ["Ann", "Bea"]
    assert reconcile() == Reconciled(over=2)

    assert legacy.here(link) == []
    assert set(ends(legacy, link).values()) == {("assumed", "reconcile")}
    before = rows()
    assert reconcile() == Reconciled()
    assert rows() == before


def test_silence_in_a_meeting_that_goes_on(legacy: House) -> None:
    link = legacy.create()
    ann, bea = legacy.join(link, "Ann"), legacy.join(link, "Bea")
    legacy.vonage.publish(bea)
    legacy.vonage.disconnect(ann)
    legacy.lose()
    legacy.vonage.publish(bea)
    legacy.deliver()
    later = timezone.now() + DAY

    assert reconcile(now=later - 2 * timedelta(hours=1)) == Reconciled()
    assert reconcile(now=later, is_dry=True) == Reconciled(stale=1, seen=1)
    assert reconcile(now=later) == Reconciled(stale=1, seen=1)

    assert legacy.here(link) == ["Bea"]
    before = rows()
    assert reconcile(now=later) == Reconciled()
    assert rows() == before


def test_who_shows_up_after_all_was_never_away(legacy: House) -> None:
    link = legacy.create()
    ann = legacy.join(link, "Ann")
    Attendee.objects.get()
    assert reconcile(now=timezone.now() + DAY) == Reconciled(stale=1)
    assert legacy.here(link) == []
    shown = Attendee.objects.get().ext_metadata
    assert shown is not None

    legacy.vonage.publish(ann)
    legacy.deliver()
    assert legacy.here(link) == ["Ann"]
    legacy.vonage.disconnect(ann)
    legacy.deliver()
    assert ends(legacy, link) == {"Ann": ("exact", "webhook")}


def test_provider_that_can_not_be_asked_closes_nothing(legacy: House) -> None:
    link = legacy.create()
    legacy.join(link, "Ann")
    Connection.objects.get()
    AttendanceFact.objects.filter(kind="joined").update(at=timezone.now() - DAY)
    legacy.vonage.fail("GET **/stream", faults.status(500), times=None)
    before = rows()
    with pytest.raises(CommandError, match="1 connections were left alone"):
        call_command("reconcile_meetings", stdout=StringIO())
    assert rows() == before

    legacy.vonage.heal()
    said = StringIO()
    call_command("reconcile_meetings", dry_run=True, stdout=said)
    assert said.getvalue().startswith("would be closed in meetings that are over: 0, would be closed as stale: 1")
    assert rows() == before
    call_command("reconcile_meetings", stdout=said)
    assert legacy.here(link) == []


@pytest.mark.parametrize("hours", [0, -1, 99999999999])
def test_silence_of_no_time_is_refused(db: None, hours: int) -> None:
    with pytest.raises(CommandError, match="from 1 to 876000 hours"):
        call_command("reconcile_meetings", stale_after=hours)


def test_tokens_are_facts_that_bound_a_joining(legacy: House) -> None:
    link = legacy.create()
    legacy.token(link, data="Cem")
    before = timezone.now()
    token = legacy.token(link, data="Ann")
    ann = legacy.vonage.connect(legacy.session_id(link), token=token)
    legacy.lose()
    legacy.vonage.publish(ann)
    legacy.deliver()
    issued = AttendanceFact.objects.filter(kind="token_issued").order_by("pk")
    assert [fact.payload["identity"] != "" for fact in issued] == [True, True]
    assert token not in str(rows())

    AttendanceFact.objects.filter(kind="stream_started").update(payload={"data": "Ann"})  # no word of when she came
    (person,) = good(legacy.api.get(f"/session/{link}/attendance")).json()
    joined = person["intervals"][0]["joined"]
    assert joined["certainty"] == "bounded"
    assert before.isoformat()[:19] <= joined["notBefore"][:19] <= joined["notAfter"][:19]
