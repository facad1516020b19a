"""Reading what days looked like. Today's line is counted for the answer when no task has written one yet."""

from __future__ import annotations

from datetime import date, timedelta

from trust_svc.insights.counting import count_reviews, count_scores
from trust_svc.insights.models import ReviewDay, ScoreDay


def score_days(kind: str, *, end: date, days: int) -> dict[date, ScoreDay]:
    """The lines of one kind by day; days without one are absent."""
    rows = ScoreDay.objects.filter(kind=kind, day__gt=end - timedelta(days=days), day__lte=end)
    found = {row.day: row for row in rows}
    if end not in found:
        found[end] = count_scores(end)[kind]
    return found


def review_days(*, end: date, days: int) -> dict[date, ReviewDay]:
    """The lines by day; days without one are absent."""
    rows = ReviewDay.objects.filter(day__gt=end - timedelta(days=days), day__lte=end)
    found = {row.day: row for row in rows}
    if end not in found:
        found[end] = count_reviews(end)
    return found


def month_before(kind: str, day: date) -> ScoreDay | None:
    """The line to compare a day with: of 30 days before, or the nearest older one within a week."""
    wanted = day - timedelta(days=30)
    rows = ScoreDay.objects.filter(kind=kind, day__lte=wanted, day__gt=wanted - timedelta(days=7))
    return rows.order_by("-day").first()
