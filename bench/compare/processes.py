"""What processes cost, from /proc (Linux): a process counts with all its descendants."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")


def family(pid: int) -> Iterator[Path]:
    """Yield the folders in /proc of a process and its descendants; those that end meanwhile are left out."""
    folder = Path(f"/proc/{pid}")
    yield folder
    try:
        children = [child for task in (folder / "task").iterdir() for child in (task / "children").read_text().split()]
    except OSError:
        return
    for child in children:
        yield from family(int(child))


def cpu_seconds(pid: int) -> float:
    """Return the user and system time used so far, that of descendants which ended included."""
    ticks = 0
    for folder in family(pid):
        try:
            fields = (folder / "stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            continue
        ticks += sum(int(field) for field in fields[11:15])
    return ticks / TICKS


def pss_megabytes(pid: int) -> float:
    """Return the memory in use; a page that n processes share counts as an nth for each."""
    kilobytes = 0
    for folder in family(pid):
        try:
            lines = (folder / "smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        kilobytes += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return kilobytes / 1024
