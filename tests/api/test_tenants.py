"""Tenants: off by default; with the setting, a caller finds its own tenant's rows and nobody else's."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from rest_framework_simplejwt.tokens import AccessToken

from meetings.models import Meeting
from tests.api.errors import error_of, refused
from tests.callers import PERMISSIONS, ApiClient, mint
from tests.conftest import Member
from tests.factories import ArchiveFactory, MeetingFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def _tenants(settings: Any) -> None:
    settings.VIDEOCONF = settings.VIDEOCONF | {"TENANT_CLAIM": "tenantId"}


def of(tenant: Any) -> ApiClient:
    return ApiClient(mint(*PERMISSIONS, tenantId=tenant))


def links(client: ApiClient) -> list[str]:
    return [row["meetingLink"] for row in client.get("/session").json()["results"]]


def test_by_default_everyone_is_in_one_tenant(member: Member) -> None:
    meeting = MeetingFactory.create()
    assert links(of("a")) == links(of("b")) == [meeting.meeting_link]
    assert of("a").post("/session", {}).status_code == 200
    assert set(Meeting.objects.values_list("tenant", flat=True)) == {""}


@pytest.mark.usefixtures("_tenants")
def test_what_a_tenant_makes_is_its_own() -> None:
    code = of("a").post("/session", {}).json()["code"]
    assert Meeting.objects.get().tenant == "a"
    assert of("a").get(f"/session/{code}").json()["tenant"] == "a"
    assert links(of("a")) == [code]
    for other in ("b", "A", None, "", "a "):
        assert links(of(other)) == []
        assert error_of(of(other).get(f"/session/{code}"), 404)["code"] == "meeting_not_found"


@pytest.mark.usefixtures("_tenants")
def test_without_the_claim_a_caller_is_in_the_empty_tenant() -> None:
    code = of(None).post("/session", {}).json()["code"]
    assert Meeting.objects.get().tenant == ""
    assert links(of("")) == [code]


@pytest.mark.usefixtures("_tenants")
def test_filters_and_search_stay_inside_the_tenant() -> None:
    theirs = MeetingFactory.create(tenant="b", title="Secret", ext_id="e")
    for query in (
        f"search={theirs.meeting_link}",
        "search=sec",
        "extId=e",
        f"search={theirs.session_id}",
        "state=open",
    ):
        assert of("a").get(f"/session?{query}").json()["results"] == []
        assert len(of("b").get(f"/session?{query}").json()["results"]) == 1


@pytest.mark.usefixtures("_tenants")
def test_archives_carry_their_meetings_tenant() -> None:
    row = ArchiveFactory.create(meeting=MeetingFactory.create(tenant="a"))
    assert of("a").get("/archives").json()["count"] == 1
    assert of("b").get("/archives").json() == {"count": 0, "items": []}
    assert of("b").get(f"/archives?sessionId={row.meeting.session_id}").json()["count"] == 0
    assert error_of(of("b").get(f"/archives/{row.archive_id}"), 404)["code"] == "archive_not_found"


@pytest.mark.usefixtures("_tenants")
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_the_storage_target_belongs_to_no_tenant(method: str) -> None:
    message = "The storage target belongs to no tenant; call without a tenant."
    refused(of("a").send(method, "/archives/storage-target", {"bad": 1}), 403, "tenant_not_allowed", message)
    lacking = ApiClient(mint("GetMeetings", tenantId="a")).send(method, "/archives/storage-target")
    assert error_of(lacking, 403)["code"] == "permission_denied"


@pytest.mark.usefixtures("_tenants")
@pytest.mark.parametrize(
    ("claim", "tenant"),
    [(7, "7"), ("x" * 255, "x" * 255), ("é", "é"), ("x" * 256, None), ("\x00", None), ({"a": 1}, None), (True, None)],
)
def test_a_tenant_is_a_text_or_a_number(claim: Any, tenant: str | None) -> None:
    answer = of(claim).post("/session", {})
    if tenant is None:
        assert error_of(answer, 401)["code"] == "token_invalid"
    else:
        assert answer.status_code == 200
        assert Meeting.objects.get().tenant == tenant


@pytest.mark.usefixtures("_tenants")
def test_inside_a_tenant_permissions_alone_decide() -> None:
    code = of("a").post("/session", {}).json()["code"]
    colleague = ApiClient(mint("StopMeeting", tenantId="a", id="somebody else"))
    assert colleague.patch(f"/session/{code}/end").status_code == 204


def tenant_of(user: User) -> str:
    return str(user.last_name)


@pytest.mark.parametrize(("hook", "tenant"), [(None, ""), (f"{__name__}.tenant_of", "clinic")])
def test_users_of_this_project_are_where_the_hook_says(settings: Any, hook: str | None, tenant: str) -> None:
    settings.VIDEOCONF = settings.VIDEOCONF | {"TENANT_CLAIM": "tenantId", "TENANT_OF": hook}
    token = AccessToken.for_user(User.objects.create_superuser("ann", last_name="clinic"))
    token["tenantId"] = "somewhere-else"
    assert ApiClient(str(token)).post("/session", {}).status_code == 200
    assert Meeting.objects.get().tenant == tenant
    answer = ApiClient(str(token)).get("/archives/storage-target")
    assert error_of(answer, 403 if tenant else 404)["code"] in ("tenant_not_allowed", "storage_target_not_found")
