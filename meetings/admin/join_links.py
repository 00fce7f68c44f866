"""Join links: a page that mints a token for a role and a name, and shows the link once."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.admin.utils import unquote
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import NoReverseMatch, URLPattern, path, reverse
from django.utils import timezone

from meetings import permission_names, rules, services
from meetings.admin.base import ServiceAdmin, Tool
from meetings.admin.forms import EXPECTED, JoinLinkForm, add_refusal, told
from meetings.exceptions import VideoconfError
from meetings.models import Meeting
from meetings.providers.types import Role


class JoinLinkAdmin(ServiceAdmin):
    """The part of the meetings' admin that hands out links, to those who hold `GenerateMeetingToken`."""

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.join_link_view)
        return [path("<path:object_id>/join-link/", view, name=self.url_name("join-link")), *super().get_urls()]

    def may_hand_out_links(self, request: HttpRequest) -> bool:
        """Whether this person may mint join tokens."""
        may_issue = self.holds(request, permission_names.GENERATE_MEETING_TOKEN)
        return may_issue and self.has_view_or_change_permission(request)

    def tools(self, request: HttpRequest, obj: Meeting) -> list[Tool]:
        found = super().tools(request, obj)
        if self.may_hand_out_links(request) and not obj.deleted and not obj.is_over(timezone.now()):
            found.insert(0, Tool(label="Copy join link", url=self.url_of("join-link", obj)))
        return found

    def join_link_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask for whom (GET), then show a link with a join token in its fragment (POST).

        The token is in the page and nowhere else: no address, no log and no row has it.
        """
        if not self.may_hand_out_links(request):
            raise PermissionDenied
        meeting = self.get_object(request, unquote(object_id))
        if meeting is None:
            return self.no_such_row(request, object_id)
        refusal = _why_no_link(meeting)
        if refusal:
            self.message_user(request, refusal, messages.WARNING)
            return HttpResponseRedirect(self.url_of("change", meeting))
        form = JoinLinkForm(request.POST if request.method == "POST" else None)
        context = {"title": "Join link", "subtitle": str(meeting), "form": form, "original": meeting}
        if form.is_bound and form.is_valid():
            context |= self._minted(request, meeting, form)
        response = self.page(request, "videoconf_meetings/admin/join_link.html", context)
        response["Cache-Control"] = "no-store"
        return response

    def _minted(self, request: HttpRequest, meeting: Meeting, form: JoinLinkForm) -> dict[str, Any]:
        name, role = form.cleaned_data["name"], Role(form.cleaned_data["role"])
        try:
            token = services.issue_token(
                meeting, role=role, data=name, ext_id=form.cleaned_data["ext_id"], caller=request.user
            )
            role = token.role or role
        except EXPECTED as error:
            add_refusal(form, error)
            return {}
        self.log_change(request, meeting, f"Join link as {role.value}.")
        address = page_of(meeting)
        link = f"{request.build_absolute_uri(address)}#token={token.value}" if address else ""
        return {"link": link, "token": token, "name": name, "role": role.value}


def _why_no_link(meeting: Meeting) -> str:
    if meeting.deleted:
        return "The meeting is deleted; restore it first."
    try:
        rules.refuse_join(meeting, now=timezone.now())
    except VideoconfError as error:
        return told(error)
    return ""


def page_of(meeting: Meeting) -> str:
    """Return the path of the meeting page, empty where the host does not mount it."""
    try:
        return reverse("videoconf:meet", args=[meeting.meeting_link])
    except NoReverseMatch:
        return ""
