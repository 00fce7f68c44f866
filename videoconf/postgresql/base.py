"""`ENGINE = "videoconf.postgresql"`: see `DatabaseWrapper.is_usable`."""

from __future__ import annotations

import select

from django.db.backends.postgresql.base import DatabaseWrapper as PostgreSQLWrapper


class DatabaseWrapper(PostgreSQLWrapper):
    """Kept connections are looked at before each request, without a round trip."""

    def is_usable(self) -> bool:
        """Whether the connection is open: a server that went away has closed it, which its socket knows.

        Django asks the server `SELECT 1` before each request, which for short requests is a fifth of their time.
        """
        if self.connection is None or self.connection.closed:
            return False
        poll = select.poll()
        poll.register(self.connection.fileno(), select.POLLIN)
        return not poll.poll(0)  # nothing is due between requests but the end
