"""What Prometheus reads of providers."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

from notify_svc.providers import rules

TRIES = Counter(
    "bh_notify_provider_tries", "Letters given to a provider, by what became of them", ["provider", "channel", "fate"]
)
SECONDS = Counter("bh_notify_provider_seconds", "Time that providers took for their letters", ["provider", "channel"])
SICK = Gauge("bh_notify_provider_sick", "1 while a provider's circuit is not closed", ["provider"])


def count(name: str, channel: str, tally: rules.Tally) -> None:
    """Count some letters."""
    for fate in ("accepted", "refused", "failed", "throttled"):
        if number := getattr(tally, fate):
            TRIES.labels(name, channel, fate).inc(number)
    SECONDS.labels(name, channel).inc(tally.milliseconds / 1_000)
