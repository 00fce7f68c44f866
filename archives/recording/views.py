"""Chunks over HTTP: bounded body in, a few statements, status out. No cookie, no session, no REST framework."""

from __future__ import annotations

import logging
import re
from threading import BoundedSemaphore
from typing import Any

from django.db import OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.request import UnreadablePostError
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.csrf import csrf_exempt

from archives.recording import intake
from archives.recording.intake import ChunkRefused
from meetings import strict_json
from meetings.envelope import envelope
from meetings.exceptions import StorageError

logger = logging.getLogger(__name__)

MOST_BODIES = 24
"""Bodies that one process reads and stores at a time; with 4 MiB each this bounds its memory."""
MAX_CLOSE = 1024
_NUMBER = re.compile(r"[0-9]{1,6}")
_MOMENT = re.compile(r"[0-9]{1,15}")
_bodies = BoundedSemaphore(MOST_BODIES)


@method_decorator(csrf_exempt, name="dispatch")
class _TrackView(View):
    """What a page asks with its ticket in `Authorization: Bearer`."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            response: HttpResponse = super().dispatch(request, *args, **kwargs)  # type: ignore[assignment]
        except ChunkRefused as error:
            response = _refusal(error)
        except StorageError as error:
            logger.warning("A recording can't be stored: %s", error.message)
            response = _refusal(intake.unavailable(error))
        except OperationalError:
            logger.warning("The database did not take a chunk", exc_info=True)
            response = _refusal(
                ChunkRefused(503, "busy", "The server is too busy. Try again.", retry_after=intake.RETRY_AFTER)
            )
        except (UnreadablePostError, ConnectionError):
            response = _refusal(ChunkRefused(400, "invalid_value", "The body broke off."))
        response["Cache-Control"] = "no-store"
        return response


class ChunkView(_TrackView):
    """`PUT /recordings/tracks/{track}/chunks/{sequence}`: 200 `{"received", "ticket"?, "expiresIn"?}`.

    `X-Recorded-At`: when the page had it, in ms since the epoch by our clock; tracks are aligned by it.
    """

    http_method_names = ["put"]

    def put(self, request: HttpRequest, track_id: str, sequence: str) -> HttpResponse:
        now = timezone.now()
        track, age = intake.find(track_id, _ticket(request), now)
        if not _NUMBER.fullmatch(sequence):
            raise ChunkRefused(400, "invalid_value", f"A chunk's number is at most {intake.MAX_SEQUENCE}.")
        size = _length(request)
        if request.content_type != "video/webm":
            raise ChunkRefused(415, "UNSUPPORTED_MEDIA_TYPE", "Send chunks as video/webm.")
        intake.refuse_early(track, int(sequence), size, now)
        if not _bodies.acquire(blocking=False):
            raise ChunkRefused(503, "busy", "Too many chunks at once. Try again.", retry_after=1)
        try:
            intake.take(track, int(sequence), _body(request, size), now, recorded_at=_recorded_at(request))
        finally:
            _bodies.release()
        return JsonResponse({"received": int(sequence), **intake.renewed(track, age, now)})


class CloseView(_TrackView):
    """`POST /recordings/tracks/{track}/close` `{"count": n}`: the page will send no more than these; 204."""

    http_method_names = ["post"]

    def post(self, request: HttpRequest, track_id: str) -> HttpResponse:
        now = timezone.now()
        track, _ = intake.find(track_id, _ticket(request), now)
        try:
            said = strict_json.loads(request.read(MAX_CLOSE))
        except strict_json.InvalidJSON:
            said = None
        count = said.get("count") if isinstance(said, dict) else None
        if not isinstance(count, int) or isinstance(count, bool) or not 0 <= count <= intake.MAX_SEQUENCE + 1:
            raise ChunkRefused(400, "invalid_value", 'Send {"count": n}: how many chunks the track has.')
        intake.close(track, count, now)
        done = HttpResponse(status=204)
        del done["Content-Type"]
        return done


def _ticket(request: HttpRequest) -> str:
    kind, _, ticket = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    return ticket.strip() if kind.lower() == "bearer" else ""


def _recorded_at(request: HttpRequest) -> int | None:
    """Return when the page had the chunk, in ms by our clock, if it says so."""
    said = request.META.get("HTTP_X_RECORDED_AT", "")
    return int(said) if _MOMENT.fullmatch(said) else None


def _length(request: HttpRequest) -> int:
    """Return the body's announced size; a body without one is not read at all."""
    length = request.META.get("CONTENT_LENGTH") or ""
    if not length or "HTTP_TRANSFER_ENCODING" in request.META:
        raise ChunkRefused(411, "length_required", "Send a Content-Length.")
    if not (length.isascii() and length.isdecimal()) or len(length) > 9 or int(length) > intake.MAX_CHUNK:
        raise ChunkRefused(413, "body_too_large", f"A chunk can have at most {intake.MAX_CHUNK} bytes.")
    if int(length) == 0:
        raise ChunkRefused(400, "invalid_value", "A chunk has at least one byte.")
    return int(length)


def _body(request: HttpRequest, size: int) -> bytes:
    body: bytes = request.read(size + 1)
    if len(body) != size:
        raise ChunkRefused(400, "invalid_value", "The body broke off.")
    return body


def _refusal(error: ChunkRefused) -> HttpResponse:
    headers = {} if error.retry_after is None else {"Retry-After": str(error.retry_after)}
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    response = JsonResponse(envelope(error.status, error.message, error.code), status=error.status, headers=headers)
    response._has_been_logged = True  # type: ignore[attr-defined]  # noqa: SLF001  (Django would log each, with a traceback's worth)
    return response
