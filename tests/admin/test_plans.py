"""What the lists cost on PostgreSQL when the tables are large: each page reads about what it shows."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.admin.pages import AdminClient

pytestmark = pytest.mark.postgres

ROWS = 30_000
MOST_ROWS_READ = 3_000
"""A page shows 50; what is read beyond that is index entries of rows that another filter leaves out."""

FILL = (
    """
    INSERT INTO videoconf_meetings_meeting (session_id, meeting_link, is_scheduled, schedule_time, is_archived,
        start_time, end_time, ext_id, tenant, title, title_key, provider, end_to_end_encryption, disconnect_attempts,
        disconnect_due_at, disconnect_error, created_on, modified_on, created_by, modified_by, deleted)
    SELECT 's' || n, 'l' || n, n % 2 = 0, CASE WHEN n % 2 = 0 THEN now() + n * interval '1 minute' END, false,
        CASE WHEN n % 3 > 0 THEN now() END, CASE WHEN n % 3 > 0 AND n < {rows} - 200 THEN now() END, 'e' || n,
        CASE WHEN n <= 20 THEN 'rare' ELSE '' END, 'Title ' || n, 'title ' || n,
        CASE WHEN n <= 30 THEN 'webrtc' ELSE 'other' END, false, 0,
        CASE WHEN n BETWEEN 300 AND 310 THEN now() END, '', now() - ({rows} - n) * interval '1 hour', now(), '', '',
        n BETWEEN 40 AND 60
    FROM generate_series(1, {rows}) n
    """,
    """
    INSERT INTO videoconf_meetings_attendee (meeting_id, identity, attendee, is_deleted, created_on, ext_id, removed_by)
    SELECT id, 'i' || id, 'Name ' || id, end_time IS NOT NULL OR start_time IS NULL, now(), 'x' || id, ''
    FROM videoconf_meetings_meeting
    """,
    """
    INSERT INTO videoconf_meetings_connection (meeting_id, connection_id, attendee_id, joined_at, left_at, reason, name,
        role, socket, is_mute_due)
    SELECT meeting_id, 'c' || id, id, now(), CASE WHEN is_deleted THEN now() END, '', '', '', '', false
    FROM videoconf_meetings_attendee
    """,
    """
    INSERT INTO videoconf_meetings_webhookdelivery (provider, kind, session_id, verdict, dedupe_key, body, error,
        attempts, received_at, meeting_id)
    SELECT provider, 'k', session_id, CASE WHEN id % 3000 = 0 THEN 'failed' ELSE 'applied' END, 'd' || id, '', '', 1,
        now(), id
    FROM videoconf_meetings_meeting
    """,
    """
    INSERT INTO videoconf_meetings_attendancefact (meeting_id, kind, at, source, fact_key, connection_id, stream_id,
        payload, created_on)
    SELECT id, 'joined', now(), 'x', 'f', 'c', '', '{{}}', now() FROM videoconf_meetings_meeting
    """,
    """
    INSERT INTO videoconf_archives_archive (removal_attempts, removal_error, layout, spans, ended_by, compose_claim,
        compose_attempts, compose_error, composed_ms, consent, notice, notice_version,
        meeting_id, archive_id, tenant, provider, name, status, reason, is_ours,
        size, duration, resolution, output_mode, has_audio, has_video, storage_key, sha256, created_on, modified_on,
        created_by, modified_by, deleted)
    SELECT 0, '', '', '[]', '', '', 0, '', 0, '', '', '',
    id, 'a' || id, tenant, provider, '', CASE WHEN id % 3000 = 0 THEN 'failed' ELSE 'available' END, '', false,
        0, 0, '', '', true, true, '', '', created_on, now(), '', '', deleted
    FROM videoconf_meetings_meeting
    """,
    "ANALYZE",
)
PAGES = (
    "meeting/",
    "meeting/?p=15000",
    "meeting/?p=-15000",
    "meeting/?q=l7",
    "meeting/?q=s7",
    "meeting/?q=e7",
    "meeting/?q=Title+77",
    "meeting/?q=nowhere",
    "meeting/?state=open",
    "meeting/?state=scheduled",
    "meeting/?state=active",
    "meeting/?state=ended",
    "meeting/?provider=webrtc",
    "meeting/?tenant=rare",
    "meeting/?tenant_empty=1",
    "meeting/?created_from=2001-01-01&created_to=2002-01-01",
    "meeting/?from=2001-01-01&to=2002-01-01",
    "meeting/?disconnect=owed",
    "meeting/?deleted=yes",
    "meeting/?deleted=yes&tenant=rare",
    "meeting/?hold=yes",
    "meeting/now/",
    "meeting/now/?part=1",
    "attendee/",
    "attendee/?q=Name+7",
    "attendee/?q=x7",
    "attendee/?q=l7",
    "attendee/?here=yes",
    "attendee/?meeting=l7",
    "connection/",
    "connection/?q=l7",
    "connection/?open=yes",
    "connection/?meeting=l7",
    "webhookdelivery/",
    "webhookdelivery/?verdict=failed",
    "webhookdelivery/?provider=webrtc",
    "webhookdelivery/?q=s7",
    "webhookdelivery/?meeting=l7",
    "attendancefact/",
    "attendancefact/?meeting=l7",
    "archive/",
    "archive/?status=failed",
    "archive/?provider=webrtc",
    "archive/?tenant=rare",
    "archive/?created_from=2001-01-01&created_to=2002-01-01",
    "archive/?deleted=yes",
    "archive/?q=a7",
    "archive/?meeting=l7",
)


@pytest.fixture(scope="module")
def large_tables(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Tables of 30,000 rows, filled once, gone afterwards."""
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        for statement in FILL:
            cursor.execute(statement.format(rows=ROWS))
    yield
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute("TRUNCATE videoconf_meetings_meeting CASCADE")
        cursor.execute("ANALYZE")


def rows_read(plan: dict[str, Any]) -> int:
    """Return how many rows the scans of a plan touched."""
    below = sum(rows_read(child) for child in plan.get("Plans", ()))
    if "Scan" not in plan["Node Type"]:
        return below
    left_out = plan.get("Rows Removed by Filter", 0) + plan.get("Rows Removed by Index Recheck", 0)
    return below + int((plan["Actual Rows"] + left_out) * plan["Actual Loops"])


@pytest.mark.parametrize("page", PAGES)
def test_page_reads_about_what_it_shows(large_tables: None, chief: AdminClient, page: str) -> None:
    app = "videoconf_archives" if page.startswith("archive/") else "videoconf_meetings"
    with CaptureQueriesContext(connection) as captured:
        chief.page(f"/admin/{app}/{page}")

    reads = [query["sql"] for query in captured.captured_queries if f'FROM "{app}' in query["sql"]]
    assert reads
    for sql in reads:
        with connection.cursor() as cursor:
            cursor.execute("EXPLAIN (ANALYZE, FORMAT JSON) " + sql.replace("%", "%%"))
            [[found]] = cursor.fetchall()
        plan = (json.loads(found) if isinstance(found, str) else found)[0]["Plan"]
        assert rows_read(plan) <= MOST_ROWS_READ, json.dumps(plan, indent=1)
