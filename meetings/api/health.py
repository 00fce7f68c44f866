"""`/health/live` and `/health/ready` for whoever watches the process."""

from __future__ import annotations

import logging
from typing import Any, ClassVar

from django.db import DatabaseError, connection
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from meetings.api import schema
from meetings.api.base import ApiViewSet

logger = logging.getLogger(__name__)


class HealthViewSet(ApiViewSet):
    """Public; says nothing but whether things work."""

    permissions: ClassVar[dict[str, Any]] = {"live": AllowAny, "ready": AllowAny}

    @schema.health_live
    def live(self, request: Request) -> Response:
        return Response({"status": "ok"})

    @schema.health_ready
    def ready(self, request: Request) -> Response:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT 1")
        except DatabaseError:
            logger.warning("The database does not answer", exc_info=True)
            return Response({"status": "unavailable", "checks": {"database": "failed"}}, status=503)
        return Response({"status": "ok", "checks": {"database": "ok"}})
