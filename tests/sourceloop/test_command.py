"""The command itself: its options, its reports, what it says when it can't; killed, repeated, with many rows."""

from __future__ import annotations

import base64
import io
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jwt
import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from archives.models import Archive
from meetings.models import AttendanceFact, Attendee, Connection, ImportedMeeting, Meeting
from meetings.providers.memory import MemoryProvider
from tests.callers import ApiClient
from tests.servers import ROOT, database_url, eventually
from tests.sourceloop.conftest import API_KEY, API_SECRET
from tests.sourceloop.original import ATTENDEES, SESSIONS, Original, payload_of
from tests.webhooks.senders import SECRET, archive, post

pytestmark = pytest.mark.postgres
SESSIONS_OF = """
INSERT INTO {schema}.video_session_details (session_id, meeting_link, created_on, ext_metadata)
SELECT '2_' || n, 'link-' || n, now() - interval '1 day', jsonb_build_object('note', repeat('x', 200), 'n', n)
FROM generate_series(%s, %s) n
"""
ATTENDEES_OF = """
INSERT INTO {schema}.session_attendees (session_id, attendee, created_on, modified_on, is_deleted, ext_metadata)
SELECT '2_' || n, 'Person ' || k, now() - interval '1 day', now(), k = 1, jsonb_build_object('webhookPayload',
    jsonb_build_object('event', 'connectionCreated', 'connection', jsonb_build_object('id', 'c' || n || '-' || k,
        'data', 'Person ' || k)))
FROM generate_series(%s, %s) n, generate_series(1, 2) k
"""
MEASURED = """
import resource, runpy, sys
try:
    runpy.run_path("manage.py", run_name="__main__")
finally:
    print("peak", resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024, file=sys.stderr)
"""


def run(original: Original, *options: str, source: str = "") -> tuple[str, str]:
    """Run the command; return what it said on stdout and stderr."""
    out, err = io.StringIO(), io.StringIO()
    address = ["--database-url", source or database_url()]
    call_command("import_sourceloop", *address, "--schema", original.schema, *options, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def process(original: Original, *options: str, measured: bool = False) -> subprocess.Popen[str]:
    """Start the command in a process of its own, on this test's database."""
    program = ["-c", MEASURED] if measured else ["manage.py"]
    command = [sys.executable, *program, "import_sourceloop", "--database-url", database_url()]
    env = os.environ | {"DJANGO_SETTINGS_MODULE": "tests.settings", "DATABASE_URL": database_url(), "DEBUG": "true"}
    return subprocess.Popen(
        [*command, "--schema", original.schema, *options],
        cwd=ROOT,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def fill(original: Original, last: int, first: int = 1) -> None:
    """Add sessions of these numbers, with two attendees each."""
    original.execute(SESSIONS_OF, [first, last])
    original.execute(ATTENDEES_OF, [first, last])


class TestAMeetingThatMoved:
    @pytest.fixture(autouse=True)
    def _moved(self, original: Original, memory: MemoryProvider) -> None:
        original.session()
        original.attendee("Ann", ext_metadata=payload_of("2_one", "c1", "Ann"))
        run(original, "--provider", "memory")

    def test_gives_tokens_for_its_old_session(self, owner: ApiClient, memory: MemoryProvider) -> None:
        answer = owner.post("/session/link-one/token", {"data": "Bea"})

        assert (answer.status_code, answer.json()["sessionId"]) == (200, "2_one")
        assert memory.grants[-1][0].session_id == "2_one"
        assert Meeting.objects.get().start_time is not None

    def test_ends_and_puts_out_who_was_there(self, owner: ApiClient, memory: MemoryProvider) -> None:
        assert owner.patch("/session/link-one/end").status_code == 204

        ((room, connection_ids),) = memory.closed
        assert (room.session_id, connection_ids) == ("2_one", ("c1",))
        assert owner.post("/session/link-one/token").status_code == 400

    def test_is_edited_listed_and_reported(self, owner: ApiClient) -> None:
        assert owner.patch("/session/link-one", {"extId": "x"}).status_code == 204
        assert owner.get("/session?extId=x").json()["results"][0]["sessionId"] == "2_one"
        (report,) = owner.get("/session/link-one/attendance").json()
        assert (report["attendee"], report["lastLeave"]) == ("Ann", None)


def test_token_for_vonage_opens_the_old_session(original: Original, owner: ApiClient, opentok: str) -> None:
    """The session id names the API key that made it, as Vonage's do; the token is signed with that key's secret."""
    session_id = "2_" + base64.urlsafe_b64encode(f"1~{API_KEY}~~1700000000000~AbC~~".encode()).decode().rstrip("=")
    original.session(session_id=session_id)
    run(original)

    token = owner.post("/session/link-one/token", {"data": "Ann", "role": "moderator"}).json()["token"]

    claims = jwt.decode(token, API_SECRET, algorithms=["HS256"])
    assert (claims["session_id"], claims["connection_data"], claims["role"]) == (session_id, "Ann", "moderator")


def test_archive_callback_brings_an_archive_that_moved_up_to_date(
    original: Original, owner: ApiClient, opentok: str
) -> None:
    original.session(archive_id="a1")
    run(original)
    event = archive(Meeting.objects.get(), "uploaded", "a1")

    assert post(event, secret=SECRET, address="/webhooks/opentok").status_code == 200

    assert Archive.objects.get().status == "uploaded"


class TestReports:
    def test_people_read_a_table_and_ids(self, original: Original) -> None:
        original.session()
        broken = original.session("broken", meeting_link=None)
        original.attendee()

        out, err = run(original)

        assert re.search(r"^video_session_details +2 +1 +0 +0 +1$", out, re.MULTILINE)
        assert re.search(r"^session_attendees +1 +1 +0 +0 +0$", out, re.MULTILINE)
        assert f"1 skipped, meeting_link_missing: no meeting link, so no address\n    id {broken}\n" in out
        assert "video_session_details: 2 read, 1 new" in err

    def test_strict_ends_with_a_code_of_its_own_after_the_work(self, original: Original) -> None:
        original.session()
        original.session("broken", meeting_link=None)

        with pytest.raises(CommandError, match="1 rows were skipped") as failed:
            run(original, "--strict")

        assert failed.value.returncode == 3
        assert Meeting.objects.count() == 1

    def test_strict_has_nothing_to_say_about_a_clean_run(self, original: Original) -> None:
        original.session()
        run(original, "--strict")

    def test_dry_run_says_that_it_was_one(self, original: Original, tmp_path: Path) -> None:
        out, _ = run(original, "--dry-run", "--report", str(tmp_path / "r.json"))

        assert out.endswith("dry run: nothing was stored\n")
        assert json.loads((tmp_path / "r.json").read_text())["dryRun"] is True

    def test_missing_columns_are_named(self, original: Original) -> None:
        original.execute("ALTER TABLE {schema}.video_session_details DROP COLUMN ext_id, DROP COLUMN deleted_on")
        original.session()

        _, err = run(original)

        assert "video_session_details has no deleted_on, ext_id: taken as empty" in err
        assert Meeting.objects.get().ext_id is None

    def test_provider_that_is_not_there_is_mentioned(self, original: Original) -> None:
        _, err = run(original, "--provider", "elsewhere")

        assert "no provider 'elsewhere' here yet" in err


PASSWORD = "s3cr%40t-word"


class TestWhatCanNotBeRead:
    def failed(self, original: Original, source: str = "", *options: str) -> str:
        with pytest.raises(CommandError) as failed:
            run(original, *options, source=source)
        return str(failed.value)

    def test_other_schema_is_named(self, original: Original) -> None:
        original.schema = "main"

        assert "--schema videochatms" in self.failed(original)

    def test_other_table_of_that_name_is_refused(self, original: Original) -> None:
        original.execute("ALTER TABLE {schema}.session_attendees DROP COLUMN attendee")

        assert "session_attendees has no column attendee" in self.failed(original)

    @pytest.mark.parametrize(
        "source",
        [
            f"postgres://someone:{PASSWORD}@%2Fnowhere/at-all",
            f"postgres://someone:{PASSWORD}%zz@127.0.0.1:1/nowhere",
            f"postgres://someone@127.0.0.1:1/nowhere?password={PASSWORD}&unknown=1",
            f"mysql://someone:{PASSWORD}@127.0.0.1/nowhere",
            f"host=127.0.0.1 port=1 password={PASSWORD}",
            f"postgres://someone:{PASSWORD}@[::1/nowhere",
        ],
    )
    def test_address_that_leads_nowhere_does_not_tell_the_password(self, original: Original, source: str) -> None:
        told = self.failed(original, source)

        assert "s3cr" not in told
        assert told.startswith(("The original's database can't be reached", "--database-url"))

    def test_refused_password_is_not_told(self, original: Original) -> None:
        parts = urlsplit(database_url())
        source = database_url().replace(f"{parts.username}@", f"nobody-{PASSWORD[:4]}:{PASSWORD}@")

        assert "word" not in self.failed(original, source)

    def test_alias_that_is_not_there_is_named(self, original: Original) -> None:
        with pytest.raises(CommandError, match="DATABASES has no 'other'; it has default"):
            call_command("import_sourceloop", "--from-database", "other")

    def test_read_that_takes_too_long_fails(self, original: Original) -> None:
        original.session()
        original.execute(
            "ALTER TABLE {schema}.video_session_details RENAME TO slow; "
            "CREATE VIEW {schema}.video_session_details AS SELECT s.* FROM {schema}.slow s, pg_sleep(3)"
        )

        assert "statement timeout" in self.failed(original, "", "--timeout", "1")

    @pytest.mark.parametrize(
        ("options", "told"),
        [
            (["--batch-size", "0"], "--batch-size must be at least 1"),
            (["--timeout", "0"], "--timeout must be at least 1"),
            (["--tenant", "t" * 256], "--tenant can have at most 255"),
            (["--report", "/nowhere/at/all/report.json"], "there is no folder"),
        ],
    )
    def test_bad_option_is_refused_before_anything_is_read(
        self, original: Original, options: list[str], told: str
    ) -> None:
        original.session()

        assert told in self.failed(original, "", *options)
        assert not Meeting.objects.exists()

    def test_source_is_needed(self) -> None:
        with pytest.raises(CommandError, match="--database-url --from-database"):
            call_command("import_sourceloop")


def test_nothing_is_written_over_there(original: Original) -> None:
    """The reading transaction is read only, whatever its user may do."""
    original.execute(
        "CREATE FUNCTION {schema}.touch() RETURNS text LANGUAGE sql AS "
        "$$ UPDATE {schema}.session_attendees SET attendee = 'x' RETURNING attendee::text $$; "
        "ALTER TABLE {schema}.video_session_details RENAME TO those; "
        "CREATE VIEW {schema}.video_session_details AS SELECT id, session_id, {schema}.touch() AS meeting_link, "
        "created_on, deleted FROM {schema}.those"
    )
    original.execute("INSERT INTO {schema}.those (session_id, meeting_link) VALUES ('2_one', 'link')")
    original.attendee()

    with pytest.raises(CommandError, match="read-only transaction"):
        run(original)


def everything() -> list[set[tuple[Any, ...]]]:
    """Return what is stored, without primary keys."""
    stays = Connection.objects.values_list("meeting__session_id", "connection_id", "attendee__identity", "left_at")
    people = Attendee.objects.values_list("meeting__session_id", "identity", "attendee", "is_deleted", "created_on")
    told = AttendanceFact.objects.values_list("meeting__session_id", "fact_key")
    moved = ImportedMeeting.objects.values_list("original_id", "meeting__session_id", "meeting__meeting_link")
    return [set(stays), set(people), set(told), set(moved)]


def test_killed_at_any_moment_it_goes_on_where_it_was(original: Original, tmp_path: Path) -> None:
    fill(original, 1500)
    for reached in (Meeting, Attendee):
        killed = process(original, "--batch-size", "50")
        eventually(reached.objects.exists, f"rows of {reached.__name__}")
        killed.send_signal(signal.SIGKILL)
        killed.communicate()
        assert killed.returncode == -signal.SIGKILL, "it was done too soon: nothing was shown"
    had = Meeting.objects.count() + Attendee.objects.count()

    report = original.move()
    stopped = everything()

    again = report[SESSIONS]["unchanged"] + report[ATTENDEES]["unchanged"]
    assert (report[SESSIONS]["read"], report[ATTENDEES]["read"], again) == (1500, 3000, had)
    assert report[SESSIONS]["created"] + report[ATTENDEES]["created"] == 4500 - had
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE videoconf_meetings_meeting CASCADE")
    original.move()
    assert everything() == stopped


def test_two_at_a_time_bring_every_row_once(original: Original) -> None:
    fill(original, 400)

    both = [process(original, "--batch-size", "100") for _ in range(2)]
    said = [one.communicate(timeout=120) for one in both]

    assert [one.returncode for one in both] == [0, 0], said
    assert (Meeting.objects.count(), Attendee.objects.count()) == (400, 800)
    assert original.move()[ATTENDEES]["unchanged"] == 800


def test_memory_does_not_grow_with_the_rows(original: Original) -> None:
    peaks = []
    for first, last in ((1, 500), (501, 7_000)):
        fill(original, last, first)
        done = process(original, measured=True)
        _, err = done.communicate()
        assert done.returncode == 0, err
        peaks.append(int(re.findall(r"^peak (\d+)$", err, re.MULTILINE)[0]))

    assert (Meeting.objects.count(), Attendee.objects.count()) == (7_000, 14_000)
    assert peaks[1] - peaks[0] < 16, peaks
