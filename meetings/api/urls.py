"""Routes of the meetings API; no trailing slashes, any mount prefix."""

from __future__ import annotations

from django.urls import path

from meetings.api.accounts import TokenViewSet
from meetings.api.documents import DocsView, SchemaView
from meetings.api.health import HealthViewSet
from meetings.api.viewsets import AttendeeViewSet, MeetingViewSet

meeting = "session/<str:meeting_link>"

urlpatterns = [
    path("session", MeetingViewSet.as_view({"get": "list", "post": "create"}), name="session-list"),
    path(
        meeting,
        MeetingViewSet.as_view({"get": "retrieve", "patch": "partial_update", "delete": "destroy"}),
        name="session",
    ),
    path(f"{meeting}/end", MeetingViewSet.as_view({"patch": "end"}), name="session-end"),
    path(f"{meeting}/token", MeetingViewSet.as_view({"post": "token"}), name="session-token"),
    path(f"{meeting}/join-check", MeetingViewSet.as_view({"get": "join_check"}), name="session-join-check"),
    path(f"{meeting}/attendees", AttendeeViewSet.as_view({"get": "list"}), name="attendees"),
    path(f"{meeting}/attendance", AttendeeViewSet.as_view({"get": "attendance"}), name="attendance"),
    path(
        f"{meeting}/attendees/<str:attendee_id>/remove",
        AttendeeViewSet.as_view({"post": "remove"}),
        name="attendee-remove",
    ),
    path(
        f"{meeting}/attendees/<str:attendee_id>/mute",
        AttendeeViewSet.as_view({"post": "mute"}),
        name="attendee-mute",
    ),
    path(f"{meeting}/mute", AttendeeViewSet.as_view({"post": "mute_all"}), name="session-mute"),
    path("auth/token", TokenViewSet.as_view({"post": "obtain"}), name="auth-token"),
    path("auth/token/refresh", TokenViewSet.as_view({"post": "refresh"}), name="auth-token-refresh"),
    path("health/live", HealthViewSet.as_view({"get": "live"}), name="health-live"),
    path("health/ready", HealthViewSet.as_view({"get": "ready"}), name="health-ready"),
    path("schema", SchemaView.as_view(), name="schema"),
    path("docs", DocsView.as_view(url_name="videoconf:schema"), name="docs"),
]
