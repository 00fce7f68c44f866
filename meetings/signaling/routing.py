"""Where the signalling socket is: mount `websocket_urlpatterns` in the host's `URLRouter`."""

from __future__ import annotations

from typing import Any, cast

from django.urls import path

from meetings.signaling.consumers import MeetingConsumer

# Channels routes ASGI applications with Django's `path`, whose types know views only.
websocket_urlpatterns = [path("ws/meet/<str:meeting_link>", cast(Any, MeetingConsumer.as_asgi()))]
