"""The meeting page, and the join tokens that it may ask for on behalf of whoever looks at it."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.handlers.asgi import ASGIRequest
from django.core.signing import BadSignature, TimestampSigner
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.templatetags.static import static
from django.urls import reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views import View
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.csrf import csrf_exempt

from meetings import extensions, page_door, permission_names, services, strict_json
from meetings.conf import conf
from meetings.envelope import envelope, envelope_of, headers_of, status_of
from meetings.exceptions import JoinRefused, VideoconfError
from meetings.facts import identity_of
from meetings.models import LINK, Attendee, Meeting
from meetings.names import display_name
from meetings.providers.registry import get_provider, is_configured
from meetings.providers.types import Role
from meetings.seats import MEETING_ENDED, NOT_STARTED, REMOVED

TICKET_SALT = "videoconf.page"
UNINVITED = "You need an invitation to join this meeting."
TICKET_AGE = timedelta(hours=12)
GUEST = "guest"
MAX_BODY = 4096
MAX_TOKEN_BODY = 8192
"""Bytes: a token of Vonage's carries up to 1000 of them as a name, three times escaped."""
_BROWSER = re.compile(r"[A-Za-z0-9_-]{8,64}")
LABEL = "videoconf_meetings"


def find(meeting_link: str) -> Meeting | None:
    """Return the alive meeting of a link id."""
    if not LINK.fullmatch(meeting_link):
        return None
    meeting: Meeting | None = Meeting.objects.alive().filter(meeting_link=meeting_link).first()
    return meeting


@csrf_exempt
def upgrade_required(request: HttpRequest, meeting_link: str) -> HttpResponse:
    """Answer plain HTTP at the socket's address: most often a proxy in front of us does not pass `Upgrade` on."""
    message = "This address is for WebSockets. If a browser was told so, a proxy before this server drops `Upgrade`."
    response = JsonResponse(envelope(426, message, "upgrade_required"), status=426)
    if isinstance(request, ASGIRequest):  # WSGI applications must not send these (PEP 3333)
        response["Upgrade"] = "websocket"
        response["Connection"] = "Upgrade"
    return response


def admission_of(user: Any, meeting: Meeting) -> str:
    """Return how someone without a join token gets in: `user` (of the meeting's tenant), `guest` or `none`."""
    if (
        user is not None
        and user.is_authenticated
        and user.has_perm(f"{LABEL}.{permission_names.GENERATE_MEETING_TOKEN}")
        and conf.tenant_of_user(user) == meeting.tenant
    ):
        return "user"
    return "guest" if conf.GUEST_ROLE else "none"


def role_of_user(user: Any) -> Role:
    """Return the role of a signed-in user: moderators hold ModerateMeeting."""
    may_moderate = user.has_perm(f"{LABEL}.{permission_names.MODERATE_MEETING}")
    return Role.MODERATOR if may_moderate else Role.PUBLISHER


def name_of_user(user: Any) -> str:
    """Return a user's full name, else her username."""
    full_name = getattr(user, "get_full_name", lambda: "")()
    return display_name(str(full_name)) or display_name(str(user.get_username()))


@method_decorator(xframe_options_exempt, name="dispatch")
class MeetingPage(View):
    """`GET /meet/{meetingLinkId}`. What may frame it is in its Content-Security-Policy (`FRAME_ANCESTORS`)."""

    http_method_names = ["get", "head"]

    def get(self, request: HttpRequest, meeting_link: str) -> HttpResponse:
        meeting = find(meeting_link)
        if meeting is None or not is_configured(meeting.provider):
            context = {"base_template": conf.PAGE_BASE_TEMPLATE}
            response = render(request, "videoconf_meetings/not_found.html", context, status=404)
            return guarded(response, request)
        response = render(request, "videoconf_meetings/meet.html", _context(request, meeting))
        return guarded(response, request, get_provider(meeting.provider).page_sources())


def _context(request: HttpRequest, meeting: Meeting) -> dict[str, Any]:
    now, early = timezone.now(), timedelta(minutes=conf.TIME_TO_START)
    state = meeting.state_at(now, early)
    opens_at = meeting.schedule_time - early if state == "scheduled" and meeting.schedule_time else None
    provider = get_provider(meeting.provider)
    user = getattr(request, "user", None)
    admission = admission_of(user, meeting)
    config = {
        "meetingLink": meeting.meeting_link,
        "title": meeting.title,
        "state": state,
        "opensAt": opens_at.isoformat() if opens_at else None,
        "admission": admission,
        "name": name_of_user(user) if admission == "user" else None,
        "role": _role(user, admission),
        "tokenUrl": reverse("videoconf:meet-token", args=[meeting.meeting_link]),
        "stateUrl": reverse("videoconf:meet-state", args=[meeting.meeting_link]),
        "actUrl": reverse("videoconf:meet-act", args=[meeting.meeting_link]),
        "ticket": _ticket(meeting, user, admission) if admission != "none" else None,
        "provider": meeting.provider,
        "module": static(provider.browser_module),
        "client": provider.client_config(services.room_of(meeting)),
        "canRecord": extensions.can_archive(provider) and not meeting.end_to_end_encryption,
        "recording": extensions.is_recording(meeting),
        "archive": extensions.recording_notice(meeting),
        "debug": bool(settings.DEBUG),
    }
    return {
        "config": config,
        "meeting_title": meeting.title or "Meeting",
        "state": state,
        "base_template": conf.PAGE_BASE_TEMPLATE,
    }


def _role(user: Any, admission: str) -> str | None:
    """The role that the page will get without a token of its own; a subscriber is asked for no camera."""
    if admission == "none":
        return None
    return role_of_user(user).value if admission == "user" else conf.GUEST_ROLE


def _ticket(meeting: Meeting, user: Any, admission: str) -> str:
    holder = f"user.{user.pk}" if admission == "user" else GUEST
    return TimestampSigner(salt=TICKET_SALT).sign(f"{meeting.meeting_link}.{holder}")


def guarded(
    response: HttpResponse, request: HttpRequest, more: Mapping[str, Sequence[str]] | None = None
) -> HttpResponse:
    """Set the page's own security headers; a project's middleware must not loosen them.

    `more` are sources that its provider needs, by directive.
    """
    host = request.get_host()
    origin = urlsplit(static("videoconf_meetings/")).netloc
    own = f"'self' {urlsplit(settings.STATIC_URL or '').scheme}://{origin}" if origin else "'self'"
    ancestors = " ".join(conf.FRAME_ANCESTORS) or "'none'"
    policy = {
        "default-src": "'none'",
        "script-src": own,
        "style-src": own,
        "img-src": f"{own} data:",
        "font-src": own,
        "media-src": "'self' blob: mediastream:",
        "connect-src": f"'self' ws://{host} wss://{host}",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": ancestors,
    }
    for directive, sources in (more or {}).items():
        if sources:
            policy[directive] = " ".join(filter(None, (policy.get(directive), *sources)))
    response["Content-Security-Policy"] = "; ".join(f"{name} {allowed}" for name, allowed in policy.items())
    response["Referrer-Policy"] = "no-referrer"
    response["Permissions-Policy"] = "camera=(self), microphone=(self), display-capture=(self), fullscreen=(self)"
    response["Cache-Control"] = "no-store"
    response["X-Content-Type-Options"] = "nosniff"
    return response


@method_decorator(csrf_exempt, name="dispatch")
class MeetingPageToken(View):
    """`POST /meet/{meetingLinkId}/token`: mints a join token for the page.

    Takes the ticket that the page was rendered with, and no cookie: what can't read the page can't join through it.
    That is why it needs no CSRF token, and why it works in a frame on another site.
    """

    http_method_names = ["post"]

    def post(self, request: HttpRequest, meeting_link: str) -> HttpResponse:
        meeting = find(meeting_link)
        if meeting is None:
            return _refuse(404, "meeting_unknown", "There is no meeting at this address.")
        body = _body(request, ("ticket", "browserId", "name"), MAX_BODY)
        if body is None:
            return _refuse(400, "invalid_value", "Send a JSON object with `ticket`, `browserId` and `name`.")
        holder = _holder(meeting, body)
        if holder is None:
            return _refuse(403, "ticket_invalid", "This page is too old. Load it again.")
        try:
            return _mint(meeting, holder, body)
        except VideoconfError as error:
            return JsonResponse(_in_page_words(error), status=status_of(error), headers=headers_of(error))


@method_decorator(csrf_exempt, name="dispatch")
class _WithToken(View, ABC):
    """What a page asks with its join token in the body, and no cookie: there is no CSRF to be had."""

    http_method_names = ["post"]
    wanted: tuple[str, ...] = ("token",)

    def post(self, request: HttpRequest, meeting_link: str) -> HttpResponse:
        meeting = find(meeting_link)
        if meeting is None:
            return _refuse(404, "meeting_unknown", "There is no meeting at this address.")
        body = _body(request, self.wanted, MAX_TOKEN_BODY)
        if body is None or not body["token"]:
            names = ", ".join(f"`{name}`" for name in self.wanted)
            return _refuse(400, "invalid_value", f"Send a JSON object of texts, {names}, of at most 8 KiB.")
        try:
            response = self.answer(meeting, body)
        except VideoconfError as error:
            response = JsonResponse(_in_page_words(error), status=status_of(error), headers=headers_of(error))
        response["Cache-Control"] = "no-store"
        return response

    @abstractmethod
    def answer(self, meeting: Meeting, body: dict[str, str]) -> HttpResponse:
        """Answer a request that shows a token, verified by nobody yet."""


class MeetingPageState(_WithToken):
    """`POST /meet/{meetingLinkId}/state`: whether the bearer of `token` may be in the meeting, and if not, why.

    A refusal is an answer like another (200): pages ask it as a matter of course, and browsers log what fails.
    `purpose` is `enter` for a page that is about to go in: it needs a seat, and a token that has not expired.
    """

    wanted = ("token", "purpose")

    def answer(self, meeting: Meeting, body: dict[str, str]) -> HttpResponse:
        enters = body["purpose"] == "enter"
        try:
            bearer = page_door.read(meeting, body["token"], ignore_expiry=not enters)  # it ends no stay
            page_door.refuse_shut(bearer, enters=enters)
        except JoinRefused as refused:
            error = _in_page_words(refused)["error"]
            kept = {name: error[name] for name in ("code", "message", "opensAt") if name in error}
            return JsonResponse({"refusal": kept})
        return JsonResponse(
            {
                "refusal": None,
                "name": display_name(bearer.claims.data),
                "role": bearer.claims.role.value,
                "title": meeting.title or "",
                "encrypted": meeting.end_to_end_encryption,
                "recording": extensions.is_recording(meeting),
            }
        )


class MeetingPageAct(_WithToken):
    """`POST /meet/{meetingLinkId}/act`: what a moderator does on the page; 204 when it is done."""

    wanted = ("token", "action", "connection")

    def answer(self, meeting: Meeting, body: dict[str, str]) -> HttpResponse:
        page_door.act(page_door.read(meeting, body["token"]), body["action"], body["connection"])
        return HttpResponse(status=204)


def _in_page_words(error: VideoconfError) -> dict[str, Any]:
    body = envelope_of(error)
    sentences = {"meeting_ended": MEETING_ENDED, "meeting_not_started": NOT_STARTED}
    body["error"]["message"] = sentences.get(error.code, body["error"]["message"])
    if error.opens_at is not None:
        body["error"]["opensAt"] = error.opens_at.isoformat()
    return body


def _refuse(status: int, code: str, message: str) -> JsonResponse:
    return JsonResponse(envelope(status, message, code), status=status)


def _body(request: HttpRequest, wanted: Sequence[str], limit: int) -> dict[str, str] | None:
    """Return the texts of a small JSON object by these names, empty where they are missing."""
    raw = request.read(limit + 1)
    if len(raw) > limit:
        return None
    try:
        body = strict_json.loads(raw)
    except strict_json.InvalidJSON:
        return None
    if not isinstance(body, dict) or not all(isinstance(body.get(name, ""), str) for name in wanted):
        return None
    return {name: body.get(name, "") for name in wanted}


def _holder(meeting: Meeting, body: dict[str, str]) -> str | None:
    try:
        text = TimestampSigner(salt=TICKET_SALT).unsign(body["ticket"], max_age=TICKET_AGE)
    except BadSignature:
        return None
    link, _, holder = text.partition(".")
    return holder if link == meeting.meeting_link else None


def _mint(meeting: Meeting, holder: str, body: dict[str, str]) -> HttpResponse:
    name = display_name(body["name"])
    guest_id = ext_id = None
    if holder == GUEST:
        if not conf.GUEST_ROLE or not _BROWSER.fullmatch(body["browserId"]):
            return _refuse(403, "forbidden", UNINVITED)
        role, data, guest_id = Role(conf.GUEST_ROLE), name or "Guest", body["browserId"]
    else:
        user = _user(holder, meeting)
        if user is None:
            return _refuse(403, "forbidden", UNINVITED)
        role, data, ext_id = role_of_user(user), name_of_user(user), f"user:{user.pk}"
    identity = identity_of(ext_id=ext_id, guest_id=guest_id)
    if Attendee.objects.filter(meeting=meeting, identity=identity, removed_on__isnull=False).exists():
        return _refuse(403, "attendee_removed", REMOVED)
    token = services.issue_token(
        meeting, role=role, data=data, ext_id=ext_id, guest_id=guest_id, caller=None if holder == GUEST else user
    )
    granted = token.role or role
    return JsonResponse(
        {"token": token.value, "sessionId": meeting.session_id, "role": granted.value, "data": data},
        headers={"Cache-Control": "no-store"},
    )


def _user(holder: str, meeting: Meeting) -> Any:
    pk = holder.partition(".")[2]
    user = get_user_model().objects.filter(pk=pk, is_active=True).first()
    return user if user is not None and admission_of(user, meeting) == "user" else None
