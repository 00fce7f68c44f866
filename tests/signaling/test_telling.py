"""A page is told of a recording, and that is noted, also where the database fails for a moment."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast

import pytest
from django.db import OperationalError

from meetings import extensions
from meetings.signaling.door import Guest
from meetings.signaling.recording import RecordingFrames

NOTICE = {"id": "a", "consent": "told", "notice": "Smile.", "version": "1"}


class Page(RecordingFrames):
    """A socket's part that recordings concern, and what went out."""

    def __init__(self, archive: dict[str, str] | None = None) -> None:
        welcome = {"archive": archive}
        self.guest = cast(Guest, SimpleNamespace(meeting=None, connection_id="c", welcome=welcome))
        self.sent: list[dict[str, Any]] = []

    async def _send(self, frame: dict[str, Any]) -> None:
        self.sent.append(frame)

    async def _complain(self, code: str, message: str) -> None:
        raise AssertionError(message)

    async def heartbeat(self) -> None:
        assert self.guest is not None
        await self._tell_recording(self.guest)

    async def welcomed(self) -> None:
        assert self.guest is not None
        await self._welcomed(self.guest)


class Database:
    """Fails as often as it is told to."""

    def __init__(self) -> None:
        self.failures = {"notice": 0, "told": 0}
        self.noted: list[str] = []

    def notice(self, meeting: object) -> dict[str, str]:
        self._fail("notice")
        return NOTICE

    def told(self, meeting: object, connection_id: str, notice: object) -> None:
        self._fail("told")
        self.noted.append(connection_id)

    def _fail(self, what: str) -> None:
        self.failures[what] -= 1
        if self.failures[what] >= 0:
            raise OperationalError("away")


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> Database:
    known = Database()
    monkeypatch.setattr(extensions, "recording_notice", known.notice)
    monkeypatch.setattr(extensions, "recording_told", known.told)
    return known


def test_a_page_that_could_not_be_told_is_told_by_the_heartbeat(database: Database) -> None:
    page = Page()
    database.failures["notice"] = 1

    async def play() -> None:
        await page.room_recording({})
        assert page.sent == []
        await page.heartbeat()
        await page.heartbeat()

    asyncio.run(play())
    assert page.sent == [{"t": "recording", "active": True, "archive": NOTICE}]
    assert database.noted == ["c"]


@pytest.mark.parametrize("how", ["room_recording", "welcomed"])
def test_what_could_not_be_noted_is_noted_by_the_heartbeat(database: Database, how: str) -> None:
    page = Page(NOTICE)
    database.failures["told"] = 1

    async def play() -> None:
        await (page.welcomed() if how == "welcomed" else page.room_recording({}))
        assert database.noted == []
        for _ in range(2):
            await page.heartbeat()

    asyncio.run(play())
    assert len(page.sent) == (how == "room_recording")
    assert database.noted == ["c"]
