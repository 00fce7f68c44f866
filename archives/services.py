"""What can be done with archives and their storage target."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction

from archives.models import Archive, StorageTarget
from meetings import rules
from meetings.conf import conf
from meetings.exceptions import ConfigurationMissing, Conflict, NotFound, Refused
from meetings.models import Meeting
from meetings.services import provider_of


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
    target: StorageTarget | None = StorageTarget.objects.alive().order_by("-id").first()
    return target


def set_storage_target(plan: TargetPlan, *, actor: str) -> StorageTarget:
    """Make `plan` the storage target of archives from now on.

    Raises `Refused` with the original's sentences, `ConfigurationMissing` (`storage_credentials_missing`).
    """
    _refuse_target(plan)
    _refuse_missing_credentials(plan)
    with transaction.atomic():
        StorageTarget.objects.alive().soft_delete(actor)
        target: StorageTarget = StorageTarget.objects.create(
            name=plan.name,
            bucket=plan.bucket,
            endpoint=plan.endpoint,
            region=plan.region,
            account_name=plan.account_name,
            container=plan.container or (conf.AZURE_CONTAINER or "" if plan.name == "AZURE" else ""),
            domain=plan.domain,
            fallback=plan.fallback,
            created_by=actor,
            modified_by=actor,
        )
    return target


def clear_storage_target(*, actor: str) -> None:
    """Take the storage target away; raise `NotFound` if there is none."""
    if not StorageTarget.objects.alive().soft_delete(actor):
        raise NotFound("There is no storage target.", code="storage_target_not_found")


def _refuse_target(plan: TargetPlan) -> None:
    if plan.name not in StorageTarget.Name.values:
        rules.refuse("name", "storage_type_unsupported", "Unsupported storage type")
    if plan.name == StorageTarget.Name.AWS_S3 and not plan.bucket:
        rules.refuse("bucket", "bucket_missing", "S3 bucket name is required")
    if plan.name == StorageTarget.Name.AZURE and not plan.account_name:
        rules.refuse("accountName", "account_name_missing", "Azure account name is required")


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


def start_archive(meeting: Meeting) -> Archive:
    """Start recording a meeting; refused by name while the meeting's provider can't."""
    rules.refuse_unsupported(provider_of(meeting), "archive", "archive meeting")
    raise Refused("Archives can't be started here yet.", code="feature_not_available")


def stop_archive(archive: Archive) -> Archive:
    """Stop a running archive; `Conflict` for one that is over."""
    if not archive.is_running:
        raise Conflict(f"The archive is not running; it is {archive.status}.", code="archive_not_running")
    rules.refuse_unsupported(provider_of(archive.meeting), "archive", "stop archive")
    raise Conflict("This archive can't be stopped; it ends with the meeting.", code="archive_not_stoppable")


def delete_archive(archive: Archive, *, actor: str) -> None:
    """Soft-delete an archive; a running one must be stopped first."""
    if archive.is_running:
        raise Conflict("The archive is still running; stop it first.", code="archive_running")
    archive.soft_delete(actor)
