"""What every hot request reads, by statements that are compiled once.

Django compiles a query anew each time, which for a wide row costs several times what the database does. These are
ordinary querysets, compiled with slots for their values.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db import connections, models, router
from django.db.models import TextField
from django.db.models.expressions import RawSQL
from django.db.models.functions import Cast

from meetings.models import Attendee, Meeting

M = TypeVar("M", bound=models.Model)


class Slot(str):
    """Stands for a value in a query that is compiled once; text, so that text fields take it as it is."""

    __slots__ = ()


def number(slot: Slot) -> RawSQL:
    """Return a slot for a value that is no text."""
    return RawSQL("%s", [slot])


class Compiled(Generic[M]):
    """A query that is compiled once: `build(name=slot, …)` returns its queryset, of rows or of `values_list`."""

    def __init__(self, model: type[M], build: Callable[..., models.QuerySet[M, Any]], *names: str) -> None:
        self._model, self._build, self._names = model, build, names
        self._statements: dict[str, _Statement] = {}

    def rows(self, **values: Any) -> list[Any]:
        """Return all rows as lists of values, in the order of the queryset's columns."""
        return self._run(values)[2]

    def first(self, **values: Any) -> M | None:
        """Return the first row as an instance, annotations as attributes, or `None`."""
        alias, statement, rows = self._run(values)
        if not rows:
            return None
        width = len(statement.columns)
        found = self._model.from_db(alias, statement.columns, rows[0][:width])
        for name, value in zip(statement.annotations, rows[0][width:], strict=True):
            setattr(found, name, value)
        return found

    def _run(self, values: dict[str, Any]) -> tuple[str, _Statement, list[Any]]:
        alias = router.db_for_read(self._model)
        statement = self._statements.get(alias)
        if statement is None:
            statement = self._statements[alias] = self._compile(alias)
        connection = connections[alias]
        with connection.cursor() as cursor:
            cursor.execute(statement.sql, [values[one] if type(one) is Slot else one for one in statement.parameters])
            rows: list[Any] = cursor.fetchall()
        if statement.converters:
            rows = [list(row) for row in rows]
            for position, (converters, expression) in statement.converters.items():
                for row in rows:
                    for convert in converters:
                        row[position] = convert(row[position], expression, connection)
        return alias, statement, rows

    def _compile(self, alias: str) -> _Statement:
        compiler = self._build(**{name: Slot(name) for name in self._names}).query.get_compiler(alias)
        sql, parameters = compiler.as_sql()
        return _Statement(
            sql=sql,
            parameters=tuple(parameters),
            columns=[expression.target.attname for expression, _, name in compiler.select if name is None],
            annotations=[name for _, _, name in compiler.select if name is not None],
            converters=compiler.get_converters([expression for expression, _, _ in compiler.select]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Statement:
    sql: str
    parameters: tuple[Any, ...]
    columns: list[str]
    annotations: list[str]
    converters: dict[int, Any]


def _alive(tenant: str, meeting_link: str) -> models.QuerySet[Meeting]:
    rows: models.QuerySet[Meeting] = Meeting.objects.alive().of_tenant(tenant).filter(meeting_link=meeting_link)
    return rows.order_by()[:1]


alive_meeting = Compiled(Meeting, _alive, "tenant", "meeting_link")
"""`first(tenant, meeting_link)`: a caller's meeting; soft-deleted ones are not found."""


def _people(meeting: Slot) -> models.QuerySet[Attendee, Any]:
    rows: models.QuerySet[Attendee] = Attendee.objects.filter(meeting_id=number(meeting)).order_by("id")
    metadata = Cast("ext_metadata", TextField())
    return rows.values_list("id", "attendee", "created_on", "modified_on", "is_deleted", "ext_id", metadata)


def _people_here(meeting: Slot) -> models.QuerySet[Attendee, Any]:
    return _people(meeting).filter(is_deleted=False)


people = Compiled(Attendee, _people, "meeting")
"""`rows(meeting=pk)`: id, name, first join, last change, has left, external id, and the metadata as JSON text."""
people_here = Compiled(Attendee, _people_here, "meeting")
"""The same of those who are in the meeting now."""
