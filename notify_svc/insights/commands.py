"""Keeping the lines of days: counted anew from the deliveries while they may still change, then left as they are."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db import connection, transaction

from bh_sdk.server.ops import clock
from notify_svc.delivery.rules import PROMPT
from notify_svc.insights import rules
from notify_svc.insights.models import Counted, Day, Failure

# One look at each delivery of the day. Due is when it could first have gone; after a try that failed, when it was accepted.
_COUNT = """
    SELECT delivery.version_id, notification.type, delivery.channel, delivery.provider,
        CASE WHEN delivery.status IN ('failed', 'bounced') THEN delivery.status ELSE '' END,
        CASE WHEN delivery.status IN ('failed', 'bounced') THEN delivery.reason ELSE '' END,
        count(*),
        count(delivery.handed_over_at),
        count(*) FILTER (WHERE delivery.handed_over_at
            <= CASE WHEN delivery.tries > 1 THEN delivery.created_at ELSE delivery.due_at END + %(prompt)s),
        count(delivery.delivered_at), count(delivery.bounced_at), count(delivery.complained_at),
        count(delivery.opened_at), count(delivery.clicked_at),
        count(*) FILTER (WHERE delivery.status = 'failed'), count(*) FILTER (WHERE delivery.status = 'canceled')
    FROM notify_delivery_delivery AS delivery
    JOIN notify_delivery_notification AS notification ON notification.id = delivery.notification_id
    WHERE delivery.created_at >= %(start)s AND delivery.created_at < %(end)s AND NOT notification.test
    GROUP BY 1, 2, 3, 4, 5, 6
"""
# Today's figures are a minute old at most, those of the days before an hour.
AGAIN = timedelta(hours=1)


def keep_up() -> list[date]:
    """Count today, and one of the days before that was not counted for an hour, the stalest first; returns the days."""
    now = clock.now()
    today = now.astimezone(UTC).date()
    days = [today - timedelta(days=ago) for ago in range(1, rules.SETTLED + 1)]
    counted = dict(Counted.objects.filter(day__in=days).values_list("day", "at"))
    never = datetime.min.replace(tzinfo=UTC)
    stale = [day for day in days if counted.get(day, never) < now - AGAIN]
    chosen = [today, *sorted(stale, key=lambda day: (counted.get(day, never), -day.toordinal()))[:1]]
    for day in chosen:
        keep_day(day)
    return chosen


def rebuild() -> int:
    """Count every day since the first delivery; returns how many."""
    first = _first_day()
    today = clock.now().astimezone(UTC).date()
    days = (today - first).days + 1 if first else 0
    for ago in range(days):
        keep_day(today - timedelta(days=ago))
    return days


def _first_day() -> date | None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT min(created_at) FROM notify_delivery_delivery")
        (first,) = cursor.fetchone() or (None,)
    return first.astimezone(UTC).date() if first else None


@transaction.atomic
def keep_day(day: date) -> None:
    """Count a day and keep its lines in place of those that were kept before. Counting again says the same."""
    Counted.objects.get_or_create(day=day, defaults={"at": clock.now()})
    held = Counted.objects.select_for_update().get(day=day)
    figures, failures = _count(day)
    Day.objects.filter(day=day).delete()
    Day.objects.bulk_create(figures)
    Failure.objects.filter(day=day).delete()
    Failure.objects.bulk_create(failures)
    held.at = clock.now()
    held.save(update_fields=["at"])


def _count(day: date) -> tuple[list[Day], list[Failure]]:
    start = datetime.combine(day, time(), UTC)
    asked: dict[str, Any] = {"start": start, "end": start + timedelta(days=1), "prompt": PROMPT}
    tallies: dict[tuple[Any, ...], rules.Tally] = {}
    failures: Counter[tuple[Any, ...]] = Counter()
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, asked)
        for version_id, type, channel, provider, outcome, reason, *counts in cursor.fetchall():
            key = (version_id, type, channel, provider)
            tallies[key] = tallies.get(key, rules.Tally()) + rules.Tally(*counts)
            if outcome:
                failures[type, channel, provider, outcome, reason] += counts[0]
    figures = [
        Day(
            day=day,
            version_id=version_id,
            type=type,
            channel=channel,
            provider=provider,
            **{name: getattr(tally, name) for name in rules.COUNTED},
        )
        for (version_id, type, channel, provider), tally in tallies.items()
    ]
    return figures, [
        Failure(day=day, type=type, channel=channel, provider=provider, outcome=outcome, reason=reason, count=count)
        for (type, channel, provider, outcome, reason), count in failures.items()
    ]
