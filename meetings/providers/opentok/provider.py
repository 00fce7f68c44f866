"""`OpenTokProvider`: meetings in Vonage's cloud, as a legacy project or an application."""

from __future__ import annotations

import math
import re
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, ClassVar
from urllib.parse import urlsplit

from django.core.checks import CheckMessage
from django.core.checks import Warning as CheckWarning
from django.core.exceptions import ImproperlyConfigured

from meetings.conf import conf
from meetings.exceptions import JoinRefused, ProviderCredentialsRefused, ProviderNotFound, ProviderUnavailable
from meetings.providers import session_events, signatures
from meetings.providers.base import Provider
from meetings.providers.http import HttpClient
from meetings.providers.opentok import names
from meetings.providers.opentok.projects import ApplicationProject, LegacyProject, Project
from meetings.providers.opentok.rest import VonageApi
from meetings.providers.types import (
    AccessToken,
    Capabilities,
    EventFamily,
    ProviderEvent,
    Role,
    RoomRef,
    RoomSpec,
    TokenClaims,
    TokenGrant,
    WebhookMessage,
)

RELAYED, END_TO_END = "relayed", "e2ee"
AT_ONCE = 8
_LINK = re.compile(r'("url"\s*:\s*)"(?:[^"\\]|\\.)*"?')
VONAGE_SOURCES: Mapping[str, Sequence[str]] = {
    "connect-src": tuple(
        f"{scheme}://*.{domain}"
        for domain in ("opentok.com", "tokbox.com", "vonage.com")
        for scheme in ("https", "wss")
    ),
    "worker-src": ("'self'", "blob:"),
}
"""Whom Vonage's script speaks to, as Vonage's own reference application has it (Vonage/vonage-video-react-app)."""
_DIRECTIVE = re.compile(r"[a-z]+(-[a-z]+)*")
_SOURCE = re.compile(r"[!-+\--:<-~]+")
_INTEGRITY = re.compile(r"(sha(256|384|512)-[A-Za-z0-9+/]+={0,2}( |$))+")
_SCRIPT = re.compile(r"https?://[!-+\--:<->@-~]+")
MAX_DATA = 1000
"""Bytes of UTF-8; Vonage says characters, and whether it counts bytes is not known."""


class OpenTokProvider(Provider):
    """Vonage Video. A room is a session: routed, or for `endToEndEncryption` relayed (option: Vonage's own `e2ee`)."""

    name = "Vonage Video"
    browser_module = "videoconf_meetings/js/providers/opentok.js"
    archive_backend = "archives.providers.opentok.OpenTokArchives"
    options: ClassVar[dict[str, Any]] = {
        "API_KEY": "",
        "API_SECRET": "",
        "APPLICATION_ID": "",
        "PRIVATE_KEY": "",
        "API_URL": "",
        "TIMEOUT": 10.0,
        "SESSION_SECRETS": (),
        "ARCHIVE_SECRETS": (),
        "WEBHOOK_MAX_AGE": signatures.MAX_AGE,
        "ENCRYPTION": RELAYED,
        "TOKEN_LIFETIME": 24 * 3600,
        "STORAGE_SECRET": "",
        "SCRIPT_URL": "",
        "SCRIPT_INTEGRITY": "",
        "PAGE_SOURCES": {},
    }

    def __init__(self, alias: str, options: Any) -> None:
        super().__init__(alias, options)
        where = f'VIDEOCONF_PROVIDERS["{alias}"]["OPTIONS"]'
        self.project = _project_of(self.settings, where)
        if self.settings["ENCRYPTION"] not in (RELAYED, END_TO_END):
            raise ImproperlyConfigured(f"{where}: ENCRYPTION must be {RELAYED!r} or {END_TO_END!r}.")
        if not 0 < self.settings["TIMEOUT"] < math.inf:
            raise ImproperlyConfigured(f"{where}: TIMEOUT must be a number of seconds over 0.")
        url = self.settings["API_URL"] or self.project.default_url
        if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).netloc:
            raise ImproperlyConfigured(f"{where}: API_URL {url!r} is no address of a REST API (https://…).")
        _refuse_sources(self.settings, where)
        secrets = [self.settings[name] for name in ("API_SECRET", "STORAGE_SECRET")]
        client = HttpClient(
            url, timeout=self.settings["TIMEOUT"], name=self.name, user_agent="django-videoconf", secrets=secrets
        )
        self.api = VonageApi(self.project, client)

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities(
            archive=True,
            moderation=True,
            end_to_end_encryption=True,
            fixes_archiving=True,
            max_data_bytes=MAX_DATA,
            default_token_lifetime=self.settings["TOKEN_LIFETIME"],
        )

    def create_room(self, spec: RoomSpec) -> RoomRef:
        is_relayed = spec.end_to_end_encryption and self.settings["ENCRYPTION"] == RELAYED
        is_e2ee = spec.end_to_end_encryption and not is_relayed
        session_id = self.api.create_session(
            {
                "p2p.preference": "enabled" if is_relayed else "disabled",
                "archiveMode": "always" if spec.archive_always else "manual",
                "e2ee": "true" if is_e2ee else "false",
            }
        )
        return RoomRef(
            session_id=session_id,
            meeting_link=spec.meeting_link,
            end_to_end_encryption=spec.end_to_end_encryption,
        )

    def issue_token(self, room: RoomRef, grant: TokenGrant) -> AccessToken:
        data = names.pack(grant.data, grant.identity)
        value = self.project.client_token(room.session_id, role=grant.role, expires_at=grant.expires_at, data=data)
        return AccessToken(value=value, expires_at=grant.expires_at)

    def owns(self, session_id: str) -> bool:
        return self.project.owns(session_id)

    def read_token(self, room: RoomRef, value: str, *, ignore_expiry: bool = False) -> TokenClaims:
        claims = self.project.client_claims(value, room.session_id, ignore_expiry=ignore_expiry)
        try:
            role = Role(claims["role"])
            issued_at = datetime.fromtimestamp(claims["iat"], UTC)
        except (ValueError, TypeError, OverflowError, OSError) as error:
            raise JoinRefused("This invitation is not valid. Ask for a new one.", code="token_invalid") from error
        bearer = names.unpack(str(claims.get("connection_data") or ""))
        return TokenClaims(role=role, issued_at=issued_at, data=bearer.name, identity=bearer.identity)

    def data_bytes(self, *, data: str, identity: str) -> int:
        return len(names.pack(data, identity).encode())

    def client_config(self, room: RoomRef) -> dict[str, Any]:
        is_application = isinstance(self.project, ApplicationProject)
        return {
            "script": self._script,
            "integrity": self.settings["SCRIPT_INTEGRITY"],
            "apiKey": None if is_application else self.project.identifier,
            "applicationId": self.project.identifier if is_application else None,
            "sessionId": room.session_id,
            "encrypted": room.end_to_end_encryption,
            "needsSecret": room.end_to_end_encryption and self.settings["ENCRYPTION"] == END_TO_END,
        }

    def page_sources(self) -> Mapping[str, Sequence[str]]:
        """Vonage's script, the hosts that it speaks to, and workers that it makes of its own text.

        A script from elsewhere (`SCRIPT_URL`) may also speak to where it came from.
        """
        sources: dict[str, Sequence[str]] = {"script-src": (self._script,), **VONAGE_SOURCES}
        if own := self.settings["SCRIPT_URL"]:
            parts = urlsplit(own)
            sources["connect-src"] = (*sources["connect-src"], f"{parts.scheme}://{parts.netloc}")
        return {**sources, **self.settings["PAGE_SOURCES"]}

    @property
    def _script(self) -> str:
        url: str = self.settings["SCRIPT_URL"] or _script_of(self.project)
        return url

    def close_room(self, room: RoomRef, connection_ids: Sequence[str]) -> None:
        """Put out every connection that we know; the session itself can't be destroyed."""
        self._each(connection_ids, lambda connection_id: self._disconnect(room, connection_id))

    def streams_now(self, room: RoomRef) -> frozenset[str] | None:
        return self.api.streams(room.session_id)

    def remove_participant(self, room: RoomRef, connection_id: str) -> None:
        self._disconnect(room, connection_id)

    def mute_participant(self, room: RoomRef, connection_id: str, stream_ids: Sequence[str]) -> None:
        self._each(stream_ids, lambda stream_id: self._mute(room, stream_id))

    def mute_everyone(self, room: RoomRef, streams: Mapping[str, Sequence[str]], *, spared: str = "") -> None:
        """Mute all streams that there are, known to us or not; those to come may be heard."""
        with suppress(ProviderNotFound):
            self.api.mute_session(room.session_id, active=True, excluded=streams.get(spared, ()))
            self.api.mute_session(room.session_id, active=False)

    def lift_mute(self, room: RoomRef) -> None:
        with suppress(ProviderNotFound):
            self.api.mute_session(room.session_id, active=False)

    def _disconnect(self, room: RoomRef, connection_id: str) -> None:
        with suppress(ProviderNotFound):
            self.api.force_disconnect(room.session_id, connection_id)

    def _mute(self, room: RoomRef, stream_id: str) -> None:
        with suppress(ProviderNotFound):
            self.api.mute_stream(room.session_id, stream_id)

    def _each(self, ids: Sequence[str], act: Callable[[str], None]) -> None:
        """Do it to each, several at once, and raise the first error at the end; once nobody answers, the rest is left.

        Whoever is left is put out when the call is repeated.
        """
        is_down = threading.Event()

        def work(one: str) -> None:
            if is_down.is_set():
                return
            try:
                act(one)
            except (ProviderUnavailable, ProviderCredentialsRefused):
                is_down.set()
                raise

        if len(ids) <= 1:
            for one in ids:
                act(one)
            return
        with ThreadPoolExecutor(min(AT_ONCE, len(ids))) as pool:
            works = [pool.submit(work, one) for one in ids]
        for done in works:
            done.result()

    def webhook_secrets(self, family: EventFamily) -> Sequence[str]:
        name = "ARCHIVE_SECRETS" if family is EventFamily.ARCHIVE else "SESSION_SECRETS"
        return [secret for secret in self.settings[name] if secret]

    def verify(self, message: WebhookMessage) -> frozenset[EventFamily]:
        secrets = {family: self.webhook_secrets(family) for family in EventFamily}
        return signatures.verify(message, secrets, max_age=self.settings["WEBHOOK_MAX_AGE"])

    def kept_text(self, text: str) -> str:
        """A recording's link is fetched when it is asked for, and stored nowhere."""
        return _LINK.sub(r"\1null", text)

    def parse(self, message: WebhookMessage) -> list[ProviderEvent]:
        return [_named(event) for event in session_events.parse(message)]

    def check(self) -> list[CheckMessage]:
        where = f'VIDEOCONF_PROVIDERS["{self.alias}"]["OPTIONS"]'
        if conf.ALLOW_UNSIGNED_WEBHOOKS:
            return []
        return [
            CheckWarning(
                f"{where} has no {name}: {what} events are refused.",
                hint=f"Set a signature secret for {what} monitoring at Vonage and put it into {name}.",
                id="videoconf.W010",
            )
            for name, what in (("SESSION_SECRETS", "session"), ("ARCHIVE_SECRETS", "archive"))
            if not any(self.settings[name])
        ]


def _named(event: ProviderEvent) -> ProviderEvent:
    bearer = names.unpack(event.data)
    if bearer == names.Bearer(name=event.data):
        return event
    return replace(event, data=bearer.name, identity=bearer.identity, ext_id=bearer.ext_id)


def _project_of(settings: dict[str, Any], where: str) -> Project:
    api_key, api_secret = settings["API_KEY"], settings["API_SECRET"]
    application_id, private_key = settings["APPLICATION_ID"], settings["PRIVATE_KEY"]
    if (api_key or api_secret) and (application_id or private_key):
        raise ImproperlyConfigured(f"{where} has credentials of both kinds. Keep one pair.")
    if api_key and api_secret:
        return LegacyProject(api_key, api_secret, where)
    if application_id and private_key:
        return ApplicationProject(application_id, private_key, where)
    raise ImproperlyConfigured(
        f"{where} needs a pair of credentials: API_KEY and API_SECRET (legacy project), or APPLICATION_ID and "
        "PRIVATE_KEY (application)."
    )


def _script_of(project: Project) -> str:
    if isinstance(project, ApplicationProject):
        return "https://unpkg.com/@vonage/client-sdk-video@2/dist/js/opentok.min.js"
    return "https://static.opentok.com/v2/js/opentok.min.js"


def _refuse_sources(settings: dict[str, Any], where: str) -> None:
    """A source stands in a header: one that holds more than a source would write other directives there."""
    for directive, sources in settings["PAGE_SOURCES"].items():
        is_list = isinstance(sources, (list, tuple)) and all(isinstance(source, str) for source in sources)
        if not _DIRECTIVE.fullmatch(str(directive)) or not is_list or not all(map(_SOURCE.fullmatch, sources)):
            raise ImproperlyConfigured(
                f"{where}: PAGE_SOURCES maps directives of a Content-Security-Policy to lists of sources, as in "
                '{"connect-src": ["https://*.example.com"]}.'
            )
    if settings["SCRIPT_URL"] and not _SCRIPT.fullmatch(settings["SCRIPT_URL"]):
        raise ImproperlyConfigured(f"{where}: SCRIPT_URL must be the https:// address of a script, without a query.")
    if settings["SCRIPT_INTEGRITY"] and not _INTEGRITY.fullmatch(settings["SCRIPT_INTEGRITY"]):
        raise ImproperlyConfigured(f"{where}: SCRIPT_INTEGRITY must be hashes of the script, as in 'sha384-…'.")
