from django.apps import AppConfig


class MeetingsConfig(AppConfig):
    """Video meetings: rows, services, API, admin, meeting page, signalling.

    The label differs from the import name because `meetings` is a label that host projects often have already.
    """

    name = "meetings"
    label = "videoconf_meetings"
    verbose_name = "Video meetings"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from meetings import checks  # noqa: F401  (registers the system checks)
        from meetings.providers import registry

        registry.reset_on_changed_settings()
