from __future__ import annotations

from django.urls import path

from meetings.webhooks.views import WebhookView

urlpatterns = [
    path("webhooks/session", WebhookView.as_view(), name="webhook-session"),
    path("webhooks/session/<str:path_token>", WebhookView.as_view(), name="webhook-session-token"),
    path("webhooks/<slug:alias>", WebhookView.as_view(), name="webhook"),
    path("webhooks/<slug:alias>/<str:path_token>", WebhookView.as_view(), name="webhook-token"),
]
