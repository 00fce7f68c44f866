"""Columns and behaviour that several models share: soft delete and audit."""

from __future__ import annotations

from typing import Any, Self

from django.db import models
from django.utils import timezone

SYSTEM_ACTOR = "system"
"""Actor of changes that nobody asked for (the worker, a provider)."""


class SoftDeleteQuerySet(models.QuerySet[Any]):
    """Chainable reads and bulk soft delete."""

    def alive(self) -> Self:
        """Only rows that are not soft-deleted."""
        return self.filter(deleted=False)

    def soft_delete(self, by: str) -> int:
        """Soft-delete the alive rows of this queryset; return how many. Repeating changes nothing."""
        return self.filter(deleted=False).update(
            deleted=True, deleted_on=timezone.now(), deleted_by=by, modified_on=timezone.now(), modified_by=by
        )

    def restore(self, by: str) -> int:
        """Bring soft-deleted rows back; return how many. Repeating changes nothing."""
        return self.filter(deleted=True).update(
            deleted=False, deleted_on=None, deleted_by=None, modified_on=timezone.now(), modified_by=by
        )


class AuditModel(models.Model):
    """When and by whom a row was made and last changed (actors are opaque strings)."""

    created_on = models.DateTimeField(default=timezone.now, editable=False)
    modified_on = models.DateTimeField(default=timezone.now, editable=False)
    created_by = models.CharField(max_length=255, blank=True, editable=False)
    modified_by = models.CharField(max_length=255, blank=True, editable=False)

    class Meta:
        abstract = True


class SoftDeleteModel(models.Model):
    """A row that can be taken away and brought back, with who and when."""

    deleted = models.BooleanField(default=False, editable=False)
    deleted_on = models.DateTimeField(null=True, blank=True, editable=False)
    deleted_by = models.CharField(max_length=255, null=True, blank=True, editable=False)

    class Meta:
        abstract = True

    def soft_delete(self, by: str) -> bool:
        """Mark the row as deleted, decided by the database; return whether this call did it."""
        return self._flip(by, deleted=True)

    def restore(self, by: str) -> bool:
        """Take the mark away; return whether this call did it."""
        return self._flip(by, deleted=False)

    def _flip(self, by: str, *, deleted: bool) -> bool:
        now = timezone.now()
        values: dict[str, Any] = {
            "deleted": deleted,
            "deleted_on": now if deleted else None,
            "deleted_by": by if deleted else None,
        }
        if isinstance(self, AuditModel):
            values |= {"modified_on": now, "modified_by": by}
        done = bool(type(self)._base_manager.filter(pk=self.pk, deleted=not deleted).update(**values))
        if done:
            for name, value in values.items():
                setattr(self, name, value)
        return done
