"""Answers to requests that reach no view: the API's envelope for programs, a page for people."""

from __future__ import annotations

import re
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.csrf import csrf_exempt

from meetings.envelope import envelope

API_PATH = re.compile(r"^/(session|archives|auth|schema|health|webhooks)(/|$)")


def wants_page(request: HttpRequest) -> bool:
    """Tell whether a person with a browser asks, and not for a path of the API."""
    return not API_PATH.match(request.path_info) and "text/html" in request.headers.get("Accept", "")


def answer(request: HttpRequest, status: int, code: str, message: str, page: str) -> HttpResponse:
    """Return the error as the page `page`, or in the API's envelope."""
    if wants_page(request):
        return render(request, page, {"status": status}, status=status)
    return JsonResponse(envelope(status, message, code), status=status)


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer what Django refused before any view saw it (a foreign Host header, too many fields, …)."""
    return answer(request, 400, "bad_request", "The request can't be understood.", "400.html")


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Answer a form that came without the token of the page it was on."""
    message = "The form has expired, or cookies are off. Load the page again."
    return answer(request, 403, "csrf_failed", message, "403_csrf.html")


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer 403."""
    return answer(request, 403, "forbidden", "Access denied.", "403.html")


@csrf_exempt
def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    """Answer 404 for a path that leads nowhere."""
    return answer(request, 404, "route_not_found", "API not found !", "404.html")


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer 500."""
    return answer(request, 500, "internal_error", "Internal Server Error", "500.html")


def locked_out(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
    """Answer 429 after too many wrong passwords, with the seconds to wait in `Retry-After`."""
    message = "Too many failed logins. Try again later."
    response = answer(request, 429, "too_many_attempts", message, "429.html")
    response["Retry-After"] = str(int(settings.AXES_COOLOFF_TIME.total_seconds()))
    return response
