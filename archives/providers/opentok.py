"""Recording at Vonage, over the same REST API and credentials as its sessions."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import Any, ClassVar

from archives import facts
from archives.facts import ArchiveFacts
from archives.providers import layouts
from archives.providers.base import ArchivePage, ArchiveProvider, ArchiveSpec, UploadTarget
from meetings.exceptions import ProviderError, ProviderNotFound
from meetings.providers.base import Provider
from meetings.providers.http import Answer
from meetings.providers.opentok import OpenTokProvider
from meetings.providers.opentok.rest import part
from meetings.providers.types import RoomRef

STORAGE = "/archive/storage"


class OpenTokArchives(ArchiveProvider):
    """Archives of one Vonage project."""

    suffixes: ClassVar[dict[str, str]] = {"individual": "zip"}

    def __init__(self, provider: Provider) -> None:
        super().__init__(provider)
        assert isinstance(provider, OpenTokProvider)
        self.api = provider.api

    def refuse(self, spec: ArchiveSpec) -> None:
        layout = spec.layout or {}
        layouts.refuse(layout, names=("type", "stylesheet", "screenshareType"), types=(*layouts.TYPES, layouts.CUSTOM))
        layouts.refuse_vonage(layout)

    def start(self, room: RoomRef, spec: ArchiveSpec) -> ArchiveFacts:
        document: dict[str, Any] = {"sessionId": room.session_id}
        given = {
            "name": spec.name,
            "outputMode": spec.output_mode,
            "resolution": spec.resolution,
            "layout": dict(spec.layout) if spec.layout else None,
        }
        document |= {name: value for name, value in given.items() if value}
        said = _facts_of(self.api.call("POST", "/archive", document=document))
        return said if said.is_state else replace(said, status="started")  # it has an id, so it runs

    def stop(self, archive_id: str) -> ArchiveFacts:
        return _facts_of(self.api.call("POST", f"/archive/{part(archive_id)}/stop"), archive_id)

    def describe(self, archive_id: str) -> ArchiveFacts:
        return _facts_of(self.api.call("GET", f"/archive/{part(archive_id)}", repeatable=True), archive_id)

    def list(self, *, session_id: str | None = None, offset: int = 0, count: int = 1000) -> ArchivePage:
        query: dict[str, Any] = {"offset": offset, "count": count}
        if session_id is not None:
            query["sessionId"] = session_id
        said = self.api.call("GET", "/archive", query=query, repeatable=True).json()
        items = said.get("items") if isinstance(said, dict) else None
        total = said.get("count") if isinstance(said, dict) else None
        if not isinstance(items, list) or not isinstance(total, int):
            raise ProviderError("The list of archives can't be read.")
        read = [facts.of_payload(item) for item in items if isinstance(item, dict)]
        return ArchivePage(total=total, items=tuple(found for found in read if found is not None))

    def delete(self, archive_id: str) -> None:
        try:
            self.api.call("DELETE", f"/archive/{part(archive_id)}", repeatable=True)
        except ProviderNotFound:
            return

    def set_storage_target(self, target: UploadTarget) -> None:
        document = {"type": target.kind, "config": _config_of(target), "fallback": target.fallback}
        self.api.call("PUT", STORAGE, document=document, repeatable=True, **self._storage_auth())

    def clear_storage_target(self) -> None:
        try:
            self.api.call("DELETE", STORAGE, repeatable=True, **self._storage_auth())
        except ProviderNotFound:
            return

    def _storage_auth(self) -> dict[str, Any]:
        """Vonage's page shows Basic for applications at this one address, against the rule everywhere else."""
        secret = self.provider.settings["STORAGE_SECRET"]
        if not secret:
            return {}
        pair = base64.b64encode(f"{self.api.project.identifier}:{secret}".encode()).decode()
        return {"headers": {"Authorization": f"Basic {pair}"}}

    def storage_key(self, facts: ArchiveFacts) -> str:
        suffix = self.suffixes.get(facts.output_mode, "mp4")
        return f"{self.api.project.identifier}/{facts.archive_id}/archive.{suffix}"


def _facts_of(answer: Answer, archive_id: str | None = None) -> ArchiveFacts:
    said = answer.json()
    found = facts.of_payload(said) if isinstance(said, dict) else None
    if found is None:
        raise ProviderError("The answer describes no archive.", status=answer.status)
    if archive_id not in (None, found.archive_id):
        raise ProviderError("The answer describes another archive.", status=answer.status)
    return found


def _config_of(target: UploadTarget) -> dict[str, str]:
    place, credentials = target.place, target.credentials
    if target.kind == "s3":
        config = {"accessKey": credentials["access_key"], "secretKey": credentials["secret_key"]}
        config |= {name: place[name] for name in ("bucket", "endpoint") if place.get(name)}
        if "://" not in config.get("endpoint", "://"):
            config["endpoint"] = f"https://{config['endpoint']}"  # Vonage takes none without
        return config
    config = {"accountKey": credentials["account_key"], "accountName": place["account_name"]}
    return config | {name: place[name] for name in ("container", "domain") if place.get(name)}
