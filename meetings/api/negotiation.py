"""`Accept`: JSON, or the same JSON text as text/plain where the API document says so."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request


class PlainTextJSONRenderer(JSONRenderer):
    """JSON text under `Content-Type: text/plain`, for clients of the original that ask for it and parse JSON."""

    media_type = "text/plain"
    format = "txt"
    charset = "utf-8"


class DocumentNegotiation(BaseContentNegotiation):
    """Pick a renderer that the view has; nothing is ever "not acceptable", as in the original.

    text/plain wins where it is named and ranks at least as high as JSON does (by name or by wildcard).
    """

    def select_parser(self, request: Request, parsers: Iterable[Any]) -> Any:
        return next(iter(parsers))

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        ranks = accepted(request.META.get("HTTP_ACCEPT", ""))
        json = next((ranks[name] for name in ("application/json", "application/*", "*/*") if name in ranks), 0.0)
        default, *others = renderers
        for renderer in others:
            rank = ranks.get(renderer.media_type, 0.0)
            if rank > 0 and rank >= json:
                return renderer, renderer.media_type
        return default, default.media_type


def accepted(header: str) -> dict[str, float]:
    """Return media range -> quality (0 to 1) of an `Accept` header; parts that can't be read are left out."""
    ranks: dict[str, float] = {}
    for part in header.split(",")[:50]:
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        quality = next((piece[2:].strip() for piece in parameters if piece.startswith("q=")), "1")
        try:
            rank = min(max(float(quality), 0.0), 1.0)
        except ValueError:
            continue
        if name and rank == rank:
            ranks[name] = max(rank, ranks.get(name, 0.0))
    return ranks
