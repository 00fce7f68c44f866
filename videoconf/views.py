from __future__ import annotations

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.templatetags.static import static
from django.views.generic import TemplateView

from videoconf.first_steps import find_ready_meeting


class LandingView(TemplateView):
    """The first page: where the ready meeting of `make run`, the admin and the API's description are."""

    template_name = "landing.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        meeting = find_ready_meeting() if settings.LOCAL else None
        address = f"/meet/{meeting.meeting_link}" if meeting else None
        return super().get_context_data(ready_meeting_url=address, docs_url="/docs", **kwargs)


def favicon(request: HttpRequest) -> HttpResponse:
    """Lead a browser that asks for the icon without having read of one (the admin's pages name none)."""
    return HttpResponseRedirect(static("videoconf/icon.svg"))
