"""One `make run` a database file: without Redis, two of them would show people two rooms of one meeting."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None  # type: ignore[assignment]


@contextlib.contextmanager
def only_server(address: str) -> Iterator[None]:
    """Hold the lock beside the SQLite file while serving at `address`; refuse to start where another server holds it.

    The system lets go of the lock when the process ends, however it ends; the file stays and means nothing. With Redis,
    on PostgreSQL and where files can't be locked, nothing is held.
    """
    database = settings.DATABASES["default"]
    if fcntl is None or settings.REDIS_URL or database["ENGINE"] != "django.db.backends.sqlite3":
        yield
        return
    path = Path(f"{database['NAME']}.lock")
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            raise ImproperlyConfigured(
                f"DATABASE_URL: another `make run` ({file.read().strip()}) serves from {database['NAME']}, and people "
                "who open the same meeting at both would not meet. Stop that one, or set REDIS_URL or another "
                "DATABASE_URL."
            ) from error
        except OSError:  # a file system without locks
            yield
            return
        file.truncate(0)
        file.write(f"process {os.getpid()}, {address}")
        file.flush()
        yield
