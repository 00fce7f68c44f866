"""The storage target: where archives go. It belongs to every provider that records, and each is told of it."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass

from django.db import transaction

from archives import storage
from archives.models import StorageTarget
from archives.providers.base import ArchiveProvider, UploadTarget
from archives.providers.registry import archive_provider
from meetings import rules
from meetings.conf import conf
from meetings.exceptions import ConfigurationMissing, Conflict, NotFound, VideoconfError
from meetings.providers.registry import aliases, get_provider

_ADDRESS = re.compile(
    r"(https?://)?([A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*\.?|\[[0-9A-Fa-f:.]+\])(:(?P<port>[0-9]{1,5}))?(/[A-Za-z0-9._~-]*)*",
    re.ASCII,
)
_NAMES = {
    "bucket": (re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}", re.ASCII), "letters, digits, `.`, `-` and `_`"),
    "region": (re.compile(r"[A-Za-z0-9-]{1,64}", re.ASCII), "letters, digits and `-`"),
    "account_name": (re.compile(r"[a-z0-9]{1,24}", re.ASCII), "up to 24 small letters and digits"),
    "container": (
        re.compile(r"[a-z0-9](-?[a-z0-9]){0,62}|\$root", re.ASCII),
        "up to 63 small letters, digits and single `-`",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetPlan:
    """A storage target to be; names as in the API, in snake case."""

    name: str = ""
    bucket: str = ""
    endpoint: str = ""
    region: str = ""
    account_name: str = ""
    container: str = ""
    domain: str = ""
    fallback: str = "none"


def current_target() -> StorageTarget | None:
    """Return the storage target in force."""
    target: StorageTarget | None = StorageTarget.objects.in_force()
    return target


def link_origins() -> list[str]:
    """Return where links to recordings may lead: into any target, as earlier ones keep what they were given.

    One that can't be used has no links, and is left out.
    """
    found: dict[str, None] = {}
    for target in StorageTarget.objects.order_by("id"):
        with suppress(VideoconfError):
            found[storage.origin(target) or ""] = None
    return list(filter(None, found))


def set_storage_target(plan: TargetPlan, *, actor: str) -> StorageTarget:
    """Make `plan` the storage target of archives from now on; the providers are told before it is stored.

    Raises `Refused` with the original's sentences, `ConfigurationMissing` (`storage_credentials_missing`) and
    `ProviderError`, after which the target is what it was.
    """
    _refuse_target(plan)
    _refuse_missing_credentials(plan)
    upload = _upload_target(plan)
    for recorder in _recorders():
        recorder.set_storage_target(upload)
    with transaction.atomic():
        StorageTarget.objects.alive().soft_delete(actor)
        target: StorageTarget = StorageTarget.objects.create(
            name=plan.name,
            bucket=plan.bucket,
            endpoint=plan.endpoint,
            region=plan.region,
            account_name=plan.account_name,
            container=_container_of(plan),
            domain=plan.domain,
            fallback=plan.fallback,
            created_by=actor,
            modified_by=actor,
        )
    return target


def clear_storage_target(*, actor: str) -> None:
    """Take the storage target away; raise `NotFound` if there is none, and `ProviderError`."""
    if current_target() is None:
        raise NotFound("There is no storage target.", code="storage_target_not_found")
    for recorder in _recorders():
        recorder.clear_storage_target()
    StorageTarget.objects.alive().soft_delete(actor)


def restore_storage_target(target: StorageTarget, *, actor: str) -> None:
    """Bring an earlier storage target back; raise `Conflict` while another is in force, and `ProviderError`."""
    if current_target() is not None:
        raise Conflict("There is a storage target in force; take that away first.", code="storage_target_exists")
    plan = TargetPlan(
        name=target.name,
        bucket=target.bucket,
        endpoint=target.endpoint,
        region=target.region,
        account_name=target.account_name,
        container=target.container,
        domain=target.domain,
        fallback=target.fallback,
    )
    _refuse_missing_credentials(plan)
    for recorder in _recorders():
        recorder.set_storage_target(_upload_target(plan))
    target.restore(actor)


def _recorders() -> list[ArchiveProvider]:
    """The recording sides of all providers; the storage target belongs to each of them."""
    providers = [get_provider(alias) for alias in aliases()]
    return [archive_provider(one) for one in providers if one.archive_backend and one.capabilities.archive]


def _container_of(plan: TargetPlan) -> str:
    return plan.container or (conf.AZURE_CONTAINER or "" if plan.name == StorageTarget.Name.AZURE else "")


def _upload_target(plan: TargetPlan) -> UploadTarget:
    if plan.name == StorageTarget.Name.AWS_S3:
        kind = "s3"
        place = {"bucket": plan.bucket, "endpoint": plan.endpoint, "region": plan.region}
        credentials = {"access_key": conf.AWS_ACCESS_KEY or "", "secret_key": conf.AWS_SECRET_KEY or ""}
    else:
        kind = "azure"
        place = {"account_name": plan.account_name, "container": _container_of(plan), "domain": plan.domain}
        credentials = {"account_key": conf.AZURE_ACCOUNT_KEY or ""}
    place = {name: value for name, value in place.items() if value}
    return UploadTarget(kind=kind, place=place, credentials=credentials, fallback=plan.fallback)


def _refuse_target(plan: TargetPlan) -> None:
    if plan.name not in StorageTarget.Name.values:
        rules.refuse("name", "storage_type_unsupported", "Unsupported storage type")
    if plan.name == StorageTarget.Name.AWS_S3 and not plan.bucket:
        rules.refuse("bucket", "bucket_missing", "S3 bucket name is required")
    if plan.name == StorageTarget.Name.AZURE and not plan.account_name:
        rules.refuse("accountName", "account_name_missing", "Azure account name is required")
    for name, address in (("endpoint", plan.endpoint), ("domain", plan.domain)):
        found = _ADDRESS.fullmatch(address)
        if address and (found is None or not 0 < int(found["port"] or 1) < 65536):
            rules.refuse(name, "invalid_value", f"{name} must be a host or an http(s):// address, without credentials")
    for name, (pattern, words) in _NAMES.items():
        value = getattr(plan, name)
        if value and not pattern.fullmatch(value):
            path = {"account_name": "accountName"}.get(name, name)
            rules.refuse(path, "invalid_value", f"{path} can have {words}.")


def _refuse_missing_credentials(plan: TargetPlan) -> None:
    if plan.name == StorageTarget.Name.AWS_S3:
        wanted = {"AWS_ACCESS_KEY": conf.AWS_ACCESS_KEY, "AWS_SECRET_KEY": conf.AWS_SECRET_KEY}
        sentence = "Missing AWS S3 credentials for setting upload target"
    else:
        wanted = {
            "AZURE_ACCOUNT_KEY": conf.AZURE_ACCOUNT_KEY,
            "AZURE_CONTAINER": plan.container or conf.AZURE_CONTAINER,
        }
        sentence = "Missing Azure credentials for setting upload target"
    missing = [name for name, value in wanted.items() if not value]
    if missing:
        raise ConfigurationMissing(f"{sentence}: set {' and '.join(missing)}.", code="storage_credentials_missing")
