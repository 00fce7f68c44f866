"""Work that runs later, in the worker, through Django's tasks API (its backport on Django 5.2).

Services say what shall run by its dotted path, so that they need not import the tasks, which import them.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import django
from django.db import transaction
from django.utils import timezone
from django.utils.module_loading import import_string

from meetings.conf import conf

if TYPE_CHECKING or django.VERSION < (6, 0):
    from django_tasks import task, task_backends
else:
    from django.tasks import task, task_backends

logger = logging.getLogger(__name__)

__all__ = ["ABANDONED_AFTER", "retry_at", "run_later", "task", "task_backends"]

FIRST_RETRY = timedelta(seconds=5)
LONGEST_RETRY = timedelta(minutes=15)
ABANDONED_AFTER = timedelta(seconds=30)
"""When a process that set out to do something owed, and left neither success nor failure, is believed dead."""


def retry_at(attempts: int) -> datetime:
    """Return when to try again what has failed so many times before: 5 seconds, doubling up to 15 minutes."""
    moment: datetime = timezone.now() + min(FIRST_RETRY * 2 ** min(attempts, 10), LONGEST_RETRY)
    return moment


def run_later(path: str, *arguments: Any, at: datetime) -> None:
    """Have the task at a dotted path run at `at`; arguments are JSON.

    It is put on order inside the current transaction: with the database backend both are stored or neither is. With
    another backend a task may find that nothing was stored, so tasks look before they act. A queue that is down is
    logged and changes nothing else: `sweep_meetings` does what is overdue.
    """
    work = import_string(path)
    try:
        with transaction.atomic():
            work.using(backend=conf.TASKS_BACKEND, run_after=at).enqueue(*arguments)
    except Exception:
        logger.exception("%s could not be put on order", path)
