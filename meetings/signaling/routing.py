"""Where the signalling socket is: mount `websocket_urlpatterns` in the host's `URLRouter`."""

from __future__ import annotations

from django.urls import path

from meetings.signaling.consumers import MeetingConsumer

websocket_urlpatterns = [path("ws/meet/<str:meeting_link>", MeetingConsumer.as_asgi())]
