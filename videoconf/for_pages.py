"""The middleware that browsers' pages need, for pages alone.

No cookie opens the API, the webhooks or the health checks, so nothing looks for one in their requests: not for a
session, a user of the admin or a message; and no script runs in what they answer.
"""

from __future__ import annotations

import re
from typing import Any

from django.contrib.auth.middleware import AuthenticationMiddleware as Authentication
from django.contrib.messages.middleware import MessageMiddleware as Message
from django.contrib.sessions.middleware import SessionMiddleware as Session
from django.http import HttpRequest

from videoconf.page_policy import PagePolicyMiddleware as PagePolicy

OF_PROGRAMS = re.compile(r"/(session|archives|webhooks|health)(/|$)")


class _ForPages:
    """Leaves requests alone that come from programs, in front of any middleware of Django's usual form."""

    get_response: Any

    def __call__(self, request: HttpRequest) -> Any:
        if OF_PROGRAMS.match(request.path_info):
            return self.get_response(request)
        return super().__call__(request)  # type: ignore[misc]


class SessionMiddleware(_ForPages, Session):
    """Sessions, for pages."""


class AuthenticationMiddleware(_ForPages, Authentication):
    """`request.user`, for pages."""


class MessageMiddleware(_ForPages, Message):
    """Messages, for pages."""


class PagePolicyMiddleware(_ForPages, PagePolicy):
    """The Content-Security-Policy, for pages."""
