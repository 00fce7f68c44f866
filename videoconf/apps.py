from django.apps import AppConfig


class VideoconfConfig(AppConfig):
    """The project itself: its first page and its static files."""

    name = "videoconf"
