"""Chainable reads of the meetings app; each has its index (see `Meta.indexes` of the models)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Self

from django.db import models
from django.db.models import Q

from meetings.abstract_models import SoftDeleteQuerySet

STATES = ("scheduled", "open", "active", "ended")


class MeetingQuerySet(SoftDeleteQuerySet):
    """Meetings; soft-deleted ones are in unless `alive()` is asked for."""

    def of_tenant(self, tenant: str) -> Self:
        """Only the meetings that a caller of this tenant may see."""
        return self.filter(tenant=tenant)

    def in_state(self, state: str, *, now: datetime, time_to_start: timedelta) -> Self:
        """Only meetings whose `Meeting.state` is `state` at `now`."""
        if state == "ended":
            return self.filter(Q(end_time__isnull=False) | Q(closes_at__lte=now))
        if state == "active":
            going_on = Q(closes_at__isnull=True) | Q(closes_at__gt=now)
            return self.filter(going_on, end_time__isnull=True, start_time__isnull=False)
        waiting = self.filter(end_time__isnull=True, start_time__isnull=True)
        early = Q(is_scheduled=True, schedule_time__gt=now + time_to_start)
        return waiting.filter(early) if state == "scheduled" else waiting.exclude(early)

    def search(self, text: str) -> Self:
        """Meetings whose link id, session id or external id is `text`, or whose title begins with it (any case)."""
        return self.filter(
            Q(meeting_link=text) | Q(session_id=text) | Q(ext_id=text) | Q(title_key__startswith=text.casefold())
        )

    def owing_disconnect(self) -> Self:
        """Ended meetings whose participants the provider has not put out yet."""
        return self.filter(disconnect_due_at__isnull=False)


class ConnectionQuerySet(models.QuerySet[Any]):
    """Connections of meetings."""

    def present(self) -> Self:
        """Connections that are open as far as anyone knows."""
        return self.filter(left_at__isnull=True)

    def silent_since(self, moment: datetime) -> Self:
        """Open connections with heartbeats whose last one is older than `moment`."""
        return self.present().filter(last_seen_at__lt=moment)


class AttendeeQuerySet(models.QuerySet[Any]):
    """People of a meeting."""

    def active(self) -> Self:
        """Those who are in the meeting now."""
        return self.filter(is_deleted=False)
