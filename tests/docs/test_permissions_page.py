"""docs/permissions.md against the routes and the rows of Django's permissions."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator

import pytest
from django.contrib.auth.models import Permission
from django.urls import URLPattern
from rest_framework.permissions import AllowAny

from archives import permission_names as archive_names
from archives.urls import urlpatterns as archive_routes
from meetings import permission_names as meeting_names
from meetings.api.urls import urlpatterns as meeting_routes
from tests.docs.pages import DOCS, code_in, table_under

PAGE = DOCS / "permissions.md"
WIRE = {"meeting_link": "meetingLinkId", "attendee_id": "id", "archive_id": "archiveId"}


def operations() -> Iterator[tuple[str, str]]:
    """Yield (permission, `METHOD /path`) of every routed action; the permission is empty for public ones."""
    for route in (*meeting_routes, *archive_routes):
        assert isinstance(route, URLPattern)
        view = getattr(route.callback, "cls", None)
        permissions = getattr(view, "permissions", None)
        if permissions is None:
            continue
        path = re.sub(r"<str:(\w+)>", lambda found: "{" + WIRE[found.group(1)] + "}", str(route.pattern))
        for method, action in getattr(route.callback, "actions", {}).items():
            chosen = permissions[action]
            if method != "head":  # opened by what opens GET
                yield "" if chosen is AllowAny else chosen.name, f"{method.upper()} /{path}"


def test_every_name_is_described_with_what_it_opens() -> None:
    opened: dict[str, set[str]] = defaultdict(set)
    for name, operation in operations():
        opened[name].add(operation)
    public = opened.pop("")
    described = {code_in(name)[0]: set(code_in(opens)) for name, opens, _ in table_under(PAGE, "## Names")}

    assert described == opened
    assert set(described) == {*meeting_names.DESCRIPTIONS, *archive_names.DESCRIPTIONS}
    assert public <= set(code_in(PAGE.read_text(encoding="utf-8")))


@pytest.mark.django_db
def test_every_name_is_a_django_permission_under_the_label_that_the_page_says() -> None:
    described = [code_in(row[0])[0] for row in table_under(PAGE, "## Names")]
    labels = dict(Permission.objects.filter(codename__in=described).values_list("codename", "content_type__app_label"))

    assert [labels[name] for name in described] == ["videoconf_meetings"] * 8 + ["videoconf_archives"] * 5


def test_roles_of_the_page_use_known_names_only() -> None:
    known = {*meeting_names.DESCRIPTIONS, *archive_names.DESCRIPTIONS}

    assert {name for _, needs in table_under(PAGE, "## Who gets them") for name in code_in(needs)} <= known
