"""What every request for an archive reads, compiled once (see `meetings.lookups`)."""

from __future__ import annotations

from typing import Any

from django.db.models import F

from archives.models import Archive
from meetings.lookups import Compiled, Slot


def _alive(tenant: Slot, archive_id: Slot) -> Any:
    rows = Archive.objects.alive().of_tenant(tenant).filter(archive_id=archive_id)
    return rows.annotate(session_id=F("meeting__session_id")).order_by()[:1]


alive_archive = Compiled(Archive, _alive, "tenant", "archive_id")
"""`first(tenant, archive_id)`: a caller's archive, with its meeting's `session_id`; deleted ones are not found."""
