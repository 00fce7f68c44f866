"""`OpenTokProvider`: meetings in Vonage's cloud, as a legacy project or an application."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from typing import Any, ClassVar
from urllib.parse import urlsplit

from django.core.checks import CheckMessage
from django.core.checks import Warning as CheckWarning
from django.core.exceptions import ImproperlyConfigured

from meetings.conf import conf
from meetings.exceptions import ProviderCredentialsRefused, ProviderNotFound, ProviderUnavailable
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
    RoomRef,
    RoomSpec,
    TokenGrant,
    WebhookMessage,
)

RELAYED, END_TO_END = "relayed", "e2ee"
AT_ONCE = 8
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
        "PAGE_SOURCES": (),
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
        client = HttpClient(url, timeout=self.settings["TIMEOUT"], name=self.name, user_agent="django-videoconf")
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

    def data_bytes(self, *, data: str, identity: str) -> int:
        return len(names.pack(data, identity).encode())

    def client_config(self, room: RoomRef) -> dict[str, Any]:
        is_application = isinstance(self.project, ApplicationProject)
        return {
            "script": self.settings["SCRIPT_URL"] or _script_of(self.project),
            "apiKey": None if is_application else self.project.identifier,
            "applicationId": self.project.identifier if is_application else None,
            "sessionId": room.session_id,
            "encrypted": room.end_to_end_encryption,
        }

    def close_room(self, room: RoomRef, connection_ids: Sequence[str]) -> None:
        """Put out every connection that we know; the session itself can't be destroyed."""
        self._each(connection_ids, lambda connection_id: self._disconnect(room, connection_id))

    def remove_participant(self, room: RoomRef, connection_id: str) -> None:
        self._disconnect(room, connection_id)

    def mute_participant(self, room: RoomRef, connection_id: str, stream_ids: Sequence[str]) -> None:
        self._each(stream_ids, lambda stream_id: self._mute(room, stream_id))

    def mute_everyone(self, room: RoomRef, streams: Mapping[str, Sequence[str]]) -> None:
        """Mute all streams that there are, known to us or not; those to come may be heard."""
        with suppress(ProviderNotFound):
            self.api.mute_session(room.session_id, active=True)
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
        return "https://unpkg.com/@vonage/client-sdk-video@latest/dist/js/opentok.js"
    return "https://static.opentok.com/v2/js/opentok.min.js"
