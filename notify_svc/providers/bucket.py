"""How many letters a provider may get just now: a token bucket in Redis, shared by all workers.

Redis may be flushed or away at any time. Flushed, the bucket is full again: a burst of one second's letters at worst.
Away, each process keeps a bucket of its own and takes half the rate, because it does not know how many others do so.
"""

from __future__ import annotations

import threading
import time
from functools import cache

import redis

from bh_sdk.server.ops.logs import log
from bh_sdk.server.ops.settings import setting

# KEYS: the bucket. ARGV: a second's tokens, how many are wanted (less than nothing gives back). Redis' own clock: one for all.
_TAKE = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local rate, want = tonumber(ARGV[1]), tonumber(ARGV[2])
local held = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens = tonumber(held[1] or rate)
tokens = math.min(rate, tokens + math.max(0, now - tonumber(held[2] or now)) * rate / 1000)
local granted = math.min(want, math.floor(tokens))
redis.call('HSET', KEYS[1], 'tokens', tostring(math.min(rate, tokens - granted)), 'at', now)
redis.call('PEXPIRE', KEYS[1], 10000)
return granted
"""


class Local:
    """The bucket of one process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[str, tuple[float, float]] = {}

    def take(self, name: str, *, rate: float, want: int) -> int:
        now = time.monotonic()
        with self._lock:
            tokens, at = self._held.get(name, (max(rate, 1.0), now))
            tokens = min(max(rate, 1.0), tokens + (now - at) * rate)
            granted = min(want, int(tokens))
            self._held[name] = (tokens - granted, now)
        return granted


_local = Local()


@cache
def _redis(url: str) -> redis.Redis:
    return redis.Redis.from_url(url, socket_timeout=0.5, socket_connect_timeout=0.5)


def take(name: str, *, rate: int, want: int) -> int:
    """Take up to `want` letters of a provider that may get `rate` a second; returns how many there were."""
    try:
        return int(_redis(setting("REDIS_URL")).eval(_TAKE, 1, f"notify:bucket:{name}", rate, want))
    except redis.RedisError as error:
        log().warning("bucket_local", provider=name, error=type(error).__name__)
        return _local.take(name, rate=rate / 2, want=want)


def give_back(name: str, *, rate: int, unused: int) -> None:
    """Put back what a batch did not need. A bucket that is away misses nothing: it fills by itself."""
    if unused > 0:
        take(name, rate=rate, want=-unused)
