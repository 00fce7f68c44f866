"""Reading the documentation: its files, its code blocks, its tables."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
DOCS = ROOT / "docs"
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_FILE = re.compile(r"^(?:# |<!-- )([\w/.-]+\.(?:py|html|conf|yaml))(?: -->)?$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A fenced code block; `file` is the path that its first line names, if it names one."""

    language: str
    text: str
    file: str | None


def blocks_of(page: Path) -> list[Block]:
    """Return the code blocks of a page, in order."""
    found = []
    for language, text in _FENCE.findall(page.read_text(encoding="utf-8")):
        first = _FILE.match(text.partition("\n")[0])
        found.append(Block(language=language, text=text, file=first.group(1) if first else None))
    return found


def table_under(page: Path, heading: str) -> Iterator[list[str]]:
    """Yield the cells of each row of the first table under a heading, without the table's head."""
    text = page.read_text(encoding="utf-8")
    _, found, rest = text.partition(f"\n{heading}\n")
    assert found, f"{page.name} has no heading {heading!r}"
    lines = iter(rest.splitlines())
    for line in lines:
        if line.startswith("|"):
            break
    next(lines)  # the line under the head
    for line in lines:
        if not line.startswith("|"):
            return
        yield [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]


def code_in(cell: str) -> list[str]:
    """Return what a cell has between back ticks."""
    return re.findall(r"`([^`]+)`", cell)
