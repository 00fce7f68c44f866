"""What all API viewsets share: who gets in, in what order things are refused, and how answers look."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from drf_spectacular.openapi import AutoSchema
from rest_framework.parsers import JSONParser
from rest_framework.permissions import AllowAny, BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from meetings import lookups
from meetings.api import openapi as openapi  # registers how our fields and callers are described
from meetings.api.callers import BearerAuthentication, Caller
from meetings.api.errors import exception_handler, route_not_found
from meetings.api.negotiation import BodyJSONRenderer, DocumentNegotiation, PlainTextJSONRenderer
from meetings.api.permissions import DenyAll, NamedPermission
from meetings.exceptions import NotFound
from meetings.models import LINK, Meeting


class ApiViewSet(GenericViewSet[Any]):
    """A viewset that names a permission for each of its actions in `permissions`.

    Refused in this order: no such route, no caller, no permission, bad body, no such object, bad values. A project's
    `REST_FRAMEWORK` settings change nothing here.
    """

    permissions: ClassVar[Mapping[str, type[NamedPermission] | type[AllowAny]]] = {}
    text_plain: ClassVar[frozenset[str]] = frozenset()

    authentication_classes = (BearerAuthentication,)
    permission_classes = (DenyAll,)
    content_negotiation_class = DocumentNegotiation
    parser_classes = (JSONParser,)  # for the OpenAPI document; bodies are read by `read_body`
    renderer_classes = (BodyJSONRenderer,)
    throttle_classes = ()
    filter_backends = ()
    pagination_class: Any = None
    versioning_class = None
    schema = AutoSchema()

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        self.action = (self.action_map or {}).get((request.method or "").lower(), "")  # read by get_authenticators
        return super().initialize_request(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if request.method == "OPTIONS":  # what a path takes is no secret
            return
        if self.action is None:
            raise route_not_found()
        super().initial(request, *args, **kwargs)

    def get_permissions(self) -> list[Any]:
        chosen: type[BasePermission] = self.permissions.get(self.action or "", DenyAll)
        return [chosen()]

    def permission_denied(self, request: Request, message: str | None = None, code: str | None = None) -> Any:
        needed = getattr(self.permissions.get(self.action or "", DenyAll), "name", "")
        super().permission_denied(request, f"NotAllowedAccess: the permission {needed} is needed.", code)

    def get_authenticators(self) -> list[Any]:
        is_public = self.permissions.get(self.action or "") is AllowAny
        return [] if is_public else super().get_authenticators()

    def get_renderers(self) -> list[Any]:
        extra = [PlainTextJSONRenderer()] if self.action in self.text_plain else []
        return [*super().get_renderers(), *extra]

    def get_exception_handler(self) -> Any:
        return exception_handler

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Any:
        finished = super().finalize_response(request, response, *args, **kwargs)
        if isinstance(finished, Response):
            finished.add_post_render_callback(_untie)
        return finished

    def options(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        answer = HttpResponse(status=204)
        del answer["Content-Type"]  # there is no content
        return answer

    @property
    def caller(self) -> Caller:
        """The authenticated caller."""
        caller: Caller = self.request.user  # type: ignore[assignment]
        return caller

    def find_meeting(self, meeting_link: str, message: str = "Meeting Not Found") -> Meeting:
        """Return the caller's alive meeting; raise `NotFound` with the operation's own sentence."""
        meeting: Meeting | None = None
        if LINK.fullmatch(meeting_link):
            meeting = lookups.alive_meeting.first(tenant=self.caller.tenant, meeting_link=meeting_link)
        if meeting is None:
            raise NotFound(message, code="meeting_not_found")
        return meeting


def _untie(response: Any) -> None:
    """Forget what an answer was made with: tied in circles, long lists would stay until the collector comes by."""
    context = response.renderer_context
    view = context["view"]
    for name in ("response", "head", *(view.action_map or ())):  # its answer, and itself by bound methods
        vars(view).pop(name, None)
    context["request"].parser_context.clear()
    context.pop("response", None)
