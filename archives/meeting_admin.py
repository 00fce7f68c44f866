"""What recordings add to the admin of meetings: starting and stopping, and tables of those that there are."""

from __future__ import annotations

from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.urls import NoReverseMatch
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.timezone import localtime

from archives import links, permission_names, services
from archives.models import Archive
from archives.querysets import RUNNING
from meetings import extensions
from meetings.admin.base import Operation, VideoconfAdmin
from meetings.admin.panels import MOST_ROWS, Cell, Panel, and_more, link
from meetings.models import Connection, Meeting
from meetings.providers.registry import get_provider, is_configured

APP = "videoconf_archives"
LATEST = 10
PLAYERS = 3
"""Recordings that are played on a meeting's page itself."""


def _start(meeting: Meeting, actor: str) -> str:
    extensions.start_recording(meeting, get_provider(meeting.provider), actor=actor)
    return "Recording."


def _stop(meeting: Meeting, actor: str) -> str:
    extensions.stop_recording(meeting, get_provider(meeting.provider), actor=actor)
    return "The recording was stopped."


def _may_start(meeting: Meeting) -> bool:
    if meeting.deleted or meeting.is_over(timezone.now()) or meeting.end_to_end_encryption:
        return False
    can_record = is_configured(meeting.provider) and extensions.can_archive(get_provider(meeting.provider))
    is_anybody_there = Connection.objects.filter(meeting=meeting).present().exists()
    return can_record and is_anybody_there and not extensions.is_recording(meeting)


OPERATIONS = (
    Operation(
        name="record",
        label="Start recording",
        permission=f"{APP}.{permission_names.START_MEETING_ARCHIVE}",
        question="Record this meeting from now on?",
        consequence="Everybody in it is told.",
        perform=_start,
        applies=_may_start,
        refusal="It is being recorded, can't be, or nobody is there.",
    ),
    Operation(
        name="stop-recording",
        label="Stop recording",
        permission=f"{APP}.{permission_names.STOP_MEETING_ARCHIVE}",
        question="Stop the recording?",
        consequence="It can't be continued; another one can be started.",
        perform=_stop,
        applies=lambda meeting: not meeting.deleted and extensions.is_recording(meeting),
        refusal="It is not being recorded.",
    ),
)


def _how(archive: Archive) -> str:
    said = archive.progress
    return f"{archive.status} ({said['phase']}, {said['percent']} %)" if said else archive.status


def of_meeting(meetings: VideoconfAdmin, request: HttpRequest, meeting: Meeting) -> Panel | None:
    """A meeting's recordings, newest first, the newest to be played here."""
    archives = meetings.admin_of(Archive)
    if archives is None or not archives.has_view_permission(request):
        return None
    rows = Archive.objects.alive().filter(meeting=meeting).order_by("-pk")
    found = list(rows.select_related("target")[: LATEST + 1])
    playable = [archive for archive in found if _is_playable(archive)][:PLAYERS]
    return Panel(
        key="recordings",
        title="Recordings",
        columns=("Recording", "State", "Begun", "Size", "Film"),
        rows=[
            (
                link(archives.url_of("change", archive), archive),
                _how(archive) + (f": {archive.reason}" if archive.reason else ""),
                date_format(localtime(archive.created_on), "DATETIME_FORMAT"),
                filesizeformat(archive.size) if archive.size else "",
                _film(archive) if archive in playable else "",
            )
            for archive in found[:LATEST]
        ],
        empty="It has not been recorded.",
        note=and_more(found, LATEST),
    )


def _is_playable(archive: Archive) -> bool:
    return services.is_kept_here(archive) and bool(archive.storage_key) and archive.output_mode == "composed"


def _film(archive: Archive) -> Cell:
    try:
        play = links.file_path(archive, timezone.now(), how=links.INLINE)
    except NoReverseMatch:  # a project that mounts the admin alone
        return ""
    video = '<video class="videoconf-player" controls preload="none" aria-label="{}" src="{}"></video>'
    return format_html(video, f"Film of {archive}", play)


def of_overview(meetings: VideoconfAdmin, request: HttpRequest) -> Panel | None:
    """Recordings that run or are being made, and what could not be removed."""
    archives = meetings.admin_of(Archive)
    if archives is None or not archives.has_view_permission(request):
        return None
    now = timezone.now()
    rows = Archive.objects.select_related("meeting")
    # One status at a time, so that each is read along its index.
    running = [
        archive
        for status in RUNNING
        for archive in rows.filter(status=status, deleted=False).order_by("-pk")[: MOST_ROWS + 1]
    ]
    due = rows.filter(compose_due_at__isnull=False, deleted=False).order_by("compose_due_at")[: MOST_ROWS + 1]
    making = [archive for archive in due if archive.status not in RUNNING]
    owed = list(rows.filter(removal_due_at__lte=now).order_by("removal_due_at")[:LATEST])
    found = [*running, *making, *owed]
    return Panel(
        key="recordings",
        title="Recordings being made",
        columns=("Recording", "Of", "State", "Why", "Begun"),
        rows=[
            (
                link(archives.url_of("change", archive), archive),
                str(archive.meeting),
                "deleted, and its file not yet" if archive.deleted else _how(archive),
                archive.removal_error if archive.deleted else archive.compose_error,
                date_format(localtime(archive.created_on), "DATETIME_FORMAT"),
            )
            for archive in found[:MOST_ROWS]
        ],
        empty="None.",
        note=and_more(found),
        is_trouble=any(archive.compose_error or archive.deleted for archive in found),
    )
