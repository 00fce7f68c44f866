"""The provider for host projects' tests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from meetings.exceptions import ProviderUnavailable
from meetings.providers.memory import MemoryProvider
from meetings.providers.types import RoomRef, RoomSpec
from tests.providers.session_contract import SessionEventsContract


class TestContract(SessionEventsContract):
    def build(self, **options: Any) -> MemoryProvider:
        return MemoryProvider("x", options)


class TestContractWithoutModeration(TestContract):
    def build(self, **options: Any) -> MemoryProvider:
        return MemoryProvider("x", {"MODERATION": False, "END_TO_END_ENCRYPTION": False} | options)


def test_remembers_what_it_was_asked() -> None:
    provider = MemoryProvider("x", {})
    room = provider.create_room(RoomSpec(meeting_link="l"))
    grant = TestContract().grant()
    provider.issue_token(room, grant)
    provider.close_room(room, ["c1"])
    provider.remove_participant(room, "c2")
    provider.mute_participant(room, "c3", [])

    assert provider.rooms == [room]
    assert provider.grants == [(room, grant)]
    assert provider.closed == [(room, ("c1",))]
    assert (provider.removed, provider.muted) == (["c2"], ["c3"])


def test_fails_as_told_and_does_nothing_then() -> None:
    provider = MemoryProvider("x", {})
    room = RoomRef(session_id="s")
    provider.fail_with = ProviderUnavailable("down")
    calls: list[Callable[[], object]] = [
        lambda: provider.create_room(RoomSpec(meeting_link="l")),
        lambda: provider.issue_token(room, TestContract().grant()),
        lambda: provider.close_room(room, []),
        lambda: provider.remove_participant(room, "c"),
        lambda: provider.mute_participant(room, "c", []),
    ]
    for call in calls:
        with pytest.raises(ProviderUnavailable):
            call()
    assert (provider.rooms, provider.grants, provider.closed) == ([], [], [])

    provider.fail_with = None
    assert provider.create_room(RoomSpec(meeting_link="l")).session_id
