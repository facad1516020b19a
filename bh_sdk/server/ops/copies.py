"""Answers kept in Redis for a while, for questions that many ask and that cost more than asking Redis.

A copy belongs to subjects (a campaign), each of which has a token; whoever changes a subject gives it a new token after
commit, and every older copy is out of reach. Nothing here is needed: without Redis, after a flush or an eviction, every
question is answered from the database. Authorise before asking; what is personal is sealed before it gets here.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Callable, Sequence
from typing import Any

import redis

from bh_sdk.server.ops.patience import Patient

# Longer than this no copy lives, whatever happened to its token.
KEPT_SECONDS = 30
_TOKENS_KEPT_SECONDS = 3600
# Asking costs less than this, or is not worth it.
_PATIENCE_SECONDS = 0.2


class Copies:
    """The copies of one kind of question. Every method may be called from any thread and never raises for Redis' sake."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._redis = Patient(f"copies of {name}", seconds=_PATIENCE_SECONDS)

    def answer(self, subjects: Sequence[str], question: str, compute: Callable[[], bytes]) -> bytes:
        """The kept answer, or a new one from `compute`, which is kept."""
        tokens = self._redis.ask(lambda client: self._tokens(client, subjects))
        if tokens is None:
            return compute()
        asked = hashlib.sha256("\n".join([*subjects, *tokens, question]).encode()).hexdigest()
        key = f"{self._name}:copy:{asked}"
        kept = self._redis.ask(lambda client: client.get(key))
        if isinstance(kept, bytes):
            return kept
        # The token was read before the database: a change in between leaves this copy behind under the old one.
        body = compute()
        self._redis.ask(lambda client: client.set(key, body, ex=KEPT_SECONDS))
        return body

    def outdated(self, subjects: Sequence[str]) -> None:
        """Put every copy about these subjects out of reach. Call it after commit."""
        token = uuid.uuid4().hex

        def renew(client: redis.Redis) -> None:
            pipeline = client.pipeline(transaction=False)
            for subject in subjects:
                pipeline.set(self._token(subject), token, ex=_TOKENS_KEPT_SECONDS)
            pipeline.execute()

        self._redis.ask(renew)

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
