"""Who works on a recording: one worker at a time, for as long as it lives.

A claim is a conditional update, renewed by a thread while the work goes on. Its watchdog task looks later whether the
holder is dead, and takes over.
"""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from django.db import connection, transaction
from django.db.models import F, Q
from django.utils import timezone

from archives.models import Archive
from meetings import deferred

logger = logging.getLogger(__name__)

LASTS = timedelta(seconds=30)
RENEWED_EVERY = 7.0  # seconds
TASK = "archives.tasks.compose"


class Lease:
    """A claim on a recording that is held until `release`, or until it is lost to somebody else."""

    def __init__(self, archive_pk: int, claim: str) -> None:
        self.archive_pk, self.claim = archive_pk, claim
        self.is_lost = False
        self.on_lost: Callable[[], None] = lambda: None
        self._done = threading.Event()

    @contextmanager
    def renewed(self) -> Iterator[None]:
        """Renew it in the background meanwhile."""
        thread = threading.Thread(target=self._keep, name="recording-lease", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._done.set()
            thread.join()

    def renew(self) -> bool:
        """Hold it for some longer; return whether it is still ours."""
        held = Archive.objects.filter(pk=self.archive_pk, compose_claim=self.claim)
        self.is_lost = not held.update(compose_lease_until=timezone.now() + LASTS)
        return not self.is_lost

    def _keep(self) -> None:
        try:
            while not self._done.wait(RENEWED_EVERY):
                try:
                    if not self.renew():
                        self.on_lost()
                        return
                except Exception:
                    logger.warning("The lease of recording %s could not be renewed", self.archive_pk, exc_info=True)
        finally:
            connection.close()

    def release(self, due_at: datetime | None) -> None:
        """Give it back and say when the work goes on; `None`: there is nothing left to do."""
        with transaction.atomic():
            held = Archive.objects.filter(pk=self.archive_pk, compose_claim=self.claim)
            if held.update(compose_claim="", compose_lease_until=None, compose_due_at=due_at) and due_at is not None:
                deferred.run_later(TASK, self.archive_pk, "", at=due_at)


def claim(archive_pk: int) -> Lease | None:
    """Take a recording whose work is due upon oneself; `None` if it is not due, or somebody is at it."""
    now, mark = timezone.now(), secrets.token_hex(8)
    due = Archive.objects.filter(pk=archive_pk, compose_due_at__lte=now)
    free = due.filter(Q(compose_lease_until__isnull=True) | Q(compose_lease_until__lte=now))
    with transaction.atomic():
        was_held = free.exclude(compose_claim="").exists()
        if not free.update(compose_claim=mark, compose_lease_until=now + LASTS):
            return None
        if was_held:
            Archive.objects.filter(pk=archive_pk).update(compose_attempts=F("compose_attempts") + 1)
        deferred.run_later(TASK, archive_pk, mark, at=now + LASTS + timedelta(seconds=1))
    return Lease(archive_pk, mark)


def watch(archive_pk: int, claim_mark: str) -> bool:
    """Look after a claim; return whether its holder is dead, else come back when the claim would run out."""
    held = Archive.objects.filter(pk=archive_pk, compose_claim=claim_mark).exclude(compose_claim="")
    until = held.values_list("compose_lease_until", flat=True).first()
    if until is None:
        return False
    if until > timezone.now():
        deferred.run_later(TASK, archive_pk, claim_mark, at=until + timedelta(seconds=1))
        return False
    return True
