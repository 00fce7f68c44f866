"""docs/migrate-from-sourceloop.md against the command, the settings and, for the way back, a database."""

from __future__ import annotations

import argparse
import io
import shlex

import pytest
from django.db import connection

from meetings.management.commands.import_sourceloop import Command
from meetings.sourceloop.report import REASONS
from tests.docs.pages import DOCS, blocks_of, code_in, table_under
from tests.factories import MeetingFactory
from tests.sourceloop.original import SESSIONS, Original, counts_of

PAGE = DOCS / "migrate-from-sourceloop.md"


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser()
    Command().add_arguments(made)
    return made


def default_of(action: argparse.Action) -> str:
    if action.default is False:
        return "off"
    return "none" if action.default in (None, "") else f"`{action.default}`"


def test_every_option_is_described_with_its_default() -> None:
    options = [action for action in parser()._actions if action.dest != "help"]
    described = {code_in(name)[0]: default for name, default, _ in table_under(PAGE, "## The options")}

    assert described == {action.option_strings[0]: default_of(action) for action in options}


def test_every_reason_is_described_as_in_the_report() -> None:
    assert {code_in(name)[0]: meaning for name, meaning in table_under(PAGE, "## Reasons")} == REASONS


def test_names_of_the_environment_are_those_of_the_settings_page() -> None:
    rows = table_under(DOCS / "settings.md", "## The runnable project's environment")
    known = {name for row in rows for name in code_in(row[0])}
    named = {name for row in table_under(PAGE, "## 1. The environment") for name in code_in(row[1])}

    assert named
    assert named <= known


def test_commands_of_the_page_are_understood() -> None:
    lines = [line for block in blocks_of(PAGE) if block.language == "sh" for line in block.text.splitlines()]

    assert len(lines) == 2
    for line in lines:
        python, script, command, *options = shlex.split(line)
        assert (python, script, command) == ("python", "manage.py", "import_sourceloop")
        assert parser().parse_args(options).database_url.startswith("postgres://")


@pytest.mark.postgres
class TestTheDatabase:
    def test_user_of_the_page_may_read_all_that_is_read(self, original: Original) -> None:
        original.session()
        grants = next(block.text for block in blocks_of(PAGE) if "GRANT" in block.text)
        with connection.cursor() as cursor:
            cursor.execute(grants)
            try:
                cursor.execute("SET ROLE mover")
                cursor.execute(f"SELECT count(*) FROM {original.schema}.{SESSIONS}")
                assert cursor.fetchone() == (1,)
            finally:
                cursor.execute("RESET ROLE; DROP OWNED BY mover; DROP ROLE mover")

    def test_meetings_made_here_go_back(self, original: Original) -> None:
        original.session("theirs")
        original.move()
        MeetingFactory.create(
            session_id="2_ours", provider="opentok", ext_metadata={"a": "x\ty\\z"}, ext_id=None, ended=True
        )
        MeetingFactory.create(provider="webrtc")
        out, back = (block.text for block in blocks_of(PAGE) if block.text.startswith("COPY"))
        pipe = io.StringIO()
        with connection.cursor() as cursor:
            cursor.cursor.copy_expert(out, pipe)
            pipe.seek(0)
            cursor.cursor.copy_expert(back, pipe)

        rows = original.execute("SELECT session_id, ext_metadata FROM {schema}.video_session_details ORDER BY id")
        assert [row[0] for row in rows] == ["2_theirs", "2_ours"]
        assert '"x\\ty\\\\z"' in str(rows[1][1])
        assert counts_of(original.move()[SESSIONS]) == {"unchanged": 1, "skipped": {"already_here": ["2"]}}
