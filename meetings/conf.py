"""The apps' settings, read live from `settings.VIDEOCONF` and `settings.VIDEOCONF_PROVIDERS`.

Nothing is read at import and nothing is remembered, so `override_settings` works. docs/settings.md is tested against
`SETTINGS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Generic, TypeVar, cast, overload

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.crypto import salted_hmac
from django.utils.module_loading import import_string

T = TypeVar("T")

MAX_TENANT = 255
WEBRTC_BACKEND = "meetings.providers.webrtc.WebRTCProvider"


class Setting(Generic[T]):
    """One key of `settings.VIDEOCONF`: its default and what it is for.

    `kinds` are the Python types that a value may have; anything else is an `ImproperlyConfigured` that names the key.
    """

    def __init__(self, default: T | Callable[[], T], doc: str, *, kinds: tuple[type, ...]) -> None:
        self.default = default
        self.doc = doc
        self.kinds = kinds

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    @overload
    def __get__(self, instance: None, owner: type) -> Setting[T]: ...
    @overload
    def __get__(self, instance: object, owner: type) -> T: ...
    def __get__(self, instance: object | None, owner: type) -> Setting[T] | T:
        if instance is None:
            return self
        values: Mapping[str, Any] = getattr(settings, "VIDEOCONF", {})
        if self.name not in values:
            default: Any = self.default() if callable(self.default) else self.default
            return cast(T, default)
        value = values[self.name]
        is_flag_for_number = isinstance(value, bool) and bool not in self.kinds and object not in self.kinds
        if is_flag_for_number or not isinstance(value, self.kinds):
            wanted = " or ".join("None" if kind is type(None) else kind.__name__ for kind in self.kinds)
            raise ImproperlyConfigured(f'VIDEOCONF["{self.name}"] must be {wanted}, not {type(value).__name__}.')
        return cast(T, value)


def derived_key(purpose: str) -> str:
    """Return a 64-digit hex key for one purpose, derived from `SECRET_KEY`."""
    return salted_hmac(f"videoconf.{purpose}", "key", algorithm="sha256").hexdigest()


class Conf:
    """`conf.NAME` is the value in force now; a wrong type raises `ImproperlyConfigured` with the name."""

    DEFAULT_PROVIDER = Setting[str]("webrtc", "Alias of the provider that new meetings use.", kinds=(str,))
    TIME_TO_START = Setting[int](10, "Minutes before `scheduleTime` from which join tokens are given.", kinds=(int,))
    MERGE_GAP = Setting[int](
        60, "Seconds for which somebody can be away and still counts as having stayed, in attendance.", kinds=(int,)
    )
    GUEST_ROLE = Setting[str | None](
        None,
        "Role of people who open the meeting page without a token and without signing in (`publisher`, "
        "`subscriber`, `moderator`); `None` lets nobody in that way.",
        kinds=(str, type(None)),
    )
    TENANT_CLAIM = Setting[str | None](
        None,
        'Claim of a caller\'s JWT that names its tenant; `None` puts everyone into tenant `""`.',
        kinds=(str, type(None)),
    )
    TENANT_OF = Setting[Any](
        None,
        'Dotted path of (or) a callable that gets a Django user and returns her tenant; `None`: `""`.',
        kinds=(object,),
    )
    JOIN_POLICY = Setting[Any](
        None,
        "Dotted path of (or) a callable that gets caller, meeting and grant, and returns who may join, as what, until "
        "when (`meetings.joining`).",
        kinds=(object,),
    )
    UNKNOWN_PROPERTIES = Setting[str](
        "refuse", "What a request body's unknown properties do: `refuse` (422) or `ignore`.", kinds=(str,)
    )
    JWT_SECRET = Setting[str | None](
        None, "Shared secret (HS256) of callers whose JWT is minted elsewhere.", kinds=(str, type(None))
    )
    JWT_PUBLIC_KEY = Setting[str | None](
        None,
        "PEM public key (RSA: RS256, P-256: ES256) of callers' JWTs, instead of `JWT_SECRET`.",
        kinds=(str, type(None)),
    )
    JWT_ISSUER = Setting[str]("videoconf", "`iss` that callers' JWTs must carry.", kinds=(str,))
    JOIN_TOKEN_KEY = Setting[str](
        lambda: derived_key("join"),
        "Key that signs the embedded provider's join tokens; default: derived from `SECRET_KEY`.",
        kinds=(str,),
    )
    WEBHOOK_PATH_TOKEN = Setting[str | None](
        None,
        "Unguessable last path segment that webhook addresses must carry; `None`: none.",
        kinds=(str, type(None)),
    )
    ALLOW_UNSIGNED_WEBHOOKS = Setting[bool](
        False, "Accept webhooks where no signature secret is configured. For local work only.", kinds=(bool,)
    )
    FRAME_ANCESTORS = Setting[list[str] | tuple[str, ...]](
        (), "Origins that may show the meeting page in a frame.", kinds=(list, tuple)
    )
    PAGE_BASE_TEMPLATE = Setting[str](
        "videoconf_meetings/base.html", "Template that the meeting page extends.", kinds=(str,)
    )
    SIGNALING_PATH = Setting[str](
        "/ws/meet/", "Path under which `meetings.signaling.routing` is mounted.", kinds=(str,)
    )
    TASKS_BACKEND = Setting[str](
        "default",
        "Alias in `TASKS` of the backend that runs deferred work; it must be able to defer.",
        kinds=(str,),
    )
    AWS_ACCESS_KEY = Setting[str | None](None, "Access key id of S3 storage targets.", kinds=(str, type(None)))
    AWS_SECRET_KEY = Setting[str | None](None, "Secret key of S3 storage targets.", kinds=(str, type(None)))
    AZURE_ACCOUNT_KEY = Setting[str | None](None, "Account key of Azure storage targets.", kinds=(str, type(None)))
    AZURE_CONTAINER = Setting[str | None](
        None, "Container of Azure storage targets that name none.", kinds=(str, type(None))
    )
    STORAGE_TIMEOUT = Setting[float](
        20,
        "Seconds of silence after which a storage target counts as down; a call is tried twice.",
        kinds=(int, float),
    )
    MEDIA_ROOT = Setting[str | None](
        None,
        "Folder of archives while no storage target is set; `None`: Django's `MEDIA_ROOT`.",
        kinds=(str, type(None)),
    )

    RECORDING_CONSENT = Setting[str](
        "told",
        "Embedded provider: `told` records everybody, who is told so; `required` records those alone who have agreed.",
        kinds=(str,),
    )
    RECORDING_NOTICE = Setting[str](
        "This meeting is being recorded: sound, camera and shared screens.",
        "What people are told when a recording runs.",
        kinds=(str,),
    )
    RECORDING_NOTICE_VERSION = Setting[str](
        "1", "Name of the present wording of `RECORDING_NOTICE`; it is stored with who was told.", kinds=(str,)
    )
    RECORDING_MAX_MINUTES = Setting[int](240, "Minutes after which a recording ends by itself.", kinds=(int,))
    RECORDING_KEEP_HOURS = Setting[int](
        24, "Hours for which a finished recording's chunks are kept, to be composed again from.", kinds=(int,)
    )
    RECORDING_CHUNK_STORAGE = Setting[str | None](
        None,
        "Alias in Django's `STORAGES` where chunks wait for the worker; `None`: the folder `chunks` by the archives.",
        kinds=(str, type(None)),
    )
    RECORDING_WORK_FOLDER = Setting[str | None](
        None,
        "Folder of the worker's unfinished compositions; `None`: the folder `recording-work` by the archives.",
        kinds=(str, type(None)),
    )
    RECORDING_MAX_TRACK_MB = Setting[int](4096, "Megabytes (MiB) that one track may have.", kinds=(int,))
    RECORDING_MAX_MB = Setting[int](20480, "Megabytes (MiB) that all tracks of one recording may have.", kinds=(int,))

    @property
    def PROVIDERS(self) -> Mapping[str, Mapping[str, Any]]:  # noqa: N802  (spelled like the other settings)
        """`settings.VIDEOCONF_PROVIDERS`; without it the embedded provider with its defaults."""
        providers: Mapping[str, Mapping[str, Any]] = getattr(
            settings, "VIDEOCONF_PROVIDERS", {"webrtc": {"BACKEND": WEBRTC_BACKEND}}
        )
        return providers

    def tenant_of_user(self, user: object) -> str:
        """Return the tenant of a Django user, by the host's `TENANT_OF`, else `""`."""
        hook = self.TENANT_OF
        if hook is None:
            return ""
        function: Callable[[object], Any] = import_string(hook) if isinstance(hook, str) else hook
        tenant = function(user)
        if not isinstance(tenant, str) or len(tenant) > MAX_TENANT:
            raise ImproperlyConfigured(
                f'VIDEOCONF["TENANT_OF"] must return a text of at most {MAX_TENANT} characters, not {tenant!r:.100}.'
            )
        return tenant


conf = Conf()

SETTINGS: dict[str, Setting[Any]] = {name: value for name, value in vars(Conf).items() if isinstance(value, Setting)}
