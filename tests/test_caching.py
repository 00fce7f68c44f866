"""The cache and the channel layer share a Redis, and nothing else."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator

import pytest
from channels_redis.core import RedisChannelLayer
from django.core.exceptions import ImproperlyConfigured
from redis import Redis

from videoconf.caching import BATCH, PrefixedRedisCache, literal


@pytest.fixture
def prefix() -> str:
    """A prefix with what means something in a pattern; other workers empty the cache of the settings meanwhile."""
    return f"cache-[*?]-{uuid.uuid4().hex}"


@pytest.fixture
def redis() -> Iterator[Redis]:
    client: Redis = Redis.from_url(os.environ["REDIS_URL"])
    yield client
    client.close()


@pytest.mark.redis
class TestClearing:
    def test_takes_the_cache_s_own_keys_of_all_versions(self, prefix: str) -> None:
        cache = PrefixedRedisCache(os.environ["REDIS_URL"], {"KEY_PREFIX": prefix})
        cache.set_many({f"key-{number}": number for number in range(2 * BATCH + 1)})
        cache.set("another-version", 1, version=2)
        assert cache.get("key-0") == 0

        cache.clear()

        assert cache.get_many([f"key-{number}" for number in range(2 * BATCH + 1)]) == {}
        assert cache.get("another-version", version=2) is None
        cache.clear()

    def test_leaves_what_others_have_there(self, prefix: str, redis: Redis) -> None:
        cache = PrefixedRedisCache(os.environ["REDIS_URL"], {"KEY_PREFIX": prefix})
        others = [f"{prefix}-longer:1:key", prefix.replace("[*?]", "*") + ":1:key", f"asgi-{prefix}"]
        for key in others:
            redis.set(key, "theirs", ex=60)

        cache.clear()

        assert redis.mget(others) == [b"theirs"] * 3

    async def test_loses_no_frame_and_no_room(self, prefix: str) -> None:
        cache = PrefixedRedisCache(os.environ["REDIS_URL"], {"KEY_PREFIX": prefix})
        hosts = [{"address": os.environ["REDIS_URL"], "socket_timeout": None}]
        layer = RedisChannelLayer(hosts=hosts, prefix="videoconf-layer")
        channel = await layer.new_channel()
        await layer.group_add("room", channel)
        await layer.send(channel, {"type": "first"})

        await cache.aclear()

        await layer.group_send("room", {"type": "second"})
        assert [await layer.receive(channel) for _ in range(2)] == [{"type": "first"}, {"type": "second"}]
        await layer.group_discard("room", channel)
        await layer.close_pools()


def test_without_a_prefix_it_is_refused() -> None:
    with pytest.raises(ImproperlyConfigured, match="KEY_PREFIX"):
        PrefixedRedisCache("redis://redis.example.com", {})


def test_pattern_matches_the_text_itself() -> None:
    assert literal("a*b?[c]^\\") == "a\\*b\\?\\[c\\]\\^\\\\"
