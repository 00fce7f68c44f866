from __future__ import annotations

from django.urls import path

from meetings.webhooks.views import receive_webhook

urlpatterns = [
    path("webhooks/session", receive_webhook, name="webhook-session"),
    path("webhooks/session/<str:path_token>", receive_webhook, name="webhook-session-token"),
    path("webhooks/<slug:alias>", receive_webhook, name="webhook"),
    path("webhooks/<slug:alias>/<str:path_token>", receive_webhook, name="webhook-token"),
]
