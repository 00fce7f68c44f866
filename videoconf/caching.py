"""The cache, in a Redis that the channel layer is in as well."""

from __future__ import annotations

from itertools import islice
from typing import Any

from django.core.cache.backends.redis import RedisCache
from django.core.exceptions import ImproperlyConfigured

BATCH = 1000


class PrefixedRedisCache(RedisCache):
    """Django's Redis cache, whose `clear()` takes its own keys alone: Django's own empties the whole database.

    Its own keys are those that begin with `KEY_PREFIX`, of any version; an empty prefix is refused.
    """

    def __init__(self, server: Any, params: dict[str, Any]) -> None:
        super().__init__(server, params)
        if not self.key_prefix:
            raise ImproperlyConfigured("CACHES: a cache that shares its Redis needs a KEY_PREFIX.")

    def clear(self) -> None:
        """Delete the keys of this cache, in batches, so that Redis serves others meanwhile."""
        client = self._cache.get_client(None, write=True)
        keys = client.scan_iter(match=f"{literal(self.key_prefix)}:*", count=BATCH)
        while batch := list(islice(keys, BATCH)):
            client.unlink(*batch)


def literal(text: str) -> str:
    """Return the pattern that matches just this text, in the syntax of Redis."""
    return "".join(f"\\{character}" if character in "*?[]^\\" else character for character in text)
