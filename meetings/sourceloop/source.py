"""The original's database: read only, in one snapshot, a batch at a time, with time-outs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote, urlsplit

from django.db import Error as DjangoDatabaseError
from django.db import connections

from meetings.sourceloop.rows import ATTENDEE_COLUMNS, ATTENDEES, MEETING_COLUMNS, MEETINGS, NEEDED, Raw

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper

CONNECTS_WITHIN = 10  # seconds
SCHEMES = ("postgres://", "postgresql://")
WHERE_IT_IS = "SELECT table_schema FROM information_schema.tables WHERE table_name = %s ORDER BY 1"
COLUMNS_OF = "SELECT column_name FROM information_schema.columns WHERE table_schema = %s AND table_name = %s"


class SourceError(Exception):
    """The original's database can't be read; the message says why and holds no password."""


class Source:
    """The two tables of the original, in one read-only snapshot (`opened` makes it)."""

    def __init__(self, cursor: Any, schema: str, errors: type[Exception], secrets: Sequence[str] = ()) -> None:
        self._cursor = cursor
        self._schema = schema
        self._errors = errors
        self._secrets = secrets
        self._columns = {
            MEETINGS: self._known(MEETINGS, MEETING_COLUMNS),
            ATTENDEES: self._known(ATTENDEES, ATTENDEE_COLUMNS),
        }

    @property
    def missing(self) -> dict[str, list[str]]:
        """Table -> the columns that it lacks and that are taken as empty."""
        wanted = {MEETINGS: MEETING_COLUMNS, ATTENDEES: ATTENDEE_COLUMNS}
        return {table: [name for name in wanted[table] if name not in had] for table, had in self._columns.items()}

    def meetings(self, size: int) -> Iterator[list[Raw]]:
        """Yield the rows of `video_session_details` in the order of their ids, `size` at a time."""
        names = self._columns[MEETINGS]
        chosen = ", ".join(f"m.{_quoted(name)}::text" for name in names)
        query = f"SELECT {chosen} FROM {self._table(MEETINGS)} m ORDER BY m.id"  # noqa: S608  (names are quoted)
        for batch in self._batches("meetings", query, size):
            yield [dict(zip(names, row, strict=True)) for row in batch]

    def attendees(self, size: int, *, whole_sessions: bool = False) -> Iterator[list[tuple[Raw, Raw | None]]]:
        """Yield the rows of `session_attendees` with the session of each, or `None` where there is none.

        Of a session only `session_id` is read, unless `whole_sessions` are asked for.
        """
        names = self._columns[ATTENDEES]
        session_names = self._columns[MEETINGS] if whole_sessions else ("session_id",)
        chosen = ", ".join(
            [f"a.{_quoted(name)}::text" for name in names] + [f"m.{_quoted(name)}::text" for name in session_names]
        )
        query = (
            f"SELECT {chosen} FROM {self._table(ATTENDEES)} a "  # noqa: S608  (names are quoted)
            f"LEFT JOIN {self._table(MEETINGS)} m ON m.session_id = a.session_id ORDER BY a.id"
        )
        for batch in self._batches("attendees", query, size):
            yield [_pair(row, names, session_names) for row in batch]

    def _batches(self, name: str, query: str, size: int) -> Iterator[list[Sequence[str | None]]]:
        self._execute(f"DECLARE {name} NO SCROLL CURSOR FOR {query}")
        while batch := self._execute(f"FETCH FORWARD {size} FROM {name}", fetch=True):
            yield batch
        self._execute(f"CLOSE {name}")

    def _known(self, table: str, wanted: Sequence[str]) -> tuple[str, ...]:
        found = {row[0] for row in self._execute(COLUMNS_OF, [self._schema, table], fetch=True)}
        if not found:
            raise SourceError(self._no_such_table(table))
        lacking = sorted(NEEDED[table] - found)
        if lacking:
            raise SourceError(f"The table {self._schema}.{table} has no column {lacking[0]}: it is another table.")
        return tuple(name for name in wanted if name in found)

    def _no_such_table(self, table: str) -> str:
        elsewhere = [row[0] for row in self._execute(WHERE_IT_IS, [table], fetch=True)]
        hint = f" There is one in the schema {elsewhere[0]}: --schema {elsewhere[0]}." if elsewhere else ""
        return f"There is no table {table} in the schema {self._schema!r}, or this user may not see it.{hint}"

    def _table(self, table: str) -> str:
        return f"{_quoted(self._schema)}.{_quoted(table)}"

    def _execute(self, statement: str, parameters: Sequence[Any] | None = None, *, fetch: bool = False) -> list[Any]:
        try:
            self._cursor.execute(statement, parameters)
            return list(self._cursor.fetchall()) if fetch else []
        except self._errors as error:
            raise SourceError(f"Reading the original's database failed: {_told(error, self._secrets)}") from None


@contextmanager
def opened(*, url: str | None, alias: str | None, schema: str, timeout: int) -> Iterator[Source]:
    """Connect to `url`, or to the database `alias` of Django, and yield the original's tables.

    A statement that takes longer than `timeout` seconds fails. Raises `SourceError`.
    """
    if url is not None:
        with _connected(url) as (cursor, errors, secrets):
            yield _begun(cursor, schema, timeout, errors, secrets)
    else:
        with _connection_of(alias or "").cursor() as cursor:
            try:
                yield _begun(cursor, schema, timeout, DjangoDatabaseError)
            finally:
                cursor.db.close()


def _begun(cursor: Any, schema: str, timeout: int, errors: type[Exception], secrets: Sequence[str] = ()) -> Source:
    """Begin the snapshot. Times are printed in UTC, so that they can be read back."""
    try:
        cursor.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        cursor.execute(f"SET LOCAL statement_timeout = {timeout * 1000}")
        cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        cursor.execute("SET LOCAL TimeZone = 'UTC'")
        cursor.execute("SET LOCAL DateStyle = 'ISO'")
    except errors as error:
        raise SourceError(f"Reading the original's database failed: {_told(error, secrets)}") from None
    return Source(cursor, schema, errors, secrets)


@contextmanager
def _connected(url: str) -> Iterator[tuple[Any, type[Exception], list[str]]]:
    try:
        import psycopg2
    except ImportError:
        raise SourceError("--database-url needs psycopg2: install psycopg2-binary, or use --from-database.") from None
    if not url.startswith(SCHEMES):
        raise SourceError("--database-url must look like postgres://USER:PASSWORD@HOST:5432/NAME.")
    secrets = _secrets_of(url)
    try:
        connection = psycopg2.connect(
            url, connect_timeout=CONNECTS_WITHIN, application_name="import_sourceloop", client_encoding="UTF8"
        )
    except psycopg2.ProgrammingError:  # it repeats the address
        raise SourceError("--database-url can't be read; percent-encode the special characters in it.") from None
    except psycopg2.Error as error:
        raise SourceError(f"The original's database can't be reached: {_told(error, secrets)}") from None
    try:
        connection.autocommit = True  # the transaction is begun by hand
        with connection.cursor() as cursor:
            yield cursor, psycopg2.Error, secrets
    finally:
        connection.close()


def _connection_of(alias: str) -> BaseDatabaseWrapper:
    """Return a connection of our own: writing goes on beside it, maybe to the same database."""
    if alias not in connections.settings:
        raise SourceError(f"DATABASES has no {alias!r}; it has {', '.join(sorted(connections.settings))}.")
    connection = connections.create_connection(alias)
    if connection.vendor != "postgresql":
        raise SourceError(f"The database {alias!r} is no PostgreSQL, which the original's is.")
    try:
        connection.ensure_connection()
    except DjangoDatabaseError as error:
        secrets = [str(connection.settings_dict.get("PASSWORD") or "")]
        raise SourceError(f"The original's database can't be reached: {_told(error, secrets)}") from None
    return connection


def _secrets_of(url: str) -> list[str]:
    try:
        parts = urlsplit(url)
        found = [parts.password or "", *(value for name, value in parse_qsl(parts.query) if "pass" in name)]
    except ValueError:
        return [url]
    return [text for secret in found for text in (secret, unquote(secret)) if text]


def _told(error: Exception, secrets: Sequence[str]) -> str:
    text = " ".join(str(error).split())
    for secret in secrets:
        text = text.replace(secret, "***") if secret else text
    return text


def _pair(row: Sequence[str | None], names: Sequence[str], session_names: Sequence[str]) -> tuple[Raw, Raw | None]:
    session = dict(zip(session_names, row[len(names) :], strict=True))
    return dict(zip(names, row, strict=False)), session if session["session_id"] is not None else None


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
