from django.apps import AppConfig


class ArchivesConfig(AppConfig):
    """Recordings of meetings and the place where they are stored."""

    name = "archives"
    label = "videoconf_archives"
    verbose_name = "Video archives"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from archives import checks, extension  # noqa: F401  (checks register themselves)

        extension.register()
