"""What staff have done stays in Django's admin log, without the name of whom it was done to."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.apps import apps
from django.db.models import Model


def scrub(
    model: type[Model],
    ids: Iterable[int],
    said: Callable[[str], str],
    shown: Callable[[str], str],
    *,
    is_dry: bool = False,
) -> int:
    """Change the messages (`said`) and titles (`shown`) of the entries about some rows; return how many change."""
    count = 0
    for entry in _entries(model, ids):
        message, title = said(entry.change_message), shown(entry.object_repr)
        if (message, title) != (entry.change_message, entry.object_repr):
            count += 1
            if not is_dry:
                entry.change_message, entry.object_repr = message, title
                entry.save(update_fields=["change_message", "object_repr"])
    return count


def remove(model: type[Model], ids: Iterable[int]) -> None:
    """Remove the entries about some rows."""
    entries = _entries(model, ids)
    if entries:
        entries.delete()


def _entries(model: type[Model], ids: Iterable[int]) -> Any:
    if not apps.is_installed("django.contrib.admin"):
        return ()
    from django.contrib.admin.models import LogEntry
    from django.contrib.contenttypes.models import ContentType

    kind = ContentType.objects.get_for_model(model)
    return LogEntry.objects.filter(content_type=kind, object_id__in=list(map(str, ids)))
