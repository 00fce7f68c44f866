"""The page that a recording is watched on, and its file where the storage has no links."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render, resolve_url
from django.urls import NoReverseMatch, reverse
from django.utils import timezone
from django.views import View

from archives import links, permission_names, services, targets
from archives.answers import archive_answer
from archives.buckets.base import origin_of
from archives.downloads import file_response
from archives.models import Archive
from meetings.conf import conf
from meetings.envelope import envelope, envelope_of, headers_of, status_of
from meetings.exceptions import VideoconfError
from meetings.views import guarded

_ID = re.compile(r"[A-Za-z0-9_-]{1,255}")
PERMISSION = f"videoconf_archives.{permission_names.GET_MEETING_ARCHIVES}"
NOT_FOUND = "There is no such recording."


def find(archive_id: str) -> Archive | None:
    """Return the alive archive of an id."""
    if not _ID.fullmatch(archive_id):
        return None
    rows = Archive.objects.alive().filter(archive_id=archive_id).select_related("meeting", "target")
    found: Archive | None = rows.first()
    return found


class WatchPage(View):
    """`GET /recordings/{archiveId}`. Unknown and forbidden look alike: nobody learns which recordings there are."""

    http_method_names = ["get", "head"]

    def get(self, request: HttpRequest, archive_id: str) -> HttpResponse:
        archive = find(archive_id)
        user = getattr(request, "user", None)
        may_see = archive is not None and is_permitted(user, archive)
        recording = _described_if_reached(request, archive) if archive is not None and may_see else None
        config = {
            "archiveId": archive_id,
            "apiUrl": reverse("videoconf_archives:archive", args=[archive_id]),
            "dataUrl": reverse("videoconf_archives:recording-data", args=[archive_id]) if may_see else None,
            "recording": recording,
            "signIn": None if may_see else _sign_in(request),
        }
        context = {"config": config, "base_template": conf.PAGE_BASE_TEMPLATE}
        response = render(request, "videoconf_meetings/recording.html", context)
        return guarded(response, request, {"media-src": _origins(request, recording)})


class WatchData(View):
    """`GET /recordings/{archiveId}/data`: what the API says of it, to a signed-in user who may read archives."""

    http_method_names = ["get"]

    def get(self, request: HttpRequest, archive_id: str) -> HttpResponse:
        user = getattr(request, "user", None)
        if user is None or not user.has_perm(PERMISSION):
            return _refuse(403, "forbidden", "You may not watch recordings here.")
        archive = find(archive_id)
        if archive is None or not is_permitted(user, archive):
            return _refuse(404, "archive_not_found", NOT_FOUND)
        try:
            body = described(request, archive)
        except VideoconfError as error:
            return JsonResponse(envelope_of(error), status=status_of(error), headers=headers_of(error))
        return JsonResponse(body, headers={"Cache-Control": "no-store"})


class RecordingFile(View):
    """`GET /recordings/{archiveId}/file`: the file, or a part of it, to whoever has a link that has not expired."""

    http_method_names = ["get", "head"]

    def get(self, request: HttpRequest, archive_id: str) -> HttpResponseBase:
        given = {name: request.GET.get(name, "") for name in ("expires", "how", "signature")}
        if not links.is_open(archive_id, **given, now=timezone.now()):
            return _refuse(403, "link_expired", "This link has expired or is not ours. Ask for a new one.")
        archive = find(archive_id)
        if archive is None:
            return _refuse(404, "archive_not_found", NOT_FOUND)
        try:
            file = services.stored_file(archive)
            return file_response(
                request,
                size=file.size,
                read=file.read,
                filename=services.file_name(archive),
                content_type=services.content_type(archive),
                etag=f'"{archive.sha256}"' if archive.sha256 else None,
                is_inline=given["how"] == links.INLINE,
            )
        except VideoconfError as error:
            return JsonResponse(envelope_of(error), status=status_of(error), headers=headers_of(error))


def is_permitted(user: Any, archive: Archive) -> bool:
    """Whether a Django user may watch an archive: she holds GetMeetingArchives, and it is of her tenant."""
    return (
        user is not None
        and user.is_authenticated
        and user.has_perm(PERMISSION)
        and (user.is_superuser or conf.tenant_of_user(user) == archive.tenant)
    )


def described(request: HttpRequest, archive: Archive) -> dict[str, Any]:
    """Return what the API says of an archive, with a fresh link."""
    found = services.describe_archive(archive)
    said = archive_answer(found.archive, services.url_of(found, request.build_absolute_uri))
    said["metaData"]["title"] = archive.meeting.title or ""
    return said


def _described_if_reached(request: HttpRequest, archive: Archive) -> dict[str, Any] | None:
    """Return what the API says, or `None` while the provider is away: the page asks again by itself."""
    try:
        return described(request, archive)
    except VideoconfError:
        return None


def _origins(request: HttpRequest, recording: dict[str, Any] | None) -> list[str]:
    """Where links lead, which the page's policy has to let in before it has one: the same for every archive.

    A provider's own link may lead elsewhere; whoever may see that is told.
    """
    found = targets.link_origins()
    url = recording["metaData"]["url"] if recording else None
    elsewhere = origin_of(url) if url and urlsplit(url).netloc != request.get_host() else None
    if elsewhere and elsewhere not in found:
        found.append(elsewhere)
    return found


def _sign_in(request: HttpRequest) -> str | None:
    """Return where people sign in, if the project has such a page."""
    try:
        address = resolve_url(settings.LOGIN_URL)
    except NoReverseMatch:
        return None
    return f"{address}?{urlencode({'next': request.path})}"


def _refuse(status: int, code: str, message: str) -> JsonResponse:
    response = JsonResponse(envelope(status, message, code), status=status, headers={"Cache-Control": "no-store"})
    response._has_been_logged = True  # type: ignore[attr-defined]  # noqa: SLF001  (else its signature is in the log)
    return response
