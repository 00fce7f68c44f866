"""The operations on archives and their storage target."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from django.db.models import F
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from archives import lookups, services, targets
from archives.answers import archive_answer, listed_answer
from archives.api import permissions, schema
from archives.api.serializers import StartArchiveBody, StorageTargetBody, target_answer
from archives.downloads import file_response
from archives.models import Archive, StorageTarget
from archives.providers.base import ArchiveSpec
from archives.querysets import ArchiveQuerySet
from meetings.api.base import ApiViewSet
from meetings.api.bodies import read_body
from meetings.api.errors import invalid_parameter
from meetings.api.fields import InstantProperty
from meetings.api.pagination import integer_parameter, single_parameter
from meetings.exceptions import Forbidden, NotFound

_ID = re.compile(r"[A-Za-z0-9_-]{1,255}")
MAX_COUNT = 1000
MAX_OFFSET = 1_000_000


class ArchiveViewSet(ApiViewSet):
    """Archives: list, read, delete, download, start and stop."""

    permissions: ClassVar[dict[str, Any]] = {
        "list": permissions.GetMeetingArchives,
        "retrieve": permissions.GetMeetingArchives,
        "download": permissions.GetMeetingArchives,
        "destroy": permissions.DeleteMeetingArchive,
        "start": permissions.StartMeetingArchive,
        "stop": permissions.StopMeetingArchive,
    }
    text_plain = frozenset({"destroy"})
    queryset = Archive.objects.none()

    @schema.list_archives
    def list(self, request: Request) -> Response:
        count = integer_parameter(request, "count", default=50, minimum=1, maximum=MAX_COUNT)
        offset = integer_parameter(request, "offset", default=0, minimum=0, maximum=MAX_OFFSET)
        rows = _filtered(request, Archive.objects.alive().of_tenant(self.caller.tenant))
        shown = rows.annotate(session_id=F("meeting__session_id")).defer(*lookups.FOR_THE_WORKER)
        page = shown.order_by("-id")[offset : offset + count]
        return Response({"count": rows.count(), "items": [listed_answer(archive) for archive in page]})

    @schema.retrieve_archive
    def retrieve(self, request: Request, archive_id: str) -> Response:
        found = services.describe_archive(self._find(archive_id))
        return Response(archive_answer(found.archive, services.url_of(found, request.build_absolute_uri)))

    @schema.delete_archive
    def destroy(self, request: Request, archive_id: str) -> Response:
        services.delete_archive(self._find(archive_id), actor=self.caller.actor)
        return Response(None)

    @schema.download_archive
    def download(self, request: Request, archive_id: str) -> HttpResponseBase:
        found = services.describe_archive(self._find(archive_id))
        if found.url is not None:
            return HttpResponse(status=302, headers={"Location": found.url, "Cache-Control": "no-store"})
        archive = found.archive
        file = services.stored_file(archive)
        return file_response(
            request,
            size=file.size,
            read=file.read,
            filename=services.file_name(archive),
            content_type=services.content_type(archive),
        )

    @schema.start_archive
    def start(self, request: Request, meeting_link: str) -> Response:
        body = read_body(request, StartArchiveBody)
        meeting = self.find_meeting(meeting_link)
        spec = ArchiveSpec(**body.values())
        return Response(archive_answer(services.start_archive(meeting, spec, actor=self.caller.actor)))

    @schema.stop_archive
    def stop(self, request: Request, archive_id: str) -> Response:
        return Response(archive_answer(services.stop_archive(self._find(archive_id))))

    def _find(self, archive_id: str) -> Archive:
        archive: Archive | None = None
        if _ID.fullmatch(archive_id):
            archive = lookups.alive_archive.first(tenant=self.caller.tenant, archive_id=archive_id)
        if archive is None:
            raise NotFound("Archive Not Found", code="archive_not_found")
        return archive


class StorageTargetViewSet(ApiViewSet):
    """The storage target: it belongs to the provider, so callers of a tenant may not touch it."""

    permissions: ClassVar[dict[str, Any]] = {
        "retrieve": permissions.SetMeetingUploadTarget,
        "update": permissions.SetMeetingUploadTarget,
        "destroy": permissions.SetMeetingUploadTarget,
    }
    text_plain = frozenset({"update"})
    queryset = StorageTarget.objects.none()

    def check_permissions(self, request: Request) -> None:
        super().check_permissions(request)
        if self.caller.tenant:
            raise Forbidden(
                "The storage target belongs to no tenant; call without a tenant.", code="tenant_not_allowed"
            )

    @schema.get_target
    def retrieve(self, request: Request) -> Response:
        target = targets.current_target()
        if target is None:
            raise NotFound("There is no storage target.", code="storage_target_not_found")
        return Response(target_answer(target))

    @schema.set_target
    def update(self, request: Request) -> Response:
        values = read_body(request, StorageTargetBody).values()
        targets.set_storage_target(targets.TargetPlan(**values), actor=self.caller.actor)
        return Response(None)

    @schema.clear_target
    def destroy(self, request: Request) -> Response:
        targets.clear_storage_target(actor=self.caller.actor)
        return Response(status=204)


def _filtered(request: Request, rows: ArchiveQuerySet) -> ArchiveQuerySet:
    for name, column in (("sessionId", "meeting__session_id"), ("status", "status")):
        value = single_parameter(request, name)
        if value is not None:
            if "\x00" in value or len(value) > 255:
                raise invalid_parameter(name, f"{name} must be a text of at most 255 characters.")
            rows = rows.filter(**{column: value})
    for name, column in (("from", "created_on__gte"), ("to", "created_on__lte")):
        value = single_parameter(request, name)
        if value is not None:
            try:
                rows = rows.filter(**{column: InstantProperty().run_validation(value)})
            except ValidationError as error:
                raise invalid_parameter(name, f"{name} {next(iter(error.detail))}") from error
    return rows
