"""Reading scores."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple
from uuid import UUID

from django.db import connection
from django.db.models import Min, QuerySet

from trust_svc.evidence import queries as evidence
from trust_svc.scoring.engine import Params
from trust_svc.scoring.models import Epoch, Job, ParameterSet, Score, ScorePoint

_SCORES_AT = """
SELECT entity.kind, entity.entity_id, point.score, point.outside
  FROM jsonb_to_recordset(%s::jsonb) AS entity (kind text, entity_id uuid)
 CROSS JOIN LATERAL (
       SELECT coalesce(computed, score) AS score,
              coalesce((outside->>'calculated')::float8, computed, score) AS outside
         FROM trust_scoring_scorepoint AS point
        WHERE point.kind = entity.kind AND point.entity_id = entity.entity_id AND point.calculated_at <= %s
        ORDER BY calculated_at DESC, id DESC LIMIT 1) AS point
"""

_STANDINGS = """
SELECT entity_id::text, standing FROM trust_scoring_score
 WHERE kind = 'user' AND standing IS NOT NULL AND entity_id = ANY(%s::uuid[])
"""

_EVERYBODY = """
SELECT 'campaign', id FROM trust_evidence_campaign
 UNION SELECT 'user', owner_id FROM trust_evidence_campaign WHERE owner_id IS NOT NULL
 UNION SELECT subject_kind, subject_id FROM trust_evidence_fact
 UNION SELECT 'user', person_id FROM trust_evidence_fact WHERE person_id IS NOT NULL AND type = 'payment.succeeded'
 ORDER BY 1, 2
"""

# The last word on each campaign, by category.
_OUTCOMES = """
SELECT campaign.category,
       count(*) FILTER (WHERE ended.delivered), count(*) FILTER (WHERE NOT ended.delivered)
  FROM (SELECT DISTINCT ON (subject_id) subject_id, (data->>'delivered')::boolean AS delivered
          FROM trust_evidence_fact WHERE type = 'campaign.ended' ORDER BY subject_id, time DESC, id DESC) AS ended
  JOIN trust_evidence_campaign AS campaign ON campaign.id = ended.subject_id
 WHERE campaign.category <> '' GROUP BY campaign.category
"""


_MEDIANS = """
SELECT factor->>'name', percentile_cont(0.5) WITHIN GROUP (ORDER BY (factor->>'contribution')::float8), count(*)
  FROM (SELECT factors FROM trust_scoring_score
         WHERE kind = %(kind)s AND rated AND (%(category)s = '' OR entity_id IN (
               SELECT id FROM trust_evidence_campaign WHERE category = %(category)s))
         ORDER BY calculated_at DESC LIMIT 1000) AS newest
 CROSS JOIN LATERAL jsonb_array_elements(factors) AS factor GROUP BY 1
"""


def live_parameters() -> tuple[int, Params]:
    """The version and numbers that count now. Raises RuntimeError when the stored text is not what its digest says."""
    stored = ParameterSet.objects.get(state=ParameterSet.State.LIVE)
    return stored.version, parsed(stored.body, stored.digest)


def parameters(version: int) -> Params:
    """The numbers of a version. Raises RuntimeError like `live_parameters`."""
    stored = ParameterSet.objects.get(version=version)
    return parsed(stored.body, stored.digest)


@lru_cache(maxsize=8)
def parsed(body: str, digest: str) -> Params:
    if hashlib.sha256(body.encode()).hexdigest() != digest:
        raise RuntimeError("a parameter set is not what its digest says")
    return Params.parse(body)


def next_turn() -> int:
    """A number that is higher than any drawn before, whatever the clock does."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT nextval('trust_scoring_turn')")
        return int(cursor.fetchone()[0])


def score_of(kind: str, entity_id: UUID) -> Score | None:
    return Score.objects.filter(kind=kind, entity_id=entity_id).first()


def epoch() -> int:
    """The night since which people's words weigh what they do; 0 before the first."""
    return Epoch.objects.order_by("-id").values_list("id", flat=True).first() or 0


def standings(people: Collection[UUID | str]) -> dict[str, float]:
    """What these people's words weigh until the next epoch, 0-1, by id; who is not known well is absent."""
    if not people:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_STANDINGS, [list(map(str, people))])
        return dict(cursor.fetchall())


def entity_of(score_id: UUID) -> tuple[str, UUID]:
    """What a stored score is of."""
    return Score.objects.values_list("kind", "entity_id").get(id=score_id)


class Then(NamedTuple):
    """What a score was calculated to be, and what others than staff could see of that."""

    score: float
    outside: float


def scores_at(entities: Sequence[tuple[str, UUID]], time: datetime) -> dict[tuple[str, UUID], Then]:
    """What these scores were calculated to be at a time; an entity without a history so old is absent."""
    asked = json.dumps([{"kind": kind, "entity_id": str(entity_id)} for kind, entity_id in entities])
    with connection.cursor() as cursor:
        cursor.execute(_SCORES_AT, [asked, time])
        return {(kind, entity_id): Then(*points) for kind, entity_id, *points in cursor.fetchall()}


def everybody() -> list[tuple[str, UUID]]:
    """All campaigns and people of whom anything is known, sorted."""
    with connection.cursor() as cursor:
        cursor.execute(_EVERYBODY)
        return [(kind, entity_id) for kind, entity_id in cursor.fetchall()]


def outcomes_by_category() -> dict[str, tuple[float, float]]:
    """(delivered, failed) of ended campaigns by category."""
    with connection.cursor() as cursor:
        cursor.execute(_OUTCOMES)
        return {category: (float(done), float(failed)) for category, done, failed in cursor.fetchall()}


def history(kind: str, entity_id: UUID, *, staff: bool = True) -> QuerySet[ScorePoint]:
    """What a score was, newest first: for others than staff without what moved nothing that they see."""
    points = ScorePoint.objects.filter(kind=kind, entity_id=entity_id)
    return (points if staff else points.filter(told=True)).order_by("-calculated_at", "-id")


def recent(kind: str, entity_id: UUID, *, since: datetime, within: timedelta) -> list[ScorePoint]:
    """The points of a sparkline, oldest first."""
    return list(history(kind, entity_id).filter(calculated_at__gte=since - within).order_by("calculated_at", "id"))


def first_day() -> date | None:
    """The day of the oldest score there was."""
    first = ScorePoint.objects.aggregate(first=Min("calculated_at"))["first"]
    return None if first is None else first.astimezone(UTC).date()


def progress(job: Job) -> tuple[str, int]:
    """(status, done) of a job."""
    done = job.items.filter(done=True).count()
    if done >= job.total:
        return "done", done
    return ("running" if done else "queued"), done


def median_contributions(kind: str, category: str = "") -> dict[str, float]:
    """The median points of each factor among the newest thousand rated scores (of a category, if one is named); empty when
    there are few."""
    with connection.cursor() as cursor:
        cursor.execute(_MEDIANS, {"kind": kind, "category": category})
        return {name: median for name, median, count in cursor.fetchall() if count >= 5}


def medians_beside(kind: str, entity_id: UUID) -> tuple[dict[str, float], str]:
    """The medians to hold a score against, and of whom they are: of its category when that has enough, else of all."""
    category = evidence.category_of(entity_id) if kind == "campaign" else ""
    if category and (found := median_contributions(kind, category)):
        return found, f"of {category}"
    return median_contributions(kind), "of rated ones"


def remembered_tiers(entities: Sequence[tuple[str, UUID]]) -> dict[tuple[str, UUID], str]:
    """The tier that is shown of each of these, or would be without an override; what is not rated is absent."""
    rows = Score.objects.filter(entity_id__in=[entity_id for _, entity_id in entities])
    found: dict[tuple[str, UUID], str] = {}
    for row in rows.only("kind", "entity_id", "rated", "tier", "computed"):
        told = row.computed or {"rated": row.rated, "tier": row.tier}
        if told["rated"]:
            found[row.kind, row.entity_id] = told["tier"]
    return found
