"""What another app may plug into a meeting's life. `archives` does; without it meetings have no archives.

An extension subclasses `MeetingExtension`, overrides what it needs and calls `register` in its `AppConfig.ready`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from meetings.exceptions import UnsupportedFeature

if TYPE_CHECKING:
    from meetings.models import Meeting, WebhookDelivery
    from meetings.providers.base import Provider
    from meetings.providers.types import ProviderEvent


class MeetingExtension:
    """Hooks into a meeting's life; the base does nothing."""

    def can_archive(self, provider: Provider) -> bool:
        """Whether meetings of this provider can be recorded."""
        return False

    def is_recording(self, meeting: Meeting) -> bool:
        """Whether a recording runs now."""
        return False

    def start_recording(self, meeting: Meeting, actor: str) -> None:
        """Start recording; called where `can_archive`. Raises what says why it can't be done."""

    def stop_recording(self, meeting: Meeting, actor: str) -> None:
        """Stop the recording that runs; called where `can_archive`. Raises what says why it can't be done."""

    def first_join(self, meeting: Meeting) -> None:
        """Someone joined who is the first ever; after commit."""

    def meeting_ended(self, meeting: Meeting) -> None:
        """The meeting was ended; after commit, before its participants are put out."""

    def meetings_imported(self, meetings: Sequence[Meeting]) -> None:
        """Meetings came from the original service, new or changed over there; inside their transaction."""

    def archive_event(self, meeting: Meeting, event: ProviderEvent, delivery: WebhookDelivery) -> bool:
        """An archive callback about this meeting; inside its transaction. Return whether it was taken."""
        return False


_extensions: list[MeetingExtension] = []


def register(extension: MeetingExtension) -> None:
    """Add an extension; the same one twice counts once."""
    if extension not in _extensions:
        _extensions.append(extension)


def registered() -> tuple[MeetingExtension, ...]:
    """Return the extensions in the order of registration."""
    return tuple(_extensions)


def can_archive(provider: Provider) -> bool:
    """Whether any extension can record meetings of this provider."""
    return any(extension.can_archive(provider) for extension in _extensions)


def is_recording(meeting: Meeting) -> bool:
    """Whether any extension is recording this meeting."""
    return any(extension.is_recording(meeting) for extension in _extensions)


def start_recording(meeting: Meeting, provider: Provider, *, actor: str) -> None:
    """Have a meeting recorded by the extension that can; raise `UnsupportedFeature` if none can."""
    _recorder(provider, "archive meeting").start_recording(meeting, actor)


def stop_recording(meeting: Meeting, provider: Provider, *, actor: str) -> None:
    """Have the recording of a meeting stopped; raise `UnsupportedFeature` if no extension can record."""
    _recorder(provider, "stop archive").stop_recording(meeting, actor)


def _recorder(provider: Provider, what: str) -> MeetingExtension:
    for extension in _extensions:
        if extension.can_archive(provider):
            return extension
    raise UnsupportedFeature(provider.refusal(what))
