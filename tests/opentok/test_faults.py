"""Every operation that calls Vonage, and every way in which each of these calls can fail.

The answer is the contract's, nothing that the API shows has changed, and the next request works.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest
from django.utils import timezone

from archives import storage
from archives import tasks as archive_tasks
from archives.models import Archive, StorageTarget
from meetings import tasks
from meetings.models import Meeting
from tests.api.errors import error_of
from tests.callers import Answer
from tests.opentok.house import House, good
from tests.vonage import Fault, faults

pytestmark = pytest.mark.django_db

WORDS = "what only Vonage says"
TIMEOUT = 0.3
REFUSED = (502, "provider_refused")
ERROR = (502, "provider_error")
CREDENTIALS = (502, "provider_credentials")
UNAVAILABLE = (503, "provider_unavailable")
NOT_FOUND = (404, "archive_not_found")
CONFLICT = (409, "archive_conflict")
DONE = (0, "")
"""The operation succeeds all the same."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """A way to fail, and what comes of it unless the operation says otherwise; `fault` is `None` for one on the way."""

    fault: Fault | None
    outcome: tuple[int, str]
    is_unread: bool = False
    """Whether it only spoils what an answer says: no failure where nothing is read from it."""


TROUBLES = {
    "400": Trouble(faults.status(400, WORDS), REFUSED),
    "401": Trouble(faults.status(401, WORDS), CREDENTIALS),
    "403": Trouble(faults.status(403, WORDS), CREDENTIALS),
    "404": Trouble(faults.status(404, WORDS), REFUSED),
    "409": Trouble(faults.status(409, WORDS), REFUSED),
    "429": Trouble(faults.status(429, WORDS, retry_after=7), UNAVAILABLE),
    "500": Trouble(faults.status(500, WORDS), ERROR),
    "HTML 502": Trouble(faults.html(), ERROR),
    "HTML 200": Trouble(faults.html(200), ERROR),
    "empty": Trouble(faults.empty(), ERROR, is_unread=True),
    "garbage": Trouble(faults.garbage(), ERROR, is_unread=True),
    "another object": Trouble(faults.garbage('{"id": 7, "status": ["a"], "items": {}}'), ERROR, is_unread=True),
    "reset before": Trouble(faults.reset("before"), UNAVAILABLE),
    "reset after": Trouble(faults.reset("after"), UNAVAILABLE),
    "read time-out": Trouble(faults.silent(3), UNAVAILABLE),
    "connect time-out": Trouble(None, UNAVAILABLE),
}


@dataclass(frozen=True, slots=True)
class Operation:
    """`prepare` makes what it needs and returns the call; `pattern` is the call at Vonage that fails."""

    prepare: Callable[[House], Callable[[], Answer]]
    pattern: str
    is_read: bool = False
    """Whether it reads what Vonage's answer says."""
    lets_pass: int = 0
    """How many calls of the pattern go well before those that fail."""
    special: dict[str, tuple[int, str]] = field(default_factory=dict)

    def outcome(self, name: str) -> tuple[int, str]:
        trouble = TROUBLES[name]
        unread = DONE if trouble.is_unread and not self.is_read else trouble.outcome
        return self.special.get(name, unread)


def busy(house: House) -> str:
    """Make a meeting in which Ann publishes; return its link."""
    link = house.create(title="Busy")
    house.vonage.publish(house.join(link, "Ann"))
    house.deliver()
    return link


def ann_of(house: House, link: str) -> str:
    return str(house.attendees(link)[0]["id"])


def creating(house: House) -> Callable[[], Answer]:
    return lambda: house.api.post("/session", {"title": "New"}, idempotency_key="once")


def removing(house: House) -> Callable[[], Answer]:
    link = busy(house)
    path = f"/session/{link}/attendees/{ann_of(house, link)}/remove"
    return lambda: house.api.post(path)


def muting(house: House) -> Callable[[], Answer]:
    link = busy(house)
    path = f"/session/{link}/attendees/{ann_of(house, link)}/mute"
    return lambda: house.api.post(path)


def muting_all(house: House) -> Callable[[], Answer]:
    link = busy(house)
    return lambda: house.api.post(f"/session/{link}/mute")


def starting(house: House) -> Callable[[], Answer]:
    link = busy(house)
    return lambda: house.api.post(f"/session/{link}/archives", {"name": "Talk"})


def running(house: House) -> str:
    archive_id = house.start(busy(house))
    house.deliver()
    return archive_id


def stopping(house: House) -> Callable[[], Answer]:
    archive_id = running(house)
    return lambda: house.api.post(f"/archives/{archive_id}/stop")


def available(house: House) -> str:
    archive_id = running(house)
    house.vonage.finish_archive(archive_id)
    house.deliver()
    return archive_id


def reading(house: House) -> Callable[[], Answer]:
    archive_id = available(house)
    return lambda: house.api.get(f"/archives/{archive_id}")


def downloading(house: House) -> Callable[[], Answer]:
    archive_id = available(house)
    return lambda: house.api.get(f"/archives/{archive_id}/download")


def setting_target(house: House) -> Callable[[], Answer]:
    good(house.api.put("/archives/storage-target", {"name": "AZURE", "accountName": "old"}))
    return lambda: house.api.put("/archives/storage-target", {"name": "AWSS3", "bucket": "new"})


def clearing_target(house: House) -> Callable[[], Answer]:
    good(house.api.put("/archives/storage-target", {"name": "AWSS3", "bucket": "b"}))
    return lambda: house.api.delete("/archives/storage-target")


PASSES = {"404": NOT_FOUND, "409": CONFLICT}
GONE_IS_DONE = {"404": DONE}
MUTE = "POST /v2/project/*/session/*/mute"
OPERATIONS = {
    "create": Operation(creating, "POST /session/create", is_read=True),
    "remove": Operation(removing, "DELETE /v2/project/*/session/*/connection/*", special=GONE_IS_DONE),
    "mute": Operation(muting, "POST /v2/project/*/session/*/stream/*/mute", special=GONE_IS_DONE),
    "mute all": Operation(muting_all, MUTE, special=GONE_IS_DONE),
    "mute all, half way": Operation(muting_all, MUTE, lets_pass=1, special=GONE_IS_DONE),
    "start": Operation(starting, "POST /v2/project/*/archive", is_read=True, special=PASSES | {"404": CONFLICT}),
    "stop": Operation(stopping, "POST /v2/project/*/archive/*/stop", is_read=True, special=PASSES),
    "read": Operation(reading, "GET /v2/project/*/archive/*", is_read=True, special=PASSES),
    "download": Operation(downloading, "GET /v2/project/*/archive/*", is_read=True, special=PASSES),
    "set target": Operation(setting_target, "PUT /v2/project/*/archive/storage"),
    "clear target": Operation(clearing_target, "DELETE /v2/project/*/archive/storage", special=GONE_IS_DONE),
}


@pytest.fixture(scope="module")
def nowhere() -> Iterator[str]:
    """An address where connecting hangs."""
    with faults.unanswering_address() as address:
        yield address


@pytest.fixture
def house(legacy: House) -> House:
    return legacy


@pytest.fixture
def break_down(house: House, nowhere: str) -> Callable[[str, str, int], None]:
    """`break_down("500", "POST /…", 1)`: let all calls fail so, but for the first."""

    def begin(name: str, pattern: str, lets_pass: int) -> None:
        fault = TROUBLES[name].fault
        if fault is None:
            house.configure(TIMEOUT=TIMEOUT, API_URL=nowhere)
            return
        if fault.delay:
            house.configure(TIMEOUT=TIMEOUT)
        if lets_pass:
            house.vonage.fail(pattern, faults.late(0), lets_pass)
        house.vonage.fail(pattern, fault, None)

    return begin


def repair(house: House) -> None:
    house.vonage.heal()
    house.configure()


BreakDown = Callable[[str, str, int], None]


@pytest.mark.parametrize("trouble", TROUBLES)
@pytest.mark.parametrize("operation", OPERATIONS)
def test_a_failure_is_told_changes_nothing_and_is_over_when_it_is_over(
    house: House, break_down: BreakDown, operation: str, trouble: str
) -> None:
    subject = OPERATIONS[operation]
    call = subject.prepare(house)
    shown = {link: house.view(link) for link in Meeting.objects.values_list("meeting_link", flat=True)}
    break_down(trouble, subject.pattern, subject.lets_pass)

    answer = call()

    status, code = subject.outcome(trouble)
    if not status:
        assert answer.status_code in (200, 204), answer.content
        return
    error = error_of(answer, status)
    assert error["code"] == code
    assert (WORDS in error["message"]) is (status == 409 and trouble == "409")
    assert answer.headers.get("Retry-After") == ({"429": "7"}.get(trouble, "5") if status == 503 else None)
    assert {link: house.view(link) for link in shown} == shown
    assert Meeting.objects.count() == len(shown)
    repair(house)
    if trouble == "reset after" and operation in ("start", "stop"):
        check_what_callbacks_say(house, operation)
        return
    assert call().status_code in (200, 204, 302)


def check_what_callbacks_say(house: House, operation: str) -> None:
    """What Vonage did and could not say is told by its callback."""
    (archive_id,) = house.vonage.archives
    house.deliver()
    assert house.status(archive_id) == ("started" if operation == "start" else "stopped")
    if operation == "start":
        assert good(house.api.post(f"/archives/{archive_id}/stop")).json()["metaData"]["status"] == "stopped"


def test_another_content_type_is_no_failure(house: House) -> None:
    for label in ("application/json; charset=utf-8", "text/plain", ""):
        house.vonage.fail("* /**", faults.labelled(label), None)
        link = busy(house)
        archive_id = house.start(link)
        good(house.api.post(f"/archives/{archive_id}/stop"))
        house.vonage.finish_archive(archive_id)
        assert house.archive(archive_id)["metaData"]["url"]
        good(house.api.post(f"/session/{link}/mute"))


def test_an_answer_about_another_archive_is_no_answer(house: House) -> None:
    archive_id = available(house)
    before = list(Archive.objects.values())
    house.vonage.fail("GET **", faults.garbage('{"id": "another", "status": "available", "sessionId": "x"}'))

    assert error_of(house.api.get(f"/archives/{archive_id}"), 502)["code"] == "provider_error"
    assert list(Archive.objects.values()) == before


@pytest.mark.parametrize("address", ["javascript:alert(1)", "//evil.example", "https://x/\r\nSet-Cookie: a=b"])
def test_nobody_is_sent_to_what_is_no_web_address(legacy: House, address: str) -> None:
    archive_id = available(legacy)
    said = {"id": archive_id, "status": "available", "url": address}
    legacy.vonage.fail("GET **/archive/*", faults.garbage(json.dumps(said)), 2)

    assert legacy.archive(archive_id)["metaData"]["url"] is None
    assert legacy.api.get(f"/archives/{archive_id}/download").status_code == 409


def test_a_lost_answer_is_asked_for_again_where_that_is_safe(house: House) -> None:
    link = busy(house)
    house.vonage.fail("DELETE **", faults.reset("after"))

    assert house.api.post(f"/session/{link}/attendees/{ann_of(house, link)}/remove").status_code == 204
    assert len(house.calls("DELETE")) == 2


def test_of_two_tabs_one_is_out_and_the_other_could_not_be(house: House) -> None:
    link = house.create()
    first, second = house.join(link, "Ann"), house.join(link, "Ann")
    house.vonage.fail(f"DELETE **/{second}", faults.status(500), None)
    path = f"/session/{link}/attendees/{ann_of(house, link)}/remove"

    assert error_of(house.api.post(path), 502)["code"] == "provider_error"

    assert not any(first in session.connections for session in house.vonage.sessions.values())
    repair(house)
    assert house.api.post(path).status_code == 204
    house.deliver()
    assert house.here(link) == []


# --- what succeeds all the same, and is repeated ---------------------------------------------------------------


def time_passes() -> None:
    now = timezone.now()
    Meeting.objects.filter(disconnect_due_at__isnull=False).update(disconnect_due_at=now)
    Archive.objects.filter(removal_due_at__isnull=False).update(removal_due_at=now)


@pytest.mark.parametrize("trouble", TROUBLES)
def test_end_succeeds_and_people_are_put_out_once_vonage_takes_it(
    house: House, break_down: BreakDown, trouble: str
) -> None:
    link = busy(house)
    (session,) = house.vonage.sessions.values()
    people = house.view(link)[f"/session/{link}/attendees"]
    break_down(trouble, "DELETE **", 0)

    answer = house.api.patch(f"/session/{link}/end")

    assert (answer.status_code, answer.content) == (204, b"")
    assert house.meeting(link)["state"] == "ended"
    assert house.view(link)[f"/session/{link}/attendees"] == people
    row = Meeting.objects.get()
    if TROUBLES[trouble].is_unread or trouble == "404":
        assert row.disconnect_due_at is None
        return
    assert row.disconnect_due_at is not None
    assert WORDS in row.disconnect_error or trouble not in ("400", "409", "500")
    time_passes()
    assert not tasks.repeat_disconnect.call(row.pk)
    repair(house)
    time_passes()
    assert tasks.repeat_disconnect.call(row.pk)
    assert not session.connections
    house.deliver()
    assert house.here(link) == []
    made = len(house.vonage.requests)
    assert tasks.repeat_disconnect.call(row.pk)
    assert len(house.vonage.requests) == made, "nothing is owed any more"


@pytest.mark.parametrize("trouble", TROUBLES)
def test_end_succeeds_and_the_archive_is_stopped_once_vonage_takes_it(
    house: House, break_down: BreakDown, trouble: str
) -> None:
    archive_id = running(house)
    link = Meeting.objects.get().meeting_link
    archives = house.view(link)["/archives"]
    (session,) = house.vonage.sessions.values()
    house.vonage.state.destroys_empty = False
    house.vonage.connect(session.id)  # somebody whom nobody has told us of keeps the recording going
    break_down(trouble, "POST **/stop", 0)

    assert house.api.patch(f"/session/{link}/end").status_code == 204

    assert house.view(link)["/archives"] == archives
    row = Meeting.objects.get()
    is_caller_s_business = trouble in ("404", "409")
    assert archive_tasks.stop_archives.call(row.pk, 0) is is_caller_s_business
    repair(house)
    assert archive_tasks.stop_archives.call(row.pk, 1)
    assert house.vonage.archives[archive_id].status == "stopped"
    house.deliver()
    assert house.status(archive_id) == "stopped"


@pytest.mark.parametrize("trouble", TROUBLES)
def test_delete_succeeds_and_the_file_is_removed_once_vonage_takes_it(
    house: House, break_down: BreakDown, trouble: str
) -> None:
    archive_id = available(house)
    break_down(trouble, "DELETE **", 0)

    answer = house.api.delete(f"/archives/{archive_id}")

    assert (answer.status_code, answer.content) == (200, b"null")
    assert house.api.get("/archives").json()["count"] == 0
    assert house.api.get(f"/archives/{archive_id}").status_code == 404
    row = Archive.objects.get()
    if TROUBLES[trouble].is_unread or trouble == "404":
        assert row.removal_due_at is None
        return
    time_passes()
    assert not archive_tasks.repeat_removal.call(row.pk)
    repair(house)
    time_passes()
    assert archive_tasks.repeat_removal.call(row.pk)
    assert house.vonage.archives[archive_id].status == "deleted"
    row.refresh_from_db()
    assert (row.removal_due_at, row.removal_error) == (None, "")
    assert house.api.delete(f"/archives/{archive_id}").status_code == 404
    assert len(house.calls(f"DELETE /v2/project/{house.vonage.project.identifier}/archive/{archive_id}")) >= 1


@pytest.mark.parametrize("status", ["failed", "expired"])
def test_what_has_no_file_is_not_asked_to_be_removed_for_ever(house: House, status: str) -> None:
    archive_id = running(house)
    house.vonage.finish_archive(archive_id, status)
    house.deliver()

    assert house.api.delete(f"/archives/{archive_id}").status_code == 200

    assert Archive.objects.get().removal_due_at is None


def test_an_archive_that_is_only_stopped_is_removed_when_it_can_be(house: House) -> None:
    archive_id = running(house)
    good(house.api.post(f"/archives/{archive_id}/stop"))
    good(house.api.delete(f"/archives/{archive_id}"))
    row = Archive.objects.get()
    assert "409" not in row.removal_error
    assert row.removal_due_at is not None

    house.vonage.finish_archive(archive_id)
    house.deliver()
    time_passes()

    assert archive_tasks.repeat_removal.call(row.pk)
    assert house.vonage.archives[archive_id].status == "deleted"
    assert house.api.get("/archives").json() == {"count": 0, "items": []}


def uploaded(house: House, target: StorageTarget) -> tuple[str, str]:
    """Record a meeting into a bucket, the callbacks about it lost; return the archive's id and the file's key."""
    archive_id = running(house)
    good(house.api.post(f"/archives/{archive_id}/stop"))
    house.vonage.finish_archive(archive_id, "uploaded")
    house.lose()
    key = house.vonage.object_key(archive_id)
    storage.save(target, key, io.BytesIO(b"faces and voices"), content_type="video/mp4")
    return archive_id, key


def test_the_file_of_an_upload_that_nobody_told_of_leaves_the_bucket_too(house: House, bucket: StorageTarget) -> None:
    bucket.save()
    archive_id, key = uploaded(house, bucket)

    good(house.api.delete(f"/archives/{archive_id}"))

    assert not storage.exists(bucket, key)
    assert house.vonage.archives[archive_id].status == "deleted"
    assert Archive.objects.get().removal_due_at is None


def test_a_file_in_a_bucket_that_nobody_named_is_found_once_somebody_does(house: House, bucket: StorageTarget) -> None:
    """Buckets can be set at Vonage by hand; until they are set here too, a removal stays owed and says why."""
    archive_id, key = uploaded(house, bucket)
    described = house.api.get(f"/archives/{archive_id}").json()["metaData"]
    assert (described["status"], described["url"]) == ("uploaded", None)
    assert house.api.get(f"/archives/{archive_id}/download").status_code == 409
    good(house.api.delete(f"/archives/{archive_id}"))
    row = Archive.objects.get()
    assert "No storage target says in which bucket" in row.removal_error

    bucket.save()
    time_passes()

    assert archive_tasks.repeat_removal.call(row.pk)
    assert not storage.exists(bucket, key)
