"""How archives plug into a meeting's life (`meetings.extensions`)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from meetings import extensions
from meetings.exceptions import Conflict, NotFound
from meetings.extensions import MeetingExtension
from meetings.models import Meeting, WebhookDelivery
from meetings.providers.base import Provider
from meetings.providers.registry import get_provider, is_configured
from meetings.providers.types import ProviderEvent

if TYPE_CHECKING:
    from archives.models import Archive
    from meetings.models import Attendee, Connection
    from meetings.redaction import Redaction


class ArchiveExtension(MeetingExtension):
    """Archive callbacks become rows, recordings end with their meeting; what a provider can record is its own word."""

    def can_archive(self, provider: Provider) -> bool:
        return bool(provider.archive_backend) and provider.capabilities.archive

    def is_recording(self, meeting: Meeting) -> bool:
        from archives.models import Archive

        return bool(Archive.objects.alive().running().filter(meeting=meeting).exists())

    def start_recording(self, meeting: Meeting, actor: str) -> None:
        from archives import services
        from archives.providers.base import ArchiveSpec

        services.start_archive(meeting, ArchiveSpec(), actor=actor)

    def stop_recording(self, meeting: Meeting, actor: str) -> None:
        from archives import services
        from archives.models import Archive

        archive = Archive.objects.alive().running().filter(meeting=meeting).first()
        if archive is None:
            raise Conflict("The meeting is not being recorded.", code="archive_not_running")
        services.stop_archive(archive)

    def recording_notice(self, meeting: Meeting) -> Mapping[str, Any] | None:
        from archives.recording import consent

        if not _records_itself(meeting.provider):
            return None
        archive = consent.running_archive(meeting)
        return None if archive is None else consent.notice_of(archive)

    def recording_told(self, meeting: Meeting, connection_id: str, notice: Mapping[str, Any]) -> None:
        from archives.recording import consent

        if _records_itself(meeting.provider):
            consent.note_told(*_of(meeting, connection_id, notice["id"]), notice["version"])

    def recording_consent(self, meeting: Meeting, connection_id: str, said: Mapping[str, Any]) -> None:
        from archives.recording import consent

        if _records_itself(meeting.provider):
            consent.note_decision(*_of(meeting, connection_id, said["archive"]), said)

    def open_track(self, meeting: Meeting, connection_id: str, asked: Mapping[str, Any]) -> Mapping[str, Any] | None:
        from archives.recording import tracks

        return (
            tracks.open_track(meeting, _connection(meeting, connection_id), asked)
            if _records_itself(meeting.provider)
            else None
        )

    def presence_changed(self, meeting: Meeting) -> None:
        from archives import automatic
        from archives.recording import lifecycle

        if _records_itself(meeting.provider):
            lifecycle.follow_presence(meeting)
            automatic.start_if_wanted(meeting)

    def follows_presence(self, alias: str) -> bool:
        return _records_itself(alias)

    def sweep(self, now: datetime) -> None:
        from archives import overdue

        overdue.sweep(now)

    def meeting_ended(self, meeting: Meeting) -> None:
        from archives import services

        if not self.is_recording(meeting):
            return
        services.stop_archives_later(meeting)
        services.stop_archives_of(meeting)

    def meetings_imported(self, meetings: Sequence[Meeting]) -> None:
        from archives import importing

        importing.store_archives_of(meetings)

    def personal_data(self, attendee: Attendee) -> Mapping[str, Any]:
        from archives import privacy

        return privacy.personal_data(attendee)

    def holds_up_erasure(self, meeting: Meeting) -> str:
        from archives import privacy

        return privacy.holds_up_erasure(meeting)

    def erase(
        self,
        attendee: Attendee,
        redaction: Redaction,
        *,
        actor: str,
        is_dry: bool = False,
        keep_recordings: bool = False,
    ) -> Counter[str]:
        from archives import privacy

        return privacy.erase(attendee, redaction, actor=actor, is_dry=is_dry, keep_recordings=keep_recordings)

    def purge(self, meeting: Meeting, *, actor: str, is_dry: bool = False) -> Counter[str]:
        from archives import privacy

        return privacy.purge(meeting, actor=actor, is_dry=is_dry)

    def archive_event(self, meeting: Meeting, event: ProviderEvent, delivery: WebhookDelivery) -> bool:
        from archives import callbacks

        return callbacks.apply(meeting, event) is not None


def _records_itself(alias: str) -> bool:
    """Whether recordings at this provider are our own business; asked often, so it asks no database."""
    from archives.providers.registry import is_recorded_here

    return is_configured(alias) and is_recorded_here(get_provider(alias))


def _of(meeting: Meeting, connection_id: str, archive_id: str) -> tuple[Archive, Connection]:
    from archives.models import Archive

    archive = Archive.objects.alive().filter(meeting=meeting, archive_id=archive_id).first()
    if archive is None:
        raise NotFound("Archive Not Found", code="archive_not_found")
    return archive, _connection(meeting, connection_id)


def _connection(meeting: Meeting, connection_id: str) -> Connection:
    from meetings.models import Connection

    found: Connection = Connection.objects.get(meeting=meeting, connection_id=connection_id)
    return found


extension = ArchiveExtension()


def register() -> None:
    """Plug in; once is enough, more does no harm."""
    extensions.register(extension)
