"""Archive callbacks at their worst: out of order, twice, about nothing we know, before our own call is answered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from archives.facts import RANKS
from archives.models import Archive
from meetings.models import Meeting, WebhookDelivery
from tests.api.errors import error_of
from tests.callers import Answer, ApiClient
from tests.factories import StorageTargetFactory
from tests.opentok.house import ARCHIVE_SECRET, House, good
from tests.servers import eventually
from tests.threads import in_threads
from tests.vonage import Callback, Fault, Kind, Manner, faults
from tests.vonage.archives import Archive as TheirArchive
from tests.vonage.callbacks import Target, build

pytestmark = pytest.mark.django_db


def signed(document: dict[str, Any]) -> Callback:
    """Return a callback as Vonage would sign it."""
    return build(Kind.ARCHIVE, f"archive.{document['status']}", document, Target("x", ARCHIVE_SECRET), {}, Manner())


def told(session_id: str, archive_id: str, status: str, number: int, **more: Any) -> Callback:
    """Return one callback of an archive; `number` makes it another one than the rest."""
    archive = TheirArchive(archive_id, session_id, {"name": "Talk"}, status=status)
    document = archive.callback({"partnerId": 1}, None) | {"duration": number} | more
    return signed(document)


@pytest.fixture
def busy(legacy: House) -> str:
    """The link of a meeting that Ann is in."""
    link = legacy.create()
    legacy.join(link, "Ann")
    return link


LIVES = st.tuples(
    st.lists(st.sampled_from(["started", "paused"]), max_size=4),
    st.sampled_from([[], ["stopped"], ["failed"], ["stopped", "available"], ["stopped", "uploaded"]]),
    st.booleans(),
)


@examples(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
@given(life=LIVES, data=st.data())
def test_any_order_and_copies_end_in_the_same_row(legacy: House, life: Any, data: st.DataObject) -> None:
    running, end, expires = life
    statuses = ["started", *running, *end, *(["expired"] if expires and end[-1:] == ["available"] else [])]
    StorageTargetFactory.create()
    link = legacy.create()
    session_id, archive_id = legacy.session_id(link), f"archive-of-{link}"
    callbacks = [
        told(session_id, archive_id, status, number, reason="user initiated" if status == "stopped" else "")
        for number, status in enumerate(statuses)
    ]
    copies = data.draw(st.lists(st.sampled_from(callbacks), max_size=4))

    for callback in data.draw(st.permutations(callbacks + copies)):
        assert legacy.bring(callback).status_code == 204

    row = Archive.objects.get(archive_id=archive_id)
    highest = max(RANKS[status] for status in statuses)
    assert row.status in [status for status in statuses if RANKS[status] == highest]
    assert row.duration == len(statuses) - 1
    assert row.reason == ("user initiated" if "stopped" in statuses else "")
    assert bool(row.storage_key) is (row.status == "uploaded")
    meeting = legacy.meeting(link)
    assert (meeting["archiveId"], meeting["isArchived"]) == (archive_id, True)


def test_uploaded_before_stopped_stays_uploaded(legacy: House, busy: str) -> None:
    good(legacy.api.put("/archives/storage-target", {"name": "AWSS3", "bucket": "b"}))
    archive_id = legacy.start(busy)
    legacy.vonage.finish_archive(archive_id)
    stopped, uploaded = legacy.vonage.callbacks[-2:]
    assert (stopped.name, uploaded.name) == ("archive.stopped", "archive.uploaded")

    for callback in (uploaded, stopped, stopped):
        legacy.bring(callback)

    row = Archive.objects.get()
    assert (row.status, row.size) == ("uploaded", legacy.vonage.archives[archive_id].size)
    assert row.storage_key == legacy.vonage.object_key(archive_id)


def test_pauses_follow_each_other_as_they_come_and_end_with_the_archive(legacy: House, busy: str) -> None:
    archive_id = legacy.start(busy)
    legacy.deliver()
    (session,) = legacy.vonage.sessions.values()
    (ann,) = session.connections
    seen = []
    for _ in range(2):
        stream = legacy.vonage.publish(ann)
        legacy.deliver()
        seen.append(legacy.status(archive_id))
        legacy.vonage.unpublish(stream)
        legacy.deliver()
        seen.append(legacy.status(archive_id))
    assert seen == ["started", "paused", "started", "paused"]

    assert good(legacy.api.post(f"/archives/{archive_id}/stop")).json()["metaData"]["status"] == "stopped"
    for callback in legacy.vonage.callbacks_of("archive.*"):
        legacy.bring(callback)
    assert legacy.status(archive_id) == "stopped"


@pytest.mark.parametrize("is_known", [True, False])
def test_a_word_that_is_no_state_is_stored_and_changes_nothing(legacy: House, busy: str, *, is_known: bool) -> None:
    archive_id = legacy.start(busy) if is_known else "never-heard-of"
    before = list(Archive.objects.values())
    for status in ("streamAdded", "streamRemoved", "somethingNew"):
        more = {"stream": {"id": "s"}, "timestamp": 1_700_000_000_000}
        assert legacy.bring(told(legacy.session_id(busy), archive_id, status, 0, **more)).status_code == 204

    assert list(Archive.objects.values()) == before
    kinds = WebhookDelivery.objects.filter(kind__startswith="archive.s").exclude(kind="archive.started")
    assert {(one.kind, one.verdict) for one in kinds} == {
        ("archive.streamAdded", "unknown"),
        ("archive.streamRemoved", "unknown"),
        ("archive.somethingNew", "unknown"),
    }


def test_a_copy_that_is_spaced_or_ordered_otherwise_writes_nothing(legacy: House, busy: str) -> None:
    archive_id = legacy.start(busy)
    legacy.vonage.finish_archive(archive_id)
    legacy.deliver()
    before = list(Archive.objects.values()), WebhookDelivery.objects.count()
    for callback in legacy.vonage.callbacks_of("archive.*"):
        document = dict(reversed(callback.document.items()))
        assert legacy.bring(signed(document)).status_code == 204

    assert (list(Archive.objects.values()), WebhookDelivery.objects.count()) == before


def test_an_archive_started_elsewhere_is_shown_and_can_be_stopped(legacy: House, busy: str) -> None:
    theirs = started_elsewhere(legacy, busy, name="Theirs", hasVideo=False)
    legacy.deliver()

    row = Archive.objects.get()
    assert (row.archive_id, row.name, row.is_ours, row.created_by) == (theirs, "Theirs", False, "system")
    assert row.meeting.meeting_link == busy
    assert error_of(legacy.api.post(f"/session/{busy}/archives", {}), 409)["code"] == "archive_running"
    stopped = good(legacy.api.post(f"/archives/{theirs}/stop")).json()["metaData"]
    assert (stopped["status"], stopped["hasAudio"], stopped["hasVideo"]) == ("stopped", True, False)
    assert legacy.start(busy) != theirs


def test_an_archive_that_nobody_told_us_of_is_not_started_twice(legacy: House, busy: str) -> None:
    started_elsewhere(legacy, busy)

    error = error_of(legacy.api.post(f"/session/{busy}/archives", {}), 409)

    assert error["code"] == "archive_conflict"
    assert not Archive.objects.exists()


def started_elsewhere(house: House, link: str, **asked: Any) -> str:
    """Let another system that has the same account record a meeting; return the archive's id."""
    with house.vonage.state.lock:
        return house.vonage.state.recorder.start(house.vonage.sessions[house.session_id(link)], asked).id


def test_a_callback_about_an_unknown_session_waits(legacy: House) -> None:
    assert legacy.bring(told("1_nowhere", "a", "started", 0)).status_code == 204

    assert WebhookDelivery.objects.get().verdict == "unmatched"
    assert not Archive.objects.exists()


def test_late_words_do_not_bring_a_deleted_archive_back(legacy: House, busy: str) -> None:
    archive_id = legacy.start(busy)
    legacy.vonage.finish_archive(archive_id)
    good(legacy.api.get(f"/archives/{archive_id}"))
    good(legacy.api.delete(f"/archives/{archive_id}"))

    legacy.deliver()

    assert legacy.api.get("/archives").json() == {"count": 0, "items": []}
    assert legacy.api.get(f"/archives/{archive_id}").status_code == 404


class TestWhileOurStartIsOnItsWay:
    """The callback comes before the answer."""

    pytestmark = pytest.mark.django_db(transaction=True)

    @pytest.fixture
    def start(self, legacy: House, busy: str) -> Callable[[Fault, Callable[[], None]], Answer]:
        """`start(fault, meanwhile)`: start an archive whose answer comes late, and do something before it comes."""

        def run(fault: Fault, meanwhile: Callable[[], None]) -> Answer:
            answers: list[Answer] = []
            legacy.vonage.fail("POST **/archive", fault)

            def work(number: int) -> None:
                if number:
                    answers.append(ApiClient(legacy.api.token).post(f"/session/{busy}/archives", {"name": "Ours"}))
                    return
                eventually(lambda: legacy.calls("POST /v2"), "the start is on its way")
                eventually(lambda: legacy.vonage.archives, "it is carried out")
                meanwhile()

            in_threads(2, work)
            return answers[0]

        return run

    def test_its_row_is_the_one_that_waits(self, legacy: House, busy: str, start: Any) -> None:
        answer = start(faults.late(1), legacy.deliver)

        (archive_id,) = legacy.vonage.archives
        assert good(answer).json()["metaData"]["id"] == archive_id
        row = Archive.objects.get()
        assert (row.archive_id, row.status, row.is_ours, row.created_by) == (archive_id, "started", True, "caller-1")

    def test_it_is_told_even_if_the_answer_is_lost(self, legacy: House, busy: str, start: Any) -> None:
        answer = start(Fault(delay=1, reset="after", is_carried_out=True), legacy.deliver)

        assert error_of(answer, 503)["code"] == "provider_unavailable"
        (archive_id,) = legacy.vonage.archives
        row = Archive.objects.get()
        assert (row.archive_id, row.status, row.is_ours) == (archive_id, "started", True)
        assert good(legacy.api.post(f"/archives/{archive_id}/stop")).json()["metaData"]["status"] == "stopped"

    def test_one_that_can_not_be_told_to_be_ours_becomes_it_with_the_answer(
        self, legacy: House, busy: str, start: Any
    ) -> None:
        """The provider's clock is an hour behind ours."""

        def tell() -> None:
            (callback,) = legacy.vonage.callbacks_of("archive.started")
            document = callback.document | {"createdAt": callback.document["createdAt"] - 3_600_000}
            assert legacy.bring(signed(document)).status_code == 204
            assert Archive.objects.count() == 2

        answer = start(faults.late(1), tell)

        (archive_id,) = legacy.vonage.archives
        assert good(answer).json()["metaData"]["id"] == archive_id
        row = Archive.objects.get()
        assert (row.archive_id, row.status, row.is_ours, row.name) == (archive_id, "started", True, "Ours")
        assert row.created_by == "caller-1"

    def test_another_system_s_archive_does_not_take_its_place(self, legacy: House, busy: str, start: Any) -> None:
        theirs: list[str] = []

        def tell() -> None:
            theirs.append(started_elsewhere(legacy, busy, name="Theirs", multiArchiveTag="theirs"))
            legacy.bring(legacy.vonage.callbacks_of("archive.started")[-1])

        answer = start(faults.late(1), tell)

        ours = good(answer).json()["metaData"]["id"]
        rows = {row.archive_id: (row.name, row.is_ours) for row in Archive.objects.all()}
        assert rows == {ours: ("Ours", True), theirs[0]: ("Theirs", False)}

    def test_an_end_of_the_meeting_stops_it(self, legacy: House, busy: str, start: Any) -> None:
        from tests.opentok.house import run_due_tasks

        legacy.vonage.fail("DELETE **", faults.status(500), None)  # Ann stays, and so does the recording

        answer = start(faults.late(1), lambda: good(legacy.api.patch(f"/session/{busy}/end")) and None)

        assert answer.status_code == 200
        (archive,) = legacy.vonage.archives.values()
        run_due_tasks()
        assert archive.status == "stopped"
        assert Archive.objects.get().status == "stopped"


def test_no_archive_starts_in_a_meeting_that_has_ended(legacy: House, busy: str) -> None:
    good(legacy.api.patch(f"/session/{busy}/end"))

    error = error_of(legacy.api.post(f"/session/{busy}/archives", {}), 400)

    assert error["message"] == "This meeting has been expired"
    assert not legacy.calls("/archive")
    assert Meeting.objects.filter(end_time__lt=timezone.now()).exists()
