"""Names under which people save files."""

from __future__ import annotations

import unicodedata

from django.utils.http import content_disposition_header

LONGEST = 150  # characters
FORBIDDEN = frozenset('/\\:*?"<>|')


def safe_filename(name: str, fallback: str = "archive") -> str:
    """Return a name that every system can store: no path, no control or format characters, no dots around it."""
    kept = "".join(
        "_" if character in FORBIDDEN else character
        for character in unicodedata.normalize("NFC", name)
        if unicodedata.category(character)[0] != "C"
    )
    kept = " ".join(kept.split()).strip(". ")
    if len(kept) > LONGEST:
        stem, dot, suffix = kept.rpartition(".")
        is_suffix = dot and len(suffix) <= 10
        kept = (
            f"{stem[: LONGEST - len(suffix) - 1].rstrip('. ')}.{suffix}" if is_suffix else kept[:LONGEST].rstrip(". ")
        )
    return kept or fallback


def attachment(filename: str) -> str:
    """Return the value of `Content-Disposition` that saves a file under this name."""
    return str(content_disposition_header(as_attachment=True, filename=safe_filename(filename)))


def inline(filename: str) -> str:
    """Return the value of `Content-Disposition` that shows a file, and saves it under this name if asked to."""
    return str(content_disposition_header(as_attachment=False, filename=safe_filename(filename)) or "inline")
