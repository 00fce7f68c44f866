"""Filters of the lists. None of them asks the table which values there are."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, ClassVar, cast

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ChangeList
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.dateparse import parse_date

from meetings.conf import conf
from meetings.models import Meeting, WebhookDelivery
from meetings.providers.registry import aliases
from meetings.querysets import STATES, MeetingQuerySet


class TypedFilter(admin.ListFilter):
    """A filter with text boxes; `parameter_names` are its query parameters, by the labels in `labels`."""

    template = "videoconf_meetings/admin/typed_filter.html"
    parameter_names: ClassVar[tuple[str, ...]]
    labels: ClassVar[tuple[str, ...]]
    input_type: ClassVar[str] = "text"
    empty_label: ClassVar[str] = ""
    """Label of a link that asks for rows where the value is empty; none if empty."""

    def __init__(self, request: HttpRequest, params: dict[str, list[str]], model: Any, model_admin: Any) -> None:
        super().__init__(request, params, model, model_admin)
        self.values = {name: params.pop(name, [""])[-1].strip() for name in self.all_parameters()}
        if any("\x00" in value for value in self.values.values()):
            raise IncorrectLookupParameters

    @classmethod
    def all_parameters(cls) -> tuple[str, ...]:
        return (*cls.parameter_names, *([cls.empty_parameter()] if cls.empty_label else []))

    @classmethod
    def empty_parameter(cls) -> str:
        return f"{cls.parameter_names[0]}_empty"

    def has_output(self) -> bool:
        return True

    def expected_parameters(self) -> list[str | None]:
        return list(self.all_parameters())

    def choices(self, changelist: ChangeList) -> Iterator[Mapping[str, object]]:
        own = self.all_parameters()
        pairs = zip(self.parameter_names, self.labels, strict=True)
        yield {
            "inputs": [{"name": name, "label": label, "value": self.values[name]} for name, label in pairs],
            "others": [
                (name, value)
                for name, values in changelist.filter_params.items()
                for value in values
                if name not in own
            ],
            "is_set": any(self.values.values()),
            "clear_url": changelist.get_query_string(dict.fromkeys(own)),
            "empty_url": changelist.get_query_string(
                dict.fromkeys(own) | {self.empty_parameter(): "1"} if self.empty_label else {}
            ),
            "is_empty": self.is_empty,
        }

    @property
    def is_empty(self) -> bool:
        """Whether rows with an empty value are asked for."""
        return bool(self.empty_label and self.values[self.empty_parameter()])


class TenantFilter(TypedFilter):
    title = "tenant"
    parameter_names = ("tenant",)
    labels = ("Tenant, exactly",)
    empty_label = "Without tenant"

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        tenant = self.values["tenant"]
        return queryset.filter(tenant=tenant) if tenant or self.is_empty else queryset


class OfMeetingFilter(TypedFilter):
    """Rows of one meeting, by its link id; the meeting is looked up first, so that the rows' own index serves."""

    title = "meeting"
    parameter_names = ("meeting",)
    labels = ("Link id",)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        link = self.values["meeting"]
        if not link:
            return queryset
        found = Meeting.objects.filter(meeting_link=link).values_list("pk", flat=True).first()
        return queryset.none() if found is None else queryset.filter(meeting_id=found)


class DateRangeFilter(TypedFilter):
    """Days, both inclusive, in the time zone of the page; `field` is the column."""

    input_type = "date"
    labels = ("From", "To")
    field: ClassVar[str]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        first, last = (self.values[name] for name in self.parameter_names)
        try:
            if first:
                queryset = queryset.filter(**{f"{self.field}__gte": _midnight(first)})
            if last:
                queryset = queryset.filter(**{f"{self.field}__lt": _midnight(last, after=timedelta(days=1))})
        except (ValueError, OverflowError) as error:
            raise IncorrectLookupParameters(error) from error
        return queryset


def _midnight(text: str, *, after: timedelta = timedelta()) -> datetime:
    day: date | None = parse_date(text)
    if day is None:
        raise ValueError(text)
    return timezone.make_aware(datetime.combine(day + after, time.min)).astimezone(UTC)


class CreatedFilter(DateRangeFilter):
    title = "creation"
    field = "created_on"
    parameter_names = ("created_from", "created_to")


class ScheduledFilter(DateRangeFilter):
    title = "schedule time"
    field = "schedule_time"
    parameter_names = ("from", "to")


class StateFilter(admin.SimpleListFilter):
    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [(state, state.capitalize()) for state in STATES]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        state = self.value()
        if state is None:
            return queryset
        if state not in STATES:
            raise IncorrectLookupParameters(state)
        early = timedelta(minutes=conf.TIME_TO_START)
        return cast(MeetingQuerySet, queryset).in_state(state, now=timezone.now(), time_to_start=early)


class ProviderFilter(admin.SimpleListFilter):
    """The configured aliases; another one can be typed into the address."""

    title = "provider"
    parameter_name = "provider"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return [(alias, alias) for alias in aliases()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset if self.value() is None else queryset.filter(provider=self.value())


class VerdictFilter(admin.SimpleListFilter):
    title = "verdict"
    parameter_name = "verdict"

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, Any]]:
        return WebhookDelivery.Verdict.choices

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset if self.value() is None else queryset.filter(verdict=self.value())


class ChosenFilter(admin.SimpleListFilter):
    """A filter that always has a choice: without its parameter the one called `default`."""

    default: ClassVar[str]
    options: ClassVar[tuple[tuple[str, str], ...]]

    def lookups(self, request: HttpRequest, model_admin: Any) -> Iterable[tuple[str, str]]:
        return self.options

    def chosen(self) -> str:
        value = self.value()
        return value if value in dict(self.options) else self.default

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        for value, label in self.options:
            parameter = None if value == self.default else value
            yield {
                "selected": value == self.chosen(),
                "query_string": changelist.get_query_string({self.parameter_name or "": parameter}),
                "display": label,
            }


class DeletedFilter(ChosenFilter):
    """Deleted rows or the others, never both: each kind has its indexes."""

    title = "deleted"
    parameter_name = "deleted"
    default = "no"
    options = (("no", "No"), ("yes", "Yes"))

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(deleted=self.chosen() == "yes")


class DisconnectFilter(ChosenFilter):
    """Ended meetings whose people the provider has not put out yet."""

    title = "disconnect owed"
    parameter_name = "disconnect"
    default = "all"
    options = (("all", "All"), ("owed", "Owed"))

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(disconnect_due_at__isnull=False) if self.chosen() == "owed" else queryset


class LegalHoldFilter(ChosenFilter):
    """Meetings that nothing is purged of."""

    title = "legal hold"
    parameter_name = "hold"
    default = "all"
    options = (("all", "All"), ("yes", "On hold"))

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(legal_hold=True) if self.chosen() == "yes" else queryset


class PresenceFilter(ChosenFilter):
    """Attendees who are in their meeting now."""

    title = "here now"
    parameter_name = "here"
    default = "all"
    options = (("all", "All"), ("yes", "Yes"), ("no", "No"))

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.chosen()
        return queryset if chosen == "all" else queryset.filter(is_deleted=chosen == "no")


class OpenConnectionFilter(ChosenFilter):
    """Connections that have not ended."""

    title = "open"
    parameter_name = "open"
    default = "all"
    options = (("all", "All"), ("yes", "Yes"), ("no", "No"))

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.chosen()
        return queryset if chosen == "all" else queryset.filter(left_at__isnull=chosen == "yes")


def parameters_of(list_filter: Any) -> tuple[str, ...]:
    """Return the query parameters that a filter takes."""
    if isinstance(list_filter, type) and issubclass(list_filter, TypedFilter):
        return list_filter.all_parameters()
    if isinstance(list_filter, type) and issubclass(list_filter, admin.SimpleListFilter):
        return (str(list_filter.parameter_name),)
    return ()
