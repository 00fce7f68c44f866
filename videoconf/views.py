from __future__ import annotations

from typing import Any

from django.views.generic import TemplateView


class LandingView(TemplateView):
    """The first page: where the meeting, the admin and the API's description are."""

    template_name = "landing.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**kwargs)
