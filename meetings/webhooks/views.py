"""Webhooks over HTTP: bounded body in, status out. What happens in between is in `intake`."""

from __future__ import annotations

import hmac

from django.core.handlers.wsgi import WSGIRequest
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from meetings import intake
from meetings.conf import conf
from meetings.envelope import envelope, envelope_of, headers_of, status_of
from meetings.exceptions import VideoconfError, WebhookError
from meetings.providers.registry import get_provider, is_configured
from meetings.providers.types import WebhookMessage
from meetings.webhooks.refusals import refusals


@csrf_exempt
def receive_webhook(request: HttpRequest, alias: str | None = None, path_token: str = "") -> HttpResponse:
    """`POST /webhooks/session` (the default provider, answers 204) and `POST /webhooks/<alias>` (answers 200)."""
    name = alias or conf.DEFAULT_PROVIDER
    if request.method != "POST" or not _is_right_path(path_token) or not is_configured(name):
        return not_found()
    if _is_unreadable(request):
        return JsonResponse(envelope(411, "Send a Content-Length.", "length_required"), status=411)
    if (body := _bounded_body(request)) is None:
        message = f"A webhook body can have at most {intake.MAX_BODY} bytes."
        return JsonResponse(envelope(413, message, "body_too_large"), status=413)
    try:
        outcome = intake.receive(get_provider(name), WebhookMessage(body=body, headers=_headers_of(request)))
    except VideoconfError as error:
        return _refusal(name, error)
    if outcome is intake.Outcome.FAILED:
        text = "The event is stored and could not be applied; sending it again applies it."
        return JsonResponse(envelope(500, text, "webhook_failed"), status=500)
    done = HttpResponse(status=204 if alias is None else 200)
    del done["Content-Type"]  # there is no content
    return done


def _headers_of(request: HttpRequest) -> dict[str, str]:
    """Return the headers by their names in small letters, without the objects that Django puts around them."""
    return {
        key.removeprefix("HTTP_").replace("_", "-").lower(): value
        for key, value in request.META.items()
        if key.startswith("HTTP_") or key in {"CONTENT_TYPE", "CONTENT_LENGTH"}
    }


def not_found() -> HttpResponse:
    """Return the answer for an address that is no route."""
    return JsonResponse(envelope(404, "API not found !", "route_not_found"), status=404)


def _refusal(alias: str, error: VideoconfError) -> HttpResponse:
    status = status_of(error)
    response = JsonResponse(envelope_of(error), status=status, headers=headers_of(error))
    if not isinstance(error, WebhookError):
        return response
    if status == 401:
        response["WWW-Authenticate"] = "Bearer"
    if status == 503:
        response["Retry-After"] = "60"
    refusals.note(alias, error.code)
    # Else Django adds a line for each, an error for a 503, and with the path token in it.
    response._has_been_logged = True  # type: ignore[attr-defined]  # noqa: SLF001
    return response


def _is_right_path(path_token: str) -> bool:
    return hmac.compare_digest(path_token.encode(), (conf.WEBHOOK_PATH_TOKEN or "").encode())


def _is_unreadable(request: HttpRequest) -> bool:
    """Under WSGI a chunked body reads as an empty one, which would be acknowledged as a probe and lost."""
    is_chunked = "HTTP_TRANSFER_ENCODING" in request.META and not request.META.get("CONTENT_LENGTH")
    return is_chunked and isinstance(request, WSGIRequest)


def _bounded_body(request: HttpRequest) -> bytes | None:
    length = request.META.get("CONTENT_LENGTH") or "0"
    if not length.isdecimal() or not length.isascii() or len(length) > 9 or int(length) > intake.MAX_BODY:
        return None
    body: bytes = request.read(intake.MAX_BODY + 1)
    return None if len(body) > intake.MAX_BODY else body
