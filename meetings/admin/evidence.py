"""What came in from providers, and what was seen: webhook deliveries and attendance facts. Read-only."""

from __future__ import annotations

import contextlib
import json
import unicodedata
from typing import Any

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString

from meetings import intake
from meetings.admin import filters
from meetings.admin.attendees import meeting_ids
from meetings.admin.base import Operation, VideoconfAdmin
from meetings.exceptions import VideoconfError
from meetings.models import AttendanceFact, WebhookDelivery


def _replay(delivery: WebhookDelivery, actor: str) -> str:
    replayed = intake.replay(delivery)
    if replayed.verdict == WebhookDelivery.Verdict.FAILED:
        raise VideoconfError("It failed again; the error is on its page.")
    return f"Replayed: {replayed.get_verdict_display()}."


def as_block(text: str) -> SafeString:
    """Return text as it is, JSON indented, in a box of its own; characters that would move others are spelled out."""
    with contextlib.suppress(ValueError):
        text = json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    text = "".join(f"\\u{ord(char):04x}" if unicodedata.category(char) == "Cf" else char for char in text)
    return format_html('<pre class="videoconf-block" tabindex="0">{}</pre>', text)


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(VideoconfAdmin):
    """Inbound events and what became of them.

    Reading takes Django's `view_webhookdelivery`, replaying `change_webhookdelivery`: the API document has no names for
    them. What did not verify can't be replayed.
    """

    operations = (
        Operation(
            name="replay",
            label="Replay",
            list_label="Replay selected deliveries",
            permission="change_webhookdelivery",
            question="Apply this delivery again?",
            consequence="It is applied as if it came in now. What it changed already stays as it is.",
            perform=_replay,
            applies=lambda delivery: delivery.dedupe_key is not None,
            refusal="A delivery that did not verify can't be replayed.",
            refusal_level=messages.WARNING,
        ),
    )
    list_display = ("__str__", "provider", "verdict", "first_line", "session_id", "received_at", "attempts")
    list_filter = (
        filters.VerdictFilter,
        filters.ProviderFilter,
        filters.OfMeetingFilter,
    )
    list_defer = ("body",)
    search_fields = ("session_id",)
    search_help_text = "A session id, or a meeting's link id."
    fieldsets = (
        (None, {"fields": ("provider", "kind", "session_id", "meeting", "received_at")}),
        ("Outcome", {"fields": ("verdict", "applied_at", "attempts", "error_block")}),
        ("As it came", {"fields": ("body_block", "dedupe_key")}),
    )
    readonly_fields = ("error_block", "body_block")

    @admin.display(description="error")
    def first_line(self, delivery: WebhookDelivery) -> str:
        """The last line of a traceback says what it was."""
        lines = delivery.error.strip().splitlines()
        return lines[-1][:120] if lines else ""

    @admin.display(description="error")
    def error_block(self, delivery: WebhookDelivery) -> str:
        return as_block(delivery.error) if delivery.error else "-"

    @admin.display(description="body")
    def body_block(self, delivery: WebhookDelivery) -> str:
        return as_block(delivery.body)

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[QuerySet[Any], bool]:
        text = search_term.strip()
        if not text:
            return queryset, False
        return queryset.filter(Q(session_id=text) | Q(meeting_id__in=meeting_ids(text))), False


@admin.register(AttendanceFact)
class AttendanceFactAdmin(VideoconfAdmin):
    """What was seen about presence, by whom. Reading takes Django's `view_attendancefact`."""

    list_display = ("__str__", "meeting", "at", "source", "connection_id", "created_on")
    list_filter = (filters.OfMeetingFilter,)
    list_defer = ("payload",)
    list_select_related = ("meeting",)
    search_fields = ("meeting__meeting_link",)
    search_help_text = "A meeting's link id or session id."
    fields = (
        "kind",
        "at",
        "meeting",
        "connection_id",
        "stream_id",
        "source",
        "delivery",
        "payload_block",
        "fact_key",
        "created_on",
    )
    readonly_fields = ("payload_block",)

    @admin.display(description="payload")
    def payload_block(self, fact: AttendanceFact) -> str:
        return as_block(json.dumps(fact.payload))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).select_related("meeting", "delivery")

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str) -> tuple[QuerySet[Any], bool]:
        text = search_term.strip()
        return (queryset.filter(meeting_id__in=meeting_ids(text)) if text else queryset), False
