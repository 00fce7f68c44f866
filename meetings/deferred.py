"""Work that runs later, in the worker, through Django's tasks API (its backport on Django 5.2)."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import django
from django.db import transaction

from meetings.conf import conf

if TYPE_CHECKING or django.VERSION < (6, 0):
    from django_tasks import task, task_backends
else:
    from django.tasks import task, task_backends

__all__ = [
    "close_later",
    "close_meeting_when_due",
    "disconnect_later",
    "repeat_disconnect",
    "task_backends",
]


@task()
def close_meeting_when_due(meeting_id: int) -> bool:
    """End a meeting whose `duration` has run out; return whether this call did. Safe to repeat."""
    from meetings import services

    return services.close_if_due(meeting_id)


@task()
def repeat_disconnect(meeting_id: int) -> bool:
    """Put out who is left of an ended meeting; return whether the provider took it. Safe to repeat."""
    from meetings import services

    return services.repeat_disconnect(meeting_id)


def close_later(meeting_id: int, at: datetime) -> None:
    """Have `close_meeting_when_due` run at `at`, once the current transaction is stored."""
    transaction.on_commit(
        lambda: close_meeting_when_due.using(backend=conf.TASKS_BACKEND, run_after=at).enqueue(meeting_id)
    )


def disconnect_later(meeting_id: int, at: datetime) -> None:
    """Have `repeat_disconnect` run at `at`, once the current transaction is stored."""
    transaction.on_commit(lambda: repeat_disconnect.using(backend=conf.TASKS_BACKEND, run_after=at).enqueue(meeting_id))
