"""Why can't she join? A page that asks the decision that tokens and `join-check` ask, and says what is known of her."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.formats import localize
from django.utils.timezone import localtime

from meetings import facts, services
from meetings.admin.base import Tool
from meetings.admin.forms import EXPECTED, JoinCheckForm, add_refusal
from meetings.admin.join_links import JoinLinkAdmin
from meetings.models import Attendee, Meeting
from meetings.names import display_name
from meetings.providers.types import Role


class JoinCheckAdmin(JoinLinkAdmin):
    """The part of the meetings' admin that explains who may join, for those who may hand out links."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.join_check_view)
        return [path("<path:object_id>/join-check/", view, name=self.url_name("join-check")), *super().get_urls()]

    def tools(self, request: HttpRequest, obj: Meeting) -> list[Tool]:
        found = super().tools(request, obj)
        if self.may_hand_out_links(request):
            found.append(Tool(label="Who may join?", url=self.url_of("join-check", obj)))
        return found

    def join_check_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask about whom (GET), then say whether she may join, and why not (POST). Nothing is issued or changed."""
        if not self.may_hand_out_links(request):
            raise PermissionDenied
        meeting = self.get_object(request, unquote(object_id))
        if meeting is None:
            return self.no_such_row(request, object_id)
        form = JoinCheckForm(request.POST if request.method == "POST" else None)
        context = {"title": "Who may join?", "subtitle": str(meeting), "form": form, "original": meeting}
        if form.is_bound and form.is_valid():
            context |= self._answer(request, meeting, form)
        return self.page(request, "videoconf_meetings/admin/join_check.html", context)

    def _answer(self, request: HttpRequest, meeting: Meeting, form: JoinCheckForm) -> dict[str, Any]:
        name, ext_id = form.cleaned_data["name"], form.cleaned_data["ext_id"]
        who = name or ext_id or "Somebody"
        if meeting.deleted:
            return {"who": who, "refusal": "The meeting is deleted; restore it first.", "code": "meeting_deleted"}
        try:
            decision = services.check_join(
                meeting, role=Role(form.cleaned_data["role"]), data=name, ext_id=ext_id, caller=request.user
            )
        except EXPECTED as error:
            add_refusal(form, error)
            return {}
        return {
            "who": who,
            "decision": decision,
            "refusal": "" if decision.is_allowed else decision.message,
            "code": decision.code,
            "known": _known_of(meeting, name, ext_id),
        }


def _known_of(meeting: Meeting, name: str, ext_id: str | None) -> list[str]:
    """Return what the meeting's rows say of this person: there now, removed, invited."""
    identity = facts.identity_of(ext_id=ext_id, data=name)
    if not identity:
        return []
    said = []
    attendee = Attendee.objects.filter(meeting=meeting, identity=identity).first()
    if attendee is None:
        said.append("She has not been in this meeting.")
    elif not attendee.is_deleted:
        said.append(f"{display_name(attendee.attendee) or 'She'} is in the meeting now.")
    else:
        said.append(f"She was here before, and left on {_moment(attendee.modified_on)}.")
    if attendee is not None and attendee.removed_on is not None:
        said.append(
            f"She was removed on {_moment(attendee.removed_on)}: links from before that don't let her in, new ones do."
        )
    tokens = meeting.facts.filter(kind=facts.TOKEN_ISSUED, payload__identity=identity).order_by("-at")
    last = tokens.first()
    said.append(
        "No link or token was made for her." if last is None else f"Her last link was made on {_moment(last.at)}."
    )
    return said


def _moment(moment: Any) -> str:
    return localize(localtime(moment or timezone.now()))
