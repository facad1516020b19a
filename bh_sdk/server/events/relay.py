"""The relay: gives every committed event the next number, seals the batch, commits, and only then publishes."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, replace

import psycopg
import redis
from django.conf import settings

from bh_sdk.server.events.epochs import Head, older_epochs, open_log
from bh_sdk.server.events.leadership import Connection, leadership
from bh_sdk.server.events.seals import SealSink, next_link
from bh_sdk.server.events.stream import Stream
from bh_sdk.server.ops import logs

log = logs.log("events")

BATCH = 500
# Seconds: without a bell, how often the outbox is looked at; how long Redis is left alone; how long after an alarm.
POLL = 0.25
_AFTER_REDIS_ERROR = 0.5
_AFTER_ALARM = 5.0

# Positions are taken under the subject's lock, so within a subject their order is the order of recording; an event of
# another subject that commits late simply gets a later number.
# The limit is no parameter and events are fetched one by one behind a fence, for the same reason as in the feed.
_NUMBER = f"""
WITH gone AS (
    DELETE FROM outbox WHERE position IN (SELECT position FROM outbox ORDER BY position LIMIT {BATCH})
    RETURNING position
), numbered AS (
    INSERT INTO feed (number, position, numbered_at)
    SELECT %s + row_number() OVER (ORDER BY position), position, clock_timestamp() FROM gone
    RETURNING number, position
)
SELECT n.number, n.position, e.sequence, e.digest, e.envelope
  FROM numbered n, LATERAL (
      SELECT sequence, digest, convert_to(event_envelope(event, n.number, %s, %s), 'UTF8') AS envelope
        FROM event WHERE event.position = n.position OFFSET 0) AS e
 ORDER BY n.number
"""  # noqa: S608 - a constant

_MOVE = """
WITH sealed AS (INSERT INTO seal (first, last, hash) VALUES (%s, %s, %s))
UPDATE feed_head SET number = %s, chain = %s, published = greatest(published, %s) WHERE epoch = %s AND number = %s
"""

_UNPUBLISHED = f"""
SELECT f.number, e.envelope
  FROM (SELECT number, position FROM feed WHERE number > %s ORDER BY number LIMIT {BATCH}) AS f, LATERAL (
      SELECT convert_to(event_envelope(event, f.number, %s, %s), 'UTF8') AS envelope
        FROM event WHERE event.position = f.position OFFSET 0) AS e
 ORDER BY f.number
"""  # noqa: S608 - a constant


class Deposed(Exception):
    """The head is not where this relay left it: somebody else leads, or a new epoch began."""


class StreamAhead(Exception):
    """The stream holds numbers that the log does not: the log went back in time. Needs `manage.py new_epoch`."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Freshly numbered events: (number, envelope as JSON)."""

    entries: list[tuple[int, bytes]]

    @property
    def first(self) -> int:
        return self.entries[0][0]

    @property
    def last(self) -> int:
        return self.entries[-1][0]


class Relay:
    """Moves the outbox of this service's database into its feed and its stream, as long as it leads."""

    def __init__(self, source: str, *, stream: Stream | None = None, sink: SealSink | None = None) -> None:
        self.source = source
        self.stream = stream or Stream(source)
        self.sink = sink

    def run(self, stop: threading.Event) -> None:
        """Lead whenever nobody else does, until `stop`; PostgreSQL or Redis being away is waited for."""
        while not stop.is_set():
            try:
                with leadership(f"relay:{self.source}", stop) as connection:
                    if connection is not None:
                        Reign(self, connection).last(stop)
            except StreamAhead as alarm:
                log.error("stream_ahead", source=self.source, detail=str(alarm))
                stop.wait(_AFTER_ALARM)
            except (psycopg.OperationalError, psycopg.InterfaceError, psycopg.errors.UniqueViolation, Deposed) as error:
                # A number that is taken already says the same as a head that has moved.
                log.warning("relay_interrupted", source=self.source, **logs.failure(error))
                stop.wait(1.0)


class Reign:
    """One time of leading: everything it remembers dies with its connection."""

    def __init__(self, relay: Relay, connection: Connection) -> None:
        self.relay = relay
        self.connection = connection
        self.head: Head = open_log(connection)
        # The highest number that is known to be in the stream; None when the stream has to be asked.
        self.sent: int | None = None
        self._redis_again_at = 0.0

    def last(self, stop: threading.Event) -> None:
        """Work until `stop`; the batch at hand is finished."""
        # A plan may be made while the tables are small, and is kept while they grow.
        self.connection.execute("SET enable_seqscan = off")
        rings = getattr(settings, "BH_EVENTS_NOTIFY", True)
        if rings:
            self.connection.execute("LISTEN bh_events")
        while not stop.is_set():
            batch = self.number()
            behind = self.publish(batch)
            if self.relay.sink is not None:
                self.relay.sink.keep(self.relay.source, self.head)
            if batch is not None or behind:
                continue
            if rings:
                # One ring or many: the outbox says how much there is.
                list(self.connection.notifies(timeout=POLL, stop_after=1))
            else:
                stop.wait(POLL)

    def number(self) -> Batch | None:
        """Number, seal and commit up to 500 events; None when the outbox is empty. Raises Deposed."""
        head = self.head
        with self.connection.transaction():
            cursor = self.connection.cursor(binary=True)
            rows = cursor.execute(_NUMBER, [head.number, head.epoch, self.relay.source]).fetchall()
            if not rows:
                # An empty outbox tells nothing about the epoch, and `new_epoch` must be noticed on a quiet day too.
                self._still_leads(head)
                return None
            last = head.number + len(rows)
            chain = next_link(head.chain, [(row[0], row[1], row[2], row[3]) for row in rows])
            published = head.published if self.sent is None else self.sent
            moved = self.connection.execute(
                _MOVE, [head.number + 1, last, chain, last, chain, published, head.epoch, head.number]
            )
            if moved.rowcount != 1:
                raise Deposed(f"the head left {head.epoch}:{head.number}")
        self.head = replace(head, number=last, chain=chain, published=max(head.published, published))
        return Batch([(row[0], row[4]) for row in rows])

    def publish(self, batch: Batch | None) -> bool:
        """Bring the stream up to the head; says whether some is left to publish at once. Raises StreamAhead."""
        if time.monotonic() < self._redis_again_at:
            return False
        try:
            if self.sent is None:
                self.sent = self._resume()
            if batch is not None and batch.first == self.sent + 1:
                entries = batch.entries
            elif self.sent < self.head.number:
                entries = self._unpublished(self.sent)
            else:
                return False
            self.relay.stream.append(self.head.epoch, entries)
            self.sent = entries[-1][0]
        except redis.RedisError as error:
            log.warning("stream_away", source=self.relay.source, error=str(error))
            self.sent = None
            self._redis_again_at = time.monotonic() + _AFTER_REDIS_ERROR
            return False
        return self.sent < self.head.number

    def _resume(self) -> int:
        last = self.relay.stream.last_number(self.head.epoch)
        if last > self.head.number:
            raise StreamAhead(f"the stream of epoch {self.head.epoch} ends at {last}, the log at {self.head.number}")
        for epoch in older_epochs(self.connection, self.head.epoch):
            self.relay.stream.retire(epoch)
        return max(last, self.head.published)

    def _unpublished(self, after: int) -> list[tuple[int, bytes]]:
        cursor = self.connection.cursor(binary=True)
        rows = cursor.execute(_UNPUBLISHED, [after, self.head.epoch, self.relay.source]).fetchall()
        return [(row[0], row[1]) for row in rows]

    def _still_leads(self, head: Head) -> None:
        row = self.connection.execute("SELECT epoch = %s AND number = %s FROM feed_head", [head.epoch, head.number])
        if row.fetchone() != (True,):
            raise Deposed(f"the head left {head.epoch}:{head.number}")
