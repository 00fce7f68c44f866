"""What browsers' pages need of a request and an answer, for pages alone, and in one layer.

No cookie opens the API, the webhooks or the health checks, so nothing looks for one in their requests: not for a
session, a user of the admin or a message; and no script runs in what they answer.
"""

from __future__ import annotations

import re
from typing import Any

from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest

from videoconf.page_policy import PagePolicyMiddleware

OF_PROGRAMS = re.compile(r"/(session|archives|webhooks|health)(/|$)")
LAYERS = (SessionMiddleware, AuthenticationMiddleware, MessageMiddleware, PagePolicyMiddleware)
"""From the outside in: each needs the one before."""


class PagesMiddleware(*LAYERS):  # type: ignore[misc]  # the checks of Django's admin look for its bases
    """Sessions, `request.user`, messages and the Content-Security-Policy."""

    def __call__(self, request: HttpRequest) -> Any:
        if OF_PROGRAMS.match(request.path_info):
            return self.get_response(request)
        return super().__call__(request)

    def process_request(self, request: HttpRequest) -> None:
        for layer in LAYERS:
            layer.process_request(self, request)

    def process_response(self, request: HttpRequest, response: Any) -> Any:
        for layer in reversed(LAYERS):
            if hasattr(layer, "process_response"):
                response = layer.process_response(self, request, response)
        return response
