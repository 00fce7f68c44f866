"""Statements that PostgreSQL reads and plans once for each connection, instead of each time.

For a row as wide as a meeting that is two thirds of what a lookup costs the database. Prepared statements belong to one
connection, so they are left alone where a pooler hands connections from one transaction to another: there Django wants
`DISABLE_SERVER_SIDE_CURSORS`, for the same reason. A statement that is refused for being prepared is sent as it is, and
prepared anew by the next one. Every other database gets the statement as it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from operator import attrgetter
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from django.db import Error, connections, models, router
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import signals

M = TypeVar("M", bound=models.Model)

_known: WeakKeyDictionary[Any, set[str]] = WeakKeyDictionary()
"""Connection of the driver -> the statements that it has."""


def can_prepare(connection: BaseDatabaseWrapper) -> bool:
    """Whether statements stay where they were prepared."""
    return connection.vendor == "postgresql" and not connection.settings_dict.get("DISABLE_SERVER_SIDE_CURSORS")


class Prepared:
    """One statement with `%s` for each of its values; other per cent signs are doubled."""

    def __init__(self, sql: str) -> None:
        self.sql = sql
        self._name = f"videoconf_{hashlib.sha256(sql.encode()).hexdigest()[:24]}"
        count = sql.replace("%%", "").count("%s")
        self._execute = f"execute {self._name}({', '.join(['%s'] * count)})" if count else f"execute {self._name}"
        self._text = f"prepare {self._name} as {sql % tuple(f'${n}' for n in range(1, count + 1))}"

    def run(self, connection: BaseDatabaseWrapper, cursor: Any, values: Sequence[Any]) -> None:
        """Execute it on an open cursor of this connection; errors are the database's own."""
        if not can_prepare(connection):
            cursor.execute(self.sql, values)
            return
        known = _known.setdefault(connection.connection, set())
        try:
            if self._name not in known:
                with connection.wrap_database_errors:
                    cursor.cursor.execute(self._text)  # the driver's cursor: this is no query of the caller's
                known.add(self._name)
            cursor.execute(self._execute, values)
        except Error as error:
            why = _state_of(error)
            if why not in _OUT_OF_DATE:
                raise
            (known.add if why == _THERE_ALREADY else known.discard)(self._name)
            if connection.in_atomic_block:  # which is lost; the next one will do
                raise
            cursor.execute(self.sql, values)


_THERE_ALREADY = "42P05"
_OUT_OF_DATE = frozenset({"26000", _THERE_ALREADY, "0A000"})
"""SQLSTATEs: no such statement, there is one already (the connection has changed hands), its result has changed."""


def _state_of(error: BaseException) -> str | None:
    """Return the SQLSTATE of an error; Django's own carry the driver's as their cause."""
    return getattr(error.__cause__ or error, "pgcode", None)


_inserts: dict[tuple[type[models.Model], bool], _Insert] = {}


def insert(row: M, *, may_be_lost: bool = False) -> M:
    """Store a new row and set its key, as `save(force_insert=True)` does; return it.

    A host that listens to Django's `pre_save` or `post_save` of the model gets what `save` does, and so does a database
    that prepares nothing. With `may_be_lost` a row outside any transaction isn't waited for until it is on the disk:
    if the database's machine goes down within the next second, the row may be gone, and nothing else.
    """
    model = type(row)
    connection = connections[router.db_for_write(model)]
    is_heard = signals.pre_save.has_listeners(model) or signals.post_save.has_listeners(model)
    if is_heard or not can_prepare(connection):
        row.save(force_insert=True)
        return row
    is_quick = may_be_lost and connection.get_autocommit()
    statement = _inserts.get((model, is_quick))
    if statement is None:
        statement = _inserts[model, is_quick] = _Insert(model, connection, is_quick=is_quick)
    with connection.cursor() as cursor:
        statement.run(row, connection, cursor)
        row.pk = cursor.fetchone()[0]
    row._state.adding, row._state.db = False, connection.alias  # noqa: SLF001  (as `save` does)
    return row


class _Insert:
    """The statement that stores a new row of one model and returns its key."""

    def __init__(self, model: type[models.Model], connection: BaseDatabaseWrapper, *, is_quick: bool) -> None:
        quote = connection.ops.quote_name
        self._fields = tuple(field for field in model._meta.concrete_fields if not field.primary_key)
        self._is_plain = tuple(not isinstance(field, models.JSONField) for field in self._fields)
        self._read = attrgetter(*(field.attname for field in self._fields))
        columns = ", ".join(quote(str(field.column)) for field in self._fields)
        slots = ", ".join(["%s"] * len(self._fields))
        assert model._meta.pk is not None
        key = quote(str(model._meta.pk.column))
        returned = f"{key}, set_config('synchronous_commit', 'off', true)" if is_quick else key  # of this transaction
        sql = f"insert into {quote(model._meta.db_table)} ({columns}) values ({slots}) returning {returned}"  # noqa: S608
        self._statement = Prepared(sql)

    def run(self, row: models.Model, connection: BaseDatabaseWrapper, cursor: Any) -> None:
        values = [
            value if is_plain and type(value) in _PLAIN else field.get_db_prep_save(value, connection)
            for value, is_plain, field in zip(self._read(row), self._is_plain, self._fields, strict=True)
        ]
        self._statement.run(connection, cursor, values)


_PLAIN = frozenset({str, bool, int, type(None)})
"""What the driver takes as it is; a JSON column takes only JSON."""
