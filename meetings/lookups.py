"""What every hot request reads, by statements that are compiled once.

Django compiles a query anew each time, which for a wide row costs several times what the database does. These are
ordinary querysets, compiled with slots for their values.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.db import connections, models, router
from django.db.models import FilteredRelation, Q, TextField
from django.db.models.functions import Cast

from meetings.models import Meeting
from meetings.prepared import Prepared

M = TypeVar("M", bound=models.Model)


class Slot(str):
    """Stands for a value in a query that is compiled once; text, so that text fields take it as it is."""

    __slots__ = ()


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
            statement.prepared.run(connection, cursor, [values[slot] for slot in statement.slots])
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
            prepared=Prepared(sql % tuple("%s" if type(one) is Slot else _literal(one, alias) for one in parameters)),
            slots=tuple(one for one in parameters if type(one) is Slot),
            columns=[expression.target.attname for expression, _, name in compiler.select if name is None],
            annotations=[name for _, _, name in compiler.select if name is not None],
            converters=compiler.get_converters([expression for expression, _, _ in compiler.select]),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Statement:
    prepared: Prepared
    slots: tuple[Slot, ...]
    columns: list[str]
    annotations: list[str]
    converters: dict[int, Any]


def _literal(value: Any, alias: str) -> str:
    """Return a value that never changes as it stands in the statement: only then do partial indexes fit it."""
    if isinstance(value, bool):
        return str(value).lower() if connections[alias].vendor == "postgresql" else str(int(value))
    if isinstance(value, int):
        return str(value)
    if isinstance(value, str) and re.fullmatch(r"[\w -]*", value):
        return f"'{value}'"
    raise TypeError(f"{value!r} can't stand in a statement that is compiled once: give it a slot.")


def _alive(tenant: str, meeting_link: str) -> models.QuerySet[Meeting]:
    rows: models.QuerySet[Meeting] = Meeting.objects.alive().of_tenant(tenant).filter(meeting_link=meeting_link)
    return rows.order_by()[:1]


alive_meeting = Compiled(Meeting, _alive, "tenant", "meeting_link")
"""`first(tenant, meeting_link)`: a caller's meeting; soft-deleted ones are not found."""


def _people(tenant: str, meeting_link: str, *conditions: Q) -> Any:
    rows = Meeting.objects.alive().of_tenant(tenant).filter(meeting_link=meeting_link)
    people = rows.annotate(person=FilteredRelation("attendees", condition=Q(*conditions))).order_by("person__id")
    columns = ("id", "attendee", "created_on", "modified_on", "is_deleted", "ext_id")
    metadata = Cast("person__ext_metadata", TextField())
    return people.values_list("id", "provider", "session_id", *(f"person__{name}" for name in columns), metadata)


def _people_here(tenant: str, meeting_link: str) -> Any:
    return _people(tenant, meeting_link, Q(attendees__is_deleted=False))


people = Compiled(Meeting, _people, "tenant", "meeting_link")
"""`rows(tenant, meeting_link)`: a caller's meeting (id, provider, session id) beside each of its people (id, name,
first join, last change, has left, external id, metadata as JSON text), by id. Nobody there: one row without a person;
no such meeting: none."""
people_here = Compiled(Meeting, _people_here, "tenant", "meeting_link")
"""The same with those who are in the meeting now."""
