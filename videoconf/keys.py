"""The keys that `make run` generates once, for a machine whose owner has set none."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

GENERATED = ("SECRET_KEY", "JWT_SECRET")


def generate_once(path: Path) -> None:
    """Write a file of fresh keys that only its owner can read, unless there is one. Never half written."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{os.getpid()}")
    draft.touch(mode=0o600)
    draft.write_text("".join(f"{name}={secrets.token_urlsafe(48)}\n" for name in GENERATED), encoding="ascii")
    draft.replace(path)
