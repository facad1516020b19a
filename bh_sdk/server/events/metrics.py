"""The road's numbers for `/metrics`, read when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator

import redis
from django.db import DatabaseError, connection
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import REGISTRY, Collector

from bh_sdk.server.events.stream import Stream
from bh_sdk.server.ops import clock, logs
from bh_sdk.server.ops.settings import setting

log = logs.log("events")

_NUMBERS = """
SELECT (SELECT count(*) FROM outbox),
       (SELECT min(e.created_at) FROM outbox o JOIN event e USING (position)),
       (SELECT number FROM feed_head)
"""


class RoadNumbers(Collector):
    """Outbox, head, lag and dead letters. A database or a Redis that is away leaves its numbers out of the page."""

    def describe(self) -> list[GaugeMetricFamily]:
        # Without this the registry would ask the database as soon as this is registered.
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        try:
            yield from self._own()
            yield from self._sources()
        except DatabaseError as error:
            log.warning("road_numbers_unknown", error=type(error).__name__)

    def _own(self) -> Iterator[GaugeMetricFamily]:
        with connection.cursor() as cursor:
            cursor.execute(_NUMBERS)
            waiting, oldest, head = cursor.fetchone()
            cursor.execute("SELECT source, count(*) FROM dead_letter WHERE state = 'parked' GROUP BY source")
            parked = cursor.fetchall()
        age = max(0.0, (clock.now() - oldest).total_seconds()) if oldest else 0.0
        yield GaugeMetricFamily("bh_events_outbox_rows", "Recorded events without a number", value=waiting)
        yield GaugeMetricFamily("bh_events_outbox_age_seconds", "Age of the oldest of them", value=age)
        yield GaugeMetricFamily("bh_events_head", "The last number of the feed", value=head or 0)
        letters = GaugeMetricFamily("bh_events_dead_letters", "Parked events", labels=["source"])
        for source, count in parked:
            letters.add_metric([source], count)
        yield letters

    def _sources(self) -> Iterator[GaugeMetricFamily]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT source, epoch, number FROM checkpoint WHERE consumer = %s", [setting("BH_SERVICE")])
            checkpoints = cursor.fetchall()
        applied = GaugeMetricFamily("bh_events_checkpoint", "The last applied number of a source", labels=["source"])
        lag = GaugeMetricFamily("bh_events_lag", "Published, but not applied", labels=["source"])
        for source, epoch, number in checkpoints:
            applied.add_metric([source], number)
            stream = Stream(source)
            try:
                lag.add_metric([source], max(0, stream.last_number(epoch) - number))
            except redis.RedisError as error:
                log.warning("lag_unknown", source=source, error=type(error).__name__)
            finally:
                stream.close()
        yield applied
        yield lag


def register() -> None:
    """Add the numbers to the process's registry; once."""
    global _registered
    if not _registered:
        REGISTRY.register(RoadNumbers())
        _registered = True


_registered = False
