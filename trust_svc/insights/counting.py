"""Counting one day, from the history of scores and from reports. Writes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db import connection

from bh_sdk.events import Tier
from trust_svc.insights.models import KINDS, ReviewDay, ScoreDay

TIERS: tuple[Tier, ...] = ("NEW", "RISING", "STEADY", "TRUSTED", "STAR")
FACTORS = ("completion", "updates", "engagement", "verification", "history")
BINS = 10

# Two looks into the index of points for every entity: what it was at the end of the day, and at its beginning.
_SCORES = """
SELECT kind,
       count(*) FILTER (WHERE rated) AS rated,
       count(*) FILTER (WHERE NOT rated) AS unrated,
       {tiers},
       {bins},
       {factors},
       avg(score) FILTER (WHERE rated) AS mean,
       percentile_cont(0.1) WITHIN GROUP (ORDER BY score) FILTER (WHERE rated) AS low,
       percentile_cont(0.5) WITHIN GROUP (ORDER BY score) FILTER (WHERE rated) AS median,
       percentile_cont(0.9) WITHIN GROUP (ORDER BY score) FILTER (WHERE rated) AS high,
       count(*) FILTER (WHERE abs(score - score_before) >= 1) AS moved,
       avg(abs(score - score_before)) FILTER (WHERE abs(score - score_before) >= 1) AS movement,
       count(*) FILTER (WHERE rated AND rated_before AND rank > rank_before) AS tier_up,
       count(*) FILTER (WHERE rated AND rated_before AND rank < rank_before) AS tier_down
  FROM (SELECT entity.kind, last.score, last.rated, last.tier, last.contributions, before.score AS score_before,
               before.rated AS rated_before, array_position(%(tiers)s::text[], last.tier) AS rank,
               array_position(%(tiers)s::text[], before.tier) AS rank_before
          FROM trust_scoring_score AS entity
         CROSS JOIN LATERAL (
               SELECT score, rated, tier, contributions FROM trust_scoring_scorepoint AS point
                WHERE point.kind = entity.kind AND point.entity_id = entity.entity_id AND calculated_at < %(end)s
                ORDER BY calculated_at DESC, id DESC LIMIT 1) AS last
          LEFT JOIN LATERAL (
               SELECT score, rated, tier FROM trust_scoring_scorepoint AS point
                WHERE point.kind = entity.kind AND point.entity_id = entity.entity_id AND calculated_at < %(start)s
                ORDER BY calculated_at DESC, id DESC LIMIT 1) AS before ON true) AS standing
 GROUP BY kind
"""
_SCORES = (
    _SCORES.replace("{tiers}", ", ".join(f"count(*) FILTER (WHERE rated AND tier = '{name}')" for name in TIERS))
    .replace(
        "{bins}", ", ".join(f"count(*) FILTER (WHERE rated AND least(floor(score / 10), 9) = {n})" for n in range(BINS))
    )
    .replace(
        "{factors}", ", ".join(f"avg((contributions->>'{name}')::float8) FILTER (WHERE rated)" for name in FACTORS)
    )
)

_REVIEWS = """
SELECT count(*) FILTER (WHERE created_at >= %(start)s AND created_at < %(end)s),
       count(*) FILTER (WHERE decided AND state = 'upheld'),
       count(*) FILTER (WHERE decided AND state = 'dismissed'),
       percentile_cont(0.5) WITHIN GROUP (ORDER BY hours) FILTER (WHERE decided),
       percentile_cont(0.9) WITHIN GROUP (ORDER BY hours) FILTER (WHERE decided)
  FROM (SELECT created_at, state, extract(epoch FROM decided_at - created_at)::float8 / 3600 AS hours,
               (decided_at >= %(start)s AND decided_at < %(end)s) IS TRUE AS decided
          FROM trust_reports_report
         WHERE created_at >= %(start)s AND created_at < %(end)s OR decided_at >= %(start)s AND decided_at < %(end)s) AS here
"""

_CASES = """
SELECT count(*) FILTER (WHERE opened_at >= %(start)s AND opened_at < %(end)s),
       count(*) FILTER (WHERE decided AND outcome = 'confirmed'),
       count(*) FILTER (WHERE decided AND outcome = 'valuable'),
       count(*) FILTER (WHERE decided AND outcome = 'false'),
       percentile_cont(0.5) WITHIN GROUP (ORDER BY hours) FILTER (WHERE decided),
       percentile_cont(0.9) WITHIN GROUP (ORDER BY hours) FILTER (WHERE decided)
  FROM (SELECT opened_at, outcome, extract(epoch FROM closed_at - opened_at)::float8 / 3600 AS hours,
               (closed_at >= %(start)s AND closed_at < %(end)s) IS TRUE AS decided
          FROM trust_cases_case
         WHERE opened_at >= %(start)s AND opened_at < %(end)s OR closed_at >= %(start)s AND closed_at < %(end)s) AS here
"""


def count_scores(day: date) -> dict[str, ScoreDay]:
    """The line of each kind, not stored; a kind without any score by then is all zeros."""
    found = {kind: _line(day, kind, [0] * _COUNTS + [None] * _MEANS + [0, None, 0, 0]) for kind, _ in KINDS}
    with connection.cursor() as cursor:
        cursor.execute(_SCORES, _bounds(day) | {"tiers": list(TIERS)})
        for kind, *numbers in cursor.fetchall():
            found[kind] = _line(day, kind, numbers)
    return found


def count_reviews(day: date) -> ReviewDay:
    """The line of a day, not stored."""
    with connection.cursor() as cursor:
        cursor.execute(_REVIEWS, _bounds(day))
        filed, upheld, dismissed, hours, slow = cursor.fetchone()
        cursor.execute(_CASES, _bounds(day))
        opened, confirmed, valuable, false, case_hours, case_slow = cursor.fetchone()
    return ReviewDay(
        day=day,
        filed=filed,
        upheld=upheld,
        dismissed=dismissed,
        hours=_rounded(hours),
        hours_slow=_rounded(slow),
        cases_opened=opened,
        confirmed=confirmed,
        valuable=valuable,
        false=false,
        case_hours=_rounded(case_hours),
        case_hours_slow=_rounded(case_slow),
    )


# Rated, unrated, tiers and bins; then factors, mean, low, median and high.
_COUNTS = 2 + len(TIERS) + BINS
_MEANS = len(FACTORS) + 4


def _line(day: date, kind: str, numbers: Sequence[Any]) -> ScoreDay:
    rest = list(numbers)

    def take(count: int) -> list[Any]:
        taken, rest[:count] = rest[:count], []
        return taken

    rated, unrated = take(2)
    tiers, bins = dict(zip(TIERS, take(len(TIERS)), strict=True)), take(BINS)
    factors = dict(zip(FACTORS, map(_rounded, take(len(FACTORS))), strict=True))
    mean, low, median, high, moved, movement, up, down = rest
    return ScoreDay(
        day=day,
        kind=kind,
        rated=rated,
        unrated=unrated,
        tiers=tiers,
        bins=bins,
        factors=factors,
        mean=_rounded(mean),
        low=_rounded(low),
        median=_rounded(median),
        high=_rounded(high),
        moved=moved,
        movement=_rounded(movement),
        tier_up=up,
        tier_down=down,
    )


def _bounds(day: date) -> dict[str, Any]:
    start = datetime.combine(day, time(), UTC)
    return {"start": start, "end": start + timedelta(days=1)}


def _rounded(value: float | None) -> float | None:
    # Sums of floats depend on the order of rows in their last digits; a count made again must say the same.
    return None if value is None else round(value, 4)
