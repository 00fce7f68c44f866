"""`Accept`: JSON, or the same JSON text as text/plain where the API document says so."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request


class JSONText(str):
    """An answer that is JSON text already."""

    __slots__ = ()


class BodyJSONRenderer(JSONRenderer):
    """JSON in which an answer of `None` is the body `null`, as the API document has it; a 204 stays without a body."""

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        if isinstance(data, JSONText):
            return data.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029").encode()
        response = (renderer_context or {}).get("response")
        if data is None and response is not None and response.status_code == 200:
            return b"null"
        rendered: bytes = super().render(data, accepted_media_type, renderer_context)
        return rendered


class PlainTextJSONRenderer(BodyJSONRenderer):
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
        header = request.META.get("HTTP_ACCEPT", "")
        default, *others = renderers
        chosen = next((renderer for renderer in others if prefers(header, renderer.media_type)), default)
        return chosen, chosen.media_type


def prefers(header: str, media_type: str) -> bool:
    """Whether an `Accept` header names a media type and ranks it at least as high as JSON (by name or by wildcard)."""
    ranks = accepted(header)
    json = next((ranks[name] for name in ("application/json", "application/*", "*/*") if name in ranks), 0.0)
    rank = ranks.get(media_type, 0.0)
    return rank > 0 and rank >= json


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
