"""What a process that reads other people's bytes may use; set by itself before it reads the first of them."""

from __future__ import annotations

import os
import resource
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of one run: bytes of address space, seconds of CPU, bytes of a file, open files, niceness."""

    memory: int = 1536 * 1024 * 1024
    cpu: int = 600
    file: int = 16 * 1024**3
    files: int = 4096
    nice: int = 10

    def apply(self) -> None:
        """Bind this process and what it starts. A bound that is tighter already stays; can't be undone."""
        _bind(resource.RLIMIT_AS, self.memory)
        _bind(resource.RLIMIT_CPU, self.cpu)
        _bind(resource.RLIMIT_FSIZE, self.file)
        _bind(resource.RLIMIT_NOFILE, self.files)
        _bind(resource.RLIMIT_CORE, 0)
        os.umask(0o077)
        if self.nice:
            os.nice(self.nice)


def _bind(kind: int, value: int) -> None:
    _, hard = resource.getrlimit(kind)
    bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (bound, bound))
