"""docs/vonage.md against the provider, the settings, the commands and the errors."""

from __future__ import annotations

import json
import shlex
from typing import Any

import pytest
from django.core.management import get_commands, load_command_class

from archives import services as archive_services
from archives import syncing
from meetings import envelope, exceptions, intake
from meetings.providers.opentok import OpenTokProvider, names
from meetings.providers.opentok.projects import ApplicationProject, LegacyProject
from tests.docs.pages import DOCS, blocks_of, code_in, table_under
from tests.vonage.archives import LINK_LIFETIME

PAGE = DOCS / "vonage.md"
TEXT = PAGE.read_text(encoding="utf-8")
ERRORS = {
    "provider_unavailable": exceptions.ProviderUnavailable(""),
    "provider_credentials": exceptions.ProviderCredentialsRefused(""),
    "provider_refused": exceptions.ProviderRefused(""),
    "provider_error": exceptions.ProviderError(""),
    "archive_not_found": exceptions.NotFound(""),
    "archive_conflict": exceptions.Conflict(""),
    "provider_not_configured": exceptions.ConfigurationMissing(""),
}


def test_names_of_the_environment_are_those_of_the_settings_page() -> None:
    rows = table_under(DOCS / "settings.md", "## The runnable project's environment")
    known = {name for row in rows for name in code_in(row[0])}
    own = {name for row in table_under(PAGE, "## Settings") for name in code_in(row[0])}
    pairs = {name for row in table_under(PAGE, "## Credentials") for name in code_in(row[1])}

    assert {name for name in known if name.startswith("VONAGE_")} <= own | pairs <= known


def test_addresses_of_the_environments_are_those_that_are_called() -> None:
    called = [code_in(row[2])[0] for row in table_under(PAGE, "## Credentials")]

    assert called == [LegacyProject.default_url, ApplicationProject.default_url]


def test_connection_data_looks_as_on_the_page() -> None:
    (example,) = [block.text.strip() for block in blocks_of(PAGE) if block.language == "json"]

    assert names.pack("Ann", "ext:ann-7") == example
    assert names.unpack(example).ext_id == "ann-7"
    assert json.loads(example)


def test_commands_of_the_page_are_understood() -> None:
    lines = [line for block in blocks_of(PAGE) for line in block.text.splitlines() if "manage.py" in line]

    assert len(lines) >= 5
    for line in lines:
        _, _, command = line.partition("manage.py ")
        name, *options = shlex.split(command)
        parser: Any = load_command_class(get_commands()[name], name).create_parser("manage.py", name)
        assert parser.parse_args(options)


@pytest.mark.parametrize("row", list(table_under(PAGE, "## When Vonage fails")), ids=lambda row: row[0])
def test_answers_to_trouble_are_those_of_the_code_and_of_the_api_page(row: list[str]) -> None:
    code = code_in(row[1])[0]
    status = envelope.status_of(ERRORS[code])
    on_api_page = {code_in(cells[0])[0]: cells[1] for cells in table_under(DOCS / "api.md", "## Error codes")}

    assert row[1].startswith(str(status))
    assert on_api_page[code] == str(status)


def test_sources_of_the_page_are_accepted_and_replace_vonage_s_own() -> None:
    in_lines = (code for line in TEXT.splitlines() for code in code_in(line))
    examples = [json.loads(code) for code in in_lines if code.startswith('{"') and "-src" in code]

    assert [list(example) for example in examples] == [["connect-src"], ["style-src"]]
    for example in examples:
        options = {"API_KEY": "1", "API_SECRET": "0123456789abcdef0123456789abcdef01234567", "PAGE_SOURCES": example}
        assert OpenTokProvider("vonage", options).page_sources().items() >= example.items()


def test_figures_of_the_page_are_those_of_the_code() -> None:
    provider = OpenTokProvider("vonage", {"API_KEY": "1", "API_SECRET": "0123456789abcdef0123456789abcdef01234567"})
    able = provider.capabilities

    assert f"{able.max_token_lifetime // 86400} days; {able.default_token_lifetime // 3600} hours" in TEXT
    assert f"{able.max_data_bytes} bytes of UTF-8" in TEXT
    assert f"good for {provider.settings['WEBHOOK_MAX_AGE'] // 3600} hours" in TEXT
    assert f"at most {intake.MAX_BODY // 1024} KiB" in TEXT
    assert f"of the last {syncing.WINDOW.total_seconds() / 3600:g} hours" in TEXT
    minutes = archive_services.LINK_LIFETIME.total_seconds() / 60
    assert f"| links into your bucket | {minutes:g} minutes |" in TEXT
    assert f"| link to a file | {LINK_LIFETIME / 60:g} minutes;" in TEXT
