"""How broadcasts stand, for `/metrics`, read when it is asked for: exact for all processes together."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import DatabaseError
from django.db.models import Count, F, Sum
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import REGISTRY, Collector

from bh_sdk.server.ops import logs
from notify_svc.broadcasts import queries
from notify_svc.broadcasts.models import Broadcast

log = logs.log("broadcasts")


class BroadcastNumbers(Collector):
    """Broadcasts by where they stand, and how many people are still to be told. A database that is away leaves its numbers
    out of the page."""

    def describe(self) -> list[GaugeMetricFamily]:
        # Without this the registry would ask the database as soon as this is registered.
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        try:
            yield self._stages()
            yield self._to_tell()
        except DatabaseError as error:
            log.warning("broadcast_numbers_unknown", error=type(error).__name__)

    def _stages(self) -> GaugeMetricFamily:
        gauge = GaugeMetricFamily("bh_notify_broadcasts", "Broadcasts by where they stand", labels=["stage"])
        rows = queries.staged(Broadcast.objects.all()).order_by().values_list("stage").annotate(n=Count("id"))
        found = dict(rows)
        for stage in queries.STAGES:
            gauge.add_metric([stage], found.get(stage, 0))
        return gauge

    def _to_tell(self) -> GaugeMetricFamily:
        gauge = GaugeMetricFamily("bh_notify_broadcast_people_to_tell", "People whom broadcasts have still to tell")
        going = Broadcast.objects.filter(mailing__status="open")
        left = going.aggregate(n=Sum(F("mailing__expected") - F("mailing__reached")))["n"]
        gauge.add_metric([], max(left or 0, 0))
        return gauge


_registered = False


def register() -> None:
    """Add the numbers to the process's registry; once."""
    global _registered
    if not _registered:
        REGISTRY.register(BroadcastNumbers())
        _registered = True
