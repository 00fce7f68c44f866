from django.apps import AppConfig


class VideoconfConfig(AppConfig):
    """The project itself: its first page and its static files."""

    name = "videoconf"

    def ready(self) -> None:
        from videoconf import throttling  # noqa: F401  (connects its receiver)
