"""Filters of `GET /session`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

import django_filters
from django import forms
from django.utils import timezone
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request

from meetings.api.errors import ApiError, invalid_parameter
from meetings.api.fields import InstantProperty
from meetings.api.pagination import single_parameter
from meetings.conf import conf
from meetings.exceptions import Problem
from meetings.models import Meeting
from meetings.querysets import STATES, MeetingQuerySet

TEXTS = frozenset({"extId", "search"})
"""Parameters that may be empty, which is as good as absent."""


class BooleanWord(forms.Field):
    """`true` or `false`, nothing else."""

    def to_python(self, value: Any) -> bool | None:
        if value in (None, ""):
            return None
        if value not in ("true", "false"):
            raise forms.ValidationError("must be true or false")
        return bool(value == "true")


class Instant(forms.CharField):
    """A moment as in request bodies."""

    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        if not text:
            return None
        try:
            return InstantProperty().run_validation(text)
        except ValidationError as error:
            raise forms.ValidationError([str(detail) for detail in error.detail]) from error


class BooleanWordFilter(django_filters.Filter):
    field_class = BooleanWord


class InstantFilter(django_filters.Filter):
    field_class = Instant


class MeetingFilter(django_filters.FilterSet):
    """`isScheduled`, `isArchived`, `state`, `extId`, `from` and `to` on `scheduleTime` (inclusive), `search`."""

    isScheduled = BooleanWordFilter(field_name="is_scheduled")
    isArchived = BooleanWordFilter(field_name="is_archived")
    state = django_filters.ChoiceFilter(
        choices=[(state, state) for state in STATES],
        method="in_state",
        error_messages={"invalid_choice": f"must be one of {', '.join(STATES)}"},
    )
    extId = django_filters.CharFilter(field_name="ext_id", max_length=255)
    to = InstantFilter(field_name="schedule_time", lookup_expr="lte")
    search = django_filters.CharFilter(method="by_search", max_length=255)

    class Meta:
        model = Meeting
        fields: list[str] = []

    def in_state(self, rows: MeetingQuerySet, name: str, value: str) -> MeetingQuerySet:
        return rows.in_state(value, now=timezone.now(), time_to_start=timedelta(minutes=conf.TIME_TO_START))

    def by_search(self, rows: MeetingQuerySet, name: str, value: str) -> MeetingQuerySet:
        return rows.search(value)


MeetingFilter.base_filters["from"] = InstantFilter(field_name="schedule_time", lookup_expr="gte")


def filtered(request: Request, rows: MeetingQuerySet) -> MeetingQuerySet:
    """Apply the query parameters; raise 400 that names each one that can't be used."""
    for name in MeetingFilter.base_filters:
        if single_parameter(request, name) == "" and name not in TEXTS:
            raise invalid_parameter(name, f"{name} is there without a value; leave it out.")
    filterset = MeetingFilter(request.query_params, queryset=rows)
    if not filterset.form.is_valid():
        problems = [
            Problem(path=name, code="INVALID_PARAMETER_VALUE", message=f"{name} {message}")
            for name, messages in filterset.form.errors.items()
            for message in messages
        ]
        raise ApiError(400, "INVALID_PARAMETER_VALUE", problems[0].message, problems)
    return cast(MeetingQuerySet, filterset.qs)
