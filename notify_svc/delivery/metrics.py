"""What became of deliveries, for `/metrics`, read when it is asked for: exact for all processes together.

Failures above 5 % or bounces above 2 % of an hour's deliveries, or a backlog that stays, are worth waking somebody for.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from django.db import DatabaseError
from django.db.models import Count, Sum
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import REGISTRY, Collector

from bh_sdk.server.ops import clock, logs
from notify_svc.delivery import rules
from notify_svc.delivery.channels import offered
from notify_svc.delivery.models import Attempt, Delivery

log = logs.log("delivery")
HOUR, OVERDUE = timedelta(hours=1), timedelta(minutes=1)


class DeliveryNumbers(Collector):
    """Deliveries of the last hour and the backlog. A database that is away leaves its numbers out of the page."""

    def describe(self) -> list[GaugeMetricFamily]:
        # Without this the registry would ask the database as soon as this is registered.
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        try:
            yield from self._hour()
            yield self._backlog()
            yield self._segments()
        except DatabaseError as error:
            log.warning("delivery_numbers_unknown", error=type(error).__name__)

    def _hour(self) -> Iterator[GaugeMetricFamily]:
        labels = ["channel", "provider", "type"]
        states = GaugeMetricFamily(
            "bh_notify_deliveries",
            "Deliveries accepted in the last hour, by where they are",
            labels=[*labels, "status"],
        )
        complaints = GaugeMetricFamily(
            "bh_notify_complaints", "Those of them that somebody complained of", labels=labels
        )
        # The types are those that have a template, so the labels are bounded.
        kind = ("channel", "provider", "notification__type")
        recent = Delivery.objects.filter(created_at__gt=clock.now() - HOUR, notification__test=False)
        for *names, status, count in recent.values_list(*kind, "status").annotate(n=Count("id")).order_by():
            states.add_metric([*names, status], count)
        complained = recent.filter(complained_at__isnull=False).values_list(*kind).annotate(n=Count("id"))
        for *names, count in complained.order_by():
            complaints.add_metric(names, count)
        yield states
        yield complaints

    def _segments(self) -> GaugeMetricFamily:
        cut = GaugeMetricFamily(
            "bh_notify_sms_segments", "Text messages that the last hour's were cut into", labels=["provider"]
        )
        taken = Attempt.objects.filter(
            delivery__channel="sms", delivery__created_at__gt=clock.now() - HOUR, segments__gt=0
        )
        for provider, count in taken.values_list("provider").annotate(n=Sum("segments")).order_by():
            cut.add_metric([provider], count)
        return cut

    def _backlog(self) -> GaugeMetricFamily:
        backlog = GaugeMetricFamily(
            "bh_notify_backlog", "Deliveries that are due for more than a minute", labels=["channel"]
        )
        late = Delivery.objects.filter(status__in=rules.DUE, due_at__lt=clock.now() - OVERDUE)
        found = dict(late.values_list("channel").annotate(n=Count("id")).order_by())
        for channel in offered():
            backlog.add_metric([channel], found.get(channel, 0))
        return backlog


_registered = False


def register() -> None:
    """Add the numbers to the process's registry; once."""
    global _registered
    if not _registered:
        REGISTRY.register(DeliveryNumbers())
        _registered = True
