"""Reading the lines of days."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db.models import QuerySet, Sum

from bh_sdk.server.ops import clock
from notify_svc.delivery import queries as delivery
from notify_svc.insights import rules
from notify_svc.insights.models import Counted, Day, Failure
from notify_svc.insights.rules import Backlog, Tally


def today() -> date:
    return clock.now().astimezone(UTC).date()


def counted_at() -> datetime | None:
    """When today was last counted."""
    return Counted.objects.filter(day=today()).values_list("at", flat=True).first()


def by_day(*, days: int, channel: str = "") -> dict[date, Tally]:
    """The sum of each of the last days; one on which nothing was accepted is all zeros."""
    first = today() - timedelta(days=days - 1)
    found = {row[0]: Tally(*row[1:]) for row in _sums(_rows(days, channel), "day")}
    return {day: found.get(day, Tally()) for day in (first + timedelta(days=ago) for ago in range(days))}


def by(column: str, *, days: int, channel: str = "") -> list[tuple[str, Tally]]:
    """The sums by `channel`, `provider` or `type`, the busiest first."""
    found = [(row[0], Tally(*row[1:])) for row in _sums(_rows(days, channel), column)]
    return sorted(found, key=lambda each: (-each[1].accepted, each[0]))


def reasons(*, days: int, channel: str = "") -> list[tuple[str, str, str, int]]:
    """Why deliveries failed or came back: channel, outcome, reason, how many; the most frequent first."""
    rows = Failure.objects.filter(day__gt=today() - timedelta(days=days))
    if channel:
        rows = rows.filter(channel=channel)
    found = (
        rows.values_list("channel", "outcome", "reason").annotate(n=Sum("count")).order_by("-n", "channel", "reason")
    )
    return list(found)


def alerts() -> list[rules.Alert]:
    """What deserves a look now."""
    failed: dict[str, int] = {}
    for _, outcome, reason, count in reasons(days=1):
        if outcome == "failed":
            failed[reason] = failed.get(reason, 0) + count
    return rules.alerts(by_day(days=1)[today()], backlog(), failed)


def backlog() -> dict[str, Backlog]:
    """What is due for more than a minute, by channel; channels without any are left out."""
    now = clock.now()
    return {channel: Backlog(count, now - oldest) for channel, (count, oldest) in delivery.overdue().items()}


def _rows(days: int, channel: str) -> QuerySet[Day]:
    rows = Day.objects.filter(day__gt=today() - timedelta(days=days))
    return rows.filter(channel=channel) if channel else rows


def _sums(rows: QuerySet[Day], column: str) -> Iterable[tuple[Any, ...]]:
    summed = {f"all_{name}": Sum(name) for name in rules.COUNTED}
    found: Iterable[tuple[Any, ...]] = rows.order_by().values(column).annotate(**summed).values_list(column, *summed)
    return found
