"""The reader of one source: applies its events in number order, each exactly once, and remembers how far it is.

It never trusts the carrier. What the stream gives is applied only when its first number is the checkpoint's next one;
after a gap, a quiet second, or while Redis is away, the source's feed is asked.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol
from uuid import UUID

import psycopg
import redis
from django.db import Error as DatabaseError
from django.db import connection, transaction
from pydantic import ValidationError

from bh_sdk.errors import BHError, EpochMismatch, FeedBehind
from bh_sdk.events import Event
from bh_sdk.server.events import dead_letters, handlers
from bh_sdk.server.events.leadership import leadership
from bh_sdk.server.events.models import Checkpoint
from bh_sdk.server.events.stream import Stream
from bh_sdk.server.events.transience import is_transient
from bh_sdk.server.ops import cause, clock, logs, trace
from bh_sdk.wire.events import FeedPage

log = logs.log("events")

BATCH = 100
FEED_PAGE = 500
ATTEMPTS = 5
# Seconds.
QUIET = 1.0
_FIRST_PAUSE = 0.1
_LONGEST_PAUSE = 15.0
_AFTER_ALARM = 5.0


class Feed(Protocol):
    """A source's feed, as `bh_sdk.clients.Feed` reads it over HTTP."""

    def page(self, after: str, limit: int) -> FeedPage:
        """Events after a position ("" = the start). Raises EpochMismatch, FeedBehind, or that it was not reached."""


class Overtaken(Exception):
    """The checkpoint is not where this reader left it: another one is alive."""


class BrokenLog(Exception):
    """The feed itself skips numbers, which it must never do."""


@dataclass(frozen=True, slots=True)
class Position:
    epoch: UUID
    number: int

    def __str__(self) -> str:
        return f"{self.epoch}:{self.number}"


class Consumer:
    """Applies the events of `source` to this service, called `consumer`, as long as it is the active reader."""

    def __init__(
        self,
        consumer: str,
        source: str,
        *,
        feed: Feed,
        stream: Stream | None = None,
        attempts: int = ATTEMPTS,
        quiet: float = QUIET,
    ) -> None:
        self.consumer = consumer
        self.source = source
        self.feed = feed
        self.stream = stream or Stream(source)
        self.attempts = attempts
        self.quiet = quiet

    def run(self, stop: threading.Event) -> None:
        """Read until `stop`, waiting for whatever is away; the batch at hand is finished."""
        handlers.load()
        pause = _FIRST_PAUSE
        while not stop.is_set():
            began = time.monotonic()
            try:
                with leadership(f"consumer:{self.consumer}:{self.source}", stop) as held:
                    if held is not None:
                        Reading(self, held).last(stop)
            except (FeedBehind, BrokenLog) as alarm:
                log.error("source_went_back", **self.names, detail=str(alarm))
                stop.wait(_AFTER_ALARM)
            except Overtaken as error:
                log.warning("consumer_overtaken", **self.names, detail=str(error))
                stop.wait(1.0)
            except (DatabaseError, psycopg.Error, redis.RedisError, BHError, OSError) as error:
                # A refusal by the source (not ready, a policy not there yet) ends like an absence: it is asked again.
                if not isinstance(error, BHError) and not is_transient(error):
                    raise
                # A long reign that ended is a new trouble, not the next try of the old one.
                pause = _FIRST_PAUSE if time.monotonic() - began > 60 else min(pause * 2, _LONGEST_PAUSE)
                log.warning("consumer_waits", **self.names, error=type(error).__name__, seconds=pause)
                stop.wait(pause)
            finally:
                connection.close()

    @property
    def names(self) -> dict[str, str]:
        return {"consumer": self.consumer, "source": self.source}


class Reading:
    """One time of being the active reader."""

    def __init__(self, consumer: Consumer, held: psycopg.Connection[tuple[object, ...]]) -> None:
        self.of = consumer
        self.held = held
        self._redis_away = False
        self._feed_away = False
        # The stream answered at once with nothing that can be used, so it cannot pace the polls of the feed.
        self._no_help = False
        self.at = self._checkpoint()

    def last(self, stop: threading.Event) -> None:
        """Apply events until `stop`."""
        behind = True
        while not stop.is_set():
            # From the feed as long as it has more; from the stream when it goes on exactly where we are.
            events = [] if behind else self._from_stream()
            if events:
                self.apply(events, stop)
                continue
            # Whoever lost the lock's connection reads no further.
            self.held.execute("SELECT 1")
            began, epoch = time.monotonic(), self.at.epoch
            events = self._from_feed()
            self.apply(events, stop)
            behind = len(events) == FEED_PAGE or self.at.epoch != epoch
            if not events and not behind and self._no_help:
                stop.wait(max(0.0, self.of.quiet - (time.monotonic() - began)))

    # --- reading ------------------------------------------------------------------------------------------------------

    def _from_stream(self) -> list[Event]:
        """The events that follow the checkpoint without a gap; none after a quiet second or when the feed must help."""
        try:
            entries = self.of.stream.read(self.at.epoch, after=self.at.number, count=BATCH, wait=self.of.quiet)
        except redis.RedisError as error:
            if not self._redis_away:
                log.warning("stream_away", **self.of.names, error=type(error).__name__)
            self._redis_away = self._no_help = True
            return []
        self._redis_away = False
        self._no_help = bool(entries)
        events: list[Event] = []
        for number, body in entries:
            expected = self.at.number + len(events) + 1
            if number != expected:
                if not events:
                    log.info("stream_gap", **self.of.names, expected=expected, found=number)
                break
            try:
                event = Event.model_validate_json(body)
            except ValidationError:
                event = None
            if event is None or (event.number, event.epoch) != (number, self.at.epoch):
                # Not ours: the feed has what belongs here.
                log.error("stream_entry_foreign", **self.of.names, number=number)
                break
            events.append(event)
        return events

    def _from_feed(self) -> list[Event]:
        """The next events by the source itself; follows it into a new epoch. Raises FeedBehind, BrokenLog.

        A feed that does not answer stops nobody: the stream may still go on without a gap.
        """
        try:
            page = self.of.feed.page(str(self.at), FEED_PAGE)
        except EpochMismatch as change:
            self._follow(str(change.facts["resume"]))
            return []
        except FeedBehind:
            raise
        except BHError as error:
            if not self._feed_away:
                log.warning("feed_away", **self.of.names, error=error.code)
            self._feed_away = True
            return []
        self._feed_away = False
        events = [event for event in page.results if (event.number or 0) > self.at.number]
        for expected, event in enumerate(events, self.at.number + 1):
            if event.number != expected:
                raise BrokenLog(f"the feed gives {event.number} where {expected} belongs")
        return events

    def _checkpoint(self) -> Position:
        row = Checkpoint.objects.filter(consumer=self.of.consumer, source=self.of.source).first()
        if row is not None:
            return Position(row.epoch, row.number)
        start = _position(self.of.feed.page("", 1).head)
        Checkpoint.objects.create(
            consumer=self.of.consumer, source=self.of.source, epoch=start.epoch, number=0, moved_at=clock.now()
        )
        log.info("consumer_begins", **self.of.names, epoch=str(start.epoch))
        return replace(start, number=0)

    def _follow(self, resume: str) -> None:
        """Go on in the source's new epoch, at the last number that both epochs share."""
        to = _position(resume)
        with transaction.atomic():
            self._move(to)
        log.warning("epoch_changed", **self.of.names, left=str(self.at), resumes=str(to))
        self.at = to

    # --- applying -----------------------------------------------------------------------------------------------------

    def apply(self, events: Sequence[Event], stop: threading.Event) -> None:
        """Apply events that follow the checkpoint, up to 100 a transaction. Raises Overtaken."""
        for start in range(0, len(events), BATCH):
            if stop.is_set():
                return
            batch = events[start : start + BATCH]
            try:
                self._together(batch)
            except Overtaken:
                raise
            except Exception as error:
                # A transient trouble ends this reading; `run` waits and reads on from the checkpoint.
                if is_transient(error):
                    raise
                log.warning("batch_failed", **self.of.names, first=batch[0].number, error=type(error).__name__)
                for event in batch:
                    if stop.is_set():
                        return
                    self._alone(event, stop)

    def _together(self, batch: Sequence[Event]) -> None:
        to = replace(self.at, number=_number(batch[-1]))
        with transaction.atomic():
            # First, so that a second reader waits here instead of doing the work twice.
            self._move(to)
            known = [event for event in batch if handlers.wanted(event.type)]
            blocked = dead_letters.blocked_subjects(
                self.of.consumer, self.of.source, {event.subject for event in known}
            )
            for event in known:
                if event.subject in blocked:
                    dead_letters.park_behind(self.of.consumer, event)
                    continue
                trace.begin(str(event.id), event.traceparent)
                try:
                    with cause.caused(door="consumer", actor=self.of.source, reason=event.type):
                        handlers.handle(event)
                finally:
                    trace.end()
        self.at = to

    def _alone(self, event: Event, stop: threading.Event) -> None:
        """Try one event until it works, or is parked after its last attempt; the checkpoint moves on either way."""
        pause = _FIRST_PAUSE
        for attempt in range(1, self.of.attempts + 1):
            try:
                self._together([event])
            except Overtaken:
                raise
            except Exception as error:
                if is_transient(error):
                    raise
                if attempt < self.of.attempts:
                    if stop.wait(pause):
                        return
                    pause *= 2
                    continue
                to = replace(self.at, number=_number(event))
                with transaction.atomic():
                    self._move(to)
                    dead_letters.park(self.of.consumer, event, error, attempts=attempt)
                self.at = to
            return

    def _move(self, to: Position) -> None:
        moved = Checkpoint.objects.filter(
            consumer=self.of.consumer, source=self.of.source, epoch=self.at.epoch, number=self.at.number
        ).update(epoch=to.epoch, number=to.number, moved_at=clock.now())
        if moved != 1:
            raise Overtaken(f"the checkpoint left {self.at}")


def _number(event: Event) -> int:
    if event.number is None:
        raise BrokenLog(f"event {event.id} has no number")
    return event.number


def _position(text: str) -> Position:
    epoch, _, number = text.partition(":")
    return Position(UUID(epoch), int(number))
