"""A provider whose other side is watched, and workers that are killed at any statement to the database or call of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from bh_sdk.server.ops import clock
from notify_svc.delivery import claims, rules, sending
from notify_svc.delivery.channels.base import Letter, Link, Outcome
from notify_svc.delivery.models import Delivery
from notify_svc.providers.models import Provider
from tests.notify.test_sending import expire


class Killed(BaseException):
    """kill -9, as near as a test comes to it: nothing that catches errors catches this."""


@dataclass
class Carrier:
    """A provider of mail. What it took is what readers have got, whatever we came to believe."""

    name: str = "carrier"
    channel: str = "email"
    lane: str = ""
    # What it does with the next letters: take them and say so (""), or answer this; `lost` takes and says nothing.
    script: list[str] = field(default_factory=list)
    taken: Counter[UUID] = field(default_factory=Counter)
    asked: int = 0
    # What happens in the middle of a call, and at which call of all it dies, with or without the letter.
    meanwhile: Callable[[Letter], None] = lambda letter: None
    dies_at: int = -1
    with_letter: bool = False

    @contextmanager
    def open(self) -> Iterator[Link]:
        yield self

    def hand_over(self, letter: Letter) -> Outcome:
        self.asked += 1
        dies = self.asked == self.dies_at
        if dies and not self.with_letter:
            raise Killed
        answer = self.script.pop(0) if self.script else ""
        if answer in ("", "lost"):
            self.taken[letter.delivery_id] += 1
        if dies:
            raise Killed
        self.meanwhile(letter)
        return {
            "": Outcome("accepted", provider_ref=f"ref {letter.delivery_id}"),
            "lost": Outcome("unknown", "connection_lost"),
            "throttled": Outcome("throttled", "too_fast", 429, timedelta(minutes=1)),
            "auth": Outcome("auth", "credentials_refused", 401),
            "transient": Outcome("transient", "deferred", 503),
            "permanent": Outcome("permanent", "refused", 550),
        }[answer]


def killed_at(statement: int, work: Callable[[], Any]) -> bool:
    """Work, and die at this statement to the database, or at the provider. False when all was done before."""
    counted = 0

    def deadly(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal counted
        counted += 1
        if counted == statement:
            raise Killed
        return execute(sql, params, many, context)

    try:
        with connection.execute_wrapper(deadly):
            work()
    except Killed:
        return True
    return False


def recover() -> None:
    """What the sweeps do once a worker has been silent for long enough."""
    expire(*Delivery.objects.filter(status="sending").values_list("id", flat=True))
    claims.reclaim()


def drain(rounds: int = 3 * rules.MAX_TRIES) -> None:
    """Let hours pass until nothing is due any more: a provider is tried again, what waits is sent."""
    for _ in range(rounds):
        Provider.objects.update(circuit="closed", rests_until=None, tries=0, fails=0, until=None)
        waiting = Delivery.objects.filter(status__in=rules.DUE)
        waiting = waiting.exclude(status="unknown", reason=rules.FATE_UNKNOWN)
        if not waiting.exists():
            return
        waiting.update(due_at=clock.now() - timedelta(seconds=1))
        sending.send_batch("email")
    raise AssertionError("some deliveries never come to an end")
