"""What another app may plug into a meeting's life. `archives` does; without it meetings have no archives.

An extension subclasses `MeetingExtension`, overrides what it needs and calls `register` in its `AppConfig.ready`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from meetings.exceptions import UnsupportedFeature

if TYPE_CHECKING:
    from meetings.models import Attendee, Meeting, WebhookDelivery
    from meetings.providers.base import Provider
    from meetings.providers.types import ProviderEvent
    from meetings.redaction import Redaction


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

    def recording_notice(self, meeting: Meeting) -> Mapping[str, Any] | None:
        """Return what people are to know of the recording that runs (JSON: `id`, `consent`, `notice`, `version`)."""
        return None

    def recording_told(self, meeting: Meeting, connection_id: str, notice: Mapping[str, Any]) -> None:
        """The page of a connection was told of a recording, in these words."""

    def recording_consent(self, meeting: Meeting, connection_id: str, said: Mapping[str, Any]) -> None:
        """The person of a connection has agreed to a recording or declined (a `consent` frame). Raises what refuses."""

    def open_track(self, meeting: Meeting, connection_id: str, asked: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Return where and with what a page may send what it records (`track`, `address`, `ticket`, `expiresIn`).

        `asked` is a `track` frame. Raises what refuses; `None`: this extension takes no recordings in.
        """
        return None

    def first_join(self, meeting: Meeting) -> None:
        """Someone joined who is the first ever; after commit."""

    def presence_changed(self, meeting: Meeting) -> None:
        """Connections of the meeting began or ended; after commit. May be told twice."""

    def follows_presence(self, alias: str) -> bool:
        """Whether `presence_changed` does anything for meetings of a provider; asked at each join, without a query."""
        return type(self).presence_changed is not MeetingExtension.presence_changed

    def sweep(self, now: datetime) -> None:
        """Do what is overdue because a process was killed. Called every few seconds, in several processes."""

    def meeting_ended(self, meeting: Meeting) -> None:
        """The meeting was ended; after commit, before its participants are put out."""

    def meetings_imported(self, meetings: Sequence[Meeting]) -> None:
        """Meetings came from the original service, new or changed over there; inside their transaction."""

    def personal_data(self, attendee: Attendee) -> Mapping[str, Any]:
        """Return what this app knows of an attendee beside the meeting's own rows, for a copy that she is given."""
        return {}

    def holds_up_erasure(self, meeting: Meeting) -> str:
        """Return why nobody can be erased from a meeting now; empty if that is possible."""
        return ""

    def erase(
        self,
        attendee: Attendee,
        redaction: Redaction,
        *,
        actor: str,
        is_dry: bool = False,
        keep_recordings: bool = False,
    ) -> Counter[str]:
        """Erase an attendee from what this app keeps (`redaction` takes her names out of texts); return what that was,
        or would be, by kind. Safe to repeat."""
        return Counter()

    def purge(self, meeting: Meeting, *, actor: str, is_dry: bool = False) -> Counter[str]:
        """Remove what this app keeps of a meeting that is about to be removed; return what that was, by kind.

        Raises a `VideoconfError` if something has to stay for now; then the meeting stays. Safe to repeat.
        """
        return Counter()

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


def recording_notice(meeting: Meeting) -> Mapping[str, Any] | None:
    """Return what people are to know of the recording that runs; `None` where none does, or nothing is to be said."""
    notices = (extension.recording_notice(meeting) for extension in _extensions)
    return next((notice for notice in notices if notice is not None), None)


def recording_told(meeting: Meeting, connection_id: str, notice: Mapping[str, Any]) -> None:
    """Note that the page of a connection was told of a recording."""
    for extension in _extensions:
        extension.recording_told(meeting, connection_id, notice)


def recording_consent(meeting: Meeting, connection_id: str, said: Mapping[str, Any]) -> None:
    """Note what the person of a connection says to being recorded."""
    for extension in _extensions:
        extension.recording_consent(meeting, connection_id, said)


def open_track(meeting: Meeting, connection_id: str, asked: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return where a page may send what it records; raise what refuses, `UnsupportedFeature` if nobody takes it."""
    for extension in _extensions:
        ticket = extension.open_track(meeting, connection_id, asked)
        if ticket is not None:
            return ticket
    raise UnsupportedFeature("Nothing here takes recordings in.")


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
