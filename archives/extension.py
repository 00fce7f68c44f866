"""How archives plug into a meeting's life (`meetings.extensions`)."""

from __future__ import annotations

from collections.abc import Sequence

from meetings import extensions
from meetings.exceptions import Conflict
from meetings.extensions import MeetingExtension
from meetings.models import Meeting, WebhookDelivery
from meetings.providers.base import Provider
from meetings.providers.types import ProviderEvent


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

    def meeting_ended(self, meeting: Meeting) -> None:
        from archives import services

        if not self.is_recording(meeting):
            return
        services.stop_archives_later(meeting)
        services.stop_archives_of(meeting)

    def meetings_imported(self, meetings: Sequence[Meeting]) -> None:
        from archives import importing

        importing.store_archives_of(meetings)

    def archive_event(self, meeting: Meeting, event: ProviderEvent, delivery: WebhookDelivery) -> bool:
        from archives import callbacks

        return callbacks.apply(meeting, event) is not None


extension = ArchiveExtension()


def register() -> None:
    """Plug in; once is enough, more does no harm."""
    extensions.register(extension)
