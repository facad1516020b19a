"""What else Prometheus reads: addresses that get nothing more, and how old the figures are."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import DatabaseError
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import REGISTRY, Collector

from bh_sdk.server.ops import clock, logs
from notify_svc.insights import queries
from notify_svc.tracking import queries as tracking

log = logs.log("insights")


class InsightNumbers(Collector):
    """A database that is away leaves its numbers out of the page."""

    def describe(self) -> list[GaugeMetricFamily]:
        # Without this the registry would ask the database as soon as this is registered.
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        try:
            held = GaugeMetricFamily(
                "bh_notify_suppressed", "Addresses that get nothing more", labels=["channel", "reason"]
            )
            for channel, reason, count in tracking.count_suppressed():
                held.add_metric([channel, reason], count)
            yield held
            yield GaugeMetricFamily(
                "bh_notify_events_unlinked", "Events of providers that fit nothing we sent", value=tracking.unlinked()
            )
            if (at := queries.counted_at()) is not None:
                age = max(0.0, (clock.now() - at).total_seconds())
                yield GaugeMetricFamily("bh_notify_figures_age_seconds", "Since today was last counted", value=age)
        except DatabaseError as error:
            log.warning("insight_numbers_unknown", error=type(error).__name__)


_registered = False


def register() -> None:
    """Add the numbers to the process's registry; once."""
    global _registered
    if not _registered:
        REGISTRY.register(InsightNumbers())
        _registered = True
