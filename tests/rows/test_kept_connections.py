"""A kept connection to PostgreSQL is looked at before it is used again."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection, connections

pytestmark = [pytest.mark.postgres, pytest.mark.django_db(transaction=True)]


def test_one_that_the_server_has_ended_is_replaced() -> None:
    with connection.cursor() as cursor:
        cursor.execute("select pg_backend_pid()")
        ended = cursor.fetchone()[0]
    assert connection.is_usable()
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("select pg_terminate_backend(%s, 5000)", [ended])
    other.close()

    assert not connection.is_usable()
    connection.close_if_unusable_or_obsolete()  # as at the beginning of a request
    with connection.cursor() as cursor:
        cursor.execute("select pg_backend_pid()")
        assert cursor.fetchone()[0] != ended


def test_looking_asks_the_server_nothing(django_assert_num_queries: Any) -> None:
    connection.ensure_connection()
    with django_assert_num_queries(0):
        assert connection.is_usable()
    connection.close()
    assert not connections["default"].is_usable()
