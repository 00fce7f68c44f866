"""A database as large as planning needs it, made in seconds by the database itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection

LARGE = (
    "videoconf_meetings_meeting",
    "videoconf_meetings_attendee",
    "videoconf_meetings_connection",
    "videoconf_meetings_attendancefact",
    "videoconf_meetings_webhookdelivery",
    "videoconf_archives_archive",
)
"""Tables that grow with use; nothing may read one of them from end to end."""
LAST = 1_000_000
"""The newest meeting. The last thousand are not over; four of five belong to the tenant `""`. Each has five people; the
newest fifth of these have connections and facts."""
PEOPLE = 5
GONE = PEOPLE * (LAST - 200)
"""People up to this one have left."""

MEETINGS = f"""
INSERT INTO videoconf_meetings_meeting (id, session_id, meeting_link, is_scheduled, schedule_time, is_archived,
    start_time, end_time, closes_at, ext_id, tenant, title, title_key, provider, end_to_end_encryption,
    disconnect_attempts, disconnect_error, disconnect_due_at, deleted, created_on, modified_on, created_by, modified_by)
SELECT i, 'rtc_large-' || i, 'large' || i, i % 4 = 0,
    CASE WHEN i % 4 = 0 THEN made + interval '1 hour' * (i % 3) END, i % 10 = 2,
    CASE WHEN is_over OR i % 10 = 3 THEN made END, CASE WHEN is_over THEN made + interval '10 minutes' END,
    CASE WHEN is_over AND i % 3 = 0 THEN made + interval '10 minutes'
        WHEN NOT is_over AND i % 70 = 13 THEN now() WHEN NOT is_over AND i % 20 = 3 THEN now() + interval '1 day' END,
    'ext-' || i, CASE WHEN i % 5 > 0 THEN '' ELSE 't' || (i / 5) % 50 END, 'Title ' || i, 'title ' || i, 'webrtc',
    false, 0, '', CASE WHEN i % 50000 = 0 THEN now() END, i % 20 = 1, made, made, 'c', 'c'
FROM (SELECT i, now() - interval '1 minute' * ({LAST} - i) AS made, i <= {LAST - 1000} AS is_over
    FROM generate_series(1, {LAST}) i) made
"""
ATTENDEES = f"""
INSERT INTO videoconf_meetings_attendee (id, meeting_id, identity, attendee, is_deleted, created_on, modified_on,
    ext_id, removed_by)
SELECT i, (i - 1) / {PEOPLE} + 1, 'ext:person-' || i, 'Person ' || i, i <= {GONE}, now(), now(),
    'person-' || i, ''
FROM generate_series(1, {PEOPLE * LAST}) i
"""
CONNECTIONS = f"""
INSERT INTO videoconf_meetings_connection (id, meeting_id, connection_id, attendee_id, joined_at, left_at, reason, name,
    role, socket, last_seen_at, is_mute_due)
SELECT i, (i - 1) / {PEOPLE} + 1, 'c' || i, i, now() - interval '1 hour',
    CASE WHEN i <= {GONE} THEN now() END, '', 'Person ' || i, 'publisher', '', now() + interval '1 day', false
FROM generate_series({PEOPLE * LAST * 4 // 5 + 1}, {PEOPLE * LAST}) i
"""
FACTS = f"""
INSERT INTO videoconf_meetings_attendancefact (id, meeting_id, kind, at, source, fact_key, connection_id, stream_id,
    payload, created_on)
SELECT i, (i - 1) / {PEOPLE} + 1, 'joined', now() - interval '1 hour', 'webhook', 'key-' || i, 'c' || i, '',
    '{{}}', now()
FROM generate_series({PEOPLE * LAST * 4 // 5 + 1}, {PEOPLE * LAST}) i
"""
DELIVERIES = f"""
INSERT INTO videoconf_meetings_webhookdelivery (id, provider, kind, session_id, verdict, dedupe_key, body, error,
    attempts, received_at, meeting_id)
SELECT i, 'webrtc', 'connectionCreated', 'rtc_large-' || i,
    CASE WHEN i % 1000 = 0 THEN 'failed' WHEN i % 500 = 0 THEN 'unmatched' WHEN i % 250 = 0 THEN 'rejected'
        ELSE 'applied' END,
    CASE WHEN i % 500 = 250 THEN NULL ELSE 'key-' || i END, '{{}}', '', 1, now(), i
FROM generate_series({LAST // 2 + 1}, {LAST}) i
"""
ARCHIVES = """
INSERT INTO videoconf_archives_archive (removal_attempts, removal_error, layout, spans, ended_by, compose_claim,
    compose_attempts, compose_error, composed_ms, consent, notice, notice_version,
    id, meeting_id, archive_id, tenant, provider, name, status, reason, is_ours,
    size, duration, resolution, output_mode, has_audio, has_video, storage_key, sha256, deleted, created_on,
    modified_on, created_by, modified_by)
SELECT 0, '', '', '[]', '', '', 0, '', 0, '', '', '',
    i, i, 'archive-' || i, CASE WHEN i % 5 > 0 THEN '' ELSE 't' || (i / 5) % 50 END, 'webrtc', 'Archive ' || i,
    CASE WHEN i % 1000 = 3 THEN 'started' ELSE 'available' END, '', false, 1, 1, '', 'composed', true, true, '', '',
    i % 20 = 1, now() - interval '1 minute' * (100000 - i), now(), 'c', 'c'
FROM generate_series(1, 100000) i
"""
INDEXES = """
SELECT indexname, indexdef FROM pg_indexes
WHERE tablename = ANY(%s) AND indexname NOT IN (SELECT conname FROM pg_constraint)
"""


def fill() -> None:
    """Fill the large tables; their indexes are made afterwards, which is faster."""
    with connection.cursor() as cursor, _without_indexes():
        cursor.execute("SET session_replication_role = replica")  # no look-up of each foreign key
        for statement in (MEETINGS, ATTENDEES, CONNECTIONS, FACTS, DELIVERIES, ARCHIVES):
            cursor.execute(statement)
        cursor.execute("SET session_replication_role = DEFAULT")
    with connection.cursor() as cursor:
        for table in LARGE:
            cursor.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), {10 * LAST})")
            cursor.execute(f"ANALYZE {table}")


@contextmanager
def _without_indexes() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute(INDEXES, [list(LARGE)])
        indexes = cursor.fetchall()
        for name, _ in indexes:
            cursor.execute(f'DROP INDEX "{name}"')
        yield
        for _, definition in indexes:
            cursor.execute(definition)


def empty() -> None:
    """Empty the large tables, and what hangs on them."""
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {', '.join(LARGE)} CASCADE")
