"""Answers kept in Redis for a while, for questions that many ask and that cost more than asking Redis.

A copy belongs to subjects (a campaign), each of which has a token; whoever changes a subject gives it a new token after
commit, and every older copy is out of reach. Nothing here is needed: without Redis, after a flush or an eviction, every
question is answered from the database. Authorise before asking; what is personal is sealed before it gets here.
"""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Callable, Sequence
from typing import Any

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from bh_sdk.server.ops.logs import log
from bh_sdk.server.ops.settings import setting

# Longer than this no copy lives, whatever happened to its token.
KEPT_SECONDS = 30
_TOKENS_KEPT_SECONDS = 3600
# Asking costs less than this, or is not worth it.
_PATIENCE_SECONDS = 0.2
_AWAY_FOR_SECONDS = 5.0


class Copies:
    """The copies of one kind of question. Every method may be called from any thread and never raises for Redis' sake."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._client: redis.Redis | None = None
        self._url = ""
        self._again_at = 0.0

    def answer(self, subjects: Sequence[str], question: str, compute: Callable[[], bytes]) -> bytes:
        """The kept answer, or a new one from `compute`, which is kept."""
        tokens = self._ask(lambda client: self._tokens(client, subjects))
        if tokens is None:
            return compute()
        asked = hashlib.sha256("\n".join([*subjects, *tokens, question]).encode()).hexdigest()
        key = f"{self._name}:copy:{asked}"
        kept = self._ask(lambda client: client.get(key))
        if isinstance(kept, bytes):
            return kept
        # The token was read before the database: a change in between leaves this copy behind under the old one.
        body = compute()
        self._ask(lambda client: client.set(key, body, ex=KEPT_SECONDS))
        return body

    def outdated(self, subjects: Sequence[str]) -> None:
        """Put every copy about these subjects out of reach. Call it after commit."""
        token = uuid.uuid4().hex

        def renew(client: redis.Redis) -> None:
            pipeline = client.pipeline(transaction=False)
            for subject in subjects:
                pipeline.set(self._token(subject), token, ex=_TOKENS_KEPT_SECONDS)
            pipeline.execute()

        self._ask(renew)

    def _tokens(self, client: redis.Redis, subjects: Sequence[str]) -> list[str]:
        found: Any = client.mget([self._token(subject) for subject in subjects])
        for place, subject in enumerate(subjects):
            if found[place] is None:
                # Random, not a number: a counter that starts again could meet copies of its former life.
                client.set(self._token(subject), uuid.uuid4().hex, nx=True, ex=_TOKENS_KEPT_SECONDS)
                found[place] = client.get(self._token(subject)) or b""
        return [token.decode() for token in found]

    def _token(self, subject: str) -> str:
        return f"{self._name}:token:{subject}"

    def _ask(self, question: Callable[[redis.Redis], Any]) -> Any:
        """What Redis says, or None; after a failure it is left alone for a while, so that nobody waits for it."""
        if time.monotonic() < self._again_at:
            return None
        try:
            return question(self._connected())
        except redis.RedisError as error:
            self._again_at = time.monotonic() + _AWAY_FOR_SECONDS
            log().warning("copies_away", name=self._name, error=type(error).__name__)
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
