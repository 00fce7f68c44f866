"""The Content-Security-Policy of pages. Data has none: nothing is run there, and building one takes time."""

from __future__ import annotations

from csp.middleware import CSPMiddleware
from django.http import HttpRequest
from django.http.response import HttpResponseBase


class PagePolicyMiddleware(CSPMiddleware):
    """Adds the policy to HTML alone."""

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        if not response.headers.get("Content-Type", "").startswith("text/html"):
            return response
        with_policy: HttpResponseBase = super().process_response(request, response)
        return with_policy
