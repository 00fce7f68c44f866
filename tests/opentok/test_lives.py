"""Whole meetings at the stand-in, told by callbacks that come in any order, twice, or never."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from meetings.models import Meeting, WebhookDelivery
from tests.opentok.house import House
from tests.opentok.truth import STEPS, Play, Step, life_of
from tests.presence.lives import comparable, rows_of, truth_of
from tests.vonage import Callback

pytestmark = pytest.mark.django_db
hostile = examples(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


def played(house: House, steps: Sequence[Step], *, empties_data: bool) -> Play:
    """Play a meeting of its own, bring nothing; return it."""
    house.vonage.state.empties_data = empties_data
    play = Play(house, house.create())
    play.run(steps)
    return play


def check(play: Play, delivered: Sequence[Callback]) -> None:
    """The rows are what those callbacks that came allow to be known."""
    meeting = Meeting.objects.get(meeting_link=play.link)
    truth = truth_of(life_of([one.document for one in delivered], play.people))
    assert comparable(rows_of(meeting)) == truth
    here = sorted(name for _, name, has_left, _ in truth.attendees if not has_left)
    assert sorted(play.house.here(play.link)) == here


@hostile
@given(steps=STEPS, empties_data=st.booleans(), data=st.data())
def test_rows_are_what_the_delivered_callbacks_allow(
    legacy: House, steps: list[Step], empties_data: bool, data: st.DataObject
) -> None:
    play = played(legacy, steps, empties_data=empties_data)
    sent = play.callbacks
    lost = data.draw(st.sets(st.sampled_from(range(len(sent))), max_size=4) if sent else st.just(set()))
    kept = [one for number, one in enumerate(sent) if number not in lost]
    copies = data.draw(st.lists(st.sampled_from(kept), max_size=6) if kept else st.just([]))

    for callback in data.draw(st.permutations(kept + copies)):
        assert legacy.bring(callback).status_code == 204

    check(play, kept)
    stored = WebhookDelivery.objects.filter(session_id=play.session_id)
    assert stored.count() == len({one.body for one in kept})


@hostile
@given(steps=STEPS, data=st.data())
def test_what_came_too_late_makes_it_whole(legacy: House, steps: list[Step], data: st.DataObject) -> None:
    play = played(legacy, steps, empties_data=True)
    sent = data.draw(st.permutations(play.callbacks))
    half = len(sent) // 2
    for callback in sent[:half]:
        legacy.bring(callback)
    check(play, sent[:half])

    for callback in sent:  # the vendor repeats them all
        assert legacy.bring(callback).status_code == 204

    check(play, sent)


def names_of(play: Play, *events: str) -> list[Callback]:
    return [one for one in play.callbacks if one.name in events]


def test_destroyed_without_created_is_a_stay(legacy: House) -> None:
    play = played(legacy, [("come", 0), ("publish", 0), ("go", 0)], empties_data=True)

    for callback in names_of(play, "connectionDestroyed", "streamDestroyed"):
        legacy.bring(callback)

    check(play, names_of(play, "connectionDestroyed", "streamDestroyed"))
    (nobody,) = legacy.attendees(play.link)
    assert (nobody["attendee"], nobody["isDeleted"]) == ("", True)
    for callback in play.callbacks:
        legacy.bring(callback)
    (ann,) = legacy.attendees(play.link)
    assert (ann["attendee"], ann["isDeleted"], ann["id"]) == ("Ann", True, nobody["id"])


def test_the_end_of_the_session_ends_who_said_no_good_bye(legacy: House) -> None:
    play = played(legacy, [("come", 0), ("come", 1), ("publish", 1), ("destroy", 0)], empties_data=False)

    for callback in play.callbacks:
        legacy.bring(callback)

    check(play, play.callbacks)
    assert legacy.here(play.link) == []


@pytest.mark.parametrize("order", [1, -1])
def test_a_rotation_ends_the_stays_before_it_and_not_those_after_it(legacy: House, order: int) -> None:
    play = played(legacy, [("come", 0), ("come", 1), ("rotate", 0), ("come", 0), ("publish", 0)], empties_data=False)

    for callback in play.callbacks[::order]:
        legacy.bring(callback)

    check(play, play.callbacks)
    assert legacy.here(play.link) == ["Ann"]
    verdicts = WebhookDelivery.objects.filter(kind="sessionNotification").values_list("verdict", flat=True)
    assert list(verdicts) == ["unknown"]


def test_the_same_session_comes_up_again(legacy: House) -> None:
    legacy.settings.VIDEOCONF = legacy.settings.VIDEOCONF | {"MERGE_GAP": 0}  # she is back in no time
    steps: list[Step] = [("come", 0), ("go", 0), ("come", 0), ("go", 0), ("come", 3)]
    play = played(legacy, steps, empties_data=True)

    for callback in reversed(play.callbacks):
        legacy.bring(callback)

    check(play, play.callbacks)
    report = {
        one["attendee"]: len(one["intervals"]) for one in legacy.api.get(f"/session/{play.link}/attendance").json()
    }
    assert report == {"Ann": 2, "Cem": 1}
