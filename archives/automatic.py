"""Recordings of our own that begin or end without anybody's asking."""

from __future__ import annotations

import logging

from django.db import transaction
from django.utils import timezone

from archives.models import Archive
from archives.providers.base import ArchiveSpec
from archives.recording import lifecycle
from archives.services import start_archive, stop_archive
from meetings.abstract_models import SYSTEM_ACTOR
from meetings.attendance import lock
from meetings.exceptions import Conflict, VideoconfError
from meetings.models import Meeting

logger = logging.getLogger(__name__)


def start_if_wanted(meeting: Meeting) -> None:
    """Start recording a meeting that records by itself, where somebody is in it; what refuses that is logged."""
    if not lifecycle.should_start(meeting):
        return
    try:
        start_archive(meeting, ArchiveSpec(), actor=SYSTEM_ACTOR)
    except VideoconfError as error:
        logger.info("Meeting %s is not recorded by itself: %s", meeting.pk, error.code)


def end_recording(archive_id: int) -> bool:
    """End a recording of our own whose time is over, or that nobody came back to; return whether this call did.

    A meeting that records by itself goes on in a new one if somebody is there.
    """
    archive = Archive.objects.alive().filter(pk=archive_id).select_related("meeting").first()
    if archive is None:
        return False
    try:
        is_ended = _end_if_due(archive)
    except Conflict:
        return False
    if is_ended:
        start_if_wanted(Meeting.objects.get(pk=archive.meeting_id))
    return is_ended


def _end_if_due(archive: Archive) -> bool:
    """End it unless somebody has just come back: with the meeting locked, its row says what is true."""
    with transaction.atomic():
        lock(archive.meeting)
        lifecycle.follow_presence(archive.meeting)
        due = Archive.objects.alive().running().filter(pk=archive.pk, ends_at__lte=timezone.now())
        now_due = due.select_related("meeting").first()
        if now_due is None:
            return False
        stop_archive(now_due, why=lifecycle.why_due(now_due))
        return True
