"""`/schema` and `/docs`: the OpenAPI document and a page to read it, public, the same under any host's settings."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.apps import apps
from django.templatetags.static import static
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView
from rest_framework.exceptions import NotAcceptable
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.views import APIView

from meetings.api.errors import exception_handler
from meetings.api.openapi import OwnSchemaGenerator

SIDECAR = "drf_spectacular_sidecar"


class LenientNegotiation(DefaultContentNegotiation):
    """As usual, but what nobody asked for is better than nothing: a browser gets the document too."""

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> tuple[BaseRenderer, str]:
        known = list(renderers)
        try:
            chosen: tuple[BaseRenderer, str] = super().select_renderer(request, known, format_suffix)
        except NotAcceptable:
            return known[0], known[0].media_type
        return chosen


class PublicDocument(APIView):
    """No token, no throttle, and errors in the API's envelope."""

    authentication_classes = ()
    permission_classes = ()
    throttle_classes = ()
    content_negotiation_class = LenientNegotiation
    http_method_names = ["get", "head"]

    def get_exception_handler(self) -> Any:
        return exception_handler


class SchemaView(PublicDocument, SpectacularAPIView):
    """The OpenAPI document: YAML, or JSON where that is asked for."""

    generator_class = OwnSchemaGenerator


class DocsView(PublicDocument, SpectacularSwaggerSplitView):
    """Swagger UI from local assets, wherever `drf_spectacular_sidecar` is installed, whatever the host's settings."""

    @staticmethod
    def _swagger_ui_resource(filename: str) -> str:
        if apps.is_installed(SIDECAR):
            return static(f"{SIDECAR}/swagger-ui-dist/{filename}")
        resource: str = SpectacularSwaggerSplitView._swagger_ui_resource(filename)  # type: ignore[no-untyped-call]
        return resource
