"""What became of deliveries, for `/metrics`, read when it is asked for: exact for all processes together.

Failures above 5 % or bounces above 2 % of an hour's deliveries, or a backlog that stays, are worth waking somebody for.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from django.db import DatabaseError
from django.db.models import Case, Count, F, Q, QuerySet, Sum, When
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import REGISTRY, Collector

from bh_sdk.server.ops import clock, logs
from notify_svc.delivery import queries, rules
from notify_svc.delivery.channels import offered
from notify_svc.delivery.models import Attempt, Delivery

log = logs.log("delivery")
HOUR = timedelta(hours=1)
_KIND = ("channel", "provider", "notification__type")
_LABELS = ["channel", "provider", "type"]


class DeliveryNumbers(Collector):
    """Deliveries of the last hour and the backlog. A database that is away leaves its numbers out of the page."""

    def describe(self) -> list[GaugeMetricFamily]:
        # Without this the registry would ask the database as soon as this is registered.
        return []

    def collect(self) -> Iterator[GaugeMetricFamily]:
        try:
            yield from self._hour()
            yield from self._backlog()
            yield self._segments()
        except DatabaseError as error:
            log.warning("delivery_numbers_unknown", error=type(error).__name__)

    def _hour(self) -> Iterator[GaugeMetricFamily]:
        states = GaugeMetricFamily(
            "bh_notify_deliveries",
            "Deliveries accepted in the last hour, by where they are",
            labels=[*_LABELS, "status"],
        )
        # The types are those that have a template, so the labels are bounded.
        recent = Delivery.objects.filter(created_at__gt=clock.now() - HOUR, notification__test=False)
        for *names, status, count in recent.values_list(*_KIND, "status").annotate(n=Count("id")).order_by():
            states.add_metric([*names, status], count)
        yield states
        yield from self._outcomes(recent)

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

    def _outcomes(self, recent: QuerySet[Delivery]) -> Iterator[GaugeMetricFamily]:
        """What was said of them later, and how many left promptly."""
        first_due = Case(When(tries__gt=1, then=F("created_at")), default=F("due_at"))
        told = {
            "handed_over": Q(handed_over_at__isnull=False),
            "promptly": Q(handed_over_at__lte=first_due + rules.PROMPT),
            "opened": Q(opened_at__isnull=False),
            "clicked": Q(clicked_at__isnull=False),
            "complained": Q(complained_at__isnull=False),
        }
        outcomes = GaugeMetricFamily(
            "bh_notify_outcomes",
            "Of the last hour's deliveries, those that were handed over, promptly, opened, clicked",
            labels=[*_LABELS, "outcome"],
        )
        complaints = GaugeMetricFamily(
            "bh_notify_complaints", "Those of them that somebody complained of", labels=_LABELS
        )
        counts = {name: Count("id", filter=condition) for name, condition in told.items()}
        for channel, provider, type, *found in recent.values_list(*_KIND).annotate(**counts).order_by():
            for name, count in zip(told, found, strict=True):
                if name == "complained":
                    complaints.add_metric([channel, provider, type], count)
                else:
                    outcomes.add_metric([channel, provider, type, name], count)
        yield complaints
        yield outcomes

    def _backlog(self) -> Iterator[GaugeMetricFamily]:
        backlog = GaugeMetricFamily(
            "bh_notify_backlog", "Deliveries that are due for more than a minute", labels=["channel"]
        )
        age = GaugeMetricFamily(
            "bh_notify_backlog_age_seconds", "For how long the oldest of them is due", labels=["channel"]
        )
        found, now = queries.overdue(), clock.now()
        for channel in offered():
            count, oldest = found.get(channel, (0, now))
            backlog.add_metric([channel], count)
            age.add_metric([channel], (now - oldest).total_seconds())
        yield backlog
        yield age


_registered = False


def register() -> None:
    """Add the numbers to the process's registry; once."""
    global _registered
    if not _registered:
        REGISTRY.register(DeliveryNumbers())
        _registered = True
