"""Everything of the archives app: `path("video/", include("archives.urls"))`."""

from __future__ import annotations

from django.urls import path

from archives.api.viewsets import ArchiveViewSet, StorageTargetViewSet
from archives.recording.views import ChunkView, CloseView
from archives.views import RecordingFile, WatchData, WatchPage

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
    path("recordings/tracks/<str:track_id>/chunks/<str:sequence>", ChunkView.as_view(), name="chunk"),
    path("recordings/tracks/<str:track_id>/close", CloseView.as_view(), name="track-close"),
    path("recordings/<str:archive_id>", WatchPage.as_view(), name="recording"),
    path("recordings/<str:archive_id>/data", WatchData.as_view(), name="recording-data"),
    path("recordings/<str:archive_id>/file", RecordingFile.as_view(), name="recording-file"),
]
