"""How tracks end: torn off, cut short, handed over to the next one, or beside another of the same person."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from archives.media.finish import Unusable
from tests.media.composing import complete, compose, step
from tests.media.conftest import NewMeeting
from tests.media.looking import RATE
from tests.media.making import START, Take, chunks, webm

TAKE = Take(length=4000)


def spans(report: dict[str, Any]) -> list[tuple[str, int, int]]:
    """Return what is missing: track, from, to, in ms from the meeting's begin."""
    return [(gap["track"], gap["from"] - START, gap["to"] - START) for gap in report["missing"]]


@pytest.mark.parametrize("output", ["composed", "individual"])
@pytest.mark.parametrize("loss", ["middle, and no cluster after it", "end"])
def test_a_track_that_is_lost_to_its_end_is_missing_up_to_there(
    new_meeting: NewMeeting, loss: str, output: str
) -> None:
    pieces = chunks(TAKE)
    data = pieces[0] if loss == "end" else pieces[0] + pieces[3]
    meeting = new_meeting(output=output)
    meeting.add_person("ann", "Ann", (0, 5000))
    meeting.add_person("bob")
    meeting.add_track("t1", "ann", data, gaps=[len(pieces[0])])
    meeting.add_track("t2", "bob", Take(length=6000, beep=900))
    meeting.write(end=6000)
    ((track, since, until),) = spans(complete(meeting))
    assert track == "t1"
    assert 900 <= since <= 1050
    assert until == 5000


def test_who_goes_on_with_another_track_lacks_only_what_is_between(new_meeting: NewMeeting) -> None:
    meeting = new_meeting()
    meeting.add_person("ann")
    first = chunks(TAKE)[0]
    meeting.add_track("t1", "ann", first, gaps=[len(first)])
    meeting.add_track("t2", "ann", Take(start=3000, length=3000))
    _, report = compose(meeting, end=6000)
    ((track, since, until),) = spans(report)
    assert (track, until) == ("t1", 3000)
    assert 900 <= since <= 1050


def test_nothing_but_what_is_lost_is_a_failure(new_meeting: NewMeeting) -> None:
    meeting = new_meeting()
    meeting.add_person("ann")
    meeting.add_track("t1", "ann", webm(TAKE)[:40], gaps=[40])
    meeting.write(end=4000)
    with pytest.raises(Unusable, match="incomplete"):
        complete(meeting)


def loudest(film: Any, start: float, end: float) -> float:
    return float(np.abs(film.sound[int(start * RATE) : int(end * RATE)]).max())


def test_two_recorders_of_one_page_are_heard_once(new_meeting: NewMeeting) -> None:
    meeting = new_meeting()
    meeting.add_person("ann")
    meeting.add_track("t1", "ann", Take(length=3150))
    meeting.add_track("t2", "ann", Take(start=3020, length=2980))
    film, _ = compose(meeting, end=6000)
    alone = loudest(film, 2.0, 2.2)
    assert loudest(film, 2.99, 3.25) <= 1.1 * alone
    assert film.loudness(440, 3.03, 3.14) >= 0.8 * film.loudness(440, 2.03, 2.14)


def test_two_devices_of_one_person_are_both_heard(new_meeting: NewMeeting) -> None:
    meeting = new_meeting()
    meeting.add_person("ann")
    meeting.add_track("t1", "ann", Take(length=6000, beep=500))
    meeting.add_track("t2", "ann", Take(start=2000, length=4000, beep=900))
    film, _ = compose(meeting, end=6000)
    for second in (3, 5):
        assert film.loudness(500, second + 0.03, second + 0.17) > 0.2
        assert film.loudness(900, second + 0.03, second + 0.17) > 0.2


def test_who_takes_her_consent_back_is_not_in_what_was_composed_before(new_meeting: NewMeeting) -> None:
    meeting = new_meeting()
    meeting.add_person("ann")
    meeting.add_person("bob")
    meeting.add_track("t1", "ann", Take(length=14_000, beep=500), closed=False)
    meeting.add_track("t2", "bob", Take(length=14_000, beep=900), closed=False)
    meeting.write()
    assert step(meeting)[0] == 10_000
    meeting.job["people"] = [person for person in meeting.job["people"] if person["id"] == "bob"]
    meeting.job["tracks"] = [track for track in meeting.job["tracks"] if track["person"] == "bob"]
    film, _ = compose(meeting, end=14_000)
    assert abs(film.length - 14) <= 0.05
    for second in (2, 8, 12):
        assert film.loudness(500, second + 0.03, second + 0.17) < 0.02
        assert film.loudness(900, second + 0.03, second + 0.17) > 0.2
