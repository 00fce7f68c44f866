"""Lists that stay quick over millions of rows: pages by cursor, newest first, nothing counted."""

from __future__ import annotations

from typing import Any

from django.contrib.admin.views.main import PAGE_VAR, ChangeList
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property

LARGEST_ID = 2**63 - 1


class CappedPaginator(Paginator[Any]):
    """Counts to `cap` and no further; for what Django pages by number (autocomplete, history)."""

    cap = 1000

    @cached_property
    def count(self) -> int:
        rows = self.object_list
        return rows[: self.cap].count() if isinstance(rows, QuerySet) else len(rows)


class CursorChangeList(ChangeList):
    """A page is what lies before (`p=ID`) or after (`p=-ID`) a row, so that the last page costs no more than the first.

    The order is fixed: newest first, by primary key. `model_admin.list_defer` names columns that the list doesn't read.
    """

    newer_url = ""
    older_url = ""

    def get_ordering(self, request: HttpRequest, queryset: QuerySet[Any]) -> list[Any]:
        return ["-pk"]

    def get_ordering_field_columns(self) -> dict[int, Any]:
        return {}

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request, exclude_parameters)
        return rows.defer(*getattr(self.model_admin, "list_defer", ()))

    def get_results(self, request: HttpRequest) -> None:
        page = self._page(_cursor(request))
        self.result_list = page
        self.result_count = self.full_result_count = len(page)
        self.show_full_result_count = self.can_show_all = self.multi_page = False
        self.show_admin_actions = True
        self.paginator = self.model_admin.get_paginator(request, self.queryset, self.list_per_page)

    def _page(self, cursor: int | None) -> list[Any]:
        size = self.list_per_page
        if cursor is not None and cursor < 0:
            newer = list(self.queryset.filter(pk__gt=-cursor).order_by("pk")[: size + 1])
            if len(newer) > size:
                page = newer[size - 1 :: -1]
                return self._linked(page, has_newer=True, has_older=True)
            cursor = None  # the newest page, whole
        rows = self.queryset if cursor is None else self.queryset.filter(pk__lt=cursor)
        found = list(rows[: size + 1])
        return self._linked(found[:size], has_newer=cursor is not None, has_older=len(found) > size)

    def _linked(self, page: list[Any], *, has_newer: bool, has_older: bool) -> list[Any]:
        if has_newer:
            self.newer_url = self.get_query_string({PAGE_VAR: -page[0].pk} if page else {})
        if has_older:
            self.older_url = self.get_query_string({PAGE_VAR: page[-1].pk})
        return page


def _cursor(request: HttpRequest) -> int | None:
    try:
        cursor = int(request.GET.get(PAGE_VAR, ""))
    except ValueError:
        return None
    return cursor if 0 < abs(cursor) <= LARGEST_ID else None
