"""What holds for every page: its links lead somewhere, its maps are whole, it names no machine of ours."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.apps import apps

from tests.docs.pages import DOCS, ROOT, code_in, table_under

PAGES = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def anchors_of(page: Path) -> set[str]:
    """Return the anchors that a forge makes of a page's headings."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files_and_headings_that_exist(page: Path) -> None:
    lost = []
    for link in _LINK.findall(page.read_text(encoding="utf-8")):
        target, _, anchor = link.partition("#")
        if "://" in target:
            continue
        path = (page.parent / target).resolve() if target else page
        if not path.exists() or (anchor and anchor not in anchors_of(path)):
            lost.append(link)

    assert lost == []


@pytest.mark.parametrize("package", ["meetings", "archives"])
def test_architecture_names_every_module(package: str) -> None:
    rows = table_under(DOCS / "architecture.md", f"## Modules of `{package}`")
    named = [name for cells in rows for name in code_in(cells[0])]
    files = {path.stem for path in (ROOT / package).glob("*.py")} - {"__init__"}
    packages = {path.parent.name for path in (ROOT / package).glob("*/__init__.py")} - {"migrations"}

    assert sorted(named) == sorted(files | packages)


def test_architecture_names_every_command() -> None:
    for package in ("meetings", "archives"):
        rows = table_under(DOCS / "architecture.md", f"## Modules of `{package}`")
        (said,) = [cells[1] for cells in rows if code_in(cells[0]) == ["management"]]
        commands = {path.stem for path in (ROOT / package / "management" / "commands").glob("*.py")} - {"__init__"}
        assert set(code_in(said)) == commands


def test_architecture_names_every_row() -> None:
    named = {code_in(cells[0])[0] for cells in table_under(DOCS / "architecture.md", "## Rows")}
    models = [
        model
        for label in ("videoconf_meetings", "videoconf_archives")
        for model in apps.get_app_config(label).get_models()
    ]

    assert named == {model.__name__ for model in models}


def test_picture_is_small_enough_to_load_at_once() -> None:
    picture = (DOCS / "images" / "meeting.png").read_bytes()

    assert picture[:8] == b"\x89PNG\r\n\x1a\n"
    assert len(picture) <= 250 * 1024
