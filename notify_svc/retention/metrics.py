"""How the pruning stands, for `/metrics`, read when it is asked for: exact for all processes together."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import DatabaseError
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import REGISTRY, Collector

from bh_sdk.server.ops import clock, logs
from notify_svc.audience import queries as people
from notify_svc.retention import queries

log = logs.log("retention")


class RetentionNumbers(Collector):
    """A database that is away leaves its numbers out of the page."""

    def describe(self) -> list[GaugeMetricFamily]:
        # Without this the registry would ask the database as soon as this is registered.
        return []

    def collect(self) -> Iterator[Metric]:
        try:
            yield from self._rounds()
            yield GaugeMetricFamily(
                "bh_notify_erasing", "People whose erasure is not finished", value=people.count_erasing()
            )
        except DatabaseError as error:
            log.warning("retention_numbers_unknown", error=type(error).__name__)

    def _rounds(self) -> Iterator[Metric]:
        removed = CounterMetricFamily("bh_notify_pruned", "What was removed because its time was over", labels=["what"])
        age = GaugeMetricFamily("bh_notify_prune_age_seconds", "Since it was last looked through", labels=["what"])
        behind = GaugeMetricFamily(
            "bh_notify_prune_behind", "1 when the last round left some of it to the next", labels=["what"]
        )
        now = clock.now()
        for what, standing in sorted(queries.standings().items()):
            removed.add_metric([what], standing.all)
            if standing.looked_at is not None:
                age.add_metric([what], max(0.0, (now - standing.looked_at).total_seconds()))
                behind.add_metric([what], standing.behind)
        yield removed
        yield age
        yield behind


_registered = False


def register() -> None:
    """Add the numbers to the process's registry; once."""
    global _registered
    if not _registered:
        REGISTRY.register(RetentionNumbers())
        _registered = True
