"""The admin as its users see it: pages, forms with their CSRF token, messages, the log."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

from django.contrib.admin.models import LogEntry
from django.db.models import Model
from django.test import Client
from django.urls import reverse


def address(model: type[Model] | Model, page: str = "changelist", *, site: str = "admin") -> str:
    """Return the address of a page of a model's admin, or (given a row) of a page of that row."""
    args = [] if isinstance(model, type) else [model.pk]
    return reverse(f"{site}:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args, current_app=site)


class AdminClient(Client):
    """A signed-in member of staff. `submit` posts as a form would, with the CSRF token of the page it was on."""

    def page(self, path: str, status: int = 200) -> str:
        response = self.get(path)
        assert response.status_code == status, (path, response.status_code)
        return str(response.content.decode())

    def submit(self, path: str, data: dict[str, Any] | None = None, *, follow: bool = True) -> Any:
        if "csrftoken" not in self.cookies:
            self.get(reverse("admin:password_change"))
        token = self.cookies["csrftoken"].value
        return self.post(path, {**(data or {}), "csrfmiddlewaretoken": token}, follow=follow)


def messages_of(response: Any) -> list[str]:
    """Return what a page tells the person."""
    found = re.search(r'<ul class="messagelist">(.*?)</ul>', response.content.decode(), re.DOTALL)
    texts = re.findall(r"<li[^>]*>(.*?)</li>", found.group(1), re.DOTALL) if found else []
    return [unescape(re.sub(r"<[^>]+>", "", text)) for text in texts]


def levels_of(response: Any) -> list[str]:
    """Return how grave a page's messages are (`info`, `success`, …)."""
    found = re.search(r'<ul class="messagelist">(.*?)</ul>', response.content.decode(), re.DOTALL)
    return re.findall(r'<li class="(\w+)"', found.group(1)) if found else []


def errors_of(response: Any) -> list[str]:
    """Return what a form complains of."""
    lists = re.findall(r'<ul class="errorlist[^>]*>(.*?)</ul>', response.content.decode(), re.DOTALL)
    return [unescape(text) for each in lists for text in re.findall(r"<li>(.*?)</li>", each, re.DOTALL)]


def rows_of(page: str) -> list[str]:
    """Return the text of a list's rows."""
    body = re.search(r'<table id="result_list">.*?<tbody>(.*?)</tbody>', page, re.DOTALL)
    rows = re.findall(r"<tr>(.*?)</tr>", body.group(1), re.DOTALL) if body else []
    return [" ".join(unescape(re.sub(r"<[^>]+>", " ", row)).split()) for row in rows]


def logged() -> list[str]:
    """Return what the admin log says, oldest first."""
    return [f"{entry.user.get_username()}: {entry.get_change_message()}" for entry in LogEntry.objects.order_by("pk")]
