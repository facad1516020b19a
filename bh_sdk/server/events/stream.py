"""The carrier: a Redis stream per source and epoch, whose entry ids are the events' numbers.

Redis refuses an id that is not above its last one, so nothing is ever published twice or out of order, and a wiped,
trimmed or new stream shows as a gap in the numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from bh_sdk.server.ops.settings import setting

# About 80 MB of Redis memory; whoever needs older events reads the feed.
KEPT = 100_000
# Seconds that a finished epoch's stream stays readable.
_RETIRED_FOR = 86_400


def connect() -> redis.Redis:
    """A client that neither waits long nor tries again by itself: the caller has something better to do meanwhile."""
    return redis.Redis.from_url(
        setting("REDIS_URL"), socket_timeout=5, socket_connect_timeout=2, retry=Retry(NoBackoff(), 0)
    )


class Stream:
    """The events of one source. Every method raises redis.RedisError when Redis is away or refuses."""

    def __init__(self, source: str, client: redis.Redis | None = None) -> None:
        self.source = source
        self._redis = client or connect()

    def key(self, epoch: UUID) -> str:
        return f"bh:events:{self.source}:{epoch}"

    def last_number(self, epoch: UUID) -> int:
        """The highest number that this stream ever held, 0 for none. Trimming does not lower it, wiping does."""
        try:
            info: Any = self._redis.xinfo_stream(self.key(epoch))
        except redis.ResponseError as error:
            if "no such key" in str(error):
                return 0
            raise
        return _number(info["last-generated-id"])

    def append(self, epoch: UUID, entries: Sequence[tuple[int, bytes]]) -> None:
        """Publish events in number order; those that are there already are left alone."""
        key = self.key(epoch)
        pipeline = self._redis.pipeline(transaction=False)
        for number, event in entries:
            pipeline.xadd(key, {"event": event}, id=f"{number}-0", maxlen=KEPT, approximate=True)
        for answer in pipeline.execute(raise_on_error=False):
            if isinstance(answer, redis.ResponseError) and "equal or smaller" in str(answer):
                continue
            if isinstance(answer, Exception):
                raise answer

    def read(self, epoch: UUID, *, after: int, count: int, wait: float) -> list[tuple[int, bytes]]:
        """Up to `count` entries above `after`, waiting up to `wait` seconds for the first."""
        answer: Any = self._redis.xread({self.key(epoch): f"{after}-0"}, count=count, block=max(1, round(wait * 1000)))
        # RESP2 answers [[key, entries]], RESP3 {key: [entries]}.
        found = answer.values() if isinstance(answer, dict) else [entries for _, entries in answer or ()]
        batches = [batch[0] if batch and isinstance(batch[0], list) else batch for batch in found]
        return [(_number(entry), fields.get(b"event", b"")) for batch in batches for entry, fields in batch]

    def retire(self, epoch: UUID) -> None:
        """Let the stream of a finished epoch expire."""
        self._redis.expire(self.key(epoch), _RETIRED_FOR)

    def close(self) -> None:
        self._redis.close()


def _number(entry: bytes | str) -> int:
    text = entry.decode() if isinstance(entry, bytes) else entry
    return int(text.partition("-")[0])
