"""Who works on a recording: one worker at a time, for as long as it lives.

A claim is a conditional update, renewed by a thread while the work goes on. Its watchdog task looks later whether the
holder is dead, and takes over. A claim that was never given back says how many holders died in a row: `<random>.<n>`.
"""

from __future__ import annotations

import logging
import secrets
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from archives.models import Archive
from meetings import deferred

logger = logging.getLogger(__name__)

LASTS = timedelta(seconds=30)
RENEWED_EVERY = 7.0  # seconds
TASK = "archives.tasks.compose"


class Lease:
    """A claim on a recording that is held until `release`, or until it is lost to somebody else."""

    def __init__(self, archive_pk: int, claim: str, *, deaths: int = 0) -> None:
        self.archive_pk, self.claim = archive_pk, claim
        self.deaths = deaths
        """How many holders in a row died before this one, none of whom gave it back."""
        self.is_lost = False
        self.on_lost: Callable[[], None] = lambda: None
        self._done = threading.Event()

    def held(self) -> Any:
        """Return the archive's row as a query that finds it only while the claim is ours: every change goes by it."""
        return Archive.objects.filter(pk=self.archive_pk, compose_claim=self.claim)

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
        self.is_lost = not self.held().update(compose_lease_until=timezone.now() + LASTS)
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
            given_back = self.held().update(compose_claim="", compose_lease_until=None, compose_due_at=due_at)
            if given_back and due_at is not None:
                deferred.run_later(TASK, self.archive_pk, "", at=due_at)


def claim(archive_pk: int) -> Lease | None:
    """Take a recording whose work is due upon oneself; `None` if it is not due, or somebody is at it."""
    now = timezone.now()
    due = Archive.objects.filter(pk=archive_pk, compose_due_at__lte=now)
    free = due.filter(Q(compose_lease_until__isnull=True) | Q(compose_lease_until__lte=now))
    with transaction.atomic():
        before = free.values_list("compose_claim", flat=True).first()
        if before is None:
            return None
        deaths = _deaths_before(before) + 1 if before else 0
        mark = f"{secrets.token_hex(8)}.{deaths}"
        if not free.filter(compose_claim=before).update(compose_claim=mark, compose_lease_until=now + LASTS):
            return None
        deferred.run_later(TASK, archive_pk, mark, at=now + LASTS + timedelta(seconds=1))
    return Lease(archive_pk, mark, deaths=deaths)


def _deaths_before(claim_mark: str) -> int:
    number = claim_mark.partition(".")[2]
    return int(number) if number else 0


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
