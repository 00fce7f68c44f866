"""`manage.py replay_webhooks`: apply stored deliveries again."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from meetings import intake
from meetings.models import WebhookDelivery
from meetings.providers.registry import is_configured

Verdict = WebhookDelivery.Verdict
REPLAYABLE = (Verdict.FAILED, Verdict.UNMATCHED, Verdict.UNKNOWN, Verdict.APPLIED)
BATCH = 500
MOST_HOURS = 876_000


class Command(BaseCommand):
    help = (
        "Apply stored webhook deliveries again, oldest first: by default those that failed or that met no meeting. "
        "What was applied already changes nothing. What did not verify is never applied."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--verdict",
            action="append",
            choices=[verdict.value for verdict in REPLAYABLE],
            help="Only these verdicts (may be repeated); default: failed and unmatched.",
        )
        parser.add_argument("--provider", help="Only deliveries of this provider's alias.")
        parser.add_argument("--session", help="Only deliveries about this session id.")
        parser.add_argument("--hours", type=int, help="Only deliveries of the last so many hours.")
        parser.add_argument("--dry-run", action="store_true", help="Count them and apply none.")

    def handle(self, *args: Any, **options: Any) -> None:
        verdicts = options["verdict"] or [Verdict.FAILED.value, Verdict.UNMATCHED.value]
        chosen = WebhookDelivery.objects.filter(verdict__in=verdicts, dedupe_key__isnull=False).order_by("pk")
        if options["provider"]:
            chosen = chosen.filter(provider=options["provider"])
        if options["session"]:
            chosen = chosen.filter(session_id=options["session"])
        if options["hours"] is not None:
            if not 1 <= options["hours"] <= MOST_HOURS:
                raise CommandError(f"--hours must be from 1 to {MOST_HOURS}.")
            chosen = chosen.filter(received_at__gte=timezone.now() - timedelta(hours=options["hours"]))
        if options["dry_run"]:
            self.stdout.write(f"{chosen.count()} to replay")
            return
        aliases = chosen.order_by().values_list("provider", flat=True).distinct()
        unconfigured = sorted(alias for alias in aliases if not is_configured(alias))
        chosen = chosen.exclude(provider__in=unconfigured)
        counts: dict[str, int] = {}
        last = 0
        while batch := list(chosen.filter(pk__gt=last)[:BATCH]):
            for delivery in batch:
                verdict = str(intake.replay(delivery).verdict)
                counts[verdict] = counts.get(verdict, 0) + 1
            last = batch[-1].pk
        self.stdout.write(", ".join(f"{verdict} {count}" for verdict, count in sorted(counts.items())) or "none")
        if unconfigured:
            raise CommandError(
                f"Deliveries of {', '.join(unconfigured)} were left as they are: no such provider is configured here."
            )
        if counts.get(Verdict.FAILED):
            raise CommandError(f"{counts[Verdict.FAILED]} failed; their pages in the admin show the error.")
