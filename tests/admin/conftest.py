"""Staff of several kinds, in a browser without JavaScript."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Permission
from django.test import Client

from tests.admin.pages import AdminClient

NewStaff = Callable[..., AdminClient]


@pytest.fixture
def staff(db: None) -> NewStaff:
    """`staff("GetMeetings", "EditMeeting")`: someone signed in to the admin who holds just these permissions."""

    def new(*codenames: str, username: str = "ada") -> AdminClient:
        user = get_user_model().objects.create_user(username, password="pw-of-staff", is_staff=True)
        permissions = list(
            Permission.objects.filter(codename__in=codenames, content_type__app_label__startswith="video")
        )
        assert len(permissions) == len(codenames)
        user.user_permissions.set(permissions)
        client = AdminClient(enforce_csrf_checks=True)
        client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
        return client

    return new


@pytest.fixture
def chief(db: None) -> AdminClient:
    """A superuser."""
    user: Any = get_user_model().objects.create_superuser("grace", password="pw-of-chief")
    client = AdminClient(enforce_csrf_checks=True)
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def visitor(db: None) -> Client:
    """Someone who is not signed in."""
    return Client()
