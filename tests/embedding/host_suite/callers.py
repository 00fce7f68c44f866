"""What the checks inside a host share."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import jwt
from django.conf import settings
from django.test import Client

from meetings.models import Meeting
from meetings.plans import MeetingPlan
from meetings.services import create_meeting


def caller(*permissions: str) -> dict[str, str]:
    """Return the header of another service's call."""
    claims = {"iss": "clinic-portal", "id": "portal", "permissions": permissions, "exp": time.time() + 300}
    secret: str = settings.VIDEOCONF["JWT_SECRET"]  # type: ignore[assignment]
    token = jwt.encode(claims, secret, algorithm="HS256")
    return {"authorization": f"Bearer {token}"}


def new_meeting(**plan: Any) -> Meeting:
    """Return a meeting of the embedded provider, which asks nobody."""
    return create_meeting(MeetingPlan(**plan), actor="checks")


def config_of(page: str) -> dict[str, Any]:
    """Return what the meeting page tells its script."""
    found = re.search(r'<script id="meeting-config" type="application/json">(.*?)</script>', page)
    assert found is not None
    config: dict[str, Any] = json.loads(found.group(1))
    return config


def page_of(client: Client, meeting: Meeting) -> Any:
    """Return the answer of the meeting page."""
    answer = client.get(f"/video/meet/{meeting.meeting_link}")
    assert answer.status_code == 200, answer.content
    return answer
