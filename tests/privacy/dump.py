"""Everything that is kept, as text to look for a name in."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.core.management import call_command
from django.db import connection


def tables() -> dict[str, list[str]]:
    """Return every row of every table, each as a text in which JSON is not escaped."""
    found = {}
    with connection.cursor() as cursor:
        for name in sorted(connection.introspection.table_names(cursor)):
            cursor.execute(f'select * from "{name}"')
            found[name] = sorted(repr([_plain(value) for value in row]) for row in cursor.fetchall())
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, str) and value[:1] in ("{", "["):
        try:
            return json.dumps(_opened(json.loads(value)), ensure_ascii=False)
        except ValueError:
            return value
    return value


def _opened(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _opened(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_opened(item) for item in value]
    return _plain(value)


def rows_with(*words: str) -> list[str]:
    """Return the rows that one of the words is in, in any spelling of capitals."""
    return [
        f"{table}: {row}"
        for table, rows in tables().items()
        for row in rows
        if any(word.casefold() in row.casefold() for word in words)
    ]


def files_with(folder: Path, *words: str) -> list[str]:
    """Return the files below a folder that one of the words is in, or in whose name it is."""
    return [
        str(path)
        for path in folder.rglob("*")
        if path.is_file() and any(word.encode() in path.read_bytes() or word in path.name for word in words)
    ]


def call(name: str, *arguments: str) -> str:
    """Run a command of `manage.py`; return what it prints, its report on stderr included."""
    import io

    out = io.StringIO()
    call_command(name, *arguments, stdout=out, stderr=out)
    return out.getvalue()
