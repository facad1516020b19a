"""Breaks and invariants for `/metrics`, read when they are asked for."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import DatabaseError
from django.db.models import Count
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import REGISTRY, Collector

from bh_sdk.server.ops import clock, logs
from payments_svc.reconciliation import queries
from payments_svc.reconciliation.models import Break
from payments_svc.reconciliation.rules import KINDS

log = logs.log("reconciliation")


class BookNumbers(Collector):
    """A database that is away leaves its numbers out of the page."""

    def describe(self) -> list[GaugeMetricFamily]:
        # Without this the registry would ask the database as soon as this is registered.
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        try:
            yield from self._invariants()
            yield from self._breaks()
        except DatabaseError as error:
            log.warning("book_numbers_unknown", error=type(error).__name__)

    def _invariants(self) -> Iterator[GaugeMetricFamily]:
        open_ones = GaugeMetricFamily("bh_invariant_findings", "What does not hold", labels=["check"])
        age = GaugeMetricFamily("bh_invariant_age_seconds", "Since it was last asked", labels=["check"])
        now = clock.now()
        for name, row in queries.rounds().items():
            open_ones.add_metric([name], row.open_findings)
            age.add_metric([name], max(0.0, (now - row.checked_at).total_seconds()))
        yield open_ones
        yield age

    def _breaks(self) -> Iterator[GaugeMetricFamily]:
        waiting = dict.fromkeys(KINDS, 0) | dict(
            Break.objects.filter(state__in=("open", "proposed"))
            .values_list("kind")
            .annotate(count=Count("id"))
            .order_by()
        )
        breaks = GaugeMetricFamily("bh_reconciliation_breaks", "Differences that wait to be worked", labels=["kind"])
        for kind, count in waiting.items():
            breaks.add_metric([kind], count)
        yield breaks
        run = queries.last_run()
        if run is not None and run.finished_at is not None:
            age = (clock.now() - run.finished_at).total_seconds()
            yield GaugeMetricFamily("bh_reconciliation_age_seconds", "Since the last run ended", value=max(0.0, age))


_registered = False


def register() -> None:
    """Add the numbers to the process's registry; once."""
    global _registered
    if not _registered:
        REGISTRY.register(BookNumbers())
        _registered = True
