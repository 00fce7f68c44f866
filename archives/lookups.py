"""What every request for an archive reads, compiled once (see `meetings.lookups`)."""

from __future__ import annotations

from typing import Any

from django.db.models import F

from archives.models import Archive
from meetings.lookups import Compiled, Slot

FOR_THE_WORKER = (
    *("consent", "notice", "notice_version"),
    *("layout", "spans", "ends_at", "ended_by", "composed_ms", "refused_since", "chunks_due_at"),
    *("compose_due_at", "compose_lease_until", "compose_claim", "compose_attempts", "compose_error"),
)
"""Columns that no answer shows; read when somebody asks for one."""


def _alive(tenant: Slot, archive_id: Slot) -> Any:
    rows = Archive.objects.alive().of_tenant(tenant).filter(archive_id=archive_id).defer(*FOR_THE_WORKER)
    return rows.annotate(session_id=F("meeting__session_id")).order_by()[:1]


alive_archive = Compiled(Archive, _alive, "tenant", "archive_id")
"""`first(tenant, archive_id)`: a caller's archive, with its meeting's `session_id`; deleted ones are not found."""
