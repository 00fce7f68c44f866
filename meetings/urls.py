"""Everything of the meetings app: `path("video/", include("meetings.urls"))`."""

from __future__ import annotations

from django.urls import path

from meetings.api.urls import urlpatterns as api
from meetings.views import MeetingPage, MeetingPageAct, MeetingPageState, MeetingPageToken, upgrade_required
from meetings.webhooks.urls import urlpatterns as webhooks

app_name = "videoconf"

urlpatterns = [
    *webhooks,
    *api,
    path("meet/<str:meeting_link>", MeetingPage.as_view(), name="meet"),
    path("meet/<str:meeting_link>/token", MeetingPageToken.as_view(), name="meet-token"),
    path("meet/<str:meeting_link>/state", MeetingPageState.as_view(), name="meet-state"),
    path("meet/<str:meeting_link>/act", MeetingPageAct.as_view(), name="meet-act"),
    path("ws/meet/<str:meeting_link>", upgrade_required),
]
