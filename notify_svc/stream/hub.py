"""All open streams, and the one that serves them: it asks for the news of many readers at once and hands them out.

A stream holds at most one page of what it has not sent yet and gets no more before that has gone out, so whoever reads
slowly costs no memory and holds up nobody.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable, Sequence
from uuid import UUID

import psycopg
from prometheus_client import Counter, Gauge

from bh_sdk.server.ops.logs import log
from notify_svc.stream import settings, store
from notify_svc.stream.store import Away, Change, Store

OPEN = Gauge("bh_stream_open", "Streams that are open")
TOLD = Counter("bh_stream_told", "Changes handed to streams")
_PAUSE = 0.5


class Stream:
    """One open connection: whose, up to which change it has been told, and what is still to be sent."""

    def __init__(self, person: UUID, after: int) -> None:
        self.person, self.after = person, after
        self.ready = asyncio.Event()
        # Why it ends; empty while it goes on.
        self.over = ""
        self._pending: list[bytes] = []
        # The pump passed by while something was still to be sent.
        self.behind = False

    @property
    def is_free(self) -> bool:
        return not self._pending

    def put(self, chunk: bytes) -> None:
        self._pending.append(chunk)
        self.ready.set()

    def take(self) -> bytes:
        """All that is to be sent."""
        chunk, self._pending = b"".join(self._pending), []
        self.ready.clear()
        return chunk

    def end(self, why: str) -> None:
        self.over = self.over or why
        self.ready.set()


class Hub:
    """The streams of this process."""

    def __init__(self, known: Store, direct: str) -> None:
        self.store = known
        self.draining = False
        self._direct = direct
        self._streams: dict[UUID, list[Stream]] = {}
        self._woken: set[UUID] = set()
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def size(self) -> int:
        return sum(len(streams) for streams in self._streams.values())

    def of(self, person: UUID) -> int:
        return len(self._streams.get(person, ()))

    def add(self, stream: Stream) -> None:
        """From now on the stream is told what happens after the number it has."""
        self._streams.setdefault(stream.person, []).append(stream)
        OPEN.inc()
        self.wake([stream.person])

    def remove(self, stream: Stream) -> None:
        left = self._streams[stream.person]
        left.remove(stream)
        if not left:
            del self._streams[stream.person]
        OPEN.dec()

    def wake(self, people: Iterable[UUID]) -> None:
        """These may have news."""
        self._woken.update(person for person in people if person in self._streams)
        if self._woken:
            self._wake.set()

    def start(self) -> None:
        self._tasks = [asyncio.create_task(each()) for each in (self._pump, self._listen, self._sweep)]

    def drain(self) -> None:
        """Take no more streams, and end those there are: their readers go on elsewhere, from where they were."""
        self.draining = True
        for streams in self._streams.values():
            for stream in streams:
                stream.end("restart")

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.store.close()

    async def _pump(self) -> None:
        while True:
            await self._wake.wait()
            people = [person for person in list(self._woken)[: settings.TOGETHER] if person in self._streams]
            self._woken.difference_update(list(self._woken)[: settings.TOGETHER])
            if not self._woken:
                self._wake.clear()
            try:
                await self._serve(people)
            except Away as away:
                log("stream").warning("stream_waits", error=type(away.__cause__).__name__)
                self._woken.update(people)
                await asyncio.sleep(_PAUSE)
                self.wake(())

    async def _serve(self, people: Sequence[UUID]) -> None:
        streams = []
        for stream in (each for person in people for each in self._streams.get(person, ())):
            stream.behind = not stream.is_free
            if stream.is_free:
                streams.append(stream)
        if not streams:
            return
        await self.store.number(people)
        found = await self.store.changes([(each.person, each.after) for each in streams], page=settings.PAGE)
        if not found:
            return
        counts = await self.store.counts(list({streams[place].person for place in found}))
        for place, changes in found.items():
            stream = streams[place]
            for change in changes:
                stream.put(told(change))
            stream.after = changes[-1].revision
            stream.behind = len(changes) == settings.PAGE
            TOLD.inc(len(changes))
            stream.put(counted(*counts[stream.person]))

    async def _listen(self) -> None:
        while True:
            try:
                async for words in store.listen(self._direct):
                    self._hear(words)
            except (psycopg.Error, OSError) as error:
                # Until it hears again, the sweep finds what there is.
                log("stream").warning("stream_deaf", error=type(error).__name__)
            await asyncio.sleep(_PAUSE)

    def _hear(self, words: Sequence[str]) -> None:
        if store.EVERYBODY in words:
            self.wake(list(self._streams))
        else:
            self.wake(UUID(word.removeprefix("user/")) for word in words)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(settings.SWEEP)
            told = {person: min(each.after for each in streams) for person, streams in self._streams.items()}
            try:
                self.wake(await self.store.with_news(told) if told else ())
            except Away as away:
                log("stream").warning("stream_waits", error=type(away.__cause__).__name__)


def told(change: Change) -> bytes:
    """A change as an event. Its id is what the reader goes on from."""
    kind = "entry" if change.here else "gone"
    # PostgreSQL writes JSON in one line, but for what the data itself was given as text.
    return f"id: {change.revision}\nevent: {kind}\ndata: {one_line(change.entry)}\n\n".encode()


def counted(unread: int, unseen: int) -> bytes:
    return f"event: counts\ndata: {json.dumps({'unread_count': unread, 'unseen_count': unseen})}\n\n".encode()


def one_line(text: str) -> str:
    """JSON without the line breaks that stand between its tokens; within strings they are escaped already."""
    return text.replace("\r", " ").replace("\n", " ")
