"""How often somebody may do something: sliding windows in Redis, counted together or not at all.

    found = limits.take([Count(Limit("open-a-minute", 6, 60), who)], once=digest)
    if found is not None:
        raise limits.refusal(found)

A window is two buckets of its length, the older weighed by how much of it the window still covers: exact enough to
stop a program, and as large for a million calls as for one. The same `once` counts once, so a repeat costs nothing.
The local stack multiplies every limit (`BH_LIMITS`, design 5).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import redis

from bh_sdk.errors import RateLimited, Unavailable
from bh_sdk.server.ops import clock
from bh_sdk.server.ops.logs import log
from bh_sdk.server.ops.settings import setting


@dataclass(frozen=True, slots=True)
class Limit:
    """`most` times in `seconds`."""

    name: str
    most: int
    seconds: int

    @property
    def allowed(self) -> int:
        return self.most * int(setting("BH_LIMIT_FACTOR"))


@dataclass(frozen=True, slots=True)
class Count:
    """One more for `who`: an id or a keyed hash, never personal data."""

    limit: Limit
    who: str


@dataclass(frozen=True, slots=True)
class Exceeded:
    """The limit that is reached, and when there is room again (seconds)."""

    limit: Limit
    retry_after: int


# KEYS: once, then one per count. ARGV: now (ms), then seconds and most per count. Answers {place, wait in ms}; 0 when all
# were counted, or had been.
_TAKE = """
if redis.call('EXISTS', KEYS[1]) == 1 then return {0, 0} end
local now, longest = tonumber(ARGV[1]), 0
local slots = {}
for place = 1, #KEYS - 1 do
  local span, most = tonumber(ARGV[place * 2]) * 1000, tonumber(ARGV[place * 2 + 1])
  local slot = math.floor(now / span)
  local gone = now - slot * span
  local old = tonumber(redis.call('HGET', KEYS[place + 1], tostring(slot - 1)) or '0')
  local new = tonumber(redis.call('HGET', KEYS[place + 1], tostring(slot)) or '0')
  if old * (span - gone) / span + new + 1 > most then
    if new + 1 <= most then return {place, math.ceil(span - (most - new - 1) * span / old) - gone} end
    return {place, span - gone + math.ceil(span - (most - 1) * span / new)}
  end
  slots[place] = slot
  if span > longest then longest = span end
end
for place, slot in ipairs(slots) do
  local key = KEYS[place + 1]
  redis.call('HINCRBY', key, tostring(slot), 1)
  redis.call('HDEL', key, tostring(slot - 2), tostring(slot - 3))
  redis.call('PEXPIRE', key, tonumber(ARGV[place * 2]) * 2000)
end
redis.call('SET', KEYS[1], '1', 'PX', longest)
return {0, 0}
"""


@cache
def _redis(url: str) -> redis.Redis:
    return redis.Redis.from_url(url, socket_timeout=0.5, socket_connect_timeout=0.5)


def take(counts: Sequence[Count], *, once: str) -> Exceeded | None:
    """Count all of them, or none when one has no room left; that one is answered. Raises Unavailable without Redis."""
    if not counts:
        return None
    service = setting("BH_SERVICE")
    keys = [f"{service}:limit:once:{once}"]
    keys += [f"{service}:limit:{count.limit.name}:{count.who}" for count in counts]
    values: list[int] = [int(clock.now().timestamp() * 1000)]
    for count in counts:
        values += [count.limit.seconds, count.limit.allowed]
    try:
        place, wait = _redis(setting("REDIS_URL")).eval(_TAKE, len(keys), *keys, *values)
    except redis.RedisError as error:
        # Whoever cannot count cannot tell a donor from a program that tries stolen cards: nobody gets through.
        log("limits").error("limits.cannot_count", error=type(error).__name__)
        raise _away() from error
    if place == 0:
        return None
    return Exceeded(counts[int(place) - 1].limit, max(1, -(-int(wait) // 1000)))


def _away() -> Unavailable:
    away = Unavailable("Tries cannot be counted now; try again in a moment")
    away.retry_after = 2
    return away


def refusal(found: Exceeded, kind: type[RateLimited] = RateLimited) -> RateLimited:
    """The 429, with `Retry-After` and the `RateLimit` headers (draft-ietf-httpapi-ratelimit-headers). It names no rule."""
    refused = kind()
    refused.retry_after = found.retry_after
    refused.policy = (found.limit.allowed, found.limit.seconds)
    return refused
