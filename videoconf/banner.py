"""The lines that end the start-up of `make run`."""

from __future__ import annotations

from django.conf import settings

from meetings.models import Meeting
from videoconf.environment import WILDCARDS
from videoconf.first_steps import FirstAdmin


def banner(admin: FirstAdmin, meeting: Meeting, token: str | None) -> list[str]:
    """Return what a newcomer can use at once, and what is open because this is a machine of her own."""
    base = base_url()
    return [
        "",
        "Video meetings are running. Ctrl-C stops them.",
        "",
        f"  A ready meeting    {base}/meet/{meeting.meeting_link}   (open it in two windows)",
        f"  Admin              {base}/admin/   {login(admin)}",
        f"  API documentation  {base}/docs",
        *call_lines(base, token),
        *warnings(),
        "",
    ]


def base_url() -> str:
    """Return the address that a browser on this machine opens."""
    host = settings.ALLOWED_HOSTS[0] if settings.HOST in WILDCARDS and settings.ALLOWED_HOSTS else settings.HOST
    return f"http://[{host}]:{settings.PORT}" if ":" in host else f"http://{host}:{settings.PORT}"


def login(admin: FirstAdmin) -> str:
    if admin.password is None:
        return f"{admin.username} (forgotten? .venv/bin/python manage.py changepassword {admin.username})"
    if settings.ADMIN_PASSWORD:
        return f"{admin.username} / the password in ADMIN_PASSWORD"
    return f"{admin.username} / {admin.password}   (shown this once)"


def call_lines(base: str, token: str | None) -> list[str]:
    if token is None:
        return ["", "  Callers' tokens are verified with JWT_PUBLIC_KEY; mint one where its private key is."]
    return [
        "",
        "  Create a meeting, whose page is /meet/ and the code that comes back. The token is good for a day;",
        "  .venv/bin/python manage.py mint_token --permissions all  prints another:",
        f"  curl -X POST {base}/session -H 'Content-Type: application/json' -d '{{}}' \\",
        f"    -H 'Authorization: Bearer {token}'",
    ]


def warnings() -> list[str]:
    found = []
    if settings.DEMO and settings.VONAGE:
        found.append(f"  A stand-in at {settings.VONAGE['API_URL']} answers for Vonage (VIDEOCONF_DEMO), media apart.")
    if settings.VIDEOCONF["ALLOW_UNSIGNED_WEBHOOKS"]:
        found.append("  Webhooks are accepted unsigned (ALLOW_UNSIGNED_WEBHOOKS).")
    if settings.VIDEOCONF["GUEST_ROLE"]:
        found.append(f"  Whoever has a meeting's link may join as {settings.VIDEOCONF['GUEST_ROLE']} (GUEST_ROLE).")
    if not settings.ON_LOOPBACK:
        found.append("  Browsers give camera and microphone to https:// pages only: put a TLS proxy in front.")
    return ["", *found] if found else []
