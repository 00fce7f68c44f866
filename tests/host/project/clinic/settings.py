# What the blank project adds (appended to what `startproject` wrote).
INSTALLED_APPS += [
    "people",
    "channels",
    "django_filters",
    "django_tasks",
    "django_tasks_db",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "archives.apps.ArchivesConfig",
    "meetings.apps.MeetingsConfig",
]
AUTH_USER_MODEL = "people.Person"
ASGI_APPLICATION = "clinic.asgi.application"
ALLOWED_HOSTS = ["127.0.0.1"]
TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}
REST_FRAMEWORK = {"DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema"}
SIMPLE_JWT = {
    "SIGNING_KEY": "a-key-for-the-host-s-own-users-0123456789-0123456789",
    "ISSUER": "clinic-users",
    "AUDIENCE": "clinic-users",
}
VIDEOCONF = {
    "JWT_SECRET": "a-shared-secret-of-this-test-0123456789-0123456789",
    "JWT_ISSUER": "clinic-portal",
    "SIGNALING_PATH": "/video/ws/meet/",
}
VIDEOCONF_PROVIDERS = {
    "webrtc": {
        "BACKEND": "meetings.providers.webrtc.WebRTCProvider",
        "OPTIONS": {"ALLOW_IN_MEMORY_LAYER": True},
    }
}
