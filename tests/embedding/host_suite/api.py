"""The API in the documented host, beside an API of the host's own."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import TestCase, override_settings
from django.urls import include, path
from rest_framework.response import Response
from rest_framework.views import APIView

from meetings.plans import MeetingPlan
from meetings.services import create_meeting

from .callers import caller


class PatientsView(APIView):
    """An API of the host's own, under Django REST framework's defaults."""

    def post(self, request: Any) -> Response:
        return Response({"got": request.data["name"]})


urlpatterns = [path("patients", PatientsView.as_view()), path("", include("clinic.urls"))]


@override_settings(ROOT_URLCONF=__name__)
class ApiTests(TestCase):
    def test_host_s_own_api_keeps_its_parsers_and_errors(self) -> None:
        assert self.client.post("/patients", {"name": "Bo"}).json() == {"got": "Bo"}
        assert self.client.get("/patients").json() == {"detail": 'Method "GET" not allowed.'}

    def test_our_api_keeps_its_own_rules(self) -> None:
        refused = self.client.post("/video/session", {"title": "x"}, headers=caller("CreateMeetingSession"))
        assert (refused.status_code, refused.json()["error"]["statusCode"]) == (415, 415)

        anonymous = self.client.post("/video/session", "{}", content_type="application/json")
        assert (anonymous.status_code, anonymous["WWW-Authenticate"]) == (401, "Bearer")

    def test_schema_describes_our_operations_only(self) -> None:
        answer = self.client.get("/video/schema", headers={"accept": "application/json"})

        assert answer.status_code == 200
        assert "/video/session/{meetingLinkId}/token" in answer.json()["paths"]
        assert "/video/archives/{archiveId}" in answer.json()["paths"]
        assert all(name.startswith("/video/") for name in answer.json()["paths"])

    def test_documentation_loads_from_the_host_only(self) -> None:
        text = self.client.get("/video/docs").content.decode()

        assert "/static/drf_spectacular_sidecar/" in text
        assert "https://" not in text

    def test_user_signs_in_and_stays_in_her_tenant(self) -> None:
        user = get_user_model().objects.create_user("ada", password="pw-of-ada", branch="north")
        user.user_permissions.set(Permission.objects.filter(codename="GetMeetings"))
        for tenant in ("north", "south"):
            create_meeting(MeetingPlan(title=tenant), actor="checks", tenant=tenant)

        pair = self.client.post(
            "/video/auth/token", {"username": "ada", "password": "pw-of-ada"}, content_type="application/json"
        )
        bearer = {"authorization": f"Bearer {pair.json()['access']}"}
        listed = self.client.get("/video/session", headers=bearer)

        assert [row["title"] for row in listed.json()["results"]] == ["north"]
        assert self.client.post("/video/session", "{}", "application/json", headers=bearer).status_code == 403

    def test_archives_are_there(self) -> None:
        assert self.client.get("/video/archives", headers=caller("GetMeetingArchives")).json() == {
            "count": 0,
            "items": [],
        }
