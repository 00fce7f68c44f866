"""A provider's recording side, found through `Provider.archive_backend`."""

from __future__ import annotations

from functools import cache

from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from archives.providers.base import ArchiveProvider
from meetings.providers.base import Provider


def is_recorded_here(provider: Provider) -> bool:
    """Whether recordings at a provider are made by this service itself, so that our rows are all there is to know."""
    return bool(provider.archive_backend) and not _backend(provider.archive_backend).is_remote


def archive_provider(provider: Provider) -> ArchiveProvider:
    """Return the recording side of a provider; `ImproperlyConfigured` if it has none."""
    if not provider.archive_backend:
        raise ImproperlyConfigured(f"The provider {provider.alias!r} can't record.")
    return _backend(provider.archive_backend)(provider)


@cache
def _backend(path: str) -> type[ArchiveProvider]:
    backend = import_string(path)
    if not (isinstance(backend, type) and issubclass(backend, ArchiveProvider)):
        raise ImproperlyConfigured(f"{path} is no subclass of ArchiveProvider.")
    return backend
