"""Statements that are prepared once for each connection, and rows that are stored by one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.models.signals import post_save
from django.utils import timezone

from meetings import lookups, prepared
from meetings.lookups import Compiled
from meetings.models import Meeting, title_key
from meetings.prepared import Prepared, insert

pytestmark = pytest.mark.django_db

FIND = Prepared("SELECT title FROM videoconf_meetings_meeting WHERE meeting_link = %s AND title LIKE '%%a%%'")


def new_meeting(**values: Any) -> Meeting:
    given = {
        "session_id": "s1",
        "meeting_link": "link000001",
        "provider": "webrtc",
        "title": "Café",
        "title_key": title_key("Café"),
        "ext_metadata": {"a": [1, None, "\u00e9"], "b": "text"},
        "schedule_time": timezone.now(),
        "duration": 30,
        "is_scheduled": True,
    }
    return Meeting(**given | values)


def known_statements() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("select name from pg_prepared_statements")
        return [name for (name,) in cursor.fetchall()]


@pytest.fixture
def own_connection(transactional_db: None) -> Iterator[None]:
    """A connection that no other test gets, whatever becomes of its statements."""
    connection.close()
    yield
    connection.close()


@pytest.fixture
def heard() -> Iterator[list[Any]]:
    rows: list[Any] = []

    def listen(instance: Meeting, created: bool, **_: Any) -> None:
        rows.append((instance.pk, created))

    post_save.connect(listen, sender=Meeting, weak=False)
    yield rows
    post_save.disconnect(listen, sender=Meeting)


@pytest.mark.parametrize("metadata", [None, {}, [], "text", 5, True, {"a": {"b": [1.5, "x"]}}])
def test_inserted_row_is_what_save_would_have_stored(metadata: Any) -> None:
    row = insert(new_meeting(ext_metadata=metadata))
    saved = new_meeting(session_id="s2", meeting_link="link000002", ext_metadata=metadata)
    saved.save()

    assert row.pk
    assert not row._state.adding
    own = {"id", "session_id", "meeting_link", "created_on", "modified_on", "schedule_time"}
    names = [field.attname for field in Meeting._meta.concrete_fields if field.attname not in own]
    stored, other = Meeting.objects.get(pk=row.pk), Meeting.objects.get(pk=saved.pk)
    assert [getattr(stored, name) for name in names] == [getattr(other, name) for name in names]
    assert stored.schedule_time == row.schedule_time
    row.title = "Other"
    row.save()
    assert Meeting.objects.count() == 2


def test_a_host_that_listens_to_the_model_hears_of_an_insert(heard: list[Any]) -> None:
    row = insert(new_meeting())
    assert heard == [(row.pk, True)]


def test_value_that_could_be_anything_has_no_place_in_a_compiled_statement() -> None:
    build = Compiled(Meeting, lambda name: Meeting.objects.filter(title=name, ext_id="it's"), "name")
    with pytest.raises(TypeError, match="give it a slot"):
        build.rows(name="x")


@pytest.mark.postgres
def test_statement_is_prepared_once_for_each_connection(django_assert_num_queries: Any) -> None:
    insert(new_meeting())
    lookups.alive_meeting.first(tenant="", meeting_link="link000001")
    before = known_statements()
    with django_assert_num_queries(1):
        found = lookups.alive_meeting.first(tenant="", meeting_link="link000001")
    assert found is not None
    assert found.title == "Café"
    assert sorted(known_statements()) == sorted(before)
    assert all(name.startswith("videoconf_") for name in before)


@pytest.mark.postgres
def test_nothing_is_prepared_where_connections_change_hands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connection.settings_dict, "DISABLE_SERVER_SIDE_CURSORS", True)
    before = known_statements()
    insert(new_meeting())
    with connection.cursor() as cursor:
        FIND.run(connection, cursor, ["link000001"])
        assert cursor.fetchall() == [("Café",)]
    assert known_statements() == before


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_new_connection_prepares_anew(own_connection: None) -> None:
    insert(new_meeting())
    for _ in range(2):
        with connection.cursor() as cursor:
            FIND.run(connection, cursor, ["link000001"])
            assert cursor.fetchall() == [("Café",)]
        connection.close()


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_statement_that_a_pooler_took_away_is_sent_as_it_is_and_prepared_anew(own_connection: None) -> None:
    insert(new_meeting())
    for _ in range(2):
        with connection.cursor() as cursor:
            FIND.run(connection, cursor, ["link000001"])
            cursor.execute("deallocate all")
            FIND.run(connection, cursor, ["link000001"])
            assert cursor.fetchall() == [("Café",)]
            FIND.run(connection, cursor, ["link000001"])
            assert cursor.fetchall() == [("Café",)]


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_statement_whose_result_has_changed_its_type_goes_on(own_connection: None) -> None:
    insert(new_meeting())
    with connection.cursor() as cursor:
        FIND.run(connection, cursor, ["link000001"])
        cursor.execute("alter table videoconf_meetings_meeting alter column title type varchar(300)")
        try:
            FIND.run(connection, cursor, ["link000001"])
            assert cursor.fetchall() == [("Café",)]
        finally:
            cursor.execute("alter table videoconf_meetings_meeting alter column title type varchar(255)")


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_transaction_that_met_a_statement_taken_away_fails_once(own_connection: None) -> None:
    insert(new_meeting())
    with connection.cursor() as cursor:
        FIND.run(connection, cursor, ["link000001"])
        cursor.execute("deallocate all")
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        FIND.run(connection, cursor, ["link000001"])
    with transaction.atomic(), connection.cursor() as cursor:
        FIND.run(connection, cursor, ["link000001"])
        assert cursor.fetchall() == [("Café",)]


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_statement_that_somebody_else_prepared_on_the_connection_is_sent_as_it_is(own_connection: None) -> None:
    insert(new_meeting())
    other = Prepared("SELECT id FROM videoconf_meetings_meeting WHERE meeting_link = %s")
    with connection.cursor() as cursor:
        other.run(connection, cursor, ["link000001"])
        prepared._known.clear()  # as in a process that gets the connection from a pooler
        with pytest.raises(DatabaseError), transaction.atomic():
            other.run(connection, cursor, ["link000001"])
        for _ in range(2):
            with transaction.atomic():
                other.run(connection, cursor, ["link000001"])
                assert len(cursor.fetchall()) == 1
        prepared._known.clear()
        other.run(connection, cursor, ["link000001"])
        assert len(cursor.fetchall()) == 1


WATCH_COMMITS = """
create table how_committed (title text, how text);
create function note_commit() returns trigger language plpgsql as
  $$ begin insert into how_committed values (new.title, current_setting('synchronous_commit')); return null; end $$;
create constraint trigger note_commit after insert on videoconf_meetings_meeting deferrable initially deferred
  for each row execute function note_commit();
"""


@pytest.fixture
def committed(own_connection: None) -> Iterator[Callable[[], dict[str, str]]]:
    """Meetings by their titles, and whether their commit waited for the disk ("on") or not ("off")."""

    def read() -> dict[str, str]:
        with connection.cursor() as cursor:
            cursor.execute("select title, how from how_committed")
            return dict(cursor.fetchall())

    with connection.cursor() as cursor:
        cursor.execute(WATCH_COMMITS)
        cursor.execute("set synchronous_commit to on")  # whatever the server of the tests does
        yield read
        cursor.execute("drop function note_commit() cascade; drop table how_committed")


@pytest.mark.postgres
@pytest.mark.django_db(transaction=True)
def test_only_a_row_that_may_be_lost_and_stands_alone_is_not_waited_for(
    committed: Callable[[], dict[str, str]],
) -> None:
    insert(new_meeting(title="alone"), may_be_lost=True)
    insert(new_meeting(title="next", session_id="s2", meeting_link="link000002"))
    with transaction.atomic():
        insert(new_meeting(title="with others", session_id="s3", meeting_link="link000003"), may_be_lost=True)

    assert committed() == {"alone": "off", "next": "on", "with others": "on"}
