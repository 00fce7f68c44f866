"""Chainable reads of archives; each has its index."""

from __future__ import annotations

from typing import Any, Self

from meetings.abstract_models import SoftDeleteQuerySet

RUNNING = ("starting", "started", "paused")
"""States of an archive that is not over."""


class StorageTargetQuerySet(SoftDeleteQuerySet):
    """Storage targets, the one in force and the earlier ones."""

    def in_force(self) -> Any:
        """Return the newest that was not taken away, which is where archives go; `None` if there is none."""
        return self.alive().order_by("-id").first()


class ArchiveQuerySet(SoftDeleteQuerySet):
    """Archives; soft-deleted ones are in unless `alive()` is asked for."""

    def of_tenant(self, tenant: str) -> Self:
        """Only the archives that a caller of this tenant may see."""
        return self.filter(tenant=tenant)

    def owing_removal(self) -> Self:
        """Deleted archives that the provider or the bucket still holds, as far as we know."""
        return self.filter(deleted=True, removal_due_at__isnull=False)

    def running(self) -> Self:
        """Archives that are not over."""
        return self.filter(status__in=RUNNING)
