"""What every admin of ours shares.

**Permissions.** The names of the API document are the permissions here too; each class says which name opens what.
Reading is also open to Django's own `view_*` of the model. Nothing is ever deleted for good.

**Operations.** What staff do besides editing (end, delete, restore, replay, …) is an `Operation`: a page that asks
once, a button that leads there, and, where it makes sense, an action in the list. Each is done by POST, checked again
when it is done, and written to Django's admin log.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME, ActionForm
from django.contrib.admin.options import ShowFacets
from django.contrib.admin.utils import quote, unquote
from django.contrib.auth import get_permission_codename
from django.core.exceptions import BadRequest, PermissionDenied
from django.db.models import BooleanField, Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse

from meetings.admin.changelist import CappedPaginator, CursorChangeList
from meetings.admin.filters import parameters_of
from meetings.admin.forms import EXPECTED, told
from meetings.exceptions import Refused

if TYPE_CHECKING:
    ModelAdmin = admin.ModelAdmin[Any]
else:
    ModelAdmin = admin.ModelAdmin

_ID = re.compile(r"[0-9]{1,18}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """Something that staff can have done to a row.

    `perform(row, actor)` does it and returns the sentence for the person and the log; it raises one of `EXPECTED` if
    it can't be done. `applies(row)` says whether it makes sense now, `refusal` why not; mostly because somebody, or a
    double click, has done it already, which is nothing to warn of. `permission` is the codename, in the row's app, that
    it takes, or `app.codename`.
    """

    name: str
    label: str
    permission: str
    question: str
    perform: Callable[[Any, str], str]
    applies: Callable[[Any], bool]
    refusal: str
    refusal_level: int = messages.INFO
    consequence: str = ""
    list_label: str = ""
    is_grave: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A button of a row's page."""

    label: str
    url: str
    is_grave: bool = False


class PageActionForm(ActionForm):
    """Actions reach what is ticked on the page; `select across` would be the whole table."""

    def clean_select_across(self) -> bool:
        return False


@cache  # Django compares what is shown with what can't be edited
def _in_words(field: BooleanField[Any, Any]) -> Callable[[Any], str]:
    @admin.display(description=str(field.verbose_name))
    def words(row: Any) -> str:
        return "Yes" if getattr(row, field.name) else "No"

    words.__name__ = field.name
    return words


def actor_of(request: HttpRequest) -> str:
    """Return who is signed in, as the audit columns spell it (the same as over the API)."""
    return str(request.user.get_username())[:255]


class VideoconfAdmin(ModelAdmin):
    """Base of all admins here; on its own it is read-only.

    `view_names`, `add_name` and `change_name` are codenames of the model's app.
    """

    view_names: ClassVar[tuple[str, ...]] = ()
    add_name: ClassVar[str] = ""
    change_name: ClassVar[str] = ""
    operations: ClassVar[Sequence[Operation]] = ()
    list_defer: ClassVar[tuple[str, ...]] = ()

    action_form = PageActionForm
    change_form_template = "videoconf_meetings/admin/change_form.html"
    change_list_template = "videoconf_meetings/admin/change_list.html"
    date_hierarchy = None
    list_per_page = 50
    ordering = ("-pk",)
    paginator = CappedPaginator
    show_facets = ShowFacets.NEVER
    show_full_result_count = False
    sortable_by = ()
    view_on_site = False

    class Media:
        css: ClassVar[dict[str, list[str]]] = {"all": ["videoconf_meetings/admin/admin.css"]}

    @classmethod
    def add_operations(cls, *operations: Operation) -> None:
        """Have more done to such rows; for the `admin` module of another app."""
        cls.operations = (*cls.operations, *operations)

    # --- who may what ---------------------------------------------------------------------------------------
    def holds(self, request: HttpRequest, name: str) -> bool:
        """Whether the person holds a permission by its codename in this app, or as `app.codename`."""
        return bool(request.user.has_perm(name if "." in name else f"{self.opts.app_label}.{name}"))

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        names = (get_permission_codename("view", self.opts), *self.view_names)
        return any(self.holds(request, name) for name in names)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(self.add_name) and self.holds(request, self.add_name)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(self.change_name) and self.holds(request, self.change_name)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def may_perform(self, request: HttpRequest, operation: Operation) -> bool:
        """Whether the person may see such rows and have this done to them."""
        return self.has_view_or_change_permission(request) and self.holds(request, operation.permission)

    # --- lists ----------------------------------------------------------------------------------------------
    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[CursorChangeList]:
        return CursorChangeList

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        filters = self.list_filter if request is None else self.get_list_filter(request)
        return any(lookup in parameters_of(each) for each in filters)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        actions: dict[str, Any] = super().get_actions(request)
        for operation in self.operations:
            if operation.list_label and self.may_perform(request, operation):
                action = partial(_list_action, operation)
                actions[operation.name] = (action, operation.name, operation.list_label)
        return actions

    def response_action(self, request: HttpRequest, queryset: QuerySet[Any], *args: Any) -> HttpResponse | None:
        if not all(_ID.fullmatch(ticked) for ticked in request.POST.getlist(ACTION_CHECKBOX_NAME)):
            raise BadRequest("What is ticked are ids of rows.")
        return super().response_action(request, queryset, *args)

    # --- pages ----------------------------------------------------------------------------------------------
    def url_name(self, name: str) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_{name}"

    def url_of(self, name: str, obj: Any = None) -> str:
        """Return the address of a page of this admin, on the site that it is registered with."""
        args = [] if obj is None else [quote(obj.pk)]
        return reverse(f"admin:{self.url_name(name)}", args=args, current_app=self.admin_site.name)

    def admin_of(self, model: type[Model]) -> VideoconfAdmin | None:
        """Return our admin of another model on the same site, if the host has registered it there."""
        found = self.admin_site.get_model_admin(model) if self.admin_site.is_registered(model) else None
        return found if isinstance(found, VideoconfAdmin) else None

    def get_urls(self) -> list[URLPattern]:
        own = [
            path(
                f"<path:object_id>/{operation.name}/",
                self.admin_site.admin_view(partial(self.operation_view, operation=operation)),
                name=self.url_name(operation.name),
            )
            for operation in self.operations
        ]
        return [*own, *super().get_urls()]

    def page(self, request: HttpRequest, template: str, context: dict[str, Any]) -> TemplateResponse:
        """Render a page of our own in the site's dress."""
        request.current_app = self.admin_site.name
        shared = {**self.admin_site.each_context(request), "opts": self.opts, "media": self.media}
        return TemplateResponse(request, template, {**shared, **context})

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        obj = context.get("original")
        if obj is not None:
            context["tools"] = self.tools(request, obj)
        return super().render_change_form(request, context, *args, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        fieldsets = super().get_fieldsets(request, obj)
        return fieldsets if obj is None else self.in_words(request, obj, fieldsets)

    def editable(self, request: HttpRequest, obj: Any) -> set[str]:
        """Return the fields of a row that this person may change now."""
        return set()

    def in_words(self, request: HttpRequest, obj: Any, fieldsets: Any) -> list[Any]:
        """Let what can only be read say `Yes` or `No`: Django's red cross looks like something wrong."""
        fields = [field for field in self.opts.get_fields() if isinstance(field, BooleanField)]
        editable = self.editable(request, obj)
        words = {field.name: _in_words(field) for field in fields if field.name not in editable}
        return [
            (title, {**options, "fields": [words.get(name, name) for name in options["fields"]]})
            for title, options in fieldsets
        ]

    def tools(self, request: HttpRequest, obj: Any) -> list[Tool]:
        """Return the buttons of a row's page: what the person may do to it and makes sense now."""
        return [
            Tool(label=operation.label, url=self.url_of(operation.name, obj), is_grave=operation.is_grave)
            for operation in self.operations
            if self.may_perform(request, operation) and operation.applies(obj)
        ]

    # --- operations -----------------------------------------------------------------------------------------
    def operation_view(self, request: HttpRequest, object_id: str, operation: Operation) -> HttpResponse:
        """Ask (GET), then do it (POST)."""
        if not self.may_perform(request, operation):
            raise PermissionDenied
        obj = self.get_object(request, unquote(object_id))
        if obj is None:
            return self.no_such_row(request, object_id)
        if request.method == "POST":
            self.perform(request, operation, [obj])
            return HttpResponseRedirect(self.done_url(request, obj))
        if not operation.applies(obj):
            self.message_user(request, operation.refusal, operation.refusal_level)
            return HttpResponseRedirect(self.done_url(request, obj))
        return self.confirmation(request, operation, [obj], back=self.done_url(request, obj))

    def no_such_row(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Say so where Django does: on the site's first page."""
        message = f"{self.opts.verbose_name} with ID “{unquote(object_id)}” doesn’t exist."
        self.message_user(request, message, messages.WARNING)
        return HttpResponseRedirect(reverse("admin:index", current_app=self.admin_site.name))

    def done_url(self, request: HttpRequest, obj: Any) -> str:
        """Return where an operation on one row leads back to."""
        return self.url_of("change", obj)

    def confirmation(
        self, request: HttpRequest, operation: Operation, rows: Sequence[Any], *, back: str, is_list: bool = False
    ) -> TemplateResponse:
        """Return the page that asks."""
        return self.page(
            request,
            "videoconf_meetings/admin/confirm.html",
            {
                "title": operation.label if len(rows) == 1 else operation.list_label,
                "operation": operation,
                "rows": rows,
                "original": None if is_list else rows[0],
                "back": back,
                "checkbox": ACTION_CHECKBOX_NAME if is_list else "",
            },
        )

    def perform(self, request: HttpRequest, operation: Operation, rows: Sequence[Any]) -> None:
        """Do it to each row; tell the person and the log."""
        done = []
        for row in rows:
            if not operation.applies(row):
                self.message_user(request, f"“{row}”: {operation.refusal}", operation.refusal_level)
                continue
            try:
                sentence = operation.perform(row, actor_of(request))
            except EXPECTED as error:
                if isinstance(error, Refused) and not _still_applies(operation, row):
                    self.message_user(request, f"“{row}”: {operation.refusal}", operation.refusal_level)
                else:
                    self.message_user(request, f"“{row}”: {told(error)}", messages.ERROR)
            else:
                self.log_change(request, row, sentence)
                done.append(f"“{row}”: {sentence}")
        if len(done) > 1:
            self.message_user(request, f"{operation.list_label}: done for {len(done)}.", messages.SUCCESS)
        elif done:
            self.message_user(request, done[0], messages.SUCCESS)


def _still_applies(operation: Operation, row: Any) -> bool:
    """Of two clicks at the same moment one is refused because of the other, which is no error."""
    row.refresh_from_db()
    return operation.applies(row)


def _list_action(
    operation: Operation, model_admin: VideoconfAdmin, request: HttpRequest, queryset: QuerySet[Any]
) -> HttpResponse | None:
    rows = list(queryset[: model_admin.list_per_page])
    if not rows:
        return None
    if "confirmed" in request.POST:
        model_admin.perform(request, operation, rows)
        return None
    return model_admin.confirmation(request, operation, rows, back=request.get_full_path(), is_list=True)


class ServiceAdmin(VideoconfAdmin):
    """An admin whose forms go through services, which may refuse what the form let pass.

    `save_model` calls the service. What it refuses comes back as an error of the form (a `ServiceForm`), next to the
    field that it is about; nothing was stored then.
    """

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        # Adding may call a provider: not within a transaction. The services open their own.
        view: Any = super().changeform_view if object_id is not None else self._changeform_view  # type: ignore[attr-defined]
        try:
            return view(request, object_id, form_url, extra_context)
        except EXPECTED as error:
            request.refusal = error  # type: ignore[attr-defined]
            return view(request, object_id, form_url, extra_context)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form: Any = super().get_form(request, obj, change, **kwargs)  # a class of its own each time
        form.refusal = getattr(request, "refusal", None)
        return form
