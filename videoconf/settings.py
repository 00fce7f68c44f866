"""Settings of the runnable project, and the only reader of the environment.

Every name it reads is described in docs/settings.md. A value that can't be used stops the start with its name
and the remedy. `make run` sets VIDEOCONF_MAKE_RUN: the defaults of a first try on one's own machine.
"""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from corsheaders.defaults import default_headers
from django.utils.crypto import salted_hmac

from videoconf import __version__, demo
from videoconf.credentials import public_key, vonage
from videoconf.environment import LOOPBACK, WILDCARDS, Environment, refuse
from videoconf.keys import generate_once

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = BASE_DIR / "var"
KEYS_FILE = VAR_DIR / "keys.env"

env = Environment()
MAKE_RUN = env.flag("VIDEOCONF_MAKE_RUN", default=False)
if MAKE_RUN:
    generate_once(KEYS_FILE)
ONE_PROCESS = MAKE_RUN or (KEYS_FILE.exists() and not env.is_set("SECRET_KEY"))  # or a command beside that one
if env.text("JWT_PUBLIC_KEY"):
    # The generated secret is for those who brought no key of their own.
    env.ENVIRON.setdefault("JWT_SECRET", "")
if KEYS_FILE.exists():
    env.read_env(KEYS_FILE)

# --- where it runs ------------------------------------------------------------------------------------------
HOST = env.text("HOST", "127.0.0.1")
PORT = env.integer("PORT", 8000, lowest=1, highest=65535)
ON_LOOPBACK = HOST in LOOPBACK
LOCAL = MAKE_RUN and ON_LOOPBACK

DEBUG = env.flag("DEBUG", default=LOCAL)
SECRET_KEY = env.text("SECRET_KEY")
if not SECRET_KEY:
    raise refuse("SECRET_KEY", "it is not set. Give it 50 or more random characters; `make run` generates some.")
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS")
if not env.is_set("ALLOWED_HOSTS"):
    if MAKE_RUN and HOST in WILDCARDS:
        raise refuse("ALLOWED_HOSTS", f"it is not set, and HOST={HOST} is no name. List the names people will use.")
    ALLOWED_HOSTS = ["127.0.0.1", "localhost", "[::1]"] if ON_LOOPBACK else [HOST] if MAKE_RUN else []
CSRF_TRUSTED_ORIGINS = env.origins("CSRF_TRUSTED_ORIGINS", wildcard_host=True)
TRUSTED_PROXIES = env.integer("TRUSTED_PROXIES", 0, lowest=0, highest=10)
ADMIN_USERNAME = env.text("ADMIN_USERNAME", "admin")
ADMIN_PASSWORD = env.text("ADMIN_PASSWORD")

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "channels",
    "corsheaders",
    "axes",
    "csp",
    "django_filters",
    "django_tasks",
    "django_tasks_db",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "archives.apps.ArchivesConfig",
    "meetings.apps.MeetingsConfig",
    "videoconf.apps.VideoconfConfig",
]

MIDDLEWARE = [
    "videoconf.proxies.TrustedProxiesMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "videoconf.static_files.StaticFilesMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "django_permissions_policy.PermissionsPolicyMiddleware",
    "videoconf.for_pages.PagesMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "videoconf.urls"
WSGI_APPLICATION = "videoconf.wsgi.application"
ASGI_APPLICATION = "videoconf.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# --- data ---------------------------------------------------------------------------------------------------
DATABASES = {"default": env.database("DATABASE_URL", f"sqlite:///{VAR_DIR / 'db.sqlite3'}")}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    Path(DATABASES["default"]["NAME"]).parent.mkdir(parents=True, exist_ok=True)
    # A writer takes its lock when its transaction begins, and waits for it: no "database is locked" half way.
    DATABASES["default"]["OPTIONS"] = {
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;",
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
    }
else:
    DATABASES["default"].update(ENGINE="videoconf.postgresql", CONN_MAX_AGE=60, CONN_HEALTH_CHECKS=True)
    DATABASES["default"].setdefault("OPTIONS", {}).setdefault("connect_timeout", 5)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = env.redis("REDIS_URL")
if REDIS_URL:
    # One database for both: each has its prefix, and emptying the cache leaves the layer's frames and rooms alone.
    CACHES = {
        "default": {
            "BACKEND": "videoconf.caching.PrefixedRedisCache",
            "LOCATION": REDIS_URL,
            "KEY_PREFIX": "videoconf-cache",
        }
    }
    # redis-py's own socket timeout of 5 s would end each WebSocket that is idle for as long.
    CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "channels_redis.core.RedisChannelLayer",
            # Room for the candidates of a whole meeting at once; beyond it the layer drops messages silently.
            "CONFIG": {
                "hosts": [{"address": REDIS_URL, "socket_timeout": None}],
                "capacity": 2000,
                "prefix": "videoconf-layer",
            },
        }
    }
else:
    CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer", "CONFIG": {"capacity": 2000}}}

TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}

DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 1000

# --- files --------------------------------------------------------------------------------------------------
STATIC_URL = "static/"
STATIC_ROOT = VAR_DIR / "static"
MEDIA_ROOT = env.text("MEDIA_ROOT", str(VAR_DIR / "media"))
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": (
            "django.contrib.staticfiles.storage.StaticFilesStorage" if DEBUG else "videoconf.static_files.StaticStorage"
        )
    },
}
WHITENOISE_USE_FINDERS = DEBUG
WHITENOISE_AUTOREFRESH = DEBUG

LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_I18N = True
USE_TZ = True

# --- people and tokens --------------------------------------------------------------------------------------
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"

# Five wrong passwords of one name from one address lock that pair for a quarter of an hour. Counted in the
# database, which all processes share with or without Redis; older rows go with the next one.
AXES_HANDLER = "axes.handlers.database.AxesDatabaseHandler"
AXES_DISABLE_ACCESS_LOG = True
AXES_SENSITIVE_PARAMETERS = ["username", "ip_address", "password", "csrfmiddlewaretoken"]
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_LOCKOUT_CALLABLE = "videoconf.errors.locked_out"
AXES_USERNAME_CALLABLE = "videoconf.throttling.username"
AXES_VERBOSE = False

SIMPLE_JWT = {
    "ALGORITHM": "HS256",
    "SIGNING_KEY": salted_hmac("videoconf.users", "key", secret=SECRET_KEY, algorithm="sha256").hexdigest(),
    "ISSUER": "videoconf-users",
    "AUDIENCE": "videoconf-users",
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=15),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=1),
    "CHECK_REVOKE_TOKEN": True,  # a new password ends the tokens that the old one opened
}

# --- the browser's side -------------------------------------------------------------------------------------
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = not DEBUG
SESSION_COOKIE_HTTPONLY = True
CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SECURE_HSTS_SECONDS = 0 if DEBUG else 30 * 24 * 3600
# Other subdomains and browsers' preload lists are the domain's owner's to decide, not this project's.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXIES else None
SECURE_SSL_REDIRECT = bool(TRUSTED_PROXIES) and not DEBUG
SECURE_REDIRECT_EXEMPT = [r"^health/"]
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "videoconf.errors.csrf_failure"

# For the landing page, the admin and the API docs; the meeting page sends its own.
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    },
}
PERMISSIONS_POLICY: dict[str, list[str]] = {
    "camera": ["self"],
    "microphone": ["self"],
    "display-capture": ["self"],
    "autoplay": ["self"],
    "fullscreen": ["self"],
    "geolocation": [],
    "payment": [],
    "usb": [],
}

CORS_URLS_REGEX = r"^/(session|archives|auth|schema|health)(/|$)"
CORS_ALLOWED_ORIGINS = env.origins("CORS_ALLOWED_ORIGINS")
CORS_ALLOW_ALL_ORIGINS = not CORS_ALLOWED_ORIGINS
CORS_ALLOW_CREDENTIALS = False
CORS_ALLOW_HEADERS = [*default_headers, "idempotency-key"]
CORS_EXPOSE_HEADERS = ["retry-after", "www-authenticate"]

# --- meetings -----------------------------------------------------------------------------------------------
VONAGE = vonage(env)
DEMO = MAKE_RUN and env.flag("VIDEOCONF_DEMO", default=False)
if DEMO and VONAGE is not None:
    raise refuse("VIDEOCONF_DEMO", "it is for those who have no credentials, but VONAGE_… has some. Unset one of them.")
if DEMO:
    VONAGE = demo.options(SECRET_KEY, PORT + 1)
DEFAULT_PROVIDER = env.choice("VIDEOCONF_PROVIDER", ("webrtc", "opentok"), "webrtc")
if DEFAULT_PROVIDER == "opentok" and VONAGE is None:
    raise refuse(
        "VIDEOCONF_PROVIDER",
        "opentok needs credentials: VONAGE_API_KEY and VONAGE_API_SECRET, or VONAGE_APPLICATION_ID and "
        "VONAGE_PRIVATE_KEY. To look at it without an account, set VIDEOCONF_DEMO=1 and run `make run`.",
    )
TURN_URLS = env.addresses("TURN_URLS", ("turn", "turns"))
TURN_SECRET = env.optional("TURN_SECRET")
if bool(TURN_URLS) != bool(TURN_SECRET):
    raise refuse("TURN_URLS, TURN_SECRET", "one is useless without the other. Set both, or neither.")
JWT_SECRET = env.optional("JWT_SECRET")
JWT_PUBLIC_KEY = public_key(env, "JWT_PUBLIC_KEY")
if JWT_SECRET and JWT_PUBLIC_KEY:
    raise refuse("JWT_SECRET, JWT_PUBLIC_KEY", "both are set. Keep the one that callers' tokens need.")

VIDEOCONF = {
    "DEFAULT_PROVIDER": DEFAULT_PROVIDER,
    "TIME_TO_START": env.integer("TIME_TO_START", 10, lowest=0, highest=7 * 24 * 60),
    "GUEST_ROLE": (
        "publisher"
        if LOCAL and not env.is_set("GUEST_ROLE")
        else env.choice("GUEST_ROLE", ("moderator", "publisher", "subscriber")) or None
    ),
    "TENANT_CLAIM": env.optional("TENANT_CLAIM"),
    "UNKNOWN_PROPERTIES": env.choice("UNKNOWN_PROPERTIES", ("refuse", "ignore"), "refuse"),
    "JWT_SECRET": JWT_SECRET,
    "JWT_PUBLIC_KEY": JWT_PUBLIC_KEY,
    "JWT_ISSUER": env.text("JWT_ISSUER", "videoconf"),
    "WEBHOOK_PATH_TOKEN": env.optional("WEBHOOK_PATH_TOKEN"),
    "ALLOW_UNSIGNED_WEBHOOKS": env.flag("ALLOW_UNSIGNED_WEBHOOKS", default=LOCAL),
    "FRAME_ANCESTORS": env.origins("FRAME_ANCESTORS", wildcard_host=True),
    "AWS_ACCESS_KEY": env.optional("AWS_ACCESS_KEY"),
    "AWS_SECRET_KEY": env.optional("AWS_SECRET_KEY"),
    "AZURE_ACCOUNT_KEY": env.optional("AZURE_ACCOUNT_KEY"),
    "AZURE_CONTAINER": env.optional("AZURE_CONTAINER"),
    "MEDIA_ROOT": MEDIA_ROOT,
    "RECORDING_CONSENT": env.choice("RECORDING_CONSENT", ("told", "required"), "told"),
    **{name: said for name in ("RECORDING_NOTICE", "RECORDING_NOTICE_VERSION") if (said := env.optional(name))},
    "RECORDING_MAX_MINUTES": env.integer("RECORDING_MAX_MINUTES", 240, lowest=1, highest=7 * 24 * 60),
    "RECORDING_KEEP_HOURS": env.integer("RECORDING_KEEP_HOURS", 24, lowest=0, highest=365 * 24),
}
VIDEOCONF_PROVIDERS: dict[str, dict[str, Any]] = {
    "webrtc": {
        "BACKEND": "meetings.providers.webrtc.WebRTCProvider",
        "OPTIONS": {
            "STUN_URLS": env.addresses("STUN_URLS", ("stun", "stuns")),
            "TURN_URLS": TURN_URLS,
            "TURN_SECRET": TURN_SECRET or "",
            "ALLOW_IN_MEMORY_LAYER": ONE_PROCESS,
            "WEBHOOK_SECRETS": env.words("WEBHOOK_SECRETS"),
        },
    }
}
if VONAGE is not None:
    VIDEOCONF_PROVIDERS["opentok"] = {"BACKEND": "meetings.providers.opentok.OpenTokProvider", "OPTIONS": VONAGE}

# --- the API's description ----------------------------------------------------------------------------------
REST_FRAMEWORK = {"DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema"}
SPECTACULAR_SETTINGS = {
    "TITLE": "Video Conferencing Service",
    "DESCRIPTION": "Meetings, join tokens, attendees, archives and webhooks.",
    "VERSION": __version__,
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "COMPONENT_SPLIT_REQUEST": True,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "persistAuthorization": False},
    "APPEND_COMPONENTS": {"securitySchemes": {"bearer": {"type": "http", "scheme": "bearer", "bearerFormat": "JWT"}}},
}

# --- logs: a line an event, on standard error; no bodies, headers or query strings ---------------------
SECRETS = [
    SECRET_KEY,
    JWT_SECRET,
    TURN_SECRET,
    ADMIN_PASSWORD,
    DATABASES["default"].get("PASSWORD"),
    urlsplit(REDIS_URL).password,
    *env.words("WEBHOOK_SECRETS"),
    *(
        env.optional(name)
        for name in (
            "WEBHOOK_PATH_TOKEN",
            "VONAGE_API_SECRET",
            "VONAGE_PRIVATE_KEY",
            "AWS_ACCESS_KEY",
            "AWS_SECRET_KEY",
            "AZURE_ACCOUNT_KEY",
        )
    ),
    *env.words("VONAGE_SESSION_SECRETS"),
    *env.words("VONAGE_ARCHIVE_SECRETS"),
]
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "videoconf.logs.RedactingFormatter",
            "fmt": "{asctime} {levelname} {name}: {message}",
            "secrets": SECRETS,
        }
    },
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "line"},
        "quiet": {"class": "logging.StreamHandler", "formatter": "line", "level": "ERROR"},
    },
    "root": {"handlers": ["console"], "level": "WARNING"},
    "loggers": {
        "django": {"handlers": ["console"], "level": "WARNING", "propagate": False},
        "django.request": {"level": "ERROR"},  # a client's mistake is no news
        # The worker sets these two to INFO for itself, which is a line for each state of each task.
        "django_tasks": {"handlers": ["quiet"], "propagate": False},
        "django_tasks_db": {"handlers": ["quiet"], "propagate": False},
        "meetings": {"level": "INFO"},
        "archives": {"level": "INFO"},
        "videoconf": {"level": "INFO"},
    },
}
