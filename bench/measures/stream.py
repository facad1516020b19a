"""A thousand open streams: what they weigh, and how long an entry takes from its commit to the browser."""

from __future__ import annotations

import asyncio
import hashlib
import resource
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field

import psycopg

from bench import ground
from bench.beside import within
from bench.figures import Figure, percentile
from deploy.local.stack import Stack

STREAMS, SINGLE, PAUSE = 1_000, 200, 0.02
# Seconds that everything may take.
LONGEST = 75.0

_TICKETS = """
INSERT INTO notify_feed_ticket (digest, person_id, expires_at)
SELECT digest, person, now() + interval '5 minutes' FROM unnest(%s::bytea[], %s::uuid[]) AS given(digest, person)
"""
_ENTRIES = """
INSERT INTO notify_delivery_notification (id, dedupe, recipient_id, guest, type, category, data, "group", priority,
       accepted_by, created_at, title, body, action_url, shown_at)
SELECT gen_random_uuid(), 'bench:' || gen_random_uuid(), person, false, 'gift.received', 'transactional',
       '{"amount": "25.00", "currency": "GBP", "campaign_title": "Clean water"}', '', 1, 'bench', now(),
       'A gift has arrived', 'Somebody gave £25.00 to Clean water.', '/campaigns/1', now()
  FROM unnest(%s::uuid[]) AS person
"""


def measure(stack: Stack) -> Iterator[Figure]:
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with ground.running(stack, ground.program(stack, "notify-stream")) as process:
        before = process.memory_info().rss
        found = asyncio.run(asyncio.wait_for(_press(stack, lambda: process.memory_info().rss), LONGEST))
        yield Figure("memory of the program", found.rss / 2**20, "MiB", "< 300", f"{STREAMS} streams, all of them told")
        yield Figure("memory of one stream", (found.rss - before) / STREAMS / 1024, "KiB")
        yield Figure("opening", STREAMS / found.opening, "streams/s")
        single = percentile(found.single, 0.95) * 1000
        yield Figure("commit to browser, p95", single, "ms", note=f"one reader at a time; {within(found.single)}")
        everybody = f"one transaction for all {STREAMS}; {within(found.together)}"
        yield Figure("commit to the last browser", max(found.together) * 1000, "ms", note=everybody)


@dataclass
class _Found:
    rss: int = 0
    opening: float = 0.0
    single: list[float] = field(default_factory=list)
    together: list[float] = field(default_factory=list)


class _Browser:
    """One stream: when the last entry came."""

    def __init__(self) -> None:
        self.came = asyncio.Event()
        self.at = 0.0

    async def listen(self, port: int, ticket: str) -> asyncio.Task[None]:
        reader, self._writer = await asyncio.open_connection("127.0.0.1", port)
        path = f"/api/v1/notifications/stream?ticket={ticket}"
        self._writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        said = await reader.readuntil(b"event: counts")
        if not said.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(said.decode())
        return asyncio.create_task(self._read(reader))

    async def _read(self, reader: asyncio.StreamReader) -> None:
        while line := await reader.readline():
            if line.startswith(b"event: entry"):
                self.at = time.perf_counter()
                self.came.set()

    async def told(self) -> float:
        await self.came.wait()
        self.came.clear()
        return self.at


async def _press(stack: Stack, weigh: Callable[[], int]) -> _Found:
    found = _Found()
    people = [uuid.uuid4() for _ in range(STREAMS)]
    tickets = [uuid.uuid4().hex for _ in people]
    browsers = [_Browser() for _ in people]
    url = stack.postgres.url("bh_notify", "bh_app")
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        await connection.execute(_TICKETS, [[hashlib.sha256(one.encode()).digest() for one in tickets], people])
        began = time.perf_counter()
        port, tasks = stack.ports.of("stream"), []
        for start in range(0, STREAMS, 50):
            some = zip(browsers[start : start + 50], tickets[start : start + 50], strict=True)
            tasks += await asyncio.gather(*(browser.listen(port, ticket) for browser, ticket in some))
        found.opening = time.perf_counter() - began
        for turn in range(SINGLE):
            place = turn * 7 % STREAMS
            await connection.execute(_ENTRIES, [[people[place]]])
            committed = time.perf_counter()
            found.single.append(max(await browsers[place].told() - committed, 0.0))
            await asyncio.sleep(PAUSE)
        await connection.execute(_ENTRIES, [people])
        committed = time.perf_counter()
        found.together = [max(at - committed, 0.0) for at in await asyncio.gather(*(one.told() for one in browsers))]
        found.rss = weigh()
        for task in tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
    return found
