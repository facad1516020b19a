"""A road in one database: a source and a listener side by side, and a nursery of programs that tests may kill.

`python -m tests.kit.events_road` reads lines from standard input, forks a child for each (`relay`, `consumer`,
`writer <seed>`) and prints its pid; Django is imported once, so that a killed program is back within milliseconds.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING
from uuid import UUID

import django
import redis
from django.apps import apps
from redis.backoff import NoBackoff
from redis.retry import Retry

from bh_sdk.events import Fact

if TYPE_CHECKING:
    from bh_sdk.server.events import Delivered
    from bh_sdk.server.events.consumer import Consumer
    from bh_sdk.server.events.relay import Reign
    from bh_sdk.wire.events import FeedPage

SOURCE, LISTENER = "kit", "listener"
EFFECT = "CREATE TABLE IF NOT EXISTS effect (seq bigserial PRIMARY KEY, event_id uuid, subject uuid, n bigint, number bigint)"


class Counted(Fact):
    """The next number of a counter."""

    type = "kit.counted.v1"
    aggregate = "counter"

    n: int
    remark: str | None = None


class Ignored(Fact):
    """Nobody handles it."""

    type = "kit.ignored.v1"
    aggregate = "counter"


# Numbers whose handling fails, with the error; None keeps the error for ever, an int counts down.
trouble: dict[int, Exception] = {}


def count(event: Delivered[Counted]) -> None:
    """The effect: one row."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO effect (event_id, subject, n, number) VALUES (%s, %s, %s, %s)",
            [event.id, event.subject, event.data.n, event.number],
        )
    if event.data.n in trouble:
        raise trouble[event.data.n]


class Nearby:
    """The source's feed without the network between."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def page(self, after: str, limit: int) -> FeedPage:
        from bh_sdk.server.events import feed
        from bh_sdk.wire.events import FeedPage

        self.asked.append(after)
        return FeedPage.model_validate_json(feed.page(after, limit))


def tell(subject: UUID, n: int) -> UUID:
    """A command: one fact in a transaction of its own."""
    from django.db import transaction

    from bh_sdk.server.events import record

    with transaction.atomic():
        return record(Counted(n=n), subject=subject)


@contextmanager
def reign() -> Iterator[Reign]:
    """A relay that leads and moves step by step."""
    from bh_sdk.server.events.leadership import direct_connection
    from bh_sdk.server.events.relay import Reign, Relay

    relay = Relay(SOURCE)
    with direct_connection() as connection:
        yield Reign(relay, connection)
    relay.stream.close()


def relay_all() -> int:
    """Number and publish everything that is waiting; returns the head's number."""
    with reign() as leader:
        while leader.publish(leader.number()) or leader.number() is not None:
            pass
        return leader.head.number


def nowhere() -> redis.Redis:
    """A Redis that is away."""
    return redis.Redis(port=1, retry=Retry(NoBackoff(), 0))


def listener(feed: Nearby | None = None, attempts: int = 2) -> Consumer:
    from bh_sdk.server.events.consumer import Consumer

    return Consumer(LISTENER, SOURCE, feed=feed or Nearby(), attempts=attempts, quiet=0.05)


@contextmanager
def running(work: Callable[[threading.Event], None]) -> Iterator[threading.Thread]:
    """A worker of the road in a thread, stopped at the end."""
    stop = threading.Event()
    thread = threading.Thread(target=work, args=[stop], daemon=True)
    thread.start()
    try:
        yield thread
    finally:
        stop.set()
        thread.join(10)


def eventually(condition: Callable[[], object], seconds: float = 15.0) -> None:
    """Wait until it holds; fails loudly when it does not."""
    until = time.monotonic() + seconds
    pause = threading.Event()
    while not condition():
        assert time.monotonic() < until, f"did not happen within {seconds} s"
        pause.wait(0.005)


# --- the nursery ------------------------------------------------------------------------------------------------------


def write(seed: int, stop: threading.Event) -> None:
    """Record for a handful of subjects at once, sometimes in vain; prints what was acknowledged."""
    from django.db import Error, connection, transaction

    from bh_sdk.server.events import record

    dice = random.Random(seed)
    subjects = [UUID(int=n + 1) for n in range(20)]
    while not stop.is_set():
        chosen = sorted(dice.sample(subjects, dice.choice((1, 1, 1, 2))))
        try:
            with transaction.atomic():
                told = []
                for subject in chosen:
                    with connection.cursor() as cursor:
                        # The counter itself: what the facts tell must be what was committed.
                        cursor.execute(
                            "INSERT INTO counter (subject, n) VALUES (%s, 1) "
                            "ON CONFLICT (subject) DO UPDATE SET n = counter.n + 1 RETURNING n",
                            [subject],
                        )
                        (n,) = cursor.fetchone()
                    told.append(record(Counted(n=n), subject=subject))
                if dice.random() < 0.1:
                    stop.wait(dice.random() * 0.2)
                if dice.random() < 0.05:
                    transaction.set_rollback(True)
                    told = []
            os.write(1, "".join(f"{event}\n" for event in told).encode())
        except Error:
            connection.close()
            stop.wait(0.05)


def child(words: list[str]) -> None:
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda number, frame: stop.set())
    if words[0] == "writer":
        return write(int(words[1]), stop)
    from bh_sdk.server.events import handles
    from bh_sdk.server.events.relay import Relay

    handles(Counted)(count)
    return Relay(SOURCE).run(stop) if words[0] == "relay" else listener().run(stop)


def nursery() -> None:
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            os.close(0)
            child(line.split())
            os._exit(0)
        os.write(1, f"pid {pid}\n".encode())


if __name__ == "__main__":
    if not apps.ready:
        django.setup()
    nursery()
