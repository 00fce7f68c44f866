"""Caches as they must not be."""

from __future__ import annotations

from typing import Any

from django.core.cache.backends.locmem import LocMemCache


class Broken(LocMemCache):
    """A cache whose server is gone."""

    def add(self, *args: Any, **kwargs: Any) -> bool:
        raise ConnectionError("The server of the cache is gone.")
