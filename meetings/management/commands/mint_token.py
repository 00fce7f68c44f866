"""`manage.py mint_token`: a bearer token for a caller of the API."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

import jwt
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from meetings.conf import conf


def mint(permissions: list[str], *, minutes: int, tenant: str | None = None, actor: str = "cli") -> str:
    """Return a caller's JWT, signed with `VIDEOCONF["JWT_SECRET"]`."""
    if not conf.JWT_SECRET:
        raise CommandError(
            "There is no JWT_SECRET to sign with: set it, or mint the token where the private key of JWT_PUBLIC_KEY is."
        )
    now = timezone.now()
    claims: dict[str, Any] = {
        "iss": conf.JWT_ISSUER,
        "id": actor,
        "permissions": permissions,
        "iat": int(now.timestamp()),
        "exp": int((now + timedelta(minutes=minutes)).timestamp()),
    }
    if tenant is not None:
        if not conf.TENANT_CLAIM:
            raise CommandError("--tenant needs the setting TENANT_CLAIM, which names the claim.")
        claims[conf.TENANT_CLAIM] = tenant
    return jwt.encode(claims, conf.JWT_SECRET, algorithm="HS256")


class Command(BaseCommand):
    help = "Print a bearer token for a caller with the given permissions."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--permissions", required=True, help="Names, comma separated; `all` for every one.")
        parser.add_argument("--tenant", help="The caller's tenant (needs TENANT_CLAIM).")
        parser.add_argument("--minutes", type=int, default=60, help="How long it is good for (default 60).")
        parser.add_argument("--actor", default="cli", help="Who it is, for the audit columns (default cli).")

    def handle(self, *args: Any, **options: Any) -> None:
        known = known_permissions()
        names = [name.strip() for name in options["permissions"].split(",") if name.strip()]
        names = known if names == ["all"] else names
        unknown = sorted(set(names) - set(known))
        if unknown:
            raise CommandError(f"There is no permission {unknown[0]!r}; there is {', '.join(known)}.")
        if options["minutes"] < 1:
            raise CommandError("--minutes must be at least 1.")
        token = mint(names, minutes=options["minutes"], tenant=options["tenant"], actor=options["actor"])
        self.stdout.write(token)


def known_permissions() -> list[str]:
    """Return every permission name of the installed apps' viewsets."""
    from django.contrib.auth.models import Permission

    names = Permission.objects.filter(content_type__app_label__in=("videoconf_meetings", "videoconf_archives"))
    return sorted(name for name in names.values_list("codename", flat=True) if name[:1].isupper())
