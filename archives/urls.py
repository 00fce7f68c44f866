"""Everything of the archives app: `path("video/", include("archives.urls"))`."""

from __future__ import annotations

from django.urls import path

from archives.api.viewsets import ArchiveViewSet, StorageTargetViewSet

app_name = "videoconf_archives"

urlpatterns = [
    path("archives", ArchiveViewSet.as_view({"get": "list"}), name="archive-list"),
    path(
        "archives/storage-target",
        StorageTargetViewSet.as_view({"get": "retrieve", "put": "update", "delete": "destroy"}),
        name="storage-target",
    ),
    path(
        "archives/<str:archive_id>",
        ArchiveViewSet.as_view({"get": "retrieve", "delete": "destroy"}),
        name="archive",
    ),
    path("archives/<str:archive_id>/stop", ArchiveViewSet.as_view({"post": "stop"}), name="archive-stop"),
    path(
        "archives/<str:archive_id>/download",
        ArchiveViewSet.as_view({"get": "download"}),
        name="archive-download",
    ),
    path("session/<str:meeting_link>/archives", ArchiveViewSet.as_view({"post": "start"}), name="archive-start"),
]
