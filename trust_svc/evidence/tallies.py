"""Counters of a hot campaign's gifts in Redis, by giver: commutative, idempotent, and never the truth.

A tally counts only when it saw as many gifts as PostgreSQL holds of the campaign; else the missing ones are added, or it is
built anew, or everybody reads the facts themselves. Both roads give the same numbers to the bit.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any, cast
from uuid import UUID

import redis
from django.db import connection
from redis.backoff import NoBackoff
from redis.retry import Retry

from bh_sdk.server.ops.logs import log
from bh_sdk.server.ops.settings import setting
from trust_svc.evidence.queries import PlainFact
from trust_svc.scoring.engine.tally import Giver, Tally, giver_of, tally_of

# Fewer gifts are folded sooner than asked for.
HOT = 2_000
KEPT_SECONDS = 7 * 86_400
_CHUNK = 500
_PATIENCE_SECONDS = 0.5
_AWAY_FOR_SECONDS = 5.0

# KEYS: the payments seen, the counters. A payment that two facts tell of spoils the tally: which one stands, a counter
# cannot say. A half that lost its other half begins anew.
_ADD = """
local known, counted = redis.call('HLEN', KEYS[1]), tonumber(redis.call('HGET', KEYS[2], 'n') or '0')
if known ~= counted then redis.call('DEL', KEYS[1], KEYS[2]) end
for at = 2, #ARGV, 6 do
  local fact, payment, giver, landmark = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  local before = redis.call('HGET', KEYS[1], payment)
  if not before then
    redis.call('HSET', KEYS[1], payment, fact)
    redis.call('HINCRBY', KEYS[2], 'n', 1)
    redis.call('HINCRBY', KEYS[2], 'u' .. landmark .. ' ' .. giver, ARGV[at + 4])
    local first, last = redis.call('HGET', KEYS[2], 'f' .. giver), redis.call('HGET', KEYS[2], 'l' .. giver)
    local moment = tonumber(ARGV[at + 5])
    if not first or moment < tonumber(first) then redis.call('HSET', KEYS[2], 'f' .. giver, ARGV[at + 5]) end
    if not last or moment > tonumber(last) then redis.call('HSET', KEYS[2], 'l' .. giver, ARGV[at + 5]) end
  elseif before ~= fact then
    redis.call('HSET', KEYS[2], 'spoilt', '1')
  end
end
redis.call('EXPIRE', KEYS[1], ARGV[1])
redis.call('EXPIRE', KEYS[2], ARGV[1])
return redis.call('HLEN', KEYS[1])
"""

_READ = """
local n = redis.call('HGET', KEYS[2], 'n') or '0'
if redis.call('HLEN', KEYS[1]) ~= tonumber(n) then return {'n', '-1'} end
return redis.call('HGETALL', KEYS[2])
"""

_COUNT = """
SELECT subject_id, count(*) FROM trust_evidence_fact
 WHERE type = 'payment.succeeded' AND subject_id = ANY(%s) GROUP BY 1 HAVING count(*) >= %s
"""
_NEWEST = """
SELECT id::text, type, extract(epoch FROM time)::float8, data FROM trust_evidence_fact
 WHERE type = 'payment.succeeded' AND subject_id = %s ORDER BY recorded_at DESC LIMIT %s
"""
# Every gift of those one of whose gifts was returned or doubted: what of it stayed, a counter cannot say.
_OF = """
WITH gift AS MATERIALIZED (
    SELECT id::text, type, extract(epoch FROM time)::float8, data, data->>'payment_id' AS payment,
           jsonb_build_array(data->'donor_id', data->'cluster', data->'donor_standing') AS giver
      FROM trust_evidence_fact WHERE type = 'payment.succeeded' AND subject_id = %s)
SELECT id, type, extract, data FROM gift WHERE giver IN (SELECT giver FROM gift WHERE payment = ANY(%s))
"""


class _Redis:
    """Redis, when it is there. After a failure it is left alone for a while, so that nobody waits for it."""

    def __init__(self) -> None:
        self._client: redis.Redis | None = None
        self._url = ""
        self._again_at = 0.0

    def ask(self, question: Callable[[redis.Redis], Any]) -> Any:
        if time.monotonic() < self._again_at:
            return None
        try:
            return question(self._connected())
        except redis.RedisError as error:
            self._again_at = time.monotonic() + _AWAY_FOR_SECONDS
            log().warning("tallies_away", error=type(error).__name__)
            return None

    def _connected(self) -> redis.Redis:
        url = setting("REDIS_URL")
        if self._client is None or self._url != url:
            self._url = url
            self._client = redis.Redis.from_url(
                url,
                socket_timeout=_PATIENCE_SECONDS,
                socket_connect_timeout=_PATIENCE_SECONDS,
                retry=Retry(NoBackoff(), 0),
            )
        return self._client


_redis = _Redis()


def hot(campaigns: Collection[UUID]) -> dict[UUID, int]:
    """Those of these campaigns with many gifts, and how many."""
    if not campaigns:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, [list(campaigns), HOT])
        return dict(cursor.fetchall())


def tally(campaign: UUID, *, begun: float, count: int, half_life: float) -> dict[Giver, Tally] | None:
    """All `count` gifts of a campaign by giver; None when the facts themselves must be read."""
    keys = keys_of(campaign, begun=begun, half_life=half_life)
    found = _redis.ask(lambda client: _counted(client, keys))
    if found is None:
        return None
    seen = int(found[b"n"])
    if seen < 0:
        seen = 0
    if seen < count:
        # What was recorded last is what is missing, unless Redis lost something.
        for limit in (count - seen, count):
            facts = _newest(campaign, limit)
            added = _redis.ask(partial(_add, keys=keys, facts=facts, begun=begun, half_life=half_life))
            if added is None or added >= count:
                break
        found = _redis.ask(lambda client: _counted(client, keys))
    if found is None or int(found[b"n"]) != count or b"spoilt" in found:
        return None
    return _read(found)


def gifts_of_touched(campaign: UUID, payments: Collection[str]) -> list[PlainFact]:
    """Every gift of the givers of these payments."""
    if not payments:
        return []
    with connection.cursor() as cursor:
        cursor.execute(_OF, [campaign, list(payments)])
        return [_plain(row) for row in cursor.fetchall()]


def keys_of(campaign: UUID, *, begun: float, half_life: float) -> tuple[str, str]:
    """The payments seen, and the counters. Other numbers are another tally."""
    stem = f"{setting('BH_SERVICE')}:tally:{{{campaign}}}:{begun!r}:{half_life!r}"
    return f"{stem}:seen", f"{stem}:sums"


def _counted(client: redis.Redis, keys: tuple[str, str]) -> dict[bytes, bytes]:
    flat = cast("list[bytes]", client.eval(_READ, 2, *keys))
    return {b"n": b"0"} | dict(zip(flat[::2], flat[1::2], strict=True))


def _add(client: redis.Redis, keys: tuple[str, str], facts: Sequence[PlainFact], begun: float, half_life: float) -> int:
    seen = 0
    for start in range(0, len(facts), _CHUNK):
        told: list[str | int] = [KEPT_SECONDS]
        for fact_id, _, moment, data in facts[start : start + _CHUNK]:
            landmark, units = tally_of(moment, moment, begun, half_life).units[0]
            told += [fact_id, data["payment_id"], json.dumps(giver_of(data)), repr(landmark), units, repr(moment)]
        seen = int(cast("int", client.eval(_ADD, 2, *keys, *told)))
    return seen


def _read(found: Mapping[bytes, bytes]) -> dict[Giver, Tally]:
    units: dict[str, list[tuple[float, int]]] = {}
    for field, value in found.items():
        if field.startswith(b"u"):
            landmark, giver = field[1:].decode().split(" ", 1)
            units.setdefault(giver, []).append((float(landmark), int(value)))
    return {
        Giver(*json.loads(giver)): Tally(
            float(found[b"f" + giver.encode()]), float(found[b"l" + giver.encode()]), tuple(sorted(some))
        )
        for giver, some in units.items()
    }


def _newest(campaign: UUID, limit: int) -> list[PlainFact]:
    with connection.cursor() as cursor:
        cursor.execute(_NEWEST, [campaign, limit])
        return [_plain(row) for row in cursor.fetchall()]


def _plain(row: Sequence[Any]) -> PlainFact:
    fact_id, type_, moment, data = row
    return fact_id, type_, moment, json.loads(data)
