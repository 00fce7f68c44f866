"""Which client a request really comes from, when proxies stand in front."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase


class TrustedProxiesMiddleware:
    """Sets REMOTE_ADDR to the address that the outermost of the TRUSTED_PROXIES saw.

    Each proxy appends the address it was called from to X-Forwarded-For, so what can be believed is counted
    from the right; what is further left was written by the client. Without trusted proxies nothing is read.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        trusted: int = settings.TRUSTED_PROXIES
        if trusted:
            seen = [part.strip() for part in request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")]
            if len(seen) >= trusted and seen[-trusted]:
                request.META["REMOTE_ADDR"] = seen[-trusted]
        return self.get_response(request)
