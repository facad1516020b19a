"""How much one person may get in an hour. What is over waits until there is room; nothing is lost.

Counted in Redis, each delivery once however often it is tried. Redis may be flushed: the hour begins anew then. While it
is away each process counts by itself.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from bh_sdk.server.ops.patience import Patient
from bh_sdk.server.ops.settings import setting

HOUR = timedelta(hours=1)
MOST = {"email": 10, "push": 50, "sms": 5}
# Of which a process that counts by itself forgets the oldest.
_REMEMBERED = 50_000

# KEYS: one per delivery, its person's. ARGV: now and the window (ms), how many, then the deliveries. Answers the ms to wait.
_ADMIT = """
local now, window, most = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local waits = {}
for place, key in ipairs(KEYS) do
  local one = ARGV[place + 3]
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now - window)
  if redis.call('ZSCORE', key, one) then
    waits[place] = 0
  elseif redis.call('ZCARD', key) < most then
    redis.call('ZADD', key, now, one)
    redis.call('PEXPIRE', key, window)
    waits[place] = 0
  else
    waits[place] = tonumber(redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')[2]) + window - now
  end
end
return waits
"""


@dataclass(frozen=True, slots=True)
class Ask:
    """One delivery for one person."""

    delivery_id: UUID
    recipient_id: UUID


class Local:
    """The same count, in one process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._told: dict[str, dict[UUID, datetime]] = {}

    def admit(self, keys: Sequence[str], asks: Sequence[Ask], *, most: int, now: datetime) -> list[timedelta]:
        with self._lock:
            while len(self._told) > _REMEMBERED:
                del self._told[next(iter(self._told))]
            return [self._one(key, ask.delivery_id, most, now) for key, ask in zip(keys, asks, strict=True)]

    def _one(self, key: str, delivery_id: UUID, most: int, now: datetime) -> timedelta:
        told = {one: at for one, at in self._told.get(key, {}).items() if at > now - HOUR}
        self._told[key] = told
        if delivery_id not in told and len(told) >= most:
            return min(told.values()) + HOUR - now
        told.setdefault(delivery_id, now)
        return timedelta()


_local = Local()
_redis = Patient("pace", seconds=0.5)


def waits(channel: str, asks: Sequence[Ask], *, now: datetime) -> dict[UUID, timedelta]:
    """Which of these deliveries have to wait, and how long; the others count from now on."""
    if channel not in MOST or not asks:
        return {}
    most = MOST[channel] * int(setting("BH_LIMIT_FACTOR"))
    keys = [f"notify:pace:{channel}:{ask.recipient_id}" for ask in asks]
    values = [int(now.timestamp() * 1_000), int(HOUR.total_seconds() * 1_000), most]
    found = _redis.ask(
        lambda client: client.eval(_ADMIT, len(keys), *keys, *values, *(str(ask.delivery_id) for ask in asks))
    )
    if found is None:
        pauses = _local.admit(keys, asks, most=most, now=now)
    else:
        pauses = [timedelta(milliseconds=int(wait)) for wait in found]
    return {ask.delivery_id: pause for ask, pause in zip(asks, pauses, strict=True) if pause}
