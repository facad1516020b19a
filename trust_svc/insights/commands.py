"""Keeping the lines of days."""

from __future__ import annotations

from datetime import UTC, date, timedelta

from django.db import transaction

from bh_sdk.server.ops import clock
from trust_svc.insights import counting
from trust_svc.insights.models import ReviewDay, ScoreDay
from trust_svc.scoring import queries as scoring

MOST_BEHIND = 7


@transaction.atomic
def keep_day(day: date) -> None:
    """Count a day and keep its lines in place of those that were kept before. Counting a day again says the same."""
    ScoreDay.objects.filter(day=day).delete()
    ScoreDay.objects.bulk_create(counting.count_scores(day).values())
    ReviewDay.objects.filter(day=day).delete()
    counting.count_reviews(day).save(force_insert=True)


def keep_up() -> list[date]:
    """Count today, and the days since the last count, which was before the end of its day; returns the days.

    After a week without counting, `rebuild` has the rest.
    """
    today = clock.now().astimezone(UTC).date()
    last = ScoreDay.objects.filter(day__lte=today).order_by("-day").values_list("day", flat=True).first() or today
    behind = min((today - last).days, MOST_BEHIND)
    days = [today - timedelta(days=ago) for ago in range(behind, -1, -1)]
    for day in days:
        keep_day(day)
    return days


def rebuild() -> int:
    """Count every day since the first score; returns how many."""
    first, today = scoring.first_day(), clock.now().astimezone(UTC).date()
    if first is None:
        return 0
    days = (today - first).days + 1
    for ago in range(days):
        keep_day(first + timedelta(days=ago))
    return days
