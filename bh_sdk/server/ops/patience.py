"""Redis with patience: asked for what helps and is not needed, and left alone for a while after it did not answer.

HELP = Patient("copies", seconds=0.2)
found = HELP.ask(lambda client: client.get(key))    # None: go on without it
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from bh_sdk.server.ops.logs import log
from bh_sdk.server.ops.settings import setting

AWAY_FOR_SECONDS = 5.0


class Patient:
    """The Redis of this process, for one purpose. May be asked from any thread and never raises for Redis' sake."""

    def __init__(self, name: str, *, seconds: float) -> None:
        self._name = name
        self._seconds = seconds
        self._client: redis.Redis | None = None
        self._url = ""
        self._again_at = 0.0

    def ask(self, question: Callable[[redis.Redis], Any]) -> Any:
        """What Redis says. None when it said nothing in time, and for a while afterwards, so that nobody waits for it."""
        if time.monotonic() < self._again_at:
            return None
        try:
            return question(self._connected())
        except redis.RedisError as error:
            self._again_at = time.monotonic() + AWAY_FOR_SECONDS
            log().warning("redis_left_alone", purpose=self._name, error=type(error).__name__)
            return None

    def _connected(self) -> redis.Redis:
        url = setting("REDIS_URL")
        if self._client is None or self._url != url:
            self._url = url
            self._client = redis.Redis.from_url(
                url,
                socket_timeout=self._seconds,
                socket_connect_timeout=self._seconds,
                retry=Retry(NoBackoff(), 0),
            )
        return self._client
