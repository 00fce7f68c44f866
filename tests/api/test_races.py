"""64 threads at once on PostgreSQL: the database decides, and exactly one of them is told so."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection

from meetings import signals
from meetings.models import IdempotencyKey, Meeting
from tests.callers import PERMISSIONS, Answer, ApiClient, mint
from tests.factories import MeetingFactory

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]
THREADS = 64
TOKEN_PATH = "/session/{}/token"


def at_once(call: Callable[[ApiClient], Answer]) -> list[Answer]:
    """Make one call from each of 64 threads, all released together; each has a connection of its own."""
    gate = threading.Barrier(THREADS, timeout=60)
    token = mint(*PERMISSIONS)
    answers: list[Answer] = []
    troubles: list[BaseException] = []

    def work() -> None:
        try:
            connection.ensure_connection()
            gate.wait()
            answers.append(call(ApiClient(token)))
        except BaseException as error:  # noqa: BLE001  (told to the test below)
            troubles.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert troubles == []
    return answers


@pytest.fixture
def heard() -> Iterator[list[str]]:
    """The names of the signals that were sent."""
    names: list[str] = []
    receivers = {}
    for name in ("meeting_created", "meeting_started", "meeting_ended"):

        def note(sender: object, name: str = name, **more: Any) -> None:
            names.append(name)

        receivers[name] = note
        getattr(signals, name).connect(note)
    yield names
    for name, receiver in receivers.items():
        getattr(signals, name).disconnect(receiver)


def statuses(answers: list[Answer]) -> Counter[int]:
    return Counter(answer.status_code for answer in answers)


def codes(answers: list[Answer]) -> set[str]:
    return {answer.json()["error"]["code"] for answer in answers if answer.status_code >= 400}


def test_of_racing_ends_one_ends(heard: list[str]) -> None:
    meeting = MeetingFactory.create(active=True)
    answers = at_once(lambda client: client.patch(f"/session/{meeting.meeting_link}/end"))
    assert statuses(answers) == {204: 1, 400: THREADS - 1}
    assert codes(answers) == {"meeting_already_ended"}
    assert heard == ["meeting_ended"]


def test_racing_first_tokens_start_the_meeting_once(heard: list[str]) -> None:
    meeting = MeetingFactory.create(duration=30)
    answers = at_once(lambda client: client.post(TOKEN_PATH.format(meeting.meeting_link), {}))
    assert statuses(answers) == {200: THREADS}
    assert len({answer.json()["token"] for answer in answers}) == THREADS
    assert heard == ["meeting_started"]
    row = Meeting.objects.get()
    assert row.start_time is not None
    assert row.closes_at is not None
    assert (row.closes_at - row.start_time).total_seconds() == 1800


def test_racing_creates_with_one_key_make_one_meeting(heard: list[str]) -> None:
    answers = at_once(lambda client: client.post("/session", {"title": "A"}, idempotency_key="k"))
    assert set(statuses(answers)) <= {200, 409}
    assert codes(answers) <= {"idempotency_in_progress"}
    made = {answer.json()["code"] for answer in answers if answer.status_code == 200}
    assert made == {Meeting.objects.get().meeting_link}
    assert heard == ["meeting_created"]
    again = at_once(lambda client: client.post("/session", {"title": "A"}, idempotency_key="k"))
    assert statuses(again) == {200: THREADS}
    assert {answer.json()["code"] for answer in again} == made
    assert IdempotencyKey.objects.count() == Meeting.objects.count() == 1


def test_racing_creates_with_one_key_and_other_bodies_make_one_meeting() -> None:
    turns = iter(range(THREADS))
    lock = threading.Lock()

    def create(client: ApiClient) -> Answer:
        with lock:
            turn = next(turns)
        return client.post("/session", {"extId": str(turn)}, idempotency_key="k")

    answers = at_once(create)
    assert statuses(answers) == {200: 1, 409: THREADS - 1}
    assert codes(answers) == {"idempotency_mismatch"}
    assert Meeting.objects.count() == 1


def test_tokens_racing_with_the_end_never_come_after_it() -> None:
    meeting = MeetingFactory.create()
    turns = iter(range(THREADS))
    lock = threading.Lock()

    def call(client: ApiClient) -> Answer:
        with lock:
            turn = next(turns)
        path = f"/session/{meeting.meeting_link}/"
        return client.patch(path + "end") if turn % 8 == 0 else client.post(path + "token", {})

    answers = at_once(call)
    assert statuses(answers)[204] == 1
    assert codes(answers) <= {"meeting_ended", "meeting_already_ended"}
    assert ApiClient(mint(*PERMISSIONS)).post(TOKEN_PATH.format(meeting.meeting_link), {}).status_code == 400


def test_racing_edits_lose_nothing() -> None:
    meeting = MeetingFactory.create()
    turns = iter(range(THREADS))
    lock = threading.Lock()

    def edit(client: ApiClient) -> Answer:
        with lock:
            turn = next(turns)
        body = {"extId": "e"} if turn % 2 else {"extMetadata": {"m": 1}}
        return client.patch(f"/session/{meeting.meeting_link}", body)

    assert statuses(at_once(edit)) == {204: THREADS}
    row = Meeting.objects.get()
    assert (row.ext_id, row.ext_metadata) == ("e", json.loads('{"m": 1}'))
