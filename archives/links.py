"""Links of our own to an archive's file: signed, expiring, opened by whoever has them, for storages that have none."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.core.signing import BadSignature, Signer
from django.urls import reverse

from archives.models import Archive

SALT = "videoconf.recording.file"
LIFETIME = timedelta(minutes=10)
INLINE, DOWNLOAD = "play", "save"


def file_path(archive: Archive, now: datetime, *, how: str = INLINE, lifetime: timedelta = LIFETIME) -> str:
    """Return the path and query that open an archive's file until `lifetime` is over.

    `how` says what a browser does with it: `play` it, or `save` it. Never log it: it is a secret while it lasts.
    """
    expires = int((now + lifetime).timestamp())
    signature = Signer(salt=SALT).signature(_signed(archive.archive_id, expires, how))
    path = reverse("videoconf_archives:recording-file", args=[archive.archive_id])
    return f"{path}?expires={expires}&how={how}&signature={signature}"


def is_open(archive_id: str, *, expires: str, how: str, signature: str, now: datetime) -> bool:
    """Whether the parts of a link's query were signed by us and have not expired."""
    if not (expires.isascii() and expires.isdecimal()) or len(expires) > 11 or how not in (INLINE, DOWNLOAD):
        return False
    try:
        Signer(salt=SALT).unsign(f"{_signed(archive_id, int(expires), how)}:{signature}")
    except BadSignature:
        return False
    return int(expires) > now.timestamp()


def _signed(archive_id: str, expires: int, how: str) -> str:
    return f"{archive_id}/{expires}/{how}"
