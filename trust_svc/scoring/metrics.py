"""What the last nightly proof found, for `/metrics`; read when it is asked for."""

from __future__ import annotations

from collections.abc import Iterator

from django.db import DatabaseError
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import REGISTRY, Collector

from bh_sdk.server.ops import clock, logs
from trust_svc.scoring import parity

log = logs.log("scoring")


class ParityNumbers(Collector):
    """A database that is away leaves its numbers out of the page."""

    def describe(self) -> list[GaugeMetricFamily]:
        # Without this the registry would ask the database as soon as this is registered.
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        try:
            last = parity.last_check()
        except DatabaseError as error:
            log.warning("parity_unknown", error=type(error).__name__)
            return
        if last is not None:
            differing, age = "bh_trust_parity_differing", "bh_trust_parity_age_seconds"
            since = max(0.0, (clock.now() - last.ended_at).total_seconds())
            yield GaugeMetricFamily(differing, "Stored scores that the evidence does not give", value=last.differing)
            yield GaugeMetricFamily(age, "Since scores were last held against the evidence", value=since)


_registered = False


def register() -> None:
    """Add the numbers to the process's registry; once."""
    global _registered
    if not _registered:
        REGISTRY.register(ParityNumbers())
        _registered = True
